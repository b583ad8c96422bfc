"""What made-up readers say of the levels of a made-up caseload."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from features.errors import MissingInput, UserError
from features.synthetic.readings import read_levels_on

AS_OF = date(2026, 6, 30)
MONTHS = 36


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """A truth of 2,000 cases whose level is medium until the last month, when it is high."""
    (tmp_path / "true-levels").mkdir()
    levels = [[1] * (MONTHS - 1) + [2]] * 2000
    pl.DataFrame(
        {"crn": [f"A{n:06d}" for n in range(2000)], "group": "public", "level": levels},
        schema_overrides={"level": pl.Array(pl.Int64, MONTHS)},
    ).write_parquet(tmp_path / "true-levels" / "part.parquet")
    about = {"as_of": AS_OF.isoformat(), "months": MONTHS, "days_a_month": 30}
    (tmp_path / "truth.json").write_text(json.dumps(about), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("back", "level"), [(0, "HIGH"), (29, "HIGH"), (30, "MEDIUM")])
def test_most_readers_say_the_true_level_of_the_month(truth: Path, back: int, level: str) -> None:
    levels = read_levels_on(truth, [AS_OF - timedelta(days=back)])["level"]
    assert levels.value_counts().sort("count").row(-1) == (level, levels.eq(level).sum())
    assert 0.8 < levels.eq(level).sum() / len(levels) < 0.9


def test_some_leave_whatever_is_recorded_and_a_few_slip(truth: Path) -> None:
    levels = read_levels_on(truth, [AS_OF])["level"]
    assert 0.1 < levels.is_null().mean() < 0.2  # type: ignore[operator]
    slips = levels.drop_nulls().ne("HIGH").sum()
    assert 0 < slips < 60


def test_the_same_caseload_is_read_alike_twice(truth: Path) -> None:
    days = [AS_OF - timedelta(weeks=1), AS_OF]
    assert read_levels_on(truth, days).equals(read_levels_on(truth, days))


def test_a_day_outside_the_truth_and_no_truth_are_said(truth: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not span"):
        read_levels_on(truth, [AS_OF + timedelta(days=1)])
    with pytest.raises(MissingInput, match="synthesise"):
        read_levels_on(tmp_path / "elsewhere", [AS_OF])
