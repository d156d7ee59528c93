"""Creditors: the tenants. Each is found by its code, and sees its own row alone."""

import datetime as dt
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection

from domain.identity import new_id
from storage.session import Database


def ensure_creditor(db: Database, code: str, profile: dict[str, Any] | None, at: dt.datetime, id_random: bytes) -> UUID:
    """The creditor of this code, made where there is none; `profile` replaces what was known of it unless it is None.

    `id_random`: 10 bytes for the id of a new one, `at` its instant.
    """
    creditor_id = db.creditors().get(code) or _make(db, code, at, id_random)
    if profile is not None:
        with db.tenant(creditor_id) as connection:
            connection.exec_driver_sql(
                "UPDATE creditors SET profile = %(profile)s::jsonb WHERE creditor_id = %(id)s",
                {"profile": orjson.dumps(profile).decode(), "id": creditor_id},
            )
    return creditor_id


def profile(connection: Connection) -> dict[str, Any]:
    """What is known of the creditor whose transaction this is; empty where there is none."""
    found = connection.exec_driver_sql("SELECT profile FROM creditors").one_or_none()
    return dict(found[0]) if found else {}


def profile_text(connection: Connection) -> str:
    """The same as JSON text, by which what was made of it is remembered."""
    found = connection.exec_driver_sql("SELECT profile::text FROM creditors").scalar()
    return str(found or "{}")


def stop(connection: Connection, at: dt.datetime) -> bool:
    """Stop all sending for the creditor whose transaction this is; whether it was not stopped before."""
    found = connection.exec_driver_sql(
        "UPDATE creditors SET stopped_at = %(at)s WHERE stopped_at IS NULL RETURNING creditor_id", {"at": at}
    )
    return found.one_or_none() is not None


def start(connection: Connection) -> bool:
    """Let sending go on for the creditor whose transaction this is; whether it was stopped."""
    found = connection.exec_driver_sql(
        "UPDATE creditors SET stopped_at = NULL WHERE stopped_at IS NOT NULL RETURNING creditor_id"
    )
    return found.one_or_none() is not None


def _make(db: Database, code: str, at: dt.datetime, id_random: bytes) -> UUID:
    """The id of the new creditor, or of the one that another process made in the same moment."""
    creditor_id = new_id(at, id_random)
    with db.tenant(creditor_id) as connection:
        connection.exec_driver_sql(
            "INSERT INTO creditors (creditor_id, code) VALUES (%(id)s, %(code)s) ON CONFLICT (code) DO NOTHING",
            {"id": creditor_id, "code": code},
        )
    return db.creditors()[code]
