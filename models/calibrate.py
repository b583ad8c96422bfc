"""Fits stage 2: one set of weights over the recorded levels, with small departures of each.

Penalised maximum likelihood over all levels at once. A level multiplies the prior by a scale, drawn
to one; its departures are drawn to shared ones, and those to nought; the slope of stage 1 is drawn
to nought. So without readings the prior ranks, and it gives way as they come. The ridge is the one
with the least log loss on people left out. There each level is also ranked by the prior alone, and
where that is right more often, the prior stands. It also stands where it is asked for by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from models import metrics
from models.inputs import GROUPS, Matrix, mean_extents, supplied_matrix
from models.level import LevelModel, Stratum, stratum_on_prior
from models.prior import LEAST_SHARE, Prior
from models.strata import STRATA, THRESHOLD_OF, stratum_of
from models.weights import choose_ridge, log_loss, minimise, sigmoid, weighted_squares

SLOPE = 1 + len(GROUPS)
SCALE = SLOPE + 1
"""A level's parameters: intercept, base of each group, slope, scale, departures."""
DRAWN_TO = np.array([0.0] * SCALE + [1.0])
RIDGES = np.array([0.01, *[8.0] * len(GROUPS), 10.0, 30.0])
"""How firmly each parameter before the departures is drawn to `DRAWN_TO`."""
OWN = 10.0
"""How much more firmly a level's departures are drawn to the shared ones than those to nought."""
Levels = Mapping[str, Matrix]
"""The parameters of each recorded level."""


@dataclass(frozen=True)
class CalibrationRows:
    """Labelled rows for stage 2, one line a row.

    `margins` come from trainings that had not seen the person; `extents` say how far each indicator
    is fired, `prior` what the prior makes of them together, `supplied` whether each is known;
    `parts` number the folds of people, from 0.
    """

    strata: npt.NDArray[np.object_]
    groups: npt.NDArray[np.object_]
    margins: Matrix
    extents: Matrix
    prior: Matrix
    supplied: npt.NDArray[np.bool_]
    higher: Matrix
    weights: Matrix
    parts: npt.NDArray[np.int64]

    def where(self, chosen: npt.NDArray[np.bool_]) -> CalibrationRows:
        """The rows that are chosen."""
        return CalibrationRows(**{name: values[chosen] for name, values in vars(self).items()})


def calibration_rows(
    frame: pl.DataFrame,
    margins: Matrix,
    reviewed: npt.NDArray[np.int64],
    weights: Matrix,
    parts: npt.NDArray[np.int64],
    columns: Sequence[str],
    prior: Prior,
) -> CalibrationRows:
    """Lay out judged rows of a frame for stage 2; very high, which cannot be too low, is left out.

    `reviewed` is the reader's level, 0 to 3.
    """
    strata = stratum_of(frame).to_numpy()
    recorded = np.array([THRESHOLD_OF.get(name, 0) for name in strata], dtype=np.int64)
    whole = CalibrationRows(
        strata=strata,
        groups=frame["group"].to_numpy(),
        margins=margins,
        extents=prior.extents(frame, columns),
        prior=prior.weighed(frame, columns).sum(axis=1),
        supplied=supplied_matrix(frame, columns),
        higher=(reviewed >= recorded).astype(np.float64),
        weights=weights,
        parts=parts,
    )
    return whole.where(recorded > 0)


def fit_level_model(
    rows: CalibrationRows,
    columns: Sequence[str],
    prior: Prior,
    ridges: Sequence[float],
    by_prior: Collection[str] = (),
) -> LevelModel:
    """Fit stage 2; the recorded levels of `by_prior` stand on the prior, whatever they show.

    A level without a single row stands on it too, uncalibrated.
    """
    least = prior.least_weights(columns)
    ridge = choose_ridge(
        ridges,
        lambda one: (
            log_loss(_score_left_out(rows, least, one), rows.higher, rows.weights)
            if len(rows.higher)
            else 0.0
        ),
    )
    levels = _fit_levels(rows, least, ridge)
    left_out = _score_left_out(rows, least, ridge)
    strata = {}
    for name in STRATA:
        of_level = rows.strata == name
        own = rows.where(of_level)
        if name not in by_prior and _beats_prior(own, left_out[of_level]):
            strata[name] = _stratum(levels[name], least, columns, own)
        else:
            strata[name] = _stand_on_prior(name, own, columns, prior)
    return LevelModel(strata, tuple(columns), prior, _usual(rows, columns))


def _score_left_out(rows: CalibrationRows, least: Matrix, ridge: float) -> Matrix:
    """The log-odds of each row by a calibration of the people of the other parts."""
    scores = np.zeros(len(rows.higher))
    for part in np.unique(rows.parts):
        held = rows.parts == part
        levels = _fit_levels(rows.where(~held), least, ridge)
        scores[held] = _score(rows.where(held), levels, least)
    return scores


def _beats_prior(rows: CalibrationRows, left_out: Matrix) -> bool:
    """Whether a level's readings rank people left out at least as well as the prior does."""
    higher = rows.higher > 0
    if not higher.any() or higher.all():
        return False
    learned = metrics.average_precision(left_out, higher, rows.weights)
    return learned >= metrics.average_precision(rows.prior, higher, rows.weights)


def _fit_levels(rows: CalibrationRows, least: Matrix, ridge: float) -> Levels:
    """Fit all levels at once: their own parameters, and the departures that they share.

    `least` is the prior's weight of each indicator for the group where it is least. A level's own
    weight of it is searched above LEAST_SHARE of that: then no weight is nothing, whatever the
    scale, and one can fall without the others.
    """
    width, count = SCALE + 1 + len(least), len(least)
    own = {name: slice(at * width, (at + 1) * width) for at, name in enumerate(STRATA)}
    designs = {name: _design(rows, name, least) for name in STRATA}
    weights = rows.weights / rows.weights.mean() if len(rows.weights) else rows.weights
    square, pull = _drawing(own, least, ridge)

    def loss(beta: Matrix) -> tuple[float, Matrix]:
        value, gradient = 0.5 * beta @ square @ beta - pull @ beta, square @ beta - pull
        for name, (design, offset, of_level) in designs.items():
            score, weight = design @ beta[own[name]] + offset, weights[of_level]
            higher = rows.higher[of_level]
            value += weight @ (np.logaddexp(0, score) - higher * score)
            gradient[own[name]] += design.T @ (weight * (sigmoid(score) - higher))
        return float(value), gradient

    def curvature(beta: Matrix) -> Matrix:
        whole = square.copy()
        for name, (design, offset, of_level) in designs.items():
            chance = sigmoid(design @ beta[own[name]] + offset)
            spread = weights[of_level] * chance * (1 - chance)
            whole[own[name], own[name]] += weighted_squares(design, spread)
        return whole

    start = np.concatenate([DRAWN_TO, (1 - LEAST_SHARE) * least])
    bounds = np.concatenate([np.full(SLOPE, -np.inf), [0.0, LEAST_SHARE], np.zeros(count)])
    best = minimise(
        loss,
        curvature,
        np.concatenate([np.tile(start, len(STRATA)), np.zeros(count)]),
        np.concatenate([np.tile(bounds, len(STRATA)), np.full(count, -np.inf)]),
    )
    return {name: best[own[name]] for name in STRATA}


def _drawing(own: Mapping[str, slice], least: Matrix, ridge: float) -> tuple[Matrix, Matrix]:
    """What the parameters are drawn to, as a square and a pull: half of b'Sb, less p'b.

    A level's first parameters to DRAWN_TO, its departures to the shared ones, those to nought.
    """
    count = len(least)
    size = len(own) * (SCALE + 1 + count) + count
    square, pull = np.zeros((size, size)), np.zeros(size)
    shared = np.arange(size - count, size)
    square[shared, shared] += ridge
    for parameters in own.values():
        first = np.arange(parameters.start, parameters.start + SCALE + 1)
        square[first, first] += RIDGES
        pull[first] += RIDGES * DRAWN_TO
        # How far the level's departures are from the shared ones: away @ parameters + constant.
        away = np.zeros((count, size))
        away[:, parameters.start + SCALE] = -least
        away[np.arange(count), np.arange(first[-1] + 1, parameters.stop)] = 1.0
        away[np.arange(count), shared] = -1.0
        square += OWN * ridge * away.T @ away
        pull -= OWN * ridge * away.T @ (LEAST_SHARE * least)
    return square, pull


def _departures(own: Matrix, least: Matrix) -> Matrix:
    """What a level adds to its scale times the prior: its weight above the floor says it."""
    departures: Matrix = own[SCALE + 1 :] + (LEAST_SHARE - own[SCALE]) * least
    return departures


def _design(
    rows: CalibrationRows, name: str, least: Matrix
) -> tuple[Matrix, Matrix, npt.NDArray[np.bool_]]:
    """The rows of one level as columns of its parameters, what the floors add, and which rows.

    The scale multiplies what the prior weighs more for the row's group than where it is least; the
    rest of the prior is in each indicator's own weight.
    """
    of_level = rows.strata == name
    onehot = np.column_stack([rows.groups[of_level] == group for group in GROUPS])
    extents = rows.extents[of_level]
    at_least = extents @ least
    columns = (
        np.ones((int(of_level.sum()), 1)),
        onehot.astype(np.float64),
        rows.margins[of_level][:, None],
        (rows.prior[of_level] - at_least)[:, None],
        extents,
    )
    return np.hstack(columns), LEAST_SHARE * at_least, of_level


def _score(rows: CalibrationRows, levels: Levels, least: Matrix) -> Matrix:
    scores = np.zeros(len(rows.higher))
    for name in STRATA:
        design, offset, of_level = _design(rows, name, least)
        scores[of_level] = design @ levels[name] + offset
    return scores


def _stratum(own: Matrix, least: Matrix, columns: Sequence[str], rows: CalibrationRows) -> Stratum:
    return Stratum(
        slope=float(own[SLOPE]),
        scale=float(own[SCALE]),
        base={group: float(own[0] + own[1 + i]) for i, group in enumerate(GROUPS)},
        departures=dict(zip(columns, map(float, _departures(own, least)), strict=True)),
        on_prior=False,
        rows=len(rows.higher),
        higher=int(rows.higher.sum()),
    )


def _stand_on_prior(
    name: str, rows: CalibrationRows, columns: Sequence[str], prior: Prior
) -> Stratum:
    """One level by the prior alone, in its order: one base and the scale are fitted."""
    if not len(rows.higher):
        return stratum_on_prior(columns, prior)
    alone = replace(
        rows,
        # A base of each group would put the groups in another order than the prior does.
        groups=np.full(len(rows.higher), "", dtype=object),
        margins=np.zeros(len(rows.higher)),
        extents=np.zeros((len(rows.higher), 0)),
    )
    nothing = np.zeros(0)
    fitted = _stratum(_fit_levels(alone, nothing, 1.0)[name], nothing, (), alone)
    return replace(fitted, slope=0.0, departures=dict.fromkeys(columns, 0.0), on_prior=True)


def _usual(rows: CalibrationRows, columns: Sequence[str]) -> dict[str, float]:
    mean = mean_extents(rows.extents, rows.supplied, rows.weights)
    return dict(zip(columns, map(float, mean), strict=True))
