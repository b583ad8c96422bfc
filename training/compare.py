"""Compares ways of building the model by their regret over folds, not by one score.

For each fold: the average precision of each choice, and how far it falls behind the best of that
fold. A choice that is never far behind is preferred to one that once was ahead. The newest period
takes no part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from features.errors import UserError
from features.processes import process_pool
from models import metrics
from models.strata import STRATA, stratum_of
from training import alternatives, labels, splits
from training.alternatives import CHOICES, Choice
from training.config import Config
from training.labels import Labelled
from training.splits import Fold


@dataclass(frozen=True)
class Weighed:
    """How one choice of model did on average over folds: precision, regret, log loss."""

    name: str
    average_precision: float
    mean_regret: float
    worst_regret: float
    log_loss: float
    folds: int


@dataclass(frozen=True)
class Score:
    """How one choice of model did on one fold: average precision and log loss."""

    choice: str
    average_precision: float
    log_loss: float


def weigh_choices(
    labelled: Labelled,
    until: date,
    config: Config,
    choices: tuple[Choice, ...] = CHOICES,
    workers: int = 2,
    step: Callable[[str], None] = lambda _: None,
) -> list[Weighed]:
    """Every choice scored on every development fold, smallest mean regret first."""
    folds = [
        f for f in splits.development_folds(labelled, until, config.splits) if _is_usable(f, config)
    ]
    if not folds:
        raise UserError(
            f"No fold before {until} has enough readings on both sides. Load more reviews, or set "
            "other folds in the configuration."
        )
    step(f"{len(choices)} choices, {len(folds)} folds")
    scores: list[list[Score]] = []
    with process_pool(workers) as others:
        waiting = [others.submit(_score_fold, fold, config, choices) for fold in folds]
        for number, ready in enumerate(waiting, 1):
            scores.append(ready.result())
            step(f"fold {number} of {len(folds)}")
    return _weigh_scores(scores)


def _is_usable(fold: Fold, config: Config) -> bool:
    test = fold.test.where(pl.col("judged"))
    enough = fold.train.frame.height >= config.least.rows
    return enough and bool(labels.read_higher(test).any())


def _score_fold(fold: Fold, config: Config, choices: tuple[Choice, ...]) -> list[Score]:
    test = fold.test.where(pl.col("judged"))
    test = test.where(stratum_of(test.frame).is_in(STRATA))
    strata, higher = stratum_of(test.frame).to_numpy(), labels.read_higher(test) > 0
    scores = []
    for choice in choices:
        probability = alternatives.fit_choice(choice, fold.train, config)(test)
        reached = _average_precision(probability, higher, test.weights, strata)
        scores.append(Score(choice.name, reached, _log_loss(probability, higher, test.weights)))
    return scores


def _average_precision(
    probability: np.ndarray, higher: np.ndarray, weight: np.ndarray, strata: np.ndarray
) -> float:
    """Average precision within each recorded level, weighted by the rows put higher there."""
    parts, mass = [], []
    for name in STRATA:
        rows = strata == name
        if higher[rows].any():
            parts.append(metrics.average_precision(probability[rows], higher[rows], weight[rows]))
            mass.append((weight * higher)[rows].sum())
    return float(np.average(parts, weights=mass))


def _log_loss(probability: np.ndarray, higher: np.ndarray, weight: np.ndarray) -> float:
    p = np.clip(probability, 1e-9, 1 - 1e-9)
    return float(-np.average(np.where(higher, np.log(p), np.log1p(-p)), weights=weight))


def _weigh_scores(scores: list[list[Score]]) -> list[Weighed]:
    reached = np.array([[one.average_precision for one in fold] for fold in scores])
    lost = np.array([[one.log_loss for one in fold] for fold in scores])
    regret = reached.max(axis=1, keepdims=True) - reached
    regrets = [
        Weighed(
            one.choice,
            float(reached[:, place].mean()),
            float(regret[:, place].mean()),
            float(regret[:, place].max()),
            float(lost[:, place].mean()),
            len(scores),
        )
        for place, one in enumerate(scores[0])
    ]
    return sorted(regrets, key=lambda one: (one.mean_regret, one.worst_regret))
