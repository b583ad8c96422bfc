"""Scores one case history sent by another service; stores and queues nothing.

The same approved bundle, the same engine and the same rules as the night. Nothing is kept, nothing
is queued; a case of limited access is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import Connection

from features import clock
from features.contracts import records
from features.errors import UserError, did_you_mean
from features.frame import build
from features.history import asof
from features.history.asof import Histories
from features.history.collect import worked_out
from features.intake import note_entries, refusals
from features.store.store import Store
from models.bundle import Bundle
from serving.board import approvals, note_kinds
from serving.board.approvals import Approval
from serving.cases import limited_access
from serving.settings import Settings

MOST_ROWS = 20_000
MOST_FAULTS = 20


class BadHistory(UserError):
    """A history that cannot be scored: its first faulty rows, each with the reason."""


@dataclass(frozen=True)
class Scored:
    """The scores of one history, with the approval and bundle that gave them."""

    approval: Approval
    rows: list[dict[str, Any]]


def score(
    connection: Connection,
    settings: Settings,
    crn: str,
    as_of: date,
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    ready: dict[str, Bundle],
) -> Scored:
    """Score one case as of a date from its history.

    `tables` holds rows by table, in the columns of docs/records.md; a table that is named, even
    empty, counts as supplied, and one that is not is not known. `ready` keeps what was loaded, by
    the identity that was approved. Raises NotApproved without an
    approval in force, BadHistory for rows that would be refused, UserError for a limited case.
    """
    approval = approvals.in_force(connection, demo=settings.demo)
    if approval.bundle_id not in ready:
        ready.clear()
        ready[approval.bundle_id] = approvals.load_bundle(approval, settings.bundles)
    model = ready[approval.bundle_id]
    if limited_access.is_limited(connection, Store.open(settings.store), crn, as_of):
        raise UserError("Access to this case is limited. It is never scored.")
    if sum(len(rows) for rows in tables.values()) > MOST_ROWS:
        raise BadHistory(f"A history holds at most {MOST_ROWS:,} rows.")
    frames = _histories(tables, crn)
    kinds = note_kinds.kinds_in_effect(connection, model)
    if kinds and "contacts" in frames:
        frames[note_entries.TABLE] = note_entries.entries_of_contacts(frames["contacts"])
    # As the night: all tables were covered from the beginning and up to the day that is scored.
    feeds = {name: [(date.min, as_of)] for name in frames}
    histories = Histories(asof.make_spine([crn], as_of), frames, feeds, note_kinds=kinds)
    scored = model.score_frame(build.build_frame(histories))
    return Scored(approval, scored.sort("group").to_dicts())


def _histories(
    tables: Mapping[str, Sequence[Mapping[str, Any]]], crn: str
) -> dict[str, pl.DataFrame]:
    """The rows of each table with its column types, as if loaded at this moment."""
    now = clock.now_as_recorded()
    raw = {name: _raw_table(name, rows) for name, rows in tables.items()}
    supplied = {name: frame for name, frame in raw.items() if frame is not None}
    # The rules look at the version as it was given: only then is one that is not given the first.
    version = pl.col("version").fill_null(1)
    plans = [
        refusals.check_rows(rows, records.find_table(name), now).with_columns(version)
        for name, rows in supplied.items()
    ]
    frames = dict(zip(supplied, worked_out(plans, few=True), strict=True))
    return {
        name: _sound_rows(name, frames[name], crn) if name in frames else records.empty_frame(name)
        for name in tables
    }


def _raw_table(name: str, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame | None:
    """The rows of one table as texts; None where it is empty."""
    if name not in records.TABLES:
        raise BadHistory(f"There is no table {name!r}.{did_you_mean(name, records.TABLES)}")
    table = records.find_table(name)
    unknown = sorted({column for row in rows for column in row} - set(table.schema))
    if unknown:
        hint = did_you_mean(unknown[0], table.schema)
        raise BadHistory(f"{name} has a column {unknown[0]!r}, which it does not have.{hint}")
    texts = {
        column: [None if row.get(column) is None else _text_of(row[column]) for row in rows]
        for column in table.schema
        if any(column in row for row in rows)
    }
    return pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String())) if texts else None


def _sound_rows(name: str, rows: pl.DataFrame, crn: str) -> pl.DataFrame:
    """The rows of a table; raises BadHistory with the first faulty ones."""
    why = rows[refusals.REASON]
    faults = [f"{name} row {at + 1}: {reason}" for at, reason in enumerate(why) if reason]
    faults += [
        f"{name} row {at + 1}: it is of another case"
        for at, one in enumerate(rows["crn"])
        if one != crn
    ]
    if faults:
        raise BadHistory("; ".join(faults[:MOST_FAULTS]))
    return rows.drop(refusals.REASON)


def _text_of(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
