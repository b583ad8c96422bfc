"""Lays out what was scored: each row with its level, whether it could be scored, and why not."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from features.history.asof import GROUP_KEY
from models.inputs import Matrix
from models.strata import STRATA, stratum_of


class Scorer(Protocol):
    """What scores rows of an indicator frame and takes each score apart: a bundle, or the prior."""

    @property
    def scored(self) -> tuple[str, ...]:
        """The indicators that affect the score."""
        ...

    @property
    def note_kinds(self) -> frozenset[str]:
        """The kinds of entries of notes that count in it."""
        ...

    @property
    def about(self) -> dict[str, Any]:
        """What it was trained on, and which reasons are settled."""
        ...

    def score_frame(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows as `lay_out_scores` gives them."""
        ...

    def contributions(self, frame: pl.DataFrame, stratum: str) -> tuple[Matrix, list[str]]:
        """What each indicator adds to the log-odds of rows of one level; the last is the base."""
        ...

    def prior_contributions(self, frame: pl.DataFrame, stratum: str) -> Matrix:
        """The part of each indicator's contribution that is the prior's: (rows, indicators)."""
        ...


def lay_out_scores(frame: pl.DataFrame, log_odds: npt.NDArray[np.float64]) -> pl.DataFrame:
    """The scores of community rows, or why a row has none.

    Columns: GROUP_KEY, level, level_state, stratum, log_odds, why_not, scorable, probability. Very
    high is never flagged, and a case with nothing on record cannot be scored.
    """
    why = (
        pl.when(pl.col("on_record") == 0)
        .then(pl.lit("nothing on record"))
        .when(~pl.col("stratum").is_in(STRATA))
        .then(pl.lit("already very high"))
    )
    return (
        frame.select(*GROUP_KEY, "level", "level_state", "on_record")
        .with_columns(stratum=stratum_of(frame), log_odds=pl.Series(log_odds))
        .with_columns(why_not=why)
        .with_columns(scorable=pl.col("why_not").is_null())
        .with_columns(log_odds=pl.when("scorable").then(pl.col("log_odds")))
        .with_columns(probability=1 / (1 + (-pl.col("log_odds")).exp()))
        .drop("on_record")
    )


def rank_in_level() -> pl.Expr:
    """The place of a scored row within its recorded level, 1 the highest; null without a score."""
    place = pl.col("probability").rank("ordinal", descending=True).over("stratum", "scorable")
    return pl.when("scorable").then(place)
