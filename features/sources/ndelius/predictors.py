"""NDelius, declared: predictor scores that it keeps itself."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import Mapping, Value, day
from features.sources.ndelius.rows import case_rows, skip_where
from features.sources.tables import SourceTables

RSR_MEDIUM, RSR_HIGH = 3.0, 6.9
"""From which percentage the risk of serious recidivism (RSR, version 1) is medium and high."""


def _scores(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(
        tables,
        "DYNAMIC_RSR_HISTORY",
        "DYNAMIC_RSR_HISTORY_ID",
        "DATE_RECORDED",
        "DYNAMIC_RSR_SCORE",
    )
    score = pl.col("DYNAMIC_RSR_SCORE").cast(pl.Float64, strict=False)
    return rows.with_columns(_score=score).with_columns(
        skip_where(pl.col("_score").is_null(), "its score is no number")
    )


RSR_SCORES = Mapping(
    record="assessments",
    table="DYNAMIC_RSR_HISTORY",
    rows="every score of serious recidivism (RSR), as an assessment of predictors alone",
    prepare=_scores,
    day=Value(
        "occurred_on",
        ("DYNAMIC_RSR_HISTORY.DATE_RECORDED",),
        "the day it was recorded",
        day("DATE_RECORDED"),
    ),
    values=(
        Value(
            "status",
            ("DYNAMIC_RSR_HISTORY.DYNAMIC_RSR_HISTORY_ID",),
            "always predictors only",
            pl.lit("PREDICTORS_ONLY"),
            codes=("PREDICTORS_ONLY",),
        ),
        Value(
            "completed_on",
            ("DYNAMIC_RSR_HISTORY.DATE_RECORDED",),
            "the day it was recorded",
            day("DATE_RECORDED"),
        ),
        Value(
            "serious_band",
            ("DYNAMIC_RSR_HISTORY.DYNAMIC_RSR_SCORE",),
            f"medium from {RSR_MEDIUM} per cent, high from {RSR_HIGH}, low below",
            pl.when(pl.col("_score") >= RSR_HIGH)
            .then(pl.lit("HIGH"))
            .when(pl.col("_score") >= RSR_MEDIUM)
            .then(pl.lit("MEDIUM"))
            .otherwise(pl.lit("LOW")),
            codes=("LOW", "MEDIUM", "HIGH"),
        ),
        Value(
            "predictor_version",
            ("DYNAMIC_RSR_HISTORY.DYNAMIC_RSR_SCORE",),
            "always 1, the generation of OGRS3",
            pl.lit("1"),
        ),
    ),
    prefix="rsr-",
)

MAPPINGS: tuple[Mapping, ...] = (RSR_SCORES,)
