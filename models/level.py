"""Stage 2: calibrates the probability that a reader would give a higher level than recorded.

Log-odds = base of the recorded level and group + the sum over indicators of weight x how far it is
fired + slope x margin of stage 1. A weight is the prior's times a scale of the level, and a learned
departure. Where a level's readings do not rank better than the prior, that stands there alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from models.inputs import GROUPS, Matrix
from models.prior import Prior
from models.strata import stratum_of


@dataclass(frozen=True)
class Stratum:
    """The calibration of one recorded level.

    `slope` multiplies the margin of stage 1, `scale` the prior's weight of each indicator, and
    `departures` are added to it. With `on_prior` slope and departures are nought.
    """

    slope: float
    scale: float
    base: dict[str, float]
    departures: dict[str, float]
    on_prior: bool
    rows: int
    higher: int

    def as_json(self) -> dict[str, Any]:
        """The calibration of one recorded level as a dictionary for the bundle."""
        return asdict(self)


def stratum_on_prior(columns: Sequence[str], prior: Prior) -> Stratum:
    """A level of which there is no reading: the prior as it is, uncalibrated."""
    return Stratum(
        slope=0.0,
        scale=1.0,
        base=dict.fromkeys(GROUPS, prior.base),
        departures=dict.fromkeys(columns, 0.0),
        on_prior=True,
        rows=0,
        higher=0,
    )


@dataclass(frozen=True)
class LevelModel:
    """Stage 2 for every recorded level.

    `usual` is how far each indicator is fired on average among the rows of the calibration, over
    all levels: what everybody has is no reason in full.
    """

    strata: Mapping[str, Stratum]
    columns: tuple[str, ...]
    prior: Prior
    usual: Mapping[str, float]

    @property
    def with_slope(self) -> list[str]:
        """The recorded levels at which stage 1 counts."""
        return [name for name, stratum in self.strata.items() if stratum.slope]

    def log_odds(self, frame: pl.DataFrame, margins: Matrix) -> Matrix:
        """The calibrated log-odds of each row; NaN where its level is not scored.

        `margins` (rows): of stage 1 at the row's own threshold; any number where it does not count.
        """
        strata = stratum_of(frame).to_numpy()
        totals = np.full(frame.height, np.nan)
        for name, stratum in self.strata.items():
            rows = strata == name
            if rows.any():
                part = frame.filter(pl.Series(rows))
                weighed = self.weighed(part, name).sum(axis=1)
                totals[rows] = self.bases(part, name) + weighed + stratum.slope * margins[rows]
        return totals

    def weighed(self, frame: pl.DataFrame, stratum: str) -> Matrix:
        """Weight x how far each indicator is fired: (rows, indicators), never below nought.

        What is not known adds nothing.
        """
        extents = self.prior.extents(frame, self.columns)
        terms: Matrix = extents * self._weights(frame, stratum)
        return terms

    def contributions(self, frame: pl.DataFrame, stratum: str) -> Matrix:
        """What is weighed, against the usual of each: (rows, indicators + 1), last the rest.

        What is not known is as usual.
        """
        unusual = self.prior.unusual(frame, self.usual, self.columns)
        parts = unusual * self._weights(frame, stratum)
        rest = self.weighed(frame, stratum).sum(axis=1) - parts.sum(axis=1)
        return np.hstack([parts, rest[:, None]])

    def prior_contributions(self, frame: pl.DataFrame, stratum: str) -> Matrix:
        """The part of each contribution that is the prior's weight: (rows, indicators)."""
        weights = self.strata[stratum].scale * self.prior.weights_by_row(frame, self.columns)
        parts: Matrix = weights * self.prior.unusual(frame, self.usual, self.columns)
        return parts

    def bases(self, frame: pl.DataFrame, stratum: str) -> Matrix:
        """The calibration's intercept for each row, by its risk group."""
        base = self.strata[stratum].base
        return np.array([base[group] for group in frame["group"]], dtype=np.float64)

    def _weights(self, frame: pl.DataFrame, stratum: str) -> Matrix:
        own = self.strata[stratum]
        departures = np.array([own.departures[name] for name in self.columns])
        weights: Matrix = own.scale * self.prior.weights_by_row(frame, self.columns) + departures
        return weights
