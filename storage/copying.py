"""Rows in bulk: COPY into a temporary table, and from there through row-level security, which COPY cannot pass."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

import psycopg
from psycopg import sql
from sqlalchemy import Connection


def copy_rows(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write rows to a table in the caller's transaction, as binary; how many there were.

    Values are of the types that psycopg maps to the columns' own (`Jsonb(…)` for jsonb).
    """
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    names = {
        "table": sql.Identifier(table),
        "staged": sql.Identifier(f"copy_{table}"),
        "columns": sql.SQL(", ").join(map(sql.Identifier, columns)),
    }
    with driver.cursor() as cursor:
        cursor.execute(
            sql.SQL("CREATE TEMPORARY TABLE {staged} AS SELECT {columns} FROM {table} LIMIT 0").format(**names)
        )
        cursor.execute(sql.SQL("SELECT * FROM {staged}").format(**names))
        types = [column.type_code for column in cursor.description or ()]
        with cursor.copy(sql.SQL("COPY {staged} FROM STDIN (FORMAT binary)").format(**names)) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
        cursor.execute(sql.SQL("INSERT INTO {table} ({columns}) SELECT * FROM {staged}").format(**names))
        written = cursor.rowcount
        cursor.execute(sql.SQL("DROP TABLE {staged}").format(**names))
    return written
