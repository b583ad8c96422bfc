"""Stage 1: predicts the reviewed level from behaviour, without seeing the recorded one.

Log-odds that the reviewed level is at least medium, high, very high = an intercept of the threshold
+ the sum over behaviour indicators of weight x how far it is fired + the mean of boosters. The
weights are the prior's and a learned departure from each; the boosters begin from that sum and
learn what is left of it. It sees nothing that follows from the level already recorded. It never
falls where an indicator of a declared direction gets worse, and never rises with the threshold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from features.indicators import CATALOGUE
from models.boosters import Settings, booster_margin, train_booster
from models.inputs import GROUPS, Matrix, input_matrix, mean_extents, supplied_matrix
from models.prior import Prior
from models.strata import THRESHOLDS
from models.weights import fit_departures

if TYPE_CHECKING:
    import lightgbm as lgb

DIRECTION = {"+": 1, "-": -1, "0": 0}


@dataclass(frozen=True)
class OrdinalModel:
    """Stage 1, the mean of trainings on resampled people; one booster for each of them.

    `departures`: what was learned of each indicator's weight, beside the prior's. `usual`: how far
    each is fired on average among the rows that it learned from; what contributions start from.
    """

    boosters: tuple[lgb.Booster, ...]
    columns: tuple[str, ...]
    prior: Prior
    departures: Mapping[str, float]
    usual: Mapping[str, float]
    intercepts: tuple[float, ...]

    def margins(self, frame: pl.DataFrame) -> Matrix:
        """The log-odds of each threshold for each row: (rows, 3), falling along a row."""
        whole = [
            self.margins_at(frame, np.full(frame.height, k)) for k in range(1, len(THRESHOLDS) + 1)
        ]
        stacked: Matrix = np.column_stack(whole)
        return stacked

    def margins_at(self, frame: pl.DataFrame, thresholds: npt.NDArray[np.int64]) -> Matrix:
        """The log-odds of each row at its own threshold (1 to 3): (rows)."""
        weighed = self.prior.extents(frame, self.columns) * self._weights(frame)
        total: Matrix = np.array(self.intercepts)[thresholds - 1] + weighed.sum(axis=1)
        if self.boosters:
            base = input_matrix(frame, self.columns)
            trees = sum(booster_margin(one, base, thresholds) for one in self.boosters)
            total = total + trees / len(self.boosters)
        return total

    def contributions(self, frame: pl.DataFrame, thresholds: npt.NDArray[np.int64]) -> Matrix:
        """Exact SHAP contributions to the margin at each row's threshold (1 to 3).

        Shape (rows, indicators + 1): the last column is the base, which holds the average, the
        threshold and the risk group. For the weights: weight x (how far it is fired - the usual);
        for the trees LightGBM's own `pred_contrib` (equal to TreeExplainer's), their mean.
        """
        weights = self._weights(frame)
        parts = self.prior.unusual(frame, self.usual, self.columns) * weights
        shares, rest = np.zeros_like(parts), np.zeros(frame.height)
        if self.boosters:
            rows = np.column_stack([input_matrix(frame, self.columns), thresholds])
            count = len(self.columns)
            for one in self.boosters:
                values = np.asarray(one.predict(rows, pred_contrib=True, num_threads=1))
                shares += values[:, :count] / len(self.boosters)
                rest += values[:, count:].sum(axis=1) / len(self.boosters)
        usual = (self.prior.extents(frame, self.columns) * weights - parts).sum(axis=1)
        base = np.array(self.intercepts)[thresholds - 1] + usual + rest
        return np.hstack([parts + shares, base[:, None]])

    def prior_contributions(self, frame: pl.DataFrame) -> Matrix:
        """The part of each contribution that is the prior's own weight: (rows, indicators)."""
        unusual = self.prior.unusual(frame, self.usual, self.columns)
        parts: Matrix = unusual * self.prior.weights_by_row(frame, self.columns)
        return parts

    def _weights(self, frame: pl.DataFrame) -> Matrix:
        departures = np.array([self.departures[name] for name in self.columns])
        weights: Matrix = self.prior.weights_by_row(frame, self.columns) + departures
        return weights


@dataclass(frozen=True)
class BehaviourRows:
    """What stage 1 learns from: labelled rows as matrices, each with one line a row.

    `inputs` for the boosters (`input_matrix`); `extents` and `prior`, how far each indicator is
    fired and what the prior makes of them together; the reader's level 0 to 3; the weight.
    """

    columns: tuple[str, ...]
    inputs: Matrix
    extents: Matrix
    supplied: npt.NDArray[np.bool_]
    """Whether each indicator is known."""
    prior: Matrix
    floors: Matrix
    """The least departure of each indicator (`least_departures`)."""
    reviewed: npt.NDArray[np.int64]
    weights: Matrix

    def where(self, chosen: npt.NDArray[np.bool_]) -> BehaviourRows:
        """The rows that are chosen."""
        return BehaviourRows(
            self.columns,
            self.inputs[chosen],
            self.extents[chosen],
            self.supplied[chosen],
            self.prior[chosen],
            self.floors,
            self.reviewed[chosen],
            self.weights[chosen],
        )


def behaviour_rows(
    frame: pl.DataFrame,
    reviewed: npt.NDArray[np.int64],
    weights: Matrix,
    columns: Sequence[str],
    prior: Prior,
) -> BehaviourRows:
    """Lay out labelled rows of a frame for stage 1; `reviewed` is the reader's level, 0 to 3."""
    return BehaviourRows(
        columns=tuple(columns),
        inputs=input_matrix(frame, columns),
        extents=prior.extents(frame, columns),
        supplied=supplied_matrix(frame, columns),
        prior=prior.weighed(frame, columns).sum(axis=1),
        floors=prior.least_departures(columns),
        reviewed=reviewed,
        weights=weights,
    )


@dataclass(frozen=True)
class Training:
    """One training of stage 1: its booster, departures from the prior and intercepts."""

    booster: lgb.Booster | None
    departures: Matrix
    intercepts: Matrix

    def margins(self, rows: BehaviourRows) -> Matrix:
        """The log-odds of each threshold for each row: (rows, 3)."""
        weighed = rows.prior + rows.extents @ self.departures
        whole = weighed[:, None] + self.intercepts
        if self.booster is None:
            return whole
        trees = [
            booster_margin(self.booster, rows.inputs, np.full(len(rows.inputs), k))
            for k in range(1, len(THRESHOLDS) + 1)
        ]
        total: Matrix = whole + np.column_stack(trees)
        return total


def train_once(rows: BehaviourRows, settings: Settings, ridge: float) -> Training:
    """Fit the weights, drawn to the prior by `ridge`, and a booster on what they leave."""
    fitted = fit_departures(
        rows.extents, rows.prior, rows.reviewed, rows.weights, rows.floors, ridge
    )
    if not settings.rounds:
        return Training(None, fitted.departures, fitted.intercepts)
    directions = [DIRECTION[CATALOGUE[name].direction] for name in rows.columns]
    weighed = rows.prior + rows.extents @ fitted.departures
    booster = train_booster(
        rows.inputs,
        rows.reviewed,
        rows.weights,
        [*directions, *[0] * len(GROUPS)],
        settings,
        start=weighed[:, None] + fitted.intercepts,
    )
    return Training(booster, fitted.departures, fitted.intercepts)


def mean_model(trainings: Sequence[Training], rows: BehaviourRows, prior: Prior) -> OrdinalModel:
    """The mean of trainings: their log-odds, and so their contributions, are averaged."""
    departures = np.mean([one.departures for one in trainings], axis=0)
    intercepts = np.mean([one.intercepts for one in trainings], axis=0)
    usual = mean_extents(rows.extents, rows.supplied, rows.weights)
    return OrdinalModel(
        boosters=tuple(one.booster for one in trainings if one.booster is not None),
        columns=rows.columns,
        prior=prior,
        departures=dict(zip(rows.columns, map(float, departures), strict=True)),
        usual=dict(zip(rows.columns, map(float, usual), strict=True)),
        intercepts=tuple(map(float, intercepts)),
    )
