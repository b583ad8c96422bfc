"""Many rows in one statement, a column as one array: COPY does not enter a secured table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Table, text

from serving.db.tables import SCHEMA


def insert_rows(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows that name every column of a table."""
    listed = list(rows)
    if not listed:
        return
    names = [column.name for column in table.columns]
    kinds = {name: table.c[name].type.compile(connection.dialect) for name in names}
    arrays = ", ".join(f"CAST(:{name} AS {kinds[name]}[])" for name in names)
    statement = text(
        f"INSERT INTO {SCHEMA}.{table.name} ({', '.join(names)})"  # noqa: S608 - our own names
        f" SELECT * FROM unnest({arrays})"
    )
    connection.execute(statement, {name: [row[name] for row in listed] for name in names})
