"""Fits the weights of indicators by penalised maximum likelihood, drawn to the prior's.

With few readings a weight stays near what published findings support, and moves away as readings
come. No weight falls below LEAST_SHARE of what the prior gives the group where it is least: what
reviews blame never becomes nothing, and nothing adverse lowers a score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from models.inputs import Matrix
from models.strata import THRESHOLDS

INTERCEPT_RIDGE = 0.5
"""Keeps an intercept finite where no reading, or every one, reaches a threshold."""
USUAL_INTERCEPT = -3.0
FLAT = 1e-7
"""A search ends where a step changes the loss by less than this share of it."""


@dataclass(frozen=True)
class Departures:
    """The learned departure of each indicator's weight from the prior's; the intercepts."""

    departures: Matrix
    intercepts: Matrix


def fit_departures(
    extents: Matrix,
    prior: Matrix,
    reviewed: npt.NDArray[np.int64],
    weights: Matrix,
    floors: Matrix,
    ridge: float,
) -> Departures:
    """Fit one departure an indicator over all thresholds (proportional odds).

    `extents` (rows, indicators) says how far each is fired, `prior` (rows) what the prior's weights
    make of it, `floors` (indicators) the least departure; `ridge` draws departures to nought.
    """
    steps = len(THRESHOLDS)
    weight = weights / weights.mean()
    higher = np.column_stack([reviewed >= k for k in range(1, steps + 1)]).astype(np.float64)

    def loss(beta: Matrix) -> tuple[float, Matrix]:
        intercepts, departures = beta[:steps], beta[steps:]
        score = (prior + extents @ departures)[:, None] + intercepts
        away = intercepts - USUAL_INTERCEPT
        value = weight @ (np.logaddexp(0, score) - higher * score).sum(axis=1)
        value += 0.5 * (ridge * departures @ departures + INTERCEPT_RIDGE * away @ away)
        residual = weight[:, None] * (sigmoid(score) - higher)
        gradient = np.concatenate(
            [
                residual.sum(axis=0) + INTERCEPT_RIDGE * away,
                extents.T @ residual.sum(axis=1) + ridge * departures,
            ]
        )
        return float(value), gradient

    start = np.concatenate([np.full(steps, USUAL_INTERCEPT), np.zeros(extents.shape[1])])
    least = np.concatenate([np.full(steps, -np.inf), floors])
    spread = (higher.mean(axis=0) * (1 - higher.mean(axis=0)) * len(higher)).sum()
    curvature = np.concatenate(
        [
            np.full(steps, INTERCEPT_RIDGE + spread / steps),
            ridge + spread * np.average(extents**2, axis=0, weights=weights),
        ]
    )
    beta = minimise(loss, start, least, curvature)
    # What reaches a threshold reaches every lower one: so do the shares, and so must these.
    return Departures(beta[steps:], np.minimum.accumulate(beta[:steps]))


def choose_ridge(ridges: Sequence[float], loss_left_out: Callable[[float], float]) -> float:
    """The ridge whose loss on people left out is least; of equal ones the largest."""
    if len(ridges) == 1:
        return ridges[0]
    losses = {ridge: loss_left_out(ridge) for ridge in ridges}
    return min(losses, key=lambda ridge: (losses[ridge], -ridge))


def minimise(
    loss: Callable[[Matrix], tuple[float, Matrix]],
    start: Matrix,
    least: Matrix,
    curvature: Matrix,
) -> Matrix:
    """The parameters at which a convex loss is least, none below its `least`.

    `loss` gives the value and the gradient. `curvature` (about that of the loss, along each
    parameter) makes steps alike in all of them: without it the search takes many times as long.
    """
    scale = np.sqrt(curvature)

    def scaled(z: Matrix) -> tuple[float, Matrix]:
        value, gradient = loss(z / scale)
        return value, gradient / scale

    bounds = [(None if low == -np.inf else low, None) for low in least * scale]
    optimum = minimize(
        scaled,
        start * scale,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"ftol": FLAT, "maxiter": 2000, "maxfun": 4000},
    )
    parameters: Matrix = np.maximum(optimum.x / scale, least)
    return parameters


def sigmoid(score: Matrix) -> Matrix:
    """The probability of log-odds."""
    probability: Matrix = 0.5 * (1 + np.tanh(score / 2))
    return probability


def log_loss(score: Matrix, higher: Matrix, weights: Matrix) -> float:
    """The weighted mean log loss of log-odds."""
    return float(np.average(np.logaddexp(0, score) - higher * score, weights=weights))
