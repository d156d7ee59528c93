"""Importing a portfolio, beside COPY of the same sealed rows into tables like ours, with indexes and foreign keys.

Both write the same rows to the same server, durable as in operation, by turns; medians of the rounds. COPY is handed
each table's rows as the server gave them out, in binary: nothing is parsed, checked, sealed or chained. A row is one
account of the file, with its part of debtor, keys, contact points, lane and ledger.

    python -m bench.portfolio_import [ACCOUNTS [ROUNDS]]
"""

import datetime as dt
import json
import secrets
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg import sql

from bench._figures import beside
from config.embedded.servers import hold
from portfolio.importer import Wish, import_portfolio
from portfolio.mapping_file import find_mapping
from portfolio.sample import write_sample
from storage import migrate
from storage.creditors import ensure_creditor
from storage.crypto import KeyRing
from storage.session import Database

TABLES = ("debtors", "debtor_keys", "lanes", "contact_points", "accounts", "ledger")
FOREIGN_KEYS = (
    "ALTER TABLE raw.debtors ADD FOREIGN KEY (creditor_id) REFERENCES creditors",
    "ALTER TABLE raw.contact_points ADD FOREIGN KEY (debtor_id) REFERENCES raw.debtors",
    "ALTER TABLE raw.accounts ADD FOREIGN KEY (debtor_id) REFERENCES raw.debtors",
)
NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
PROFILE = {"name": "bench", "timezone": "Asia/Shanghai", "first_party": True, "collector": "bench"}


def main(accounts: int = 60_000, rounds: int = 5) -> None:
    """Measure and print one JSON object."""
    with tempfile.TemporaryDirectory(prefix="forbear-bench-") as folder:
        path, state = Path(folder, "sample.csv"), Path(folder, "state")
        Path(folder).chmod(0o711)  # as root, PostgreSQL runs as somebody else
        with path.open("w", encoding="utf-8", newline="") as out:
            write_sample(out, accounts, 1, NOW.date())
        with hold(state, durable=True) as servers:
            migrate.upgrade(servers.owner_url)
            database = Database(servers.database_url, pool_size=2)
            ring = KeyRing.open(Path(folder, "keys.json"), create=True)
            try:
                print(json.dumps({"figures": measure(database, ring, servers.owner_url, path, accounts, rounds)}))
            finally:
                database.close()


def measure(
    database: Database, ring: KeyRing, owner_url: str, path: Path, accounts: int, rounds: int
) -> list[dict[str, object]]:
    """Rows a second of a first import, of the same file again, and of COPY."""
    first, again, raw = [], [], []
    with psycopg.connect(owner_url) as owner:
        make_raw(owner)
        for number in range(rounds):
            creditor = ensure_creditor(database, f"bench-{number}", PROFILE, NOW, secrets.token_bytes(10))
            first.append(accounts / timed_import(database, ring, creditor, path, NOW))
            raw.append(accounts / timed_copy(owner, creditor))
            again.append(accounts / timed_import(database, ring, creditor, path, NOW + dt.timedelta(days=1)))
    copied, also = "binary COPY of the same sealed rows", {"accounts": accounts}
    return [
        beside("import, first", first, "rows/s", copied, raw, **also),
        beside("import, again", again, "rows/s", copied, raw, **also),
    ]


def timed_import(database: Database, ring: KeyRing, creditor: UUID, path: Path, now: dt.datetime) -> float:
    """Seconds of one import, from opening the file to the commit."""
    wish = Wish(path, find_mapping("default"), "bench")
    begin = time.perf_counter()
    import_portfolio(database, ring, creditor, wish, now)
    return time.perf_counter() - begin


def make_raw(owner: psycopg.Connection) -> None:
    """Tables like ours, but for row-level security, which does not let COPY in."""
    owner.execute("CREATE SCHEMA raw")
    for table in TABLES:
        owner.execute(sql.SQL("CREATE TABLE raw.{0} (LIKE {0} INCLUDING ALL)").format(sql.Identifier(table)))
    for statement in FOREIGN_KEYS:
        owner.execute(statement)
    owner.commit()


def timed_copy(owner: psycopg.Connection, creditor: UUID) -> float:
    """Seconds that COPY takes for all rows of a creditor, to the commit."""
    owner.execute("SELECT set_config('forbear.creditor', %s, true)", [str(creditor)])
    rows = {}
    for table in TABLES:
        statement = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT binary)").format(sql.Identifier(table))
        with owner.cursor() as cursor, cursor.copy(statement) as copy:
            rows[table] = b"".join(copy)
    owner.execute("TRUNCATE raw.debtors, raw.debtor_keys, raw.lanes, raw.contact_points, raw.accounts, raw.ledger")
    owner.commit()
    begin = time.perf_counter()
    for table in TABLES:
        statement = sql.SQL("COPY raw.{} FROM STDIN (FORMAT binary)").format(sql.Identifier(table))
        with owner.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(rows[table])
    owner.commit()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
