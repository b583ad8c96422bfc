"""Simple scores that a model must beat, which a unit could work out by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from features.frame import build
from features.indicators import CATALOGUE
from models import metrics
from models.inputs import Matrix, input_matrix
from models.prior import read_prior
from models.strata import STRATA, stratum_of
from models.weights import sigmoid
from training import challengers
from training.labels import Labelled, read_higher

Baseline = Callable[[Labelled, Labelled], Matrix]
"""From training rows and test rows to a score of each test row."""


def recorded_level_alone(train: Labelled, test: Labelled) -> Matrix:
    """The share of training rows with the same level and group that were put higher."""
    training_rows = train.frame.select(
        stratum_of(train.frame),
        "group",
        higher=pl.Series(read_higher(train)),
        weight=pl.col("weight"),
    )
    rates = training_rows.group_by("stratum", "group").agg(
        rate=(pl.col("higher") * pl.col("weight")).sum() / pl.col("weight").sum()
    )
    test_rows = test.frame.select(stratum_of(test.frame), "group")
    joined = test_rows.join(rates, on=["stratum", "group"], how="left", maintain_order="left")
    return joined["rate"].fill_null(0.0).to_numpy().astype(np.float64)


def fired_indicators(_train: Labelled, test: Labelled) -> Matrix:
    """The number of behaviour and process indicators that fire."""
    total = np.zeros(test.frame.height)
    for name in (*build.indicator_columns("stage_1"), *build.indicator_columns("stage_2")):
        fired = test.frame.select(CATALOGUE[name].fires_in_frame.fill_null(value=False))
        total += fired.to_series().to_numpy()
    return total


def published_findings(_train: Labelled, test: Labelled) -> Matrix:
    """The probability by the prior: signed weights from published findings, nothing learnt."""
    parts, _ = read_prior().contributions(test.frame, "")
    return sigmoid(parts.sum(axis=1))


def best_single_indicator(train: Labelled, test: Labelled) -> Matrix:
    """The one indicator that ranks the training rows best; null counts as 0."""
    truth = read_higher(train) > 0
    best, score = 0.0, np.zeros(test.frame.height)
    for name in (*build.indicator_columns("stage_1"), *build.indicator_columns("stage_2")):
        sign = -1.0 if CATALOGUE[name].direction == "-" else 1.0
        values = sign * train.frame[name].fill_null(0).to_numpy().astype(np.float64)
        reached = metrics.average_precision(values, truth, train.weights)
        if reached > best:
            best = reached
            score = sign * test.frame[name].fill_null(0).to_numpy().astype(np.float64)
    return score


def actuarial_mismatch(_train: Labelled, test: Labelled) -> Matrix:
    """How many bands the actuarial predictors lie above the recorded level."""
    return test.frame["actuarial_level_mismatch"].fill_null(0).to_numpy().astype(np.float64)


def logistic_regression(train: Labelled, test: Labelled) -> Matrix:
    """Scores of the test rows by a logistic regression on all inputs, group and level."""
    return challengers.logistic_regression(
        _baseline_inputs(train), read_higher(train), train.weights, _baseline_inputs(test)
    )


def explainable_boosting(train: Labelled, test: Labelled) -> Matrix:
    """Scores of the test rows by an explainable boosting machine fitted on all inputs."""
    return challengers.explainable_boosting(
        _baseline_inputs(train), read_higher(train), train.weights, _baseline_inputs(test)
    )


def _baseline_inputs(labelled: Labelled) -> Matrix:
    """All inputs of both stages in one matrix."""
    columns = [*build.indicator_columns("stage_1"), *build.indicator_columns("stage_2")]
    strata = stratum_of(labelled.frame).to_numpy()
    onehot = np.column_stack([strata == name for name in STRATA]).astype(np.float64)
    whole: Matrix = np.hstack([input_matrix(labelled.frame, columns), onehot])
    return whole


BASELINES = {
    "recorded level alone": recorded_level_alone,
    "count of fired indicators": fired_indicators,
    "prior": published_findings,
    "best single indicator": best_single_indicator,
    "actuarial mismatch": actuarial_mismatch,
    "logistic regression": logistic_regression,
}
"""Judged in every period."""
SLOW_BASELINES = {"explainable boosting machine": explainable_boosting}
"""The baselines measured only in the newest period."""
