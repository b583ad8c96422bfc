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

from models.inputs import Matrix
from models.strata import THRESHOLDS

INTERCEPT_RIDGE = 0.5
"""Keeps an intercept finite where no reading, or every one, reaches a threshold."""
USUAL_INTERCEPT = -3.0
FLAT = 1e-9
"""A search ends where a step changes the loss by less than this share of it."""
MOST_STEPS = 100
LEAST_FALL = 1e-4
"""The least share of what the gradient promises by which a step must lower the loss."""
SMALLEST_STEP = 1e-9


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
        score, away = _scores(beta), beta[:steps] - USUAL_INTERCEPT
        departures = beta[steps:]
        value = weight @ (np.logaddexp(0, score) - higher * score).sum(axis=1)
        value += 0.5 * (ridge * departures @ departures + INTERCEPT_RIDGE * away @ away)
        residual = weight[:, None] * (sigmoid(score) - higher)
        slope = extents.T @ residual.sum(axis=1) + ridge * departures
        return float(value), np.concatenate([residual.sum(axis=0) + INTERCEPT_RIDGE * away, slope])

    def curvature(beta: Matrix) -> Matrix:
        chance = sigmoid(_scores(beta))
        spread = weight[:, None] * chance * (1 - chance)
        whole = np.empty((len(beta), len(beta)))
        whole[:steps, :steps] = np.diag(spread.sum(axis=0) + INTERCEPT_RIDGE)
        whole[steps:, :steps] = extents.T @ spread
        whole[:steps, steps:] = whole[steps:, :steps].T
        whole[steps:, steps:] = weighted_squares(extents, spread.sum(axis=1))
        whole[range(steps, len(beta)), range(steps, len(beta))] += ridge
        return whole

    def _scores(beta: Matrix) -> Matrix:
        scores: Matrix = (prior + extents @ beta[steps:])[:, None] + beta[:steps]
        return scores

    start = np.concatenate([np.full(steps, USUAL_INTERCEPT), np.zeros(extents.shape[1])])
    least = np.concatenate([np.full(steps, -np.inf), floors])
    beta = minimise(loss, curvature, start, least)
    # What reaches a threshold reaches every lower one: so do the shares, and so must these.
    return Departures(beta[steps:], np.minimum.accumulate(beta[:steps]))


def weighted_squares(design: Matrix, weights: Matrix) -> Matrix:
    """The sums over rows of weight x the products of each two columns: (columns, columns)."""
    weighed = design * np.sqrt(weights)[:, None]
    squares: Matrix = weighed.T @ weighed
    return squares


def choose_ridge(ridges: Sequence[float], loss_left_out: Callable[[float], float]) -> float:
    """The ridge whose loss on people left out is least; of equal ones the largest."""
    if len(ridges) == 1:
        return ridges[0]
    losses = {ridge: loss_left_out(ridge) for ridge in ridges}
    return min(losses, key=lambda ridge: (losses[ridge], -ridge))


def minimise(
    loss: Callable[[Matrix], tuple[float, Matrix]],
    curvature: Callable[[Matrix], Matrix],
    start: Matrix,
    least: Matrix,
) -> Matrix:
    """The parameters at which a convex loss is least, none below its `least`.

    `loss` gives the value and the gradient, `curvature` the second derivatives. By Newton's steps
    over the parameters that are not held at their least, each cut back until the loss falls
    (Bertsekas, SIAM Journal on Control and Optimization 1982, 20: 221-246).
    """
    at = np.maximum(start, least)
    value, gradient = loss(at)
    for _ in range(MOST_STEPS):
        second = curvature(at)
        # Cut back at the bounds, Newton's step may lead up; each parameter's own never does.
        by_itself = np.where((at <= least) & (gradient >= 0), 0.0, -gradient / np.diag(second))
        for step in (_newton_step(gradient, second, at <= least), by_itself):
            lower = _step_down(loss, at, value, gradient, step, least)
            if lower is not None:
                break
        else:
            break
        fall = value - lower[1]
        at, value, gradient = lower
        if fall <= FLAT * max(1.0, abs(value)):
            break
    return at


def _step_down(
    loss: Callable[[Matrix], tuple[float, Matrix]],
    at: Matrix,
    value: float,
    gradient: Matrix,
    step: Matrix,
    least: Matrix,
) -> tuple[Matrix, float, Matrix] | None:
    """Where a step leads, cut back until the loss falls as the gradient promises: the parameters,
    the loss and its gradient; None where it leads nowhere.
    """
    size = 1.0
    while size > SMALLEST_STEP:
        tried = np.maximum(at + size * step, least)
        promised = gradient @ (tried - at)
        new_value, new_gradient = loss(tried)
        if promised < 0 and new_value <= value + LEAST_FALL * promised:
            return tried, new_value, new_gradient
        size /= 2
    return None


def _newton_step(gradient: Matrix, curvature: Matrix, at_least: npt.NDArray[np.bool_]) -> Matrix:
    """Newton's step, without moving what is at its least and would fall below it."""
    step = np.zeros(len(gradient))
    free = ~(at_least & (gradient >= 0))
    while free.any():
        step[:] = 0.0
        step[free] = -np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
        falling = free & at_least & (step < 0)
        if not falling.any():
            break
        free &= ~falling
    return step


def sigmoid(score: Matrix) -> Matrix:
    """The probability of log-odds."""
    probability: Matrix = 0.5 * (1 + np.tanh(score / 2))
    return probability


def log_loss(score: Matrix, higher: Matrix, weights: Matrix) -> float:
    """The weighted mean log loss of log-odds."""
    return float(np.average(np.logaddexp(0, score) - higher * score, weights=weights))
