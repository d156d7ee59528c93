"""Make the database ready for this version: migrate it, prepare the ledger's next year, see that the keys fit."""

from datetime import datetime, timedelta

import typer

from config.clock import SystemClock, open_clock
from config.settings import load_settings, resolve
from forbear.key_checks import fitting_ring
from storage import migrate
from storage.partitions import ensure_partitions
from storage.session import Database

AHEAD = timedelta(days=366)
BEHIND = timedelta(days=31)
"""The ledger has partitions for these spans around now: late events belong to the month before."""


def command() -> None:
    """Migrate the database and prepare it: run it once per deployment, before the processes start.

    Can be run again at any time; what is done already is left alone.
    """
    settings = resolve(load_settings())
    url = str(settings.database_url)
    migrate.upgrade(settings.database_owner_url or url)
    database = Database(url, pool_size=1)
    try:
        for now in {SystemClock().now(), open_clock(settings).now()}:
            prepare_ledger(database, now)
        fitting_ring(database, settings.keys_path)
    finally:
        database.close()
    typer.echo(f"The database is at {migrate.head()}, ready for this version.")


def prepare_ledger(database: Database, now: datetime) -> int:
    """Make the ledger's partitions around `now`; how many were missing."""
    with database.system() as connection:
        return ensure_partitions(connection, (now - BEHIND).date(), (now + AHEAD).date())
