"""Fits both stages: the mean of trainings on halves of the people, and the calibration.

People are split into halves at random several times, and stage 1 is trained on each half; the mean
of all is the proposal. Every person is left out of one half of each pair: the mean of those
trainings is a margin from trainings that had not seen the person, and stage 2 calibrates that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from features.frame import build
from models import calibrate, ordinal
from models.bundle import Bundle
from models.inputs import Matrix
from models.ordinal import BehaviourRows, OrdinalModel
from models.prior import Prior, read_prior
from models.strata import THRESHOLDS, thresholds_of
from models.weights import choose_ridge, fit_departures, log_loss
from training.config import Config
from training.labels import Labelled
from training.splits import person_hash

Rows = npt.NDArray[np.bool_]


def fit_bundle(
    labelled: Labelled,
    config: Config,
    about: dict[str, Any] | None = None,
    prior: Prior | None = None,
    by_prior: Collection[str] = (),
) -> Bundle:
    """Fit a bundle: stage 1 on all labelled rows, stage 2 on those from judged sources only.

    The recorded levels of `by_prior` are ranked by the prior alone; the bundle's `about` says so.
    """
    prior = prior or read_prior()
    first, left_out = fit_stage_1(labelled, config, prior)
    judged = labelled.frame["judged"].to_numpy()
    calibrating = labelled.where(labelled.frame["judged"])
    frame = calibrating.frame
    columns = [*indicators_of("stage_1", config), *indicators_of("stage_2", config)]
    rows = calibrate.calibration_rows(
        frame=frame,
        margins=_at_own_threshold(left_out[judged], thresholds_of(frame)),
        reviewed=calibrating.reviewed,
        weights=calibrating.weights,
        parts=_people_in_parts(calibrating, config.level.parts),
        columns=columns,
        prior=prior,
    )
    second = calibrate.fit_level_model(rows, columns, prior, config.level.ridges, by_prior)
    content = {**(about or {}), "by_prior": sorted(by_prior)}
    return Bundle(first, second, build.catalogue_hash(), content)


def fit_stage_1(labelled: Labelled, config: Config, prior: Prior) -> tuple[OrdinalModel, Matrix]:
    """Stage 1, and the margins of each row (rows, 3) by trainings that had not seen the person."""
    rows = ordinal.behaviour_rows(
        labelled.frame,
        labelled.reviewed,
        labelled.weights,
        indicators_of("stage_1", config),
        prior,
    )
    parts = _people_in_parts(labelled, config.weights.parts)
    ridge = choose_ridge(config.weights.ridges, lambda one: _loss_left_out(rows, parts, one))
    trainings, margins = [], np.zeros((len(rows.weights), len(THRESHOLDS)))
    for number, half in enumerate(halves_of_people(labelled, config)):
        settings = replace(config.booster, seed=config.booster.seed + number)
        # The half has half the readings: the ridge that suits the whole is too firm for it.
        training = ordinal.train_once(rows.where(half), settings, ridge / 2)
        margins[~half] += training.margins(rows.where(~half)) / config.trainings.pairs
        trainings.append(training)
    return ordinal.mean_model(trainings, rows, prior), margins


def halves_of_people(labelled: Labelled, config: Config) -> Iterator[Rows]:
    """Halves of the people at random, each followed by the other half, as masks over the rows."""
    rng = np.random.default_rng(config.booster.seed)
    people, of_row = np.unique(labelled.frame["crn"].to_numpy(), return_inverse=True)
    for _ in range(config.trainings.pairs):
        chosen = np.zeros(len(people), dtype=bool)
        chosen[rng.permutation(len(people))[: len(people) // 2]] = True
        half = chosen[of_row]
        yield half
        yield ~half


def indicators_of(use: str, config: Config) -> list[str]:
    """The indicators of a stage, with those of mental health where the board has signed for it."""
    return build.indicator_columns(use, mental_health=config.indicators.mental_health)


def _loss_left_out(rows: BehaviourRows, parts: npt.NDArray[np.int64], ridge: float) -> float:
    losses = []
    for part in np.unique(parts):
        own, others = rows.where(parts == part), rows.where(parts != part)
        fitted = fit_departures(
            others.extents, others.prior, others.reviewed, others.weights, others.floors, ridge
        )
        score = (own.prior + own.extents @ fitted.departures)[:, None] + fitted.intercepts
        for k in range(len(THRESHOLDS)):
            higher = (own.reviewed > k).astype(np.float64)
            losses.append(own.weights.sum() * log_loss(score[:, k], higher, own.weights))
    return float(np.sum(losses))


def _people_in_parts(labelled: Labelled, count: int) -> npt.NDArray[np.int64]:
    parts: npt.NDArray[np.int64] = labelled.frame.select(person_hash(count)).to_series().to_numpy()
    return parts


def _at_own_threshold(margins: Matrix, thresholds: npt.NDArray[np.int64]) -> Matrix:
    own: Matrix = margins[np.arange(len(margins)), thresholds - 1]
    return own
