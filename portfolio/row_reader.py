"""Binds a mapping to a file's header and reads its records. Pure: the present comes in as a date."""

import hashlib
import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import partial

from domain.account import Product
from portfolio import values
from portfolio.contacts import ContactReader
from portfolio.fields import Columns, Field, Look
from portfolio.mapping import AMOUNTS, Condition, Mapping
from portfolio.read import Record
from portfolio.rows import Outside, Problem, Rejected, Row
from portfolio.synthesis import synthesise, with_synthetic
from portfolio.values import BadCell

LONGEST_REFERENCE = 100
PRODUCTS = tuple(Product)
KINDS = ("person", "company")
NO_RATE = Decimal(0)
_BOUNDED = re.compile(r"[+-]?[0-9]{1,15}(?:\.0+)?")


class RowReader:
    """Reads the records of one file. `as_of` replaces what the file says; `today` bounds it."""

    def __init__(self, mapping: Mapping, header: Sequence[str], file: str, as_of: date | None, today: date) -> None:
        columns = Columns(with_synthetic(header, mapping), mapping, file)
        self.unread = columns.unread
        self._width, self._mapping = len(header), mapping
        self._as_of, self._today = as_of, today
        self._where = [(columns.at(each.column), each) for each in mapping.where]
        self._synthetic_by = columns.at(mapping.synthesis.by) if mapping.synthesis else 0
        self._bind_account(columns)
        self._bind_debtor(columns)
        self._contacts = ContactReader(mapping, columns, values.date_reader(mapping.dates))

    def _bind_account(self, columns: Columns) -> None:
        account, read_date = self._mapping.account, values.date_reader(self._mapping.dates)
        fields = account.fields
        reference = partial(values.free_text, longest=LONGEST_REFERENCE)
        self._reference = columns.field(fields["reference"], reference, is_needed=True)
        self._product = columns.field(fields["product"], _product, is_needed=True)
        self._currency = columns.field(fields["currency"], self._read_currency, is_needed=True)
        self._principal = columns.field(fields["principal"], self._read_amount, is_needed=True)
        self._others = [columns.field(fields.get(name), self._read_amount) for name in AMOUNTS[1:]]
        self._balances_day = columns.field(fields.get("as_of"), read_date)
        self._due_on = columns.field(fields.get("due_on"), read_date)
        self._group = columns.field(fields.get("group"), reference)
        self._tags = columns.field(fields.get("tags"), partial(values.words, separator=account.tags_separator))
        self._days: Field[int] | None = None
        self._rate: Field[Decimal] | None = None
        if account.days_past_due:
            size = account.days_past_due.bucket_days
            self._days = columns.field(account.days_past_due.source, partial(_bucketed, size=size) if size else _as_is)
        if rate := account.penalty_daily:
            read_rate = partial(values.daily_rate, percent=rate.is_percent, days=rate.days, marks=self._mapping.marks)
            self._rate = columns.field(rate.source, read_rate)

    def _bind_debtor(self, columns: Columns) -> None:
        debtor = self._mapping.debtor
        fields = debtor.fields
        reference = partial(values.free_text, longest=LONGEST_REFERENCE)
        self._debtor = columns.field(fields.get("reference"), reference, is_needed=True)
        self._kind = columns.field(fields.get("kind"), partial(values.choice, known=KINDS))
        self._name = columns.field(fields["name"], values.free_text, is_needed=True)
        self._language = columns.field(fields["language"], values.language_tag, is_needed=True)
        self._flags = columns.field(fields.get("flags"), partial(values.words, separator=debtor.flags_separator))

    def read(self, record: Record, *, takes_all: bool = False) -> Row | Outside | Rejected:
        """The row of a record. `takes_all`: even one that `where` leaves out, since the account is known already."""
        line, cells = record
        if len(cells) != self._width:
            reason = f"the record has {len(cells)} cells, the header {self._width}"
            return Rejected(line, "", (Problem(line, "", "", reason),))
        if self._mapping.synthesis:
            cells = [*cells, *synthesise(self._mapping.synthesis, cells[self._synthetic_by].strip())]
        look = Look(line, cells)
        reference = look.get(self._reference) or ""
        if self._where and not takes_all:
            holds = [_holds(look, position, condition) for position, condition in self._where]
            if not look.problems and not all(holds):
                return Outside(line, reference)
        row = self._row(look, reference)
        return row if row is not None else Rejected(line, reference, tuple(look.problems))

    def references(self, record: Record) -> tuple[str, str]:
        """The references of a record's account and debtor, empty where they cannot be read; problems come later."""
        if len(record[1]) != self._width:
            return "", ""
        look = Look(*record)
        account = look.get(self._reference) or ""
        return account, (look.get(self._debtor) or "") if self._debtor else account

    def _row(self, look: Look, reference: str) -> Row | None:
        """The row; None where any problem stands against it."""
        product, currency = look.get(self._product), look.get(self._currency)
        known = currency or "USD"
        principal = look.get(self._principal, known) or 0
        interest, penalty, fees = [look.get(field, known) or 0 for field in self._others]
        as_of = self._as_of or look.get(self._balances_day) or self._today
        due_on = look.get(self._due_on)
        days = self._days_past_due(look, reference, as_of, due_on)
        contacts = self._contacts.read(look, as_of)
        row = Row(
            line=look.line,
            reference=reference,
            product=product or "",
            currency=known,
            principal=principal,
            interest=interest,
            penalty=penalty,
            fees=fees,
            penalty_daily=look.get(self._rate) or NO_RATE,
            as_of=as_of,
            due_on=due_on,
            days_past_due=days,
            group=look.get(self._group),
            tags=look.get(self._tags) or (),
            debtor=(look.get(self._debtor) or "") if self._debtor else reference,
            kind=look.get(self._kind) or "person",
            name=look.get(self._name) or "",
            language=look.get(self._language) or "",
            flags=look.get(self._flags) or (),
            place=contacts.place,
            points=contacts.points,
            proofs=contacts.proofs,
            stops=contacts.stops,
            notices=contacts.notices,
            dropped=tuple(look.problems),
        )
        return None if look.problems and any(each.is_fatal for each in look.problems) else row

    def _days_past_due(self, look: Look, reference: str, as_of: date, due_on: date | None) -> int:
        """Days past due as the file says or, where it does not, counted from the due date."""
        if as_of > self._today:
            look.note(self._balances_day.column if self._balances_day else "", "", "balances of a day to come")
        days = look.get(self._days, reference)
        if days is None:
            if due_on is None and not look.problems:
                look.note(self._days.column if self._days else "", "", "neither days past due nor a due date")
            return max(0, (as_of - due_on).days) if due_on else 0
        if due_on is not None and days > 0 and due_on > as_of:
            look.note(self._due_on.column if self._due_on else "", str(due_on), "past due, yet due after its balances")
        return days

    def _read_currency(self, text: str) -> str:
        code = values.currency_code(text)
        if self._mapping.currencies and code not in self._mapping.currencies:
            raise BadCell(f"a currency other than {', '.join(self._mapping.currencies)}")
        return code

    def _read_amount(self, text: str, currency: str) -> int:
        minor = values.amount(text, currency, self._mapping.marks)
        if minor < 0 and not self._mapping.negative_is_zero:
            raise BadCell("below zero")
        return max(0, minor)


def _as_is(text: str, _reference: str) -> int:
    return values.whole_number(text)


def _bucketed(text: str, reference: str, size: int) -> int:
    """A day within the bucket of so many days, always the same for the same account."""
    if _BOUNDED.fullmatch(text) is None:
        raise BadCell("no whole number")
    number = int(text.partition(".")[0])
    if number * size > values.MOST_DAYS:
        raise BadCell("more than a hundred years")
    spread = int.from_bytes(hashlib.blake2b(reference.encode(), digest_size=4).digest()) % size
    return (number - 1) * size + 1 + spread if number > 0 else 0


def _product(text: str) -> str:
    return values.choice(text, PRODUCTS)


def _holds(look: Look, position: int, condition: Condition) -> bool:
    text = look.text(position)
    if condition.one_of:
        return text.lower() in condition.one_of
    if _BOUNDED.fullmatch(text) is None:
        look.note(condition.column, text, "no whole number, as `where` needs it")
        return False
    number = int(text.partition(".")[0])
    return (condition.at_least is None or number >= condition.at_least) and (
        condition.at_most is None or number <= condition.at_most
    )
