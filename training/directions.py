"""Tries whether something that gets worse lowers the probability that ranks.

Each row of a sample is copied once for every scored indicator, with that one worse: at its whole
extent in the prior, or farther. The model scores the copies as it scores anybody.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from features.indicators import CATALOGUE
from models.bundle import Bundle
from models.inputs import community_rows
from models.strata import STRATA, stratum_of

ROWS = 60
"""At most so many rows of each recorded level are drawn and copied."""
TOLERANCE = 1e-9


def find_lowering(model: Bundle, frame: pl.DataFrame) -> dict[str, list[str]]:
    """By recorded level, the indicators that lower a probability when they get worse."""
    rows = community_rows(frame).filter(pl.col("on_record") > 0)
    strata = stratum_of(rows)
    lowering: dict[str, list[str]] = {}
    for name in STRATA:
        own = rows.filter(strata == name)
        own = own.sample(min(ROWS, own.height), seed=1)
        if own.is_empty():
            continue
        copies = pl.concat([own.with_columns(_worse(model, one)) for one in model.scored])
        before = model.score_frame(own)["log_odds"].to_numpy()
        after = model.score_frame(copies)["log_odds"].to_numpy().reshape(-1, own.height)
        lower = (after < before - TOLERANCE).any(axis=1)
        lowering[name] = [model.scored[place] for place in np.flatnonzero(lower)]
    return lowering


def _worse(model: Bundle, name: str) -> pl.Expr:
    """The values of an indicator, none better than its whole extent; not known stays so."""
    full = next(one.full for one in model.level.prior.weights if one.indicator == name)
    value = pl.col(name).cast(pl.Float64())
    worst = pl.min_horizontal if CATALOGUE[name].fires_below else pl.max_horizontal
    return worst(value, pl.when(value.is_not_null()).then(pl.lit(full))).alias(name)
