"""Puts together what several API responses say of one record: its versions, in order of moments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import polars as pl

GUESSED = "_moment_is_guessed"
"""Marks a row whose shape does not say when it was recorded."""
CHANGED = "_changed_at"
"""When the row got its present form, where its shape says so."""
BESIDE = {CHANGED: pl.Datetime("us"), GUESSED: pl.Boolean()}
"""What rows have beside the columns of their record: when changed last, whether that is a guess."""
Row = dict[str, Any]


def to_versions(tellings: Iterable[Row]) -> list[Row]:
    """The versions of one record from everything that was said of it.

    Later rows replace what they speak of: a field that a shape does not have stays. Rows of one
    moment fill each other's gaps. A row without a moment of its own fills only what no other row
    says. The same again is no version. Numbered from 1 in the order of moments; `recorded_at` of
    all but the first is when the row was changed.
    """
    rows = list(tellings)
    timed = sorted((row for row in rows if not row.get(GUESSED)), key=_moment) or rows[:1]
    versions: list[Row] = []
    for row in timed:
        if versions:
            row["recorded_at"] = _moment(row)
        last = versions[-1] if versions else {}
        if last and row["recorded_at"] == last["recorded_at"]:
            _fill_gaps(last, row)
        elif _differs(last, row):
            versions.append({**last, **row})
    filled = {name for row in versions for name, value in row.items() if value is not None}
    for row in rows:
        if row.get(GUESSED):
            for name, value in row.items():
                if name not in filled and value is not None:
                    versions[-1][name] = value
    guessed = all(row.get(GUESSED) for row in rows)
    for number, row in enumerate(versions, start=1):
        row[GUESSED] = guessed
        row["version"] = number
    return versions


def _moment(row: Row) -> datetime:
    at: datetime = row.get(CHANGED) or row["recorded_at"]
    return at


def _fill_gaps(row: Row, other: Mapping[str, Any]) -> None:
    for name, value in other.items():
        if row.get(name) is None:
            row[name] = value


def _differs(last: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    return any(
        last.get(name) != value
        for name, value in row.items()
        if name not in ("recorded_at", CHANGED)
    )


def join_assessments(records: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Merge an assessment known by its day alone with the one that was completed on that day.

    `records` are versions by record number; those that begin with `arns-` have levels and a day,
    and no number of OASys.
    """
    by_day = {
        (row["crn"], row["completed_on"]): number
        for number, versions in records.items()
        for row in versions[-1:]
        if not number.startswith("arns-") and row.get("completed_on")
        if row.get("status") == "COMPLETE"
    }
    joined = dict(records)
    for number, versions in records.items():
        row = versions[-1]
        same = by_day.get((row["crn"], row.get("completed_on")))
        if number.startswith("arns-") and same is not None:
            _fill_gaps(joined[same][-1], row)
            del joined[number]
    return joined
