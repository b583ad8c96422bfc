"""Defines the alternative ways of building the model that are compared, one `Choice` each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from models.inputs import Matrix
from models.prior import Prior, read_prior
from training import baselines
from training.baselines import Baseline
from training.config import Config
from training.fit import fit_bundle
from training.labels import Labelled

NEXT_TO_NOTHING = 1e-3
"""Of each weight of the prior: what is left where weights are drawn to nought instead."""


@dataclass(frozen=True)
class Choice:
    """One way of building the model, to be compared; the defaults are those in use."""

    name: str
    prior: bool = True
    """Whether weights are drawn to the prior; otherwise to next to nothing."""
    mental_health: bool = False
    learned: tuple[str, ...] = ()
    """Sources that teach, where not those of the configuration."""
    pairs: int = 0
    rounds: int | None = None
    depth: int = 0
    ridge: float = 0.0
    """A fixed ridge for both stages, where folds do not choose."""
    baseline: Baseline | None = None
    """Another model altogether."""

    def settings(self, config: Config) -> Config:
        """The configuration with the changes that this choice makes."""
        booster = config.booster
        if self.rounds is not None:
            booster = replace(booster, rounds=self.rounds)
        if self.depth:
            booster = replace(booster, depth=self.depth, leaves=2**self.depth - 1)
        changed = replace(
            config,
            booster=booster,
            indicators=replace(config.indicators, mental_health=self.mental_health),
        )
        if self.pairs:
            changed = replace(changed, trainings=replace(config.trainings, pairs=self.pairs))
        if self.ridge:
            fixed = replace(config.weights, ridges=(self.ridge,))
            changed = replace(
                changed, weights=fixed, level=replace(config.level, ridges=(self.ridge,))
            )
        return changed


CHOICES: tuple[Choice, ...] = (
    Choice("in use"),
    Choice("weights drawn to nought", prior=False),
    Choice("a ridge of 10", ridge=10.0),
    Choice("a ridge of 300", ridge=300.0),
    Choice("one pair of trainings", pairs=1),
    Choice("three pairs of trainings", pairs=3),
    Choice("no booster", rounds=0),
    Choice("150 rounds", rounds=150),
    Choice("depth 2", depth=2),
    Choice("depth 4", depth=4),
    Choice("with mental health", mental_health=True),
    Choice("audits alone teach", learned=("audit",)),
    Choice("audits and own views teach", learned=("audit", "spo_review")),
    Choice("prior alone", baseline=baselines.published_findings),
    Choice("logistic regression", baseline=baselines.logistic_regression),
)
"""The fixed grid: each differs from the first in one thing."""


def fit_choice(choice: Choice, train: Labelled, config: Config) -> Callable[[Labelled], Matrix]:
    """Fit as the choice says; returns a function from labelled rows to probabilities."""
    if choice.baseline is not None:
        other = choice.baseline
        return lambda test: other(train, test)
    if choice.learned:
        train = train.where(pl.col("source").is_in(list(choice.learned)))
    prior = read_prior()
    bundle = fit_bundle(
        train, choice.settings(config), prior=prior if choice.prior else _faint(prior)
    )

    def probability(test: Labelled) -> Matrix:
        values: Matrix = bundle.score_frame(test.frame)["probability"].fill_null(0.0).to_numpy()
        return values.astype(np.float64)

    return probability


def _faint(prior: Prior) -> Prior:
    return replace(
        prior, sizes={name: NEXT_TO_NOTHING * size for name, size in prior.sizes.items()}
    )
