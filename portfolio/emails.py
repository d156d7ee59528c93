"""Mail addresses, checked by their form alone: no name server is asked, so that an import works offline."""

import functools
import re

from email_validator import EmailNotValidError, validate_email

from portfolio.values import FORMULA, BadCell

_ORDINARY = re.compile(
    r"(?=.{1,64}@)([A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*)@([^@]{1,255})"
)


def email(text: str) -> str:
    """The address with its domain in lower case and ASCII. Raises BadCell, which does not repeat the address."""
    if text.startswith(FORMULA):
        raise BadCell("begins like a formula")
    ordinary = _ORDINARY.fullmatch(text)
    if ordinary is None:
        return _checked(text)
    domain = _domain(ordinary[2])
    if len(ordinary[1]) + len(domain) > 253:
        raise BadCell("no mail address: too long")
    return f"{ordinary[1]}@{domain}"


@functools.lru_cache(maxsize=65536)
def _domain(name: str) -> str:
    return _checked(f"a@{name}").partition("@")[2]


def _checked(text: str) -> str:
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError as error:
        raise BadCell(f"no mail address: {_why(str(error))}") from None
    return f"{found.ascii_local_part}@{found.ascii_domain}"


def _why(message: str) -> str:
    """The validator's sentence; it quotes characters of the address, never more, so only its gist is kept."""
    if "@-sign" not in message:
        return "its form"
    return "what is before the @" if "before the @" in message else "what is after the @"
