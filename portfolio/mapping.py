"""What a mapping says: which columns of a creditor's file hold what. Frozen values; `mapping_file` reads the YAML."""

from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from enum import StrEnum

from domain.facts import PointKind, StopKind
from portfolio.values import Marks

REQUIRED = ("reference", "product", "currency", "principal")
"""Fields of an account that a mapping must name."""

AMOUNTS = ("principal", "interest", "penalty", "fees")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a field's text comes from: a `column`, or a constant `value`.

    `values` translates what the column says, without regard to case; what it doesn't list is an error. `default` stands
    for an empty cell.
    """

    column: str | None = None
    value: str | None = None
    values: Dict[str, str] | None = None
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """A penalty rate: `source` per `days` days, in per cent or as a fraction."""

    source: Source
    is_percent: bool = False
    days: int = 1


@dataclass(frozen=True, slots=True)
class DaysPastDue:
    """Days past due as such or, with `bucket_days`, as the number of a bucket of so many days.

    The day within the bucket is spread evenly by the account's reference: n buckets late is
    (n − 1) × bucket_days + 1 … n × bucket_days days, and 0 or less is not past due.
    """

    source: Source
    bucket_days: int | None = None


@dataclass(frozen=True, slots=True)
class AccountColumns:
    """The fields of an account; one of `days_past_due` and `due_on` is there."""

    fields: Dict[str, Source]
    days_past_due: DaysPastDue | None = None
    penalty_daily: Rate | None = None
    tags_separator: str = ";"


@dataclass(frozen=True, slots=True)
class DebtorColumns:
    """The fields of a debtor. Without a reference of its own, an account's reference is its debtor's."""

    fields: Dict[str, Source]
    flags_separator: str = ";"


@dataclass(frozen=True, slots=True)
class PointColumn:
    """A column with numbers or mail addresses; `separator` None where a cell holds one. Earlier ones have priority."""

    column: str
    kind: PointKind
    separator: str | None = None
    is_verified: bool = False


@dataclass(frozen=True, slots=True)
class AddressColumns:
    """A postal address. `lines` make the letter's address, in order; without them there is a place but no address."""

    country: Source
    lines: tuple[str, ...] = ()
    region: Source | None = None
    postcode: Source | None = None
    timezone: Source | None = None
    is_verified: bool = False


class Proof(StrEnum):
    """What the right person can key in when called."""

    BIRTH_DATE = "birth_date"
    ID_LAST4 = "id_last4"
    POSTCODE = "postcode"
    ACCOUNT_LAST4 = "account_last4"


@dataclass(frozen=True, slots=True)
class ProofColumn:
    """A column whose digits prove who answers; only a salted digest is kept."""

    kind: Proof
    column: str


@dataclass(frozen=True, slots=True)
class StopColumn:
    """A column that says in one of `values` that contact must stop, since `since` or the day of the balances."""

    kind: StopKind
    column: str
    values: tuple[str, ...]
    since: str | None = None


@dataclass(frozen=True, slots=True)
class NoticeColumn:
    """A column with the day on which a notice was given."""

    kind: str
    column: str


@dataclass(frozen=True, slots=True)
class Condition:
    """What a row must fulfil to come in: one of `one_of`, or a whole number within bounds (both inclusive)."""

    column: str
    one_of: tuple[str, ...] = ()
    at_least: int | None = None
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Synthesis:
    """Contact points for a file that has none, from ranges reserved for fiction; the same for the same row and seed.

    It adds the columns `SYNTHETIC_COLUMNS` to each row. `mobile`, `landline`, `email` are the shares of rows, in per
    cent, that get one.
    """

    seed: int
    by: str
    country: str
    language: str
    mobile: int = 100
    landline: int = 0
    email: int = 100


SYNTHETIC_COLUMNS = tuple(f"synthetic {name}" for name in ("name", "mobile", "landline", "email", "birth date"))


@dataclass(frozen=True, slots=True)
class Mapping:
    """A whole mapping. `country` is where numbers without calling code are dialled from if the row names no country."""

    name: str
    account: AccountColumns
    debtor: DebtorColumns
    points: tuple[PointColumn, ...] = ()
    address: AddressColumns | None = None
    proofs: tuple[ProofColumn, ...] = ()
    stops: tuple[StopColumn, ...] = ()
    notices: tuple[NoticeColumn, ...] = ()
    where: tuple[Condition, ...] = ()
    protected: tuple[str, ...] = ()
    synthesis: Synthesis | None = None
    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str | None = None
    marks: Marks = field(default_factory=Marks)
    dates: tuple[str, ...] = ("YYYY-MM-DD",)
    currencies: tuple[str, ...] = ()
    country: str | None = None
    negative_is_zero: bool = False
    drops_bad_points: bool = False

    def column_of(self, field: str) -> str:
        """The column that a field of the account or the debtor comes from; the field's own name where there is none."""
        named = {**self.debtor.fields, **self.account.fields}
        if "reference" in self.debtor.fields:
            named["debtor"] = self.debtor.fields["reference"]
        return (named[field].column if field in named else None) or field

    def columns(self) -> tuple[str, ...]:
        """All columns of the file that the mapping reads, in its own order."""
        named = [*self.account.fields.values(), *self.debtor.fields.values()]
        if self.account.days_past_due:
            named.append(self.account.days_past_due.source)
        if self.account.penalty_daily:
            named.append(self.account.penalty_daily.source)
        if self.address:
            parts = (self.address.country, self.address.region, self.address.postcode, self.address.timezone)
            named += [part for part in parts if part]
        found = [source.column for source in named if source.column is not None]
        for group in (self.points, self.proofs, self.notices, self.where):
            found += [each.column for each in group]
        found += self.address.lines if self.address else ()
        for stop in self.stops:
            found += [stop.column, *([stop.since] if stop.since else [])]
        if self.synthesis:
            found = [name for name in found if name not in SYNTHETIC_COLUMNS] + [self.synthesis.by]
        return tuple(dict.fromkeys(found))
