"""Defines the alternative ways of building the model that are compared, one `Choice` each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import lightgbm as lgb
import numpy as np
import polars as pl

from features.frame import build
from features.indicators import CATALOGUE
from models import level, ordinal
from models.ordinal import DIRECTION, GROUPS, THRESHOLDS, Matrix, Settings
from training.config import Config
from training.fit import Margins, cross_fitted
from training.labels import Labelled


@dataclass(frozen=True)
class Choice:
    """One way of building the model, to be compared; the defaults are those in use."""

    name: str
    how: Literal["stacked", "separate", "multiclass"] = "stacked"
    monotone: bool = True
    process_in: Literal["stage 2", "booster"] = "stage 2"
    mental_health: bool = False
    learned: tuple[str, ...] = ()
    """Sources that teach, where not those of the configuration."""
    depth: int = 0
    rounds: int = 0

    def settings(self, config: Config) -> Settings:
        """The booster's settings, with the changes that this choice makes."""
        settings = config.booster
        if self.depth:
            settings = replace(settings, depth=self.depth, leaves=2**self.depth - 1)
        return replace(settings, rounds=self.rounds) if self.rounds else settings


CHOICES: tuple[Choice, ...] = (
    Choice("stacked, monotone, process in stage 2"),
    Choice("a booster a threshold", how="separate"),
    Choice("one multiclass booster", how="multiclass", monotone=False),
    Choice("without monotone constraints", monotone=False),
    Choice("process in the booster", process_in="booster"),
    Choice("with mental health", mental_health=True),
    Choice("audits alone teach", learned=("audit",)),
    Choice("audits and own views teach", learned=("audit", "spo_review")),
    Choice("depth 2", depth=2),
    Choice("depth 4", depth=4),
    Choice("depth 4, 150 rounds", depth=4, rounds=150),
    Choice("150 rounds", rounds=150),
    Choice("600 rounds", rounds=600),
)
"""The fixed grid: each differs from the first in one thing."""


def fit_choice(choice: Choice, train: Labelled, config: Config) -> Callable[[pl.DataFrame], Matrix]:
    """Fit both stages as the choice says; returns a function from a frame to probabilities."""
    if choice.learned:
        train = train.where(pl.col("source").is_in(list(choice.learned)))
    columns = build.indicator_columns("stage_1", mental_health=choice.mental_health)
    process = build.indicator_columns("stage_2", mental_health=choice.mental_health)
    if choice.process_in == "booster":
        columns, process = [*columns, *process], []

    def fit_margins(rows: Labelled) -> Margins:
        return _stage_1(choice, rows, columns, config)

    whole = fit_margins(train)
    judged = train.frame["judged"].to_numpy()
    calibrating = train.where(pl.col("judged"))
    second = level.fit_level_model(
        calibrating.frame,
        cross_fitted(train, config.level.cross_fits, fit_margins)[judged],
        calibrating.reviewed,
        calibrating.weights,
        process,
        config.level.ridge,
    )

    def probability(frame: pl.DataFrame) -> Matrix:
        values: Matrix = 1 / (1 + np.exp(-second.log_odds(frame, whole(frame))))
        return values

    return probability


def _stage_1(choice: Choice, train: Labelled, columns: Sequence[str], config: Config) -> Margins:
    base = ordinal.input_matrix(train.frame, columns)
    settings = choice.settings(config)
    directions = [DIRECTION[CATALOGUE[name].direction] for name in columns] + [0] * len(GROUPS)
    if not choice.monotone:
        directions = [0] * len(directions)
    if choice.how == "multiclass":
        return _fit_multiclass(base, train, columns, settings)
    if choice.how == "separate":
        many = [
            ordinal.train_booster(
                base,
                (train.reviewed >= k).astype(np.int64),
                train.weights,
                directions,
                settings,
                thresholds=1,
            )
            for k in range(1, len(THRESHOLDS) + 1)
        ]
        return lambda frame: np.column_stack(
            [ordinal.booster_margin(one, ordinal.input_matrix(frame, columns), 1) for one in many]
        )
    one = ordinal.train_booster(base, train.reviewed, train.weights, directions, settings)
    return ordinal.OrdinalModel(one, tuple(columns)).margins


def _fit_multiclass(
    base: Matrix, train: Labelled, columns: Sequence[str], settings: Settings
) -> Margins:
    parameters = {
        "objective": "multiclass",
        "num_class": len(THRESHOLDS) + 1,
        "num_leaves": settings.leaves,
        "max_depth": settings.depth,
        "learning_rate": settings.rate,
        "seed": settings.seed,
        "min_data_in_leaf": settings.smallest_leaf,
        "lambda_l2": settings.ridge,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    data = lgb.Dataset(base, label=train.reviewed, weight=train.weights)
    booster = lgb.train(parameters, data, num_boost_round=settings.rounds)

    def margins(frame: pl.DataFrame) -> Matrix:
        shares = np.asarray(booster.predict(ordinal.input_matrix(frame, columns), num_threads=1))
        above = np.column_stack([shares[:, k:].sum(axis=1) for k in range(1, shares.shape[1])])
        log_odds: Matrix = np.log(above) - np.log1p(-np.clip(above, None, 1 - 1e-9))
        return log_odds

    return margins
