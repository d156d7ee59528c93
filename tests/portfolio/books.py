"""A creditor with an empty book, files to import into it, and all that an import wrote, opened and comparable."""

import csv
import datetime as dt
import itertools
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from domain.identity import new_id
from portfolio.importer import Wish, import_portfolio
from portfolio.mapping_file import find_mapping
from portfolio.sample import HEADER
from portfolio.summary import Summary
from storage import ledger
from storage.creditors import ensure_creditor
from storage.crypto import KeyRing, unseal
from storage.session import Database

NOW = dt.datetime(2026, 11, 24, 4, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 24)
NUMBERS = itertools.count()
PROFILE = {"name": "Harbour", "timezone": "Asia/Shanghai", "first_party": True, "collector": "harbour"}

ROW = {
    "account": "A1",
    "debtor": "D1",
    "kind": "person",
    "name": "王芳",
    "language": "zh-Hans",
    "product": "credit_card",
    "currency": "CNY",
    "principal": "9500.00",
    "interest": "86.40",
    "penalty_interest": "57.00",
    "penalty_rate_daily_percent": "0.05",
    "as_of": "2026-11-24",
    "due_on": "2026-11-04",
    "days_past_due": "20",
    "mobile": "+447700900123",
    "email": "client.1@example.com",
    "country": "CN",
    "region": "SH",
    "birth_date": "1980-02-29",
}
"""A good row; tests give what differs."""


@dataclass(frozen=True, slots=True)
class Book:
    """One creditor of its own in a database that tests share."""

    database: Database
    ring: KeyRing
    creditor_id: UUID
    code: str
    folder: Path

    def write(self, rows: Iterable[Mapping[str, str]], name: str = "p.csv") -> Path:
        """A CSV file in the format of the default mapping."""
        path = self.folder / name
        with path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, HEADER, restval="")
            writer.writeheader()
            writer.writerows(rows)
        return path

    def take(self, path: Path, *, days: int = 0, mapping: str = "default", **wishes: Any) -> Summary:
        """Import a file, so many days from now."""
        found = find_mapping(mapping)
        options = {"portfolio": found.name, "rejects": self.rejects} | wishes
        wish = Wish(path=path, mapping=found, **options)
        return import_portfolio(self.database, self.ring, self.creditor_id, wish, NOW + dt.timedelta(days=days))

    def take_rows(self, *rows: Mapping[str, str], days: int = 0, **wishes: Any) -> Summary:
        """Import rows that differ from `ROW` in what is given."""
        return self.take(self.write([ROW | dict(row) for row in rows]), days=days, **wishes)

    @property
    def rejects(self) -> Path:
        """Where rejected rows go."""
        return self.folder / "rejects.csv"

    def rejected(self) -> list[dict[str, str]]:
        """What the rejects file says."""
        with self.rejects.open(encoding="utf-8", newline="") as source:
            return list(csv.DictReader(source))

    def rows(self, statement: str, **values: Any) -> Sequence[Any]:
        """What a query finds of this creditor."""
        with self.database.tenant(self.creditor_id) as connection:
            return connection.exec_driver_sql(statement, values).all()

    def one(self, statement: str, **values: Any) -> Any:
        """The single value that a query finds."""
        ((value,),) = self.rows(statement, **values)
        return value

    def do(self, statement: str, **values: Any) -> None:
        """Change something of this creditor."""
        with self.database.tenant(self.creditor_id) as connection:
            connection.exec_driver_sql(statement, values)

    def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        tables = (
            "debtors",
            "debtor_keys",
            "lanes",
            "contact_points",
            "accounts",
            "ledger",
            "suppressions",
            "portfolios",
        )
        return {name: self.one(f"SELECT count(*) FROM {name}") for name in tables}

    def keys(self) -> dict[UUID, bytes]:
        """All data keys."""
        found = self.rows("SELECT debtor_id, ring_key, wrapped FROM debtor_keys")
        return {debtor_id: self.ring.unwrap(debtor_id, ring_key, wrapped) for debtor_id, ring_key, wrapped in found}

    def state(self) -> dict[str, Any]:
        """All that imports wrote, opened, without ids, salts and instants: equal where two imports said the same."""
        keys = self.keys()
        debtors = {
            debtor_id: {
                "kind": kind,
                "language": language,
                "name": unseal(keys[debtor_id], "debtors.name_cipher", debtor_id, name).decode(),
                "facts": facts,
                "flags": flags,
                "proofs": len(proofs),
                "points": set(),
                "accounts": {},
                "reference": reference,
                "stops": set(),
            }
            for debtor_id, kind, language, name, facts, flags, proofs, reference in self.rows(
                "SELECT debtor_id, kind, language, name_cipher, facts, flags, verify_digests, reference FROM debtors"
            )
        }
        for debtor_id, point_id, *point, value in self.rows(
            """SELECT debtor_id, point_id, kind, country, timezones, verified, is_dead, priority, value_cipher
               FROM contact_points"""
        ):
            opened = unseal(keys[debtor_id], "contact_points.value_cipher", point_id, value).decode()
            debtors[debtor_id]["points"].add((opened, *map(str, point)))
        for debtor_id, reference, *account in self.rows(
            """SELECT debtor_id, reference, product, currency, principal, interest, penalty, fees, penalty_daily, as_of,
                   due_on, days_past_due, group_reference, tags, state FROM accounts"""
        ):
            debtors[debtor_id]["accounts"][reference] = account
        for debtor_id, kind in self.rows("SELECT debtor_id, kind FROM suppressions"):
            debtors[debtor_id]["stops"].add(kind)
        return {found.pop("reference"): found for found in debtors.values()}

    def verify(self) -> int:
        """Check every chain of the ledger; how many entries there are."""
        ids = [debtor_id for (debtor_id,) in self.rows("SELECT debtor_id FROM lanes")]
        with self.database.tenant(self.creditor_id) as connection:
            return sum(ledger.verify(connection, debtor_id) for debtor_id in ids)


def new_book(database: Database, ring: KeyRing, folder: Path, *, is_known: bool = True) -> Book:
    """A creditor of its own."""
    code = f"harbour-{next(NUMBERS)}"
    if is_known:
        creditor_id = ensure_creditor(database, code, PROFILE, NOW, secrets.token_bytes(10))
    else:
        creditor_id = new_id(NOW, secrets.token_bytes(10))
    return Book(database, ring, creditor_id, code, folder)
