"""Remands in custody from the court appearances of NDelius."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.features.sources.systems import import_tables, ndelius_tables, rows_of

STATUSES = [
    {"STANDARD_REFERENCE_LIST_ID": "1", "CODE_VALUE": "C", "CODE_DESCRIPTION": "In Custody"},
    {
        "STANDARD_REFERENCE_LIST_ID": "2",
        "CODE_VALUE": "B",
        "CODE_DESCRIPTION": "Bail - Conditional",
    },
]
EVENT = {"EVENT_ID": "3"}
Appearance = tuple[str, str | None]


def remands(
    tmp_path: Path, appearances: list[Appearance], sentenced: str | None = None
) -> tuple[list[tuple[Any, ...]], dict[str, int]]:
    tables = ndelius_tables(
        EVENT=[EVENT],
        COURT_APPEARANCE=[
            {
                "COURT_APPEARANCE_ID": str(number),
                "EVENT_ID": "3",
                "APPEARANCE_DATE": on,
                "REMAND_STATUS_ID": status or "",
            }
            for number, (on, status) in enumerate(appearances)
        ],
    )
    if sentenced:
        tables["DISPOSAL"] = [{"DISPOSAL_ID": "5", "EVENT_ID": "3", "DISPOSAL_DATE": sentenced}]
    extract, report = import_tables(tmp_path, tables | {"R_STANDARD_REFERENCE_LIST": STATUSES})
    of_remands = ("COURT_APPEARANCE", "supervisions")
    (line,) = [line for line in report.tables if (line.table, line.record) == of_remands]
    rows = [row for row in rows_of(extract, "supervisions") if row["kind"] == "remand"]
    return [(row["occurred_on"], row["ended_on"]) for row in rows], line.nothing


@pytest.mark.parametrize(
    ("appearances", "sentenced", "expected"),
    [
        ([("2026-01-05", "1")], None, [(date(2026, 1, 5), None)]),
        ([("2026-01-05", "2")], None, []),
        ([("2026-01-05", None)], None, []),
        (
            [("2026-01-05", "1"), ("2026-01-20", "1")],
            "2026-02-03",
            [(date(2026, 1, 5), date(2026, 2, 3))],
        ),
        (
            [("2026-01-05", "1"), ("2026-01-20", "2")],
            "2026-02-03",
            [(date(2026, 1, 5), date(2026, 1, 20))],
        ),
        (
            [("2026-01-05", "1"), ("2026-01-20", "2"), ("2026-02-01", "1")],
            None,
            [(date(2026, 1, 5), date(2026, 1, 20)), (date(2026, 2, 1), None)],
        ),
    ],
    ids=["custody", "bail", "no status", "two in a row", "bail later", "again"],
)
def test_remands_in_custody(
    tmp_path: Path,
    appearances: list[Appearance],
    sentenced: str | None,
    expected: list[tuple[date, date | None]],
) -> None:
    rows, nothing = remands(tmp_path, appearances, sentenced)
    assert rows == expected
    assert len(rows) + sum(nothing.values()) == len(appearances)
