"""Turns recorded levels into ranks from 1 (low) to 4 (very high), by group and overall."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from features.contracts import codes
from features.history.asof import CASE, Histories, latest_rows, share_plan
from features.history.recorded_levels import level_column
from features.indicators.language import completed_assessments

LEVEL_RANK = {level: rank for rank, level in enumerate(codes.LEVEL_ORDER, start=1)}
_LEVEL_WORDS = {rank: level.replace("_", " ").lower() for level, rank in LEVEL_RANK.items()}


def rank_of(column: str, scale: Sequence[str] = codes.LEVEL_ORDER) -> pl.Expr:
    """An expression: the rank of a code on a scale, for levels 1 (low) to 4; null if not on it."""
    place = pl.col(column).cast(pl.Enum(scale), strict=False).to_physical()
    return place.cast(pl.Int64) + 1


@share_plan
def overall_ranks(histories: Histories) -> pl.LazyFrame:
    """Completed assessments with their `overall` rank, as official statistics have it: that of the
    highest community level.
    """
    highest = pl.max_horizontal(rank_of(f"{g}_community") for g in codes.COMMUNITY_GROUPS)
    return completed_assessments(histories).with_columns(overall=highest)


@share_plan
def overall_now(histories: Histories) -> pl.LazyFrame:
    """The overall rank of each case's latest completed assessment with a level: CASE, now, done_on.

    One without any level says nothing of what was said before.
    """
    rated = overall_ranks(histories).filter(pl.col("overall").is_not_null())
    last = latest_rows(rated, by="completed_on")
    return last.select(*CASE, now="overall", done_on="completed_on")


@share_plan
def levels_said(histories: Histories) -> pl.LazyFrame:
    """The last level given to each risk group by a completed assessment: CASE, group, level."""
    columns = {level_column(group): group for group in codes.RISK_GROUPS}
    completed = (
        completed_assessments(histories).sort(*CASE, "completed_on", "record_id").rename(columns)
    )
    last = completed.group_by(CASE).agg(pl.col(*columns.values()).drop_nulls().last())
    levels = last.unpivot(index=CASE, variable_name="group", value_name="level")
    return levels.filter(pl.col("level").is_not_null())


def level_word(rank: pl.Expr) -> pl.Expr:
    """An expression: the word for a rank: low, medium, high or very high."""
    return rank.replace_strict(_LEVEL_WORDS, default="unknown", return_dtype=pl.String)
