"""The recorded levels that can be too low, and the threshold that each asks of stage 1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from features.contracts import codes

UNKNOWN = "UNKNOWN"
STRATA: tuple[str, ...] = ("LOW", "MEDIUM", "HIGH", UNKNOWN)
"""Recorded levels that can be too low; very high is never flagged. Unknown has its own place."""
THRESHOLDS: tuple[str, ...] = codes.LEVEL_ORDER[1:]
"""The reviewed level is at least this: medium, high, very high."""
THRESHOLD_OF: dict[str, int] = {"LOW": 1, "MEDIUM": 2, "HIGH": 3, UNKNOWN: 2}
"""The stage 1 threshold used for each recorded level; without a current one, "high or more"."""


def stratum_of(frame: pl.DataFrame) -> pl.Series:
    """The stratum of each row: its recorded level, or UNKNOWN where none is current."""
    return frame.select(
        pl.when(pl.col("level").is_in(list(codes.LEVELS)))
        .then(pl.col("level"))
        .otherwise(pl.lit(UNKNOWN))
        .alias("stratum")
    )["stratum"]


def thresholds_of(frame: pl.DataFrame) -> npt.NDArray[np.int64]:
    """The threshold that each row's recorded level asks for, 1 to 3; the highest for very high."""
    of = stratum_of(frame).replace_strict(
        THRESHOLD_OF, default=len(THRESHOLDS), return_dtype=pl.Int64()
    )
    thresholds: npt.NDArray[np.int64] = of.to_numpy()
    return thresholds
