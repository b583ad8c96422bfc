"""What a model must beat: simple scores that a unit could work out by hand."""

from __future__ import annotations

import numpy as np
import polars as pl

from features import build
from features.indicators import CATALOGUE
from models.level import stratum_of
from models.ordinal import Matrix
from training.labels import RANK, Labelled


def recorded_level_alone(train: Labelled, test: Labelled) -> Matrix:
    """The share put higher among the training rows with the same level and group, nothing else."""
    seen = train.frame.select(
        stratum_of(train.frame),
        "group",
        higher=pl.Series(higher(train)),
        weight=pl.col("weight"),
    )
    rates = seen.group_by("stratum", "group").agg(
        rate=(pl.col("higher") * pl.col("weight")).sum() / pl.col("weight").sum()
    )
    asked = test.frame.select(stratum_of(test.frame), "group")
    found = asked.join(rates, on=["stratum", "group"], how="left", maintain_order="left")
    return found["rate"].fill_null(0.0).to_numpy().astype(np.float64)


def fired_indicators(_train: Labelled, test: Labelled) -> Matrix:
    """How many behaviour and process indicators fire."""
    total = np.zeros(test.frame.height)
    for name in (*build.columns("stage_1"), *build.columns("stage_2")):
        item = CATALOGUE[name]
        values = test.frame[name]
        fired = values < item.fires_from if item.fires_below else values >= item.fires_from
        total += fired.fill_null(value=False).to_numpy()
    return total


def higher(labelled: Labelled) -> Matrix:
    """1 where the reader's level is above the recorded one; without one, where high or more."""
    recorded = labelled.frame["level"].replace_strict(RANK, default=None)
    bar = recorded.cast(pl.Int64) + 1
    return (labelled.reviewed >= bar.fill_null(2).to_numpy()).astype(np.float64)


BASELINES = {
    "recorded level alone": recorded_level_alone,
    "count of fired indicators": fired_indicators,
}
