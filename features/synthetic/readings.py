"""Makes what readers of a made-up caseload would say of its levels; the past of a demo uses it.

A file of readings stands between the hidden truth and the service, which never opens the truth. The
readers err as in `features.synthetic.readers`; what they say proves plumbing, never accuracy.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from features.contracts import codes
from features.errors import MissingInput, UserError
from features.synthetic import figures
from features.synthetic.bucket import TRUE_LEVELS
from features.synthetic.caseload import SEALED

SEED = 7


def read_levels_on(truth: Path, days: Sequence[date]) -> pl.DataFrame:
    """What a made-up reader would say of each case and group: crn, group, on, level.

    `level` is null where the reader finds that whatever is recorded is right. Raises MissingInput
    where there is no truth, UserError for a day that the truth does not span.
    """
    about = truth / SEALED
    if not about.exists():
        raise MissingInput(f"There is no hidden truth in {truth}. Make it with: synthesise")
    described = json.loads(about.read_text(encoding="utf-8"))
    as_of, months = date.fromisoformat(described["as_of"]), described["months"]
    levels = pl.read_parquet(truth / TRUE_LEVELS / "*.parquet").sort("crn", "group")
    rng = np.random.default_rng(SEED)
    parts = []
    for day in days:
        back = (as_of - day).days
        month = months - 1 - back // described["days_a_month"]
        if back < 0 or month < 0:
            raise UserError(f"The hidden truth in {truth} does not span {day}.")
        true = levels["level"].arr.get(month).cast(pl.Int64).to_numpy()
        parts.append(levels.select("crn", "group", on=pl.lit(day), level=_say(rng, true)))
    return pl.concat(parts)


def _say(rng: np.random.Generator, true: np.ndarray) -> pl.Series:
    """The level that a reader gives, by its name; null where the recorded level is left alone."""
    sees = rng.random(len(true)) < figures.SENSITIVITY.value
    slips = rng.random(len(true)) >= figures.SPECIFICITY.value ** (1 / len(codes.COMMUNITY_GROUPS))
    wrong_way = np.where(rng.random(len(true)) < 0.5, 1, -1)
    read = np.clip(true + np.where(slips, wrong_way, 0), 0, len(codes.LEVEL_ORDER) - 1)
    names = pl.Series(list(codes.LEVEL_ORDER))[read]
    return pl.select(pl.when(pl.Series(sees | slips)).then(names)).to_series()
