"""Fits both stages; stage 2 uses margins from models trained on other people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from features.frame import build
from models import level, ordinal
from models.bundle import Bundle
from models.ordinal import Matrix
from training.config import Config
from training.labels import Labelled
from training.splits import person_hash

Margins = Callable[[pl.DataFrame], Matrix]
"""The margins of a fitted stage 1 for the rows of a frame."""


def fit_bundle(labelled: Labelled, config: Config, about: dict[str, Any] | None = None) -> Bundle:
    """Fit a bundle: stage 1 on all labelled rows, stage 2 on those from judged sources only."""
    columns = _columns_of("stage_1", config)
    first = ordinal.fit_ordinal_model(
        labelled.frame, labelled.reviewed, labelled.weights, columns, config.booster
    )
    judged = pl.col("judged")
    margins = cross_fitted_margins(labelled, config)
    calibrating = labelled.where(judged)
    chosen = labelled.frame.select(judged).to_series().to_numpy()
    second = level.fit_level_model(
        calibrating.frame,
        margins[chosen],
        calibrating.reviewed,
        calibrating.weights,
        _columns_of("stage_2", config),
        config.level.ridge,
    )
    return Bundle(first, second, build.catalogue_hash(), about or {})


def cross_fitted_margins(labelled: Labelled, config: Config) -> Matrix:
    """The margins of each row from a stage 1 that was fitted on other people."""
    columns = _columns_of("stage_1", config)

    def stage_1(others: Labelled) -> Margins:
        return ordinal.fit_ordinal_model(
            others.frame, others.reviewed, others.weights, columns, config.booster
        ).margins

    return cross_fitted(labelled, config.level.cross_fits, stage_1)


def cross_fitted(labelled: Labelled, count: int, stage_1: Callable[[Labelled], Margins]) -> Matrix:
    """The margins of each row, where `stage_1` is fitted on the people of the other parts."""
    parts = labelled.frame.select(person_hash(count)).to_series().to_numpy()
    margins = np.zeros((labelled.frame.height, len(ordinal.THRESHOLDS)))
    for part in range(count):
        in_part = parts == part
        others = labelled.where(pl.Series(~in_part))
        if in_part.any() and not others.frame.is_empty():
            margins[in_part] = stage_1(others)(labelled.frame.filter(pl.Series(in_part)))
    return margins


def _columns_of(use: str, config: Config) -> list[str]:
    return build.indicator_columns(use, mental_health=config.indicators.mental_health)
