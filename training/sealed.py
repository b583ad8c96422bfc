"""Reads the hidden truth of a made-up caseload; used for evaluation only.

The truth lies in a folder of its own beside the extract. An import contract keeps this module from
everything that trains, scores or serves; no real caseload has such a folder.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from features.errors import MissingInput, UserError

LEVELS = "true-levels"
NOTES = "in-notes"


def true_levels(folder: Path, on: date) -> pl.DataFrame:
    """The true level of each case and risk group on a day: crn, group, true (0 to 3).

    Raises MissingInput where there is no truth, UserError for a day outside its months.
    """
    description = _read_description(folder)
    ago = (date.fromisoformat(description["as_of"]) - on).days
    month = description["months"] - 1 - ago // description["days_a_month"]
    if ago < 0 or month < 0:
        raise UserError(
            f"The hidden truth ends on {description['as_of']} and spans {description['months']} "
            f"months of {description['days_a_month']} days; {on} lies outside."
        )
    rows = pl.read_parquet(folder / LEVELS / "*.parquet")
    return rows.select("crn", "group", true=pl.col("level").arr.get(month).cast(pl.Int64))


def too_low(folder: Path, recorded: pl.DataFrame, on: date) -> pl.DataFrame:
    """Whether each recorded level (crn, group, 0 to 3) of made-up people is below the true one."""
    both = recorded.join(true_levels(folder, on), on=["crn", "group"], how="inner")
    return both.with_columns(low=pl.col("true") > pl.col("recorded"))


def said_in_notes(folder: Path) -> pl.DataFrame:
    """What the notes of made-up contacts say: crn, noted_on, kind, target, manner, only_in_notes.

    Raises MissingInput where there is no truth, UserError where it was made without notes.
    """
    _read_description(folder)
    if not (folder / NOTES).exists():
        raise UserError(f"The hidden truth in {folder} says nothing of notes. Make it anew.")
    return pl.read_parquet(folder / NOTES / "*.parquet")


def first_day(folder: Path) -> date:
    """The first day for which a made-up caseload has true levels."""
    description = _read_description(folder)
    last = date.fromisoformat(description["as_of"])
    return last - timedelta(days=description["months"] * description["days_a_month"] - 1)


def _read_description(folder: Path) -> dict[str, Any]:
    about = folder / "truth.json"
    if not about.exists():
        raise MissingInput(
            f"There is no hidden truth in {folder}. It lies beside a made-up extract: "
            "python -m features synthesise --out EXTRACT --truth TRUTH"
        )
    description: dict[str, Any] = json.loads(about.read_text(encoding="utf-8"))
    return description
