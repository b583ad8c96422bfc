"""Writes small tables of the source systems, and imports them."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from features.sources.import_report import ImportReport
from features.sources.import_systems import import_systems

AT = datetime(2026, 7, 1, 2)
CREATED = {
    "CREATED_DATETIME": "2026-03-02 10:00:00",
    "LAST_UPDATED_DATETIME": "2026-03-02 10:00:00",
}
OFFENDER = {"OFFENDER_ID": "1", "CRN": "X700001", "FIRST_NAME": "Ann", "SURNAME": "Example"}

Rows = list[dict[str, Any]]
Tables = dict[str, Rows]


def no_limits() -> Tables:
    """The two tables without which no import begins, empty."""
    return {
        "EXCLUSION": [],
        "RESTRICTION": [],
    }


def write_tables(folder: Path, tables: Tables) -> Path:
    """Write each table as TABLE.csv; rows of NDelius get times of creation where they have none."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        columns = list(dict.fromkeys(key for row in rows for key in row)) or ["OFFENDER_ID"]
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, columns)
            writer.writeheader()
            writer.writerows(rows)
    return folder


def ndelius_tables(**tables: Rows) -> Tables:
    """Tables of NDelius about the case X700001 (OFFENDER_ID 1), recorded on 2 March 2026."""
    own = {
        name: [{"OFFENDER_ID": "1", **CREATED, **row} for row in rows]
        for name, rows in tables.items()
    }
    return {"OFFENDER": [{**CREATED, **OFFENDER}], **no_limits(), **own}


def import_tables(
    folder: Path,
    ndelius: Tables,
    oasys: Tables | None = None,
    nomis: Tables | None = None,
    **how: Any,
) -> tuple[Path, ImportReport]:
    """Import the tables of the systems; returns the extract and the report."""
    systems = {"ndelius": ndelius, "oasys": oasys, "nomis": nomis}
    folders = {
        name: write_tables(folder / name, tables) for name, tables in systems.items() if tables
    }
    how.setdefault("extracted_at", AT)
    return folder / "extract", import_systems(folders, folder / "extract", **how)


def rows_of(extract: Path, record: str) -> list[dict[str, Any]]:
    """The rows of a record in an extract, in order of record number and version."""
    frame = pl.read_parquet(extract / record / "*.parquet").sort("record_id", "version")
    return frame.to_dicts()


def about(extract: Path) -> dict[str, Any]:
    """What extract.json says."""
    content: dict[str, Any] = json.loads((extract / "extract.json").read_text())
    return content
