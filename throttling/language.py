"""The rule language: what a policy pack may say, as the models that its YAML is read into.

The reference for people who write packs is `docs/policies.md`. A pack is data; adding a jurisdiction adds no code. The
loader (`throttling/packs.py`) turns a model's complaint into an error with file, line and column.
"""

import re
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from domain.facts import StopKind
from throttling.premises import Condition, Consented, Text
from throttling.terms import (
    DAYS,
    Count,
    Events,
    Names,
    Parties,
    Proposals,
    Spans,
    Term,
    Wait,
    Window,
    exactly_one,
)

Certainty = Literal["primary", "secondary", "unverified"]
Strength = Literal["law", "presumption", "guideline", "house"]
Unknown = Literal["holds", "passes"]
Basis = Literal["address", "number", "declared", "believed"]
Key = Literal["person", "debt", "account", "point", "channel", "collector", "creditor"]
Duty = Literal["identification", "purpose", "disclosure", "opt_out", "limited", "rights", "language", "wording"]
RuleId = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
LanguageTag = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$")]
Texts = dict[LanguageTag, Text]


class Lift(Term):
    """An exception that lifts its rule where `when` holds, with the clause it rests on.

    With `uses`, it can be relied on so many times `within` a window (or ever), counted over past outgoing contacts that
    match `counts`, or else that have the same purpose and channel.
    """

    id: RuleId
    cite: Text
    meaning: Texts
    when: Condition
    uses: Count | None = None
    within: Window | None = None
    counts: Events | None = None


class Exclusion(Term):
    """Contacts that neither count nor are limited.

    They match `events`, or `when` held for them at the moment when they were made.
    """

    cite: Text
    events: Events | None = None
    when: Condition | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        exactly_one(self, ("events", "when"))
        return self


class Clock(Term):
    """On whose clock hours and days run.

    `candidates`: everywhere the debtor may be, all at once. `statutory`: the same, but a place in a known region has
    the zone that its law gives it. `legal`: one `zone` for everyone. `presumed`: the zones that have a basis in
    `presume`, unless one with a basis in `unless` is known; then that one.
    """

    by: Literal["candidates", "statutory", "legal", "presumed"] = "candidates"
    zone: str | None = None
    presume: tuple[Basis, ...] = ()
    unless: tuple[Basis, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.by == "legal") != (self.zone is not None):
            raise ValueError("`zone` goes with `by: legal`, and only with it")
        if (self.by == "presumed") != bool(self.presume):
            raise ValueError("`presume` goes with `by: presumed`, and only with it")
        return self


class Open(Term):
    """The spans of the local day in which contact is permitted, by class of day.

    `every_day` stands for all seven; `weekdays` for Monday to Friday; a named day wins over both. `holidays` and
    `makeup_workdays` come from the calendar and win over the day of the week.
    """

    every_day: Spans | None = None
    weekdays: Spans | None = None
    monday: Spans | None = None
    tuesday: Spans | None = None
    wednesday: Spans | None = None
    thursday: Spans | None = None
    friday: Spans | None = None
    saturday: Spans | None = None
    sunday: Spans | None = None
    holidays: Spans | None = None
    makeup_workdays: Spans | None = None

    @model_validator(mode="after")
    def _every_day_is_said(self) -> Self:
        missing = [day for day, spans in zip(DAYS, self._week(), strict=True) if spans is None]
        if missing:
            raise ValueError(f"no hours for {', '.join(missing)}; write [] where contact is never permitted")
        return self

    def _week(self) -> tuple[tuple[tuple[int, int], ...] | None, ...]:
        named = (self.monday, self.tuesday, self.wednesday, self.thursday, self.friday)
        weekdays = self.every_day if self.weekdays is None else self.weekdays
        week = tuple(weekdays if spans is None else spans for spans in named)
        weekend = tuple(self.every_day if spans is None else spans for spans in (self.saturday, self.sunday))
        return week + weekend

    def week(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Seven tuples of spans, Monday first."""
        return tuple(spans or () for spans in self._week())

    @property
    def is_always(self) -> bool:
        """True where every day is open from midnight to midnight."""
        return not self.needs_calendar and all(spans == ((0, 1440),) for spans in self.week())

    @property
    def needs_calendar(self) -> bool:
        """True where holidays or make-up workdays have hours of their own."""
        return self.holidays is not None or self.makeup_workdays is not None


class BaseRule(Term):
    """What every rule says of itself: its id, the clause, what it means, and how sure its text is."""

    id: RuleId
    cite: Text
    meaning: Texts
    certainty: Certainty
    strength: Strength | None = None
    applies: Proposals = Proposals()
    lifts: tuple[Lift, ...] = ()
    effective_from: date | None = None
    effective_until: date | None = None

    @model_validator(mode="after")
    def _says_it_in_english(self) -> Self:
        if "en" not in self.meaning:
            raise ValueError("`meaning` needs an English line, `en`")
        return self


class Hours(BaseRule):
    """When contact is permitted, in the local day."""

    kind: Literal["hours"]
    open: Open
    clock: Clock = Clock()
    judged_at: Literal["sending", "arrival", "both"] = "sending"
    widened_by: tuple[Literal["agreement", "consent", "request"], ...] = ()
    consent: Consented = Consented(hours_stated=True)
    narrowed_by: tuple[Literal["agreement", "request", "inconvenient"], ...] = ()


class Cap(BaseRule):
    """How many contacts, of what sort, counted by which keys, in which window."""

    kind: Literal["cap"]
    counts: Events
    by: tuple[Key, ...]
    at_most: Annotated[int, Field(ge=0, strict=True)]
    within: Window
    excludes: tuple[Exclusion, ...] = ()
    after_first: Events | None = None
    agreement: bool = False
    clock: Clock = Clock()


class CoolDown(BaseRule):
    """How long after an event contact rests."""

    kind: Literal["cool_down"]
    after: Events
    by: tuple[Key, ...]
    rests: Wait
    excludes: tuple[Exclusion, ...] = ()
    clock: Clock = Clock()


class StopGate(Term):
    """A stopping fact: its kind and form; for how long it holds at most; until it is answered; for which debts."""

    kind: StopKind
    form: Literal["oral", "written"] | None = None
    lasts: Wait | None = None
    until_answered: bool = False
    per: Literal["debt", "debtor"] = "debt"


class Gate(BaseRule):
    """A door that is shut: by a stopping fact, by the debtor's bar, always (`forbid`), or unless `requires` holds."""

    kind: Literal["gate"]
    stop: StopGate | None = None
    bars: Literal["channel", "point", "place"] | None = None
    forbid: bool = False
    requires: Condition | None = None
    unknown: Unknown = "holds"
    clock: Clock = Clock()

    @model_validator(mode="after")
    def _one_door(self) -> Self:
        exactly_one(self, ("stop", "bars", "forbid", "requires"))
        return self


class Content(BaseRule):
    """What a message must say or must not say, and in which languages.

    `values` names facts whose text must appear (`collector_name`, `creditor_name`, `callback_number`…); `phrases` are
    regular expressions of which one must match, by language; `forbids` are ones that none may match. `languages` is the
    set that the message must be in.
    """

    kind: Literal["content"]
    duty: Duty
    values: tuple[Text, ...] = ()
    phrases: dict[LanguageTag, tuple[Text, ...]] = Field(default_factory=dict)
    forbids: dict[LanguageTag, tuple[Text, ...]] = Field(default_factory=dict)
    languages: frozenset[LanguageTag] = frozenset()

    @model_validator(mode="after")
    def _can_be_checked(self) -> Self:
        if not (self.values or self.phrases or self.forbids or self.languages):
            raise ValueError("nothing to check: say values, phrases, forbids or languages")
        for pattern in (p for table in (self.phrases, self.forbids) for group in table.values() for p in group):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
        return self


class Retention(BaseRule):
    """How long records of one sort are kept, and from when."""

    kind: Literal["retention"]
    what: Literal["recordings", "records", "consents", "complaints"]
    keep: Wait
    since: Literal["contact", "last_activity", "settlement", "collection_end"]


Rule = Annotated[Hours | Cap | CoolDown | Gate | Content | Retention, Field(discriminator="kind")]


class Coverage(Term):
    """Whom a pack covers, where that is known: the party that collects and the products. Left out means all."""

    parties: Parties | None = None
    products: Names | None = None
    except_products: Names | None = None


class Override(Term):
    """A rule of another pack that this pack lifts, for the proposals in `applies`, with the clause that allows it."""

    pack: RuleId
    rule: RuleId
    cite: Text
    meaning: Texts
    applies: Proposals = Proposals()


class Source(Term):
    """Where the text was found, and what was seen of it."""

    title: Text
    seen: Text


def _version(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


class Pack(Term):
    """One version of the rules of one jurisdiction, creditor, product or house."""

    id: RuleId
    title: Text
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None
    region: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,3}$")] | None = None
    part_of: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,3}$")] | None = None
    postcodes: tuple[Text, ...] = ()
    countries: frozenset[Annotated[str, Field(pattern=r"^[A-Z]{2}$")]] = frozenset()
    version: Annotated[Text, BeforeValidator(_version)]
    effective_from: date
    effective_until: date | None
    zone: Text
    strength: Strength
    language: LanguageTag
    covers: Coverage = Coverage()
    calendar: RuleId | None = None
    always: bool = False
    caveat: Text
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    overrides: tuple[Override, ...] = ()
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.effective_until is not None and self.effective_until <= self.effective_from:
            raise ValueError("effective_until is not after effective_from; it is the first day without the pack")
        if self.country is None and (self.region or self.countries):
            raise ValueError("a region needs its country")
        if self.postcodes and self.part_of is None:
            raise ValueError("a city's `postcodes` need the region that it is `part_of`")
        for rule in self.rules:
            if self.language not in rule.meaning:
                raise ValueError(f"rule {rule.id} does not say its meaning in the law's language, {self.language}")
        return self
