"""Inserts many rows in one statement as JSON; COPY does not work with row-level security."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Table, text

from serving.db.tables import SCHEMA


def insert_rows(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows that have a value for every column of a table."""
    listed = list(rows)
    if not listed:
        return
    names = ", ".join(column.name for column in table.columns)
    of = f"{SCHEMA}.{table.name}"
    statement = text(
        f"INSERT INTO {of} ({names})"  # noqa: S608 - our own names
        f" SELECT {names} FROM json_populate_recordset(CAST(NULL AS {of}), CAST(:rows AS json))"
    )
    connection.execute(statement, {"rows": json.dumps(listed, default=str)})
