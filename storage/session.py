"""Connections to PostgreSQL, and the one way to work on them: a transaction of one creditor, or of none.

Whoever logs in, the session is the role `forbear_app`, which owns nothing and cannot bypass row-level security: what a
transaction sees is the creditor's that it was opened for, and nothing where it was opened for none.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import UUID

import orjson
import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storage import arrays
from storage.failures import as_unavailable, pool_exhausted
from storage.policies import APP_ROLE

CONNECT_SECONDS = 10
LOCK_SECONDS = 20
STATEMENT_SECONDS = 600
"""Longer than the longest statement of an import."""
IDLE_SECONDS = 300
"""A transaction that does nothing holds its locks no longer than this."""
POOL_SECONDS = 30

SESSION = {
    "role": APP_ROLE,
    "timezone": "UTC",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "25s",
    "random_page_cost": "1.1",
    "jit": "off",
}
"""What every session begins with. Statements here look up some hundreds of rows by key, and disks no longer turn:
left to itself the server would rather read whole tables, and compile plans that run for a millisecond. And by itself
it would believe for two hours that a host which vanished without a word still leads, and still holds its locks."""

DEFAULTS = {
    "connect_timeout": str(CONNECT_SECONDS),
    "application_name": "forbear",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""Where the address does not say otherwise: a server that is gone is noticed within a minute."""


class Database:
    """A pool of connections to one database; safe in threads, to be opened anew in each process.

    `url` is libpq's: TLS, passwords, several hosts and time-outs in it pass through.
    """

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        parameters = connection_parameters(url)
        self._where = place(parameters)
        self._engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: connect(parameters),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_SECONDS,
            pool_pre_ping=True,
            pool_use_lifo=True,
            hide_parameters=True,
            use_native_hstore=False,
            json_serializer=lambda value: orjson.dumps(value).decode(),
            json_deserializer=orjson.loads,
        )

    def tenant(self, creditor_id: UUID) -> AbstractContextManager[Connection]:
        """One transaction that sees and writes this creditor's rows alone; committed at the end of the block.

        Raises Unavailable where the server is away, or ended it for a deadlock or a time-out: nothing was written then,
        and all of it can be tried again. Only where the connection broke at the very commit may it have been written.
        """
        return self._transaction(str(creditor_id))

    def system(self) -> AbstractContextManager[Connection]:
        """One transaction of no creditor: no creditor's rows are in it. Raises as `tenant`."""
        return self._transaction("")

    def creditors(self) -> dict[str, UUID]:
        """The id of every creditor, by its code."""
        with self.system() as connection:
            rows = connection.exec_driver_sql("SELECT code, creditor_id FROM forbear_creditors()")
            return {row.code: row.creditor_id for row in rows}

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self, creditor: str) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection, connection.begin():
                connection.exec_driver_sql("SELECT set_config('forbear.creditor', %(id)s, true)", {"id": creditor})
                yield connection
        except PoolTimeout:
            raise pool_exhausted(self._where) from None
        except (DBAPIError, psycopg.Error) as error:
            found = as_unavailable(error, self._where)
            if found is None:
                raise
            raise found from error


def connection_parameters(url: str, *, session: dict[str, str] | None = None) -> dict[str, Any]:
    """What libpq is told: the address as it is, our defaults where it is silent, and the session's settings."""
    parameters = DEFAULTS | {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    settings = SESSION if session is None else session
    words = [parameters.get("options", ""), *(f"-c {name}={value}" for name, value in settings.items())]
    return parameters | {"options": " ".join(word for word in words if word)}


def place(parameters: dict[str, Any]) -> str:
    """The server of an address, without user and password."""
    host = parameters.get("host") or parameters.get("hostaddr") or "localhost"
    return f"PostgreSQL at {host}:{parameters.get('port', '5432')}"


def connect(parameters: dict[str, Any]) -> psycopg.Connection[Any]:
    """A connection to which arrays can be sent as `storage/arrays.py` packs them."""
    connection = psycopg.connect(**parameters)
    arrays.register(connection.adapters)
    return connection
