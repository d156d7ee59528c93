"""What the database server refuses or fails at: what can be tried again, apart from what a person must put right."""

import psycopg
from psycopg import errors
from sqlalchemy.exc import DBAPIError

from domain.errors import Unavailable

AGAIN = "Nothing was written; try again."

_AGAIN: dict[type[psycopg.Error], str] = {
    errors.SerializationFailure: "the database could not put this in order with what others did at the same time.",
    errors.DeadlockDetected: "this and another transaction waited for each other.",
    errors.LockNotAvailable: "another transaction held what was needed for too long.",
    errors.QueryCanceled: "a statement took too long.",
    errors.IdleInTransactionSessionTimeout: "a transaction did nothing for too long.",
    errors.TooManyConnections: "the server takes no more connections.",
    errors.CannotConnectNow: "the server is starting or stopping.",
    errors.AdminShutdown: "the server was stopped.",
    errors.CrashShutdown: "the server is recovering from a crash.",
}

_REMEDIES: dict[type[psycopg.Error], tuple[str, str]] = {
    errors.DiskFull: ("the server's disk is full.", "Make room on it; nothing was written."),
    errors.OutOfMemory: ("the server has no memory left.", "Give it more, or let fewer processes use it."),
    errors.ReadOnlySqlTransaction: (
        "the server only reads: it is a standby, or its disk is being protected.",
        "Name the primary, for example by target_session_attrs=read-write in FORBEAR_DATABASE_URL.",
    ),
    errors.UndefinedTable: ("the database is not migrated to this version.", "Run `forbear release`."),
    errors.UndefinedFunction: ("the database is not migrated to this version.", "Run `forbear release`."),
}

_REFUSALS: tuple[tuple[str, str, str], ...] = (
    (
        'role "forbear_app" does not exist',
        "there is no role forbear_app: the database is not migrated.",
        "Run `forbear release`.",
    ),
    (
        'parameter "role"',
        "there is no role forbear_app: the database is not migrated.",
        "Run `forbear release`.",
    ),
    (
        "set role",
        "whoever logs in may not become the role forbear_app.",
        "Log in as forbear_app, or let the owner run `GRANT forbear_app TO …`.",
    ),
    (
        "authentication failed",
        "the server refuses the user or the password.",
        "Put the password in FORBEAR_DATABASE_URL right.",
    ),
    (
        "certificate verify failed",
        "the server's certificate is not to be trusted.",
        "Name its authority by sslrootcert in FORBEAR_DATABASE_URL.",
    ),
    ("does not exist", "the server has no such database or role.", "Put FORBEAR_DATABASE_URL right."),
    ("too many", "the server takes no more connections.", "Raise its max_connections, or let fewer processes run."),
)
"""How servers refuse a connection: those words tell it apart, for libpq gives no code then."""


def as_unavailable(error: DBAPIError | psycopg.Error, where: str) -> Unavailable | None:
    """The error to raise where the server is away, gave up, or lacks something; None where the statement is wrong.

    No words of the server's are taken over: they may quote a row.
    """
    found = error.orig if isinstance(error, DBAPIError) else error
    for kind, what in _AGAIN.items():
        if isinstance(found, kind):
            return Unavailable(what, where=where, remedy=AGAIN)
    for kind, (what, remedy) in _REMEDIES.items():
        if isinstance(found, kind):
            return Unavailable(what, where=where, remedy=remedy)
    if isinstance(found, psycopg.OperationalError):
        return _refusal(found, where)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return _lost(where)
    return None


def pool_exhausted(where: str) -> Unavailable:
    """The error to raise where all of a process's connections are in use."""
    return Unavailable("all connections of this process are in use.", where=where, remedy=AGAIN)


def _refusal(error: psycopg.OperationalError, where: str) -> Unavailable:
    said = str(error)
    for words, what, remedy in _REFUSALS:
        if words in said:
            return Unavailable(what, where=where, remedy=remedy)
    return _lost(where)


def _lost(where: str) -> Unavailable:
    return Unavailable(
        "the database cannot be reached.",
        where=where,
        remedy="See that it runs and that FORBEAR_DATABASE_URL has the right address; then try again.",
    )
