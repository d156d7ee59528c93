"""Numbers and addresses at which nobody can be: what samples and tests use, and what real providers must refuse.

Where a regulator keeps numbers for drama, those are used. Where none does (PRC, Hong Kong, Taiwan, Singapore), the
ranges are ones that no operator holds; `is_official` is then false, and a test fails should a newer numbering plan
assign them. Each range names its source.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from domain.errors import BadInput


@dataclass(frozen=True, slots=True)
class FictionalRange:
    """The numbers `+{prefix}` followed by `first` to `last`, both taken, written with `width` digits.

    `is_mobile` marks what may take an SMS as well as a call.
    """

    country: str
    prefix: str
    first: int
    last: int
    width: int
    is_mobile: bool
    is_official: bool
    source: str

    def __len__(self) -> int:
        return self.last - self.first + 1

    def number(self, index: int) -> str:
        """The number at an index, in E.164."""
        return f"+{self.prefix}{self.first + index:0{self.width}d}"


_NANPA = "NANPA, 555 NXX guidelines: 555-0100 to 555-0199 are kept for entertainment and advertising"
_OFCOM = "Ofcom, telephone numbers for use in TV and radio drama programmes"
_ACMA = "ACMA, phone numbers for use in TV shows, films and creative works"
_COMREG = "ComReg, numbering conditions of use: 020 91X XXXX for drama"
_ARCEP = "ARCEP, décision 2018-0881: numéros pour œuvres audiovisuelles"
_PTS = "PTS, telefonnummer för användning i böcker och filmer"
_MIIT = "MIIT, allocation of mobile network codes, March 2023: 154 is held by no operator (not an official range)"
_NCC = "NCC mobile allocations, as in libphonenumber 9.0: no operator holds 094X (not an official range)"
_OFCA = "OFCA numbering plan: 99X is kept clear around the emergency codes (not an official range)"
_IMDA = "IMDA, National Numbering Plan, level 9: 99X is kept clear for emergency codes (not an official range)"

_US_AREA_CODES = """
201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 220 223 224 225 227 228 229 231 234 235 239 240 248
251 252 253 254 256 260 262 267 269 270 272 274 276 279 281 283 301 302 303 304 305 307 308 309 310 312 313 314 315 316
317 318 319 320 321 323 324 325 326 327 329 330 331 332 334 336 337 339 341 346 347 350 351 352 353 360 361 363 364 369
380 385 386 401 402 404 405 406 407 408 409 410 412 413 414 415 417 419 423 424 425 430 432 434 435 440 442 443 445 447
448 458 463 464 469 470 472 475 478 479 480 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520 530 531
534 539 540 541 551 557 559 561 562 563 564 567 570 571 572 573 574 575 580 582 585 586 601 602 603 605 606 607 608 609
610 612 614 615 616 617 618 619 620 623 626 628 629 630 631 636 640 641 645 646 650 651 656 657 659 660 661 662 667 669
678 680 681 682 686 689 701 702 703 704 706 707 708 712 713 714 715 716 717 718 719 720 724 725 726 727 728 730 731 732
734 737 738 740 743 747 748 754 757 760 762 763 765 769 770 771 772 773 774 775 779 781 785 786 801 802 803 804 805 806
808 810 812 813 814 815 816 817 818 820 821 826 828 830 831 832 835 838 839 840 843 845 847 848 850 854 856 857 858 859
860 862 863 864 865 870 872 878 901 903 904 906 907 908 909 910 912 913 914 915 916 917 918 919 920 925 928 929 930 931
934 936 937 938 940 941 943 945 947 948 949 951 952 954 956 959 970 971 972 973 975 978 979 980 983 984 985 986 989
"""
_CA_AREA_CODES = """
204 226 236 249 250 257 263 273 289 306 343 354 365 367 368 382 403 416 418 428 431 437 438 450 468 474 506 514 519 548
579 581 584 587 604 613 639 647 672 683 705 709 742 753 778 780 782 807 819 825 867 873 879 902 905 942
"""
_GB_AREAS = """
113496 114496 115496 116496 117496 118496 121496 131496 141496 151496 161496 191498 207946 289649 292018
"""
"""Leeds, Sheffield, Nottingham, Leicester, Bristol, Reading, Birmingham, Edinburgh, Glasgow, Liverpool, Manchester,
Tyneside, London, Northern Ireland, Cardiff."""
_AU_MOBILES = """
491570006 491570110 491570156 491570157 491570158 491570159 491570313 491570737 491571266 491571491 491571804 491572549
491572665 491572983 491573087 491573770 491574118 491574632 491575254 491575789 491576398 491576801 491577426 491577644
491578148 491578888 491578957 491579212 491579455 491579760
"""


def _range(
    country: str,
    prefix: str,
    first: int,
    last: int,
    width: int,
    source: str,
    *,
    is_mobile: bool = False,
    is_official: bool = True,
) -> FictionalRange:
    return FictionalRange(country, prefix, first, last, width, is_mobile, is_official, source)


RANGES: tuple[FictionalRange, ...] = (
    *(_range("US", f"1{code}55501", 0, 99, 2, _NANPA, is_mobile=True) for code in _US_AREA_CODES.split()),
    *(_range("CA", f"1{code}55501", 0, 99, 2, _NANPA, is_mobile=True) for code in _CA_AREA_CODES.split()),
    _range("GB", "447700900", 0, 999, 3, _OFCOM, is_mobile=True),
    *(_range("GB", f"44{area}{6 if area == '289649' else 0}", 0, 999, 3, _OFCOM) for area in _GB_AREAS.split()),
    _range("GB", "441632960", 0, 999, 3, _OFCOM),
    _range("GB", "448081570", 0, 999, 3, _OFCOM),
    _range("GB", "449098790", 0, 999, 3, _OFCOM),
    _range("GB", "443069990", 0, 999, 3, _OFCOM),
    *(
        _range("AU", f"61{mobile[:8]}", int(mobile[8]), int(mobile[8]), 1, _ACMA, is_mobile=True)
        for mobile in _AU_MOBILES.split()
    ),
    *(_range("AU", f"61{area}{block}", 0, 9999, 4, _ACMA) for area in "2378" for block in ("5550", "7010")),
    _range("IE", "3532091", 0, 99_999, 5, _COMREG, is_mobile=True),
    _range("FR", "3363998", 0, 9999, 4, _ARCEP, is_mobile=True),
    *(_range("FR", f"33{area}", 0, 9999, 4, _ARCEP) for area in ("19900", "26191", "35301", "46571", "53649")),
    _range("SE", "467017406", 5, 99, 2, _PTS, is_mobile=True),
    _range("CN", "86154", 0, 99_999_999, 8, _MIIT, is_mobile=True, is_official=False),
    _range("TW", "88694", 0, 9_999_999, 7, _NCC, is_mobile=True, is_official=False),
    _range("HK", "852990", 0, 99_999, 5, _OFCA, is_mobile=True, is_official=False),
    _range("SG", "65990", 0, 99_999, 5, _IMDA, is_mobile=True, is_official=False),
)
"""Every range. Within one country the ranges of mobiles are of one size, so that they can be taken in turns."""

_BY_PREFIX: dict[str, tuple[FictionalRange, ...]] = {}
for _found in RANGES:
    _BY_PREFIX[_found.prefix] = (*_BY_PREFIX.get(_found.prefix, ()), _found)
_PREFIX_LENGTHS = sorted({len(prefix) for prefix in _BY_PREFIX})

RESERVED_DOMAINS = frozenset({"example.com", "example.net", "example.org"})
RESERVED_ENDINGS = frozenset({"example", "invalid", "localhost", "test"})
"""Names that no mailbox can have: RFC 2606 and RFC 6761."""


@dataclass(frozen=True, slots=True)
class _Numbers(Sequence[str]):
    """The numbers of several ranges of one size, the ranges taken in turns; made when asked for."""

    ranges: tuple[FictionalRange, ...]

    def __len__(self) -> int:
        return len(self.ranges) * len(self.ranges[0])

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(index)
        line, turn = divmod(at, len(self.ranges))
        return self.ranges[turn].number(line)


@functools.cache
def fictional_numbers(country: str) -> Sequence[str]:
    """Numbers of a country (ISO 3166 alpha-2) that can take an SMS or a call, in E.164, and are nobody's.

    A virtual sequence: its length and one item cost nothing. In the US and Canada neighbours are of different area
    codes. Raises BadInput where no range of the country is known.
    """
    ranges = tuple(range_ for range_ in RANGES if range_.country == country and range_.is_mobile)
    if not ranges:
        raise BadInput(
            "no range of numbers is known that is nobody's.",
            where=f"country {country}",
            remedy=f"Known: {', '.join(fictional_countries())}.",
        )
    return _Numbers(ranges)


def fictional_countries() -> tuple[str, ...]:
    """The countries for which `fictional_numbers` has numbers."""
    return tuple(dict.fromkeys(range_.country for range_ in RANGES if range_.is_mobile))


def is_fictional(e164: str) -> bool:
    """Whether the number lies in a range that is nobody's, so that no real provider may be asked to reach it.

    Every North American 555-01XX counts, whatever its area code.
    """
    return _range_of(e164) is not None or (e164.startswith("+1") and len(e164) == 12 and e164[5:10] == "55501")


def country_of(e164: str) -> str | None:
    """The country whose range holds the number; None where none does, or the area code is of neither US nor Canada."""
    found = _range_of(e164)
    return found.country if found else None


def is_fictional_address(address: str) -> bool:
    """Whether an email address is under a name that the standards reserve, so that it has no mailbox."""
    domain = address.rpartition("@")[2].rstrip(".").lower()
    labels = domain.split(".")
    return labels[-1] in RESERVED_ENDINGS or ".".join(labels[-2:]) in RESERVED_DOMAINS


def _range_of(e164: str) -> FictionalRange | None:
    digits = e164[1:]
    if not e164.startswith("+") or not digits.isascii() or not digits.isdigit():
        return None
    for length in _PREFIX_LENGTHS:
        for found in _BY_PREFIX.get(digits[:length], ()):
            if len(digits) == length + found.width and found.first <= int(digits[length:]) <= found.last:
                return found
    return None
