"""Stage 2: calibrates the probability that a reader would give a higher level than recorded.

Its output is the calibrated probability that a reader would put the group higher.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.optimize import minimize

from features.contracts import codes
from models.ordinal import GROUPS, Matrix

UNKNOWN = "UNKNOWN"
STRATA: tuple[str, ...] = ("LOW", "MEDIUM", "HIGH", UNKNOWN)
"""Recorded levels that can be too low; very high is never flagged. Unknown has its own place."""
THRESHOLD_OF: dict[str, int] = {"LOW": 1, "MEDIUM": 2, "HIGH": 3, UNKNOWN: 2}
"""The stage 1 threshold used for each recorded level; without a current one, "high or more"."""
LEAST_SLOPE = 0.05


@dataclass(frozen=True)
class Stratum:
    """The calibration of one recorded level: log-odds = base of the group + slope x margin +
    the sum over process indicators of coefficient x min(value, cap) / scale.
    """

    slope: float
    base: dict[str, float]
    coefficients: dict[str, float]
    rows: int
    higher: int

    def as_json(self) -> dict[str, Any]:
        """The calibration of one recorded level as a dictionary for the bundle."""
        return asdict(self)


@dataclass(frozen=True)
class LevelModel:
    """Stage 2 for every recorded level, with the scale and cap of each process indicator."""

    strata: Mapping[str, Stratum]
    scales: Mapping[str, float]
    caps: Mapping[str, float]

    @property
    def columns(self) -> tuple[str, ...]:
        """The process indicators that stage 2 reads, in order."""
        return tuple(self.scales)

    def process_terms(self, frame: pl.DataFrame, stratum: str) -> Matrix:
        """What each process indicator adds to the log-odds: (rows, process indicators)."""
        coefficients = self.strata[stratum].coefficients
        weights = np.array([coefficients[name] for name in self.columns])
        terms: Matrix = scale_indicators(frame, self.scales, self.caps) * weights
        return terms

    def log_odds(self, frame: pl.DataFrame, margins: Matrix) -> Matrix:
        """The calibrated log-odds of each row from stage 1 margins (rows, 3); NaN if not scored."""
        strata = stratum_of(frame).to_numpy()
        totals = np.full(frame.height, np.nan)
        for name, stratum in self.strata.items():
            rows = strata == name
            if rows.any():
                part = frame.filter(pl.Series(rows))
                margin = margins[rows, THRESHOLD_OF[name] - 1]
                process = self.process_terms(part, name).sum(axis=1)
                totals[rows] = self.bases(part, name) + stratum.slope * margin + process
        return totals

    def bases(self, frame: pl.DataFrame, stratum: str) -> Matrix:
        """The calibration's intercept for each row, by its risk group."""
        base = self.strata[stratum].base
        return np.array([base[group] for group in frame["group"]], dtype=np.float64)


def stratum_of(frame: pl.DataFrame) -> pl.Series:
    """The stratum of each row: its recorded level, or UNKNOWN where none is current."""
    return frame.select(
        pl.when(pl.col("level").is_in(list(codes.LEVELS)))
        .then(pl.col("level"))
        .otherwise(pl.lit(UNKNOWN))
        .alias("stratum")
    )["stratum"]


def scale_indicators(
    frame: pl.DataFrame, scales: Mapping[str, float], caps: Mapping[str, float]
) -> Matrix:
    """Process indicators capped and divided by their scale; null becomes 0."""
    if not scales:
        return np.zeros((frame.height, 0))
    values = frame.select(list(scales)).to_numpy().astype(np.float64)
    most = np.array([caps[name] for name in scales])
    capped = np.clip(values, 0, most) / np.array([*scales.values()])
    scaled_values: Matrix = np.where(np.isnan(capped), 0.0, capped)
    return scaled_values


def fit_level_model(
    frame: pl.DataFrame,
    margins: Matrix,
    reviewed: npt.NDArray[np.int64],
    weights: Matrix,
    columns: Sequence[str],
    ridge: float = 8.0,
) -> LevelModel:
    """Fit stage 2 on rows whose stage 1 margins come from models trained on other people."""
    scales, caps = _scales_and_caps(frame, columns)
    process = scale_indicators(frame, scales, caps)
    strata = stratum_of(frame).to_numpy()
    recorded = np.array([THRESHOLD_OF.get(name, 0) for name in strata])
    fitted = {}
    for name in STRATA:
        rows = strata == name
        higher = (reviewed >= recorded)[rows].astype(np.float64)
        fitted[name] = fit_stratum(
            margin=margins[rows, THRESHOLD_OF[name] - 1],
            process=process[rows],
            groups=frame["group"].to_numpy()[rows],
            higher=higher,
            weights=weights[rows],
            columns=list(columns),
            ridge=ridge,
        )
    return LevelModel(fitted, scales, caps)


def _scales_and_caps(
    frame: pl.DataFrame, columns: Sequence[str]
) -> tuple[dict[str, float], dict[str, float]]:
    """The scale (spread) and cap (99th percentile) of each indicator, never 0."""
    scales, caps = {}, {}
    for name in columns:
        values = frame[name].drop_nulls().to_numpy()
        cap = float(np.quantile(values, 0.99)) if len(values) else 1.0
        caps[name] = max(cap, 1.0)
        spread = float(np.minimum(values, caps[name]).std()) if len(values) else 1.0
        scales[name] = spread if spread > 1e-9 else 1.0
    return scales, caps


def fit_stratum(
    margin: Matrix,
    process: Matrix,
    groups: npt.NDArray[np.object_],
    higher: Matrix,
    weights: Matrix,
    columns: list[str],
    ridge: float,
    names: Sequence[str] = GROUPS,
) -> Stratum:
    """Fit the calibration of one recorded level on its rows.

    Penalised maximum likelihood; weights are rescaled to a mean of one; `names` are the groups over
    which the base is pooled.
    """
    onehot = np.column_stack([groups == group for group in names]).astype(np.float64)
    design = np.hstack([np.ones((len(margin), 1)), onehot, margin[:, None], process])
    weight = weights / weights.mean() if len(weights) else weights
    first = 1 + len(names)
    penalty = np.concatenate(
        [[0.0], np.full(len(names), ridge), [0.0], np.full(len(columns), ridge)]
    )
    target = np.zeros(design.shape[1])
    target[first] = 1.0
    # The slope is drawn, a little, towards one: with few rows, stage 1 is taken at its word.
    penalty[first] = ridge / 4

    def loss(beta: Matrix) -> tuple[float, Matrix]:
        score = design @ beta
        value = weight @ (np.logaddexp(0, score) - higher * score)
        away = beta - target
        gradient = design.T @ (weight * (_sigmoid(score) - higher)) + penalty * away
        return float(value + 0.5 * penalty @ away**2), gradient

    bounds = [(None, None)] * first + [(LEAST_SLOPE, None)] + [(0.0, None)] * len(columns)
    # A stratum without rows keeps a slope of one, and a base at which half would be higher.
    start = target.copy()
    optimum = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    beta = optimum.x
    return Stratum(
        slope=float(beta[first]),
        base={g: float(beta[0] + beta[1 + i]) for i, g in enumerate(names)},
        coefficients=dict(zip(columns, map(float, beta[first + 1 :]), strict=True)),
        rows=len(margin),
        higher=int(higher.sum()),
    )


def _sigmoid(score: Matrix) -> Matrix:
    probability: Matrix = 0.5 * (1 + np.tanh(score / 2))
    return probability
