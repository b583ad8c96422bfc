"""Scores of serious recidivism that NDelius keeps."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.features.sources.systems import import_tables, ndelius_tables, rows_of


@pytest.mark.parametrize(
    ("score", "band"),
    [("2.99", "LOW"), ("3", "MEDIUM"), ("6.89", "MEDIUM"), ("6.9", "HIGH")],
)
def test_a_score_is_an_assessment_of_predictors_alone(
    tmp_path: Path, score: str, band: str
) -> None:
    row = {
        "DYNAMIC_RSR_HISTORY_ID": "1",
        "DYNAMIC_RSR_SCORE": score,
        "DATE_RECORDED": "2026-01-05",
    }
    extract, _ = import_tables(tmp_path, ndelius_tables(DYNAMIC_RSR_HISTORY=[row]))
    (assessment,) = rows_of(extract, "assessments")
    assert (assessment["status"], assessment["serious_band"]) == ("PREDICTORS_ONLY", band)
    assert (assessment["completed_on"], assessment["predictor_version"]) == (date(2026, 1, 5), "1")


def test_a_score_that_is_no_number_is_counted(tmp_path: Path) -> None:
    row = {
        "DYNAMIC_RSR_HISTORY_ID": "1",
        "DYNAMIC_RSR_SCORE": "low",
        "DATE_RECORDED": "2026-01-05",
    }
    _, report = import_tables(tmp_path, ndelius_tables(DYNAMIC_RSR_HISTORY=[row]))
    (line,) = [line for line in report.tables if line.table == "DYNAMIC_RSR_HISTORY"]
    assert line.nothing == {"its score is no number": 1}
