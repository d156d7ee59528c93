"""Load policy packs and calendars from YAML, whole or not at all, and keep them as one library.

`config/packs/ID.yaml` holds a pack, and after a line `---` its worked examples. Another version of it lies beside it
under any other name. Mistakes are told with file, line, column and remedy before anything runs.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

from domain.errors import BadInput
from throttling import language, places, premises, terms
from throttling.calendars import Calendar, load_calendars
from throttling.language import Cap, Clock, Hours, Pack
from throttling.yaml_source import Source, build, complaint, know, read_documents

FOLDER = places.FOLDER / "packs"
CALENDARS = places.FOLDER / "calendars"
WISHES = "debtor-wishes"
"""The pack of the debtor's own wishes, which applies to every contact."""

for module in (language, premises, terms):
    know(*(each for each in vars(module).values() if isinstance(each, type) and issubclass(each, terms.Term)))


@dataclass(frozen=True, slots=True, eq=False)
class Filed:
    """A pack with the file it came from, its digest, and the instants between which it is in force."""

    pack: Pack
    source: Source
    examples: Source | None
    digest: str
    starts: datetime
    ends: datetime | None

    def is_in_force(self, at: datetime) -> bool:
        """True at its first instant, false at the first without it."""
        return self.starts <= at and (self.ends is None or at < self.ends)


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """All packs, in order of id and effective date, and the calendars that they use."""

    filed: tuple[Filed, ...]
    calendars: dict[str, Calendar]

    @property
    def packs(self) -> tuple[Pack, ...]:
        """Every version of every pack."""
        return tuple(each.pack for each in self.filed)

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all packs."""
        return frozenset(each.pack.id for each in self.filed)

    def at(self, ids: Iterable[str] | None, instant: datetime) -> tuple[Pack, ...]:
        """The versions in force at an instant, of the named packs or of all. Raises BadInput for an unknown id."""
        wanted = self.ids if ids is None else frozenset(ids)
        return tuple(each.pack for each in self.versions(wanted) if each.is_in_force(instant))

    def versions(self, ids: Iterable[str]) -> tuple[Filed, ...]:
        """Every version of the named packs. Raises BadInput for an unknown id."""
        wanted = frozenset(ids)
        unknown = sorted(wanted - self.ids)
        if unknown:
            remedy = "`forbear policy list` has those there are."
            raise BadInput(f"no pack has the id {unknown[0]!r}.", where="packs", remedy=remedy)
        return tuple(each for each in self.filed if each.pack.id in wanted)


def load_packs(folder: Path | None = None, calendars: Path | None = None) -> Library:
    """Read and check every pack of a folder; by default those that ship with Forbear. Raises BadInput."""
    folder = folder or FOLDER
    beside = folder.parent / "calendars"
    known = load_calendars(calendars or (beside if beside.is_dir() else CALENDARS))
    filed = [load_pack(path, known) for path in sorted(folder.glob("*.yaml"))]
    if not filed:
        raise BadInput("there is no pack here.", where=str(folder), remedy="Put one file for each pack: ID.yaml.")
    filed.sort(key=lambda each: (each.pack.id, each.pack.effective_from))
    _refuse_overlaps(filed)
    _refuse_empty_overrides(filed)
    return Library(tuple(filed), known)


def load_pack(path: Path, calendars: dict[str, Calendar]) -> Filed:
    """Read one pack and check what it refers to: zones, region, calendar, ids. Raises BadInput."""
    source, examples = read_documents(path)
    pack = build(Pack, source)
    _check_place(pack, source)
    _check_rules(pack, source, calendars)
    starts = _midnight(pack.effective_from, pack.zone)
    ends = _midnight(pack.effective_until, pack.zone) if pack.effective_until else None
    return Filed(pack, source, examples, digest(pack, calendars), starts, ends)


def digest(pack: Pack, calendars: dict[str, Calendar]) -> str:
    """SHA-256, in hex, of a pack's canonical content together with the days of its calendar."""
    calendar = calendars.get(pack.calendar or "")
    content = {"pack": _canonical(pack.model_dump(mode="json")), "calendar": None}
    if calendar is not None:
        span = [calendar.known_from, calendar.known_until]
        content["calendar"] = [*span, sorted(calendar.holidays), sorted(calendar.makeup_workdays)]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


SETS = frozenset(
    {"channels", "points", "persons", "purposes", "outcomes", "parties", "products", "except_products", "countries"}
)
"""Fields without an order, which `_canonical` gives one."""


def _canonical(value: object, name: str = "") -> object:
    if isinstance(value, dict):
        return {key: _canonical(item, key) for key, item in value.items()}
    if isinstance(value, list):
        items = [_canonical(item) for item in value]
        return sorted(items, key=str) if name in SETS or name == "languages" else items
    return value


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=places.zone(zone)).astimezone(UTC)


def _check_place(pack: Pack, source: Source) -> None:
    if pack.country is not None and pack.country != "EU" and pack.country not in places.countries():
        raise complaint(source, ["country"], f"{pack.country} is no country of ISO 3166-1.")
    area = pack.part_of or pack.region
    if area is not None and not places.is_region(pack.country or "", area):
        field = "part_of" if pack.part_of else "region"
        raise complaint(source, [field], f"{area} is no region of {pack.country} (ISO 3166-2 part).")
    _check_zone(pack.zone, source, ["zone"])


def _check_zone(name: str, source: Source, path: list[str | int]) -> None:
    try:
        places.zone(name)
    except BadInput as error:
        raise complaint(source, path, error.what, error.remedy) from error


def _check_rules(pack: Pack, source: Source, calendars: dict[str, Calendar]) -> None:
    if pack.calendar is not None and pack.calendar not in calendars:
        remedy = f"Write config/calendars/{pack.calendar}.yaml."
        raise complaint(source, ["calendar"], f"there is no calendar {pack.calendar!r}.", remedy)
    seen: set[str] = set()
    for index, rule in enumerate(pack.rules):
        if rule.id in seen:
            raise complaint(source, ["rules", index, "id"], f"a second rule is called {rule.id!r}.")
        seen.add(rule.id)
        clock: Clock | None = getattr(rule, "clock", None)
        if clock is not None and clock.zone is not None:
            _check_zone(clock.zone, source, ["rules", index, "clock", "zone"])
        if pack.calendar is None and _needs_calendar(rule):
            what = f"rule {rule.id!r} speaks of holidays or business days, but the pack names no calendar."
            raise complaint(source, ["rules", index], what, "Add `calendar: ID` to the pack.")


def _needs_calendar(rule: language.Rule) -> bool:
    if isinstance(rule, Hours) and rule.open.needs_calendar:
        return True
    if isinstance(rule, Cap) and rule.within.business_days is not None:
        return True
    return _says(rule.model_dump(exclude_none=True), "business_days")


def _says(value: object, word: str) -> bool:
    if isinstance(value, dict):
        return word in value or any(_says(item, word) for item in value.values())
    return isinstance(value, list | tuple) and any(_says(item, word) for item in value)


def _refuse_overlaps(filed: list[Filed]) -> None:
    for earlier, later in pairwise(filed):
        if earlier.pack.id == later.pack.id and (earlier.ends is None or later.starts < earlier.ends):
            what = f"version {later.pack.version} of {later.pack.id} overlaps {earlier.pack.version}"
            remedy = f"End that one with effective_until: {later.pack.effective_from} in {earlier.source.path}."
            raise complaint(later.source, ["effective_from"], what + ".", remedy)


def _refuse_empty_overrides(filed: list[Filed]) -> None:
    rules = {(each.pack.id, rule.id) for each in filed for rule in each.pack.rules}
    for each in filed:
        for index, override in enumerate(each.pack.overrides):
            if (override.pack, override.rule) not in rules:
                what = f"there is no rule {override.rule!r} in a pack {override.pack!r} to override."
                raise complaint(each.source, ["overrides", index, "rule"], what)
