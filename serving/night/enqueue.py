"""Writes chosen cases to the queue, each with its history and its sealed findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl
from sqlalchemy import Connection, insert, select, text

from features import clock
from features.errors import RunStopped
from features.history import asof
from features.local_runners import Runner
from features.parts import split_spine
from features.store.store import Store
from models.bundle import Bundle
from serving.db.session import Transaction
from serving.db.tables import SCHEMA, entries, findings, items, newer_scores
from serving.night.prepare_cases import PreparedCase, PrepareWork
from serving.night.sampling import Chosen, Key

DAYS_TO_READ = 7
AT_A_TIME = 50
"""How many cases are written together; their entries are some thousands of rows."""
PREPARED_AT_ONCE = 300
"""How many cases a worker prepares together: their whole histories are in its memory meanwhile."""
_COLUMNS = ", ".join(column.name for column in entries.columns if column.name != "item_id")
_OF_ENTRY = ", ".join(f"entry.{name}" for name in _COLUMNS.split(", "))
INSERT_ENTRIES = text(
    f"INSERT INTO {SCHEMA}.entries (item_id, {_COLUMNS})"  # noqa: S608 - our own names
    f" SELECT one.item_id, {_OF_ENTRY}"
    " FROM json_to_recordset(CAST(:rows AS json)) AS one(item_id bigint, entries json),"
    f" json_populate_recordset(CAST(NULL AS {SCHEMA}.entries), one.entries) AS entry"
)


def begin_preparing(
    store: Store, model: Bundle, chosen: Sequence[Chosen], as_of: date, runner: Runner
) -> Iterator[list[PreparedCase]]:
    """Have chosen cases prepared in parts, by workers that begin before the first is asked for."""
    if not chosen:
        return iter(())
    by_crn = {item.crn: item for item in chosen}
    work = PrepareWork(model, by_crn, as_of, frozenset(store.incomplete_cases()))
    parts = split_spine(store, asof.make_spine(by_crn, as_of), PREPARED_AT_ONCE)
    return (cases for _, cases in runner.run(work, parts))


def enqueue_cases(
    opened: Transaction,
    chosen: Sequence[Chosen],
    parts: Iterable[Sequence[PreparedCase]],
    as_of: date,
    run_id: str,
    key: Key,
) -> None:
    """Write each chosen case to the queue, with its history and its sealed findings.

    `parts` are the prepared cases; RunStopped where one of the chosen is in none.
    """
    by_crn = {item.crn: item for item in chosen}
    for part in parts:
        # Item numbers must not reveal how a case was chosen: the part of a case goes by its CRN,
        # and in the part they are in a keyed random order.
        ordered = sorted(part, key=lambda case: key.keyed_digest("order", case.crn))
        for at in range(0, len(ordered), AT_A_TIME):
            cases = ordered[at : at + AT_A_TIME]
            items_of = [by_crn.pop(case.crn) for case in cases]
            heads = [
                _item_row(item, as_of, run_id, key) | case.head
                for item, case in zip(items_of, cases, strict=True)
            ]
            numbers = _insert_items(opened.connection, heads)
            _insert_entries(opened.connection, numbers, cases)
            sealed = [
                _findings_row(number, item, key) | case.findings
                for number, item, case in zip(numbers, items_of, cases, strict=True)
            ]
            opened.connection.execute(insert(findings), sealed)
    if by_crn:
        raise RunStopped(
            f"{len(by_crn)} chosen cases were not prepared. Nothing of this run was kept. This is "
            "a defect: report it to whoever maintains this service."
        )


def _insert_entries(
    connection: Connection, numbers: Sequence[int], cases: Sequence[PreparedCase]
) -> None:
    """Write the histories of some items in one statement, as JSON that workers wrote."""
    rows = ", ".join(
        f'{{"item_id": {number}, "entries": {case.entries}}}'
        for number, case in zip(numbers, cases, strict=True)
    )
    connection.execute(INSERT_ENTRIES, {"rows": f"[{rows}]"})


def _insert_items(connection: Connection, rows: list[dict[str, Any]]) -> list[int]:
    """The numbers of new items, in the order of their rows."""
    numbered = insert(items).returning(items.c.id, sort_by_parameter_order=True)
    return list(connection.execute(numbered, rows).scalars())


def _item_row(item: Chosen, as_of: date, run_id: str, key: Key) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "crn": item.crn,
        "pdu_code": item.pdu_code,
        "as_of": as_of,
        "due_on": clock.today() + timedelta(days=DAYS_TO_READ),
        "shuffle": key.keyed_digest("order", item.crn),
        "limited": False,
        "state": "open",
    }


def _findings_row(item_id: int, item: Chosen, key: Key) -> dict[str, Any]:
    return {
        "item_id": item_id,
        "drawn_as": item.drawn_as,
        "risk_group": item.group,
        "stratum": item.stratum,
        "probability": item.probability,
        "inclusion_probability": item.inclusion_probability,
        "draw": key.uniform_draw("second", item.crn),
    }


def score_again(connection: Connection, scored: pl.DataFrame, run_id: str) -> None:
    """Store a newer score, sealed, for each case still waiting; its place in the queue stays."""
    waiting = (
        select(items.c.id, items.c.crn, findings.c.risk_group)
        .join(findings, findings.c.item_id == items.c.id)
        .where(items.c.state == "open", items.c.run_id != run_id, ~items.c.limited)
    )
    waiting_items = connection.execute(waiting).all()
    ours = scored.filter(pl.col("crn").is_in([row.crn for row in waiting_items]))
    now = {(row["crn"], row["group"]): row for row in ours.iter_rows(named=True)}
    rows = [
        {
            "item_id": row.id,
            "run_id": run_id,
            "risk_group": row.risk_group,
            "stratum": now[row.crn, row.risk_group]["stratum"],
            "probability": now[row.crn, row.risk_group]["probability"],
        }
        for row in waiting_items
        if (row.crn, row.risk_group) in now
    ]
    if rows:
        connection.execute(insert(newer_scores), rows)
