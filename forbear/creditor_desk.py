"""What commands about creditors and portfolios work with: database, key ring, clock, creditors by their codes."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from config.clock import open_clock
from config.settings import Settings, load_settings, resolve
from domain.errors import BadInput, Unavailable
from domain.identity import new_id
from storage.crypto import KeyRing
from storage.session import Database

CODE = re.compile("[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Desk:
    """An open database, where the keys are, and the clock."""

    database: Database
    keys_path: Path
    now: Callable[[], datetime]

    def ring(self) -> KeyRing:
        """The key ring, made at first use."""
        return KeyRing.open(self.keys_path, create=True)


@contextmanager
def open_desk() -> Iterator[Desk]:
    """Open the database; an embedded one that is empty is migrated. Raises Unavailable where one of your own is."""
    wished = load_settings()
    settings = resolve(wished)
    clock = open_clock(settings)
    database = Database(str(settings.database_url), pool_size=2)
    try:
        if wished.database_url is None:
            _see_to_tables(database, settings)
        yield Desk(database, settings.keys_path, clock.now)
    finally:
        database.close()


def _see_to_tables(database: Database, settings: Settings) -> None:
    try:
        database.creditors()
    except Unavailable:
        from storage import migrate  # alembic takes half a second

        migrate.upgrade(settings.database_owner_url or str(settings.database_url))


def find_or_number(desk: Desk, code: str, random: bytes) -> tuple[UUID, bool]:
    """The id of the creditor of this code or, where there is none, one for it; and whether it is new."""
    known = desk.database.creditors()
    if code in known:
        return known[code], False
    check_code(code)
    return new_id(desk.now(), random), True


def find(desk: Desk, code: str) -> UUID:
    """The creditor of this code. Raises BadInput where there is none."""
    known = desk.database.creditors()
    if code not in known:
        names = f"Known: {', '.join(sorted(known))}." if known else "`forbear creditor create` makes one."
        raise BadInput(f"there is no creditor `{code}`.", where="--creditor", remedy=names)
    return known[code]


def check_code(code: str) -> None:
    """Raises BadInput where this is no code for a creditor."""
    if CODE.fullmatch(code) is None:
        remedy = "Use up to 40 small letters, digits, hyphens and underscores, such as harbour-cards."
        raise BadInput("that is no code for a creditor.", where="--creditor", remedy=remedy)
