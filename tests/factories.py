"""Makes rows, extracts and histories for tests: only what a test is about is spelled out."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import polars as pl

from features.contracts import records
from features.history.asof import Histories, make_spine

CRN = "A000001"
AS_OF = date(2026, 6, 30)
_numbers = itertools.count(1)

REQUIRED = {
    "supervisions": {"kind": "licence"},
    "contacts": {"type_code": "COAP"},
    "assessments": {"status": "COMPLETE"},
    "registrations": {"type_code": "RMRH"},
    "orders": {"kind": "requirement"},
    "enquiries": {"kind": "domestic_abuse"},
    "incidents": {"kind": "violence"},
    "decisions": {"kind": "recall"},
    "allocations": {"staff_code": "N07A001"},
    "actions": {"kind": "oversight_task"},
    "circumstances": {"kind": "address"},
    "documents": {"kind": "court_report"},
    "reviews": {"source": "audit", "snapshot_on": date(2026, 1, 1)},
    "people": {},
    "offences": {},
    "links": {"kind": "shared_address"},
    "note_entries": {
        "contact_id": "C1",
        "kind": "violence",
        "asserted": "yes",
        "done_by": "pop",
        "period": "now",
    },
    "limits": {"kind": "restriction"},
}


def row(table: str, occurred_on: date | str, **values: Any) -> dict[str, Any]:
    """A row of a table: recorded at noon on the day that it is about, unless said otherwise."""
    day = date.fromisoformat(occurred_on) if isinstance(occurred_on, str) else occurred_on
    row_values = dict.fromkeys(records.find_table(table).schema) | REQUIRED[table]
    row_values |= {
        "record_id": f"{table[:3].upper()}{next(_numbers):06d}",
        "version": 1,
        "crn": CRN,
        "occurred_on": day,
        "recorded_at": datetime.combine(day, time(12)),
    }
    for name in values:
        records.find_table(table).column(name)
    return row_values | values


def assessment(
    completed_on: date | str, level: str | None = "LOW", **values: Any
) -> dict[str, Any]:
    """A completed assessment with one level for every community group."""
    day = date.fromisoformat(completed_on) if isinstance(completed_on, str) else completed_on
    groups = ("children", "public", "known_adult", "staff")
    levels = {f"{group}_community": level for group in groups}
    return row("assessments", day, **({"completed_on": day} | levels | values))


def frame(table: str, rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a frame with the contract's types."""
    return pl.DataFrame(list(rows), schema=records.find_table(table).schema)


def known_histories(
    rows: dict[str, list[dict[str, Any]]],
    as_of: date = AS_OF,
    crns: Iterable[str] = (CRN,),
    feeds: Iterable[str] | None = None,
) -> Histories:
    """What was known of some cases; every feed is supplied up to the date unless said otherwise."""
    names = records.TABLES if feeds is None else feeds
    return Histories(
        make_spine(crns, as_of),
        {name: frame(name, listed) for name, listed in rows.items()},
        {name: [(date.min, as_of)] for name in names},
    )


def extract(
    folder: Path,
    rows: dict[str, list[dict[str, Any]]],
    extracted_at: str = "2026-07-01T02:00:00",
    complete: Iterable[str] = (),
    **about: Any,
) -> Path:
    """An extract folder of Parquet files."""
    import json

    folder.mkdir(parents=True, exist_ok=True)
    for name, listed in rows.items():
        frame(name, listed).write_parquet(folder / f"{name}.parquet")
    content = {"extracted_at": extracted_at, "complete": list(complete), **about}
    (folder / "extract.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def live_secrets() -> dict[str, str]:
    """The secrets that a live service needs, as its environment has them."""
    names = (
        "WEB_PASSWORD",
        "NIGHT_PASSWORD",
        "ADMIN_PASSWORD",
        "SESSION_SECRET",
        "DRAW_SECRET",
        "ANCHOR_KEY",
    )
    return {f"ROSH_{name}": "x" * 32 for name in names}
