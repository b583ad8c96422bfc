"""Whether a reason would still be the first one had other people been read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from models import explain, metrics
from models.bundle import Bundle
from models.level import STRATA, stratum_of
from models.ordinal import community
from training.config import Config
from training.fit import fit
from training.labels import Labelled

BOOTSTRAPS = 5


@dataclass(frozen=True)
class Stability:
    """At one recorded level: the rows shown, and the share whose first reason stays in all."""

    recorded: str
    shown: int
    unchanged: float
    """Mean over bootstraps of the share whose first reason is the proposal's."""
    always: float
    """The share whose first reason is the proposal's in every bootstrap."""


def measure(
    proposal: Bundle,
    labelled: Labelled,
    frame: pl.DataFrame,
    config: Config,
    step: Callable[[str], None] = lambda _: None,
) -> list[Stability]:
    """Refit on five resamples of people; compare the first grouped reason of every row shown."""
    rng = np.random.default_rng(config.booster.seed)
    frame = community(frame)
    own = _first_reasons(proposal, frame, config.review.share)
    same = {name: np.zeros((BOOTSTRAPS, len(rows))) for name, (rows, _) in own.items()}
    for number in range(BOOTSTRAPS):
        step(f"reasons: bootstrap {number + 1} of {BOOTSTRAPS}")
        other = fit(_resampled(labelled, rng), config)
        for name, (rows, first) in own.items():
            again = _first_of(other, frame[rows], name)
            same[name][number] = [a == b for a, b in zip(first, again, strict=True)]
    return [
        Stability(name, len(rows), float(same[name].mean()), float(same[name].all(axis=0).mean()))
        for name, (rows, _) in own.items()
    ]


Key = tuple[str, str]


def _first_reasons(
    bundle: Bundle, frame: pl.DataFrame, share: float
) -> dict[str, tuple[list[int], list[Key]]]:
    """The rows that would be shown at each recorded level, and the first reason of each."""
    scored = bundle.score(frame)
    strata, score = stratum_of(frame).to_numpy(), scored["log_odds"].fill_null(-np.inf).to_numpy()
    found = {}
    for name in STRATA:
        at = np.flatnonzero((strata == name) & scored["scorable"].to_numpy())
        if len(at):
            shown = metrics.top(score[at], np.ones(len(at)), share) > 0
            rows = [int(row) for row in at[shown]]
            found[name] = rows, _first_of(bundle, frame[rows], name)
    return found


def _first_of(bundle: Bundle, frame: pl.DataFrame, stratum: str) -> list[Key]:
    parts, names = bundle.contributions(frame, stratum)
    summed, keys = explain.grouped(parts, names)
    return [keys[place] for place in summed.argmax(axis=1)]


def _resampled(labelled: Labelled, rng: np.random.Generator) -> Labelled:
    """As many people drawn with replacement; who is drawn twice counts twice."""
    people = labelled.frame["crn"].unique().sort()
    drawn = people.gather(rng.integers(0, len(people), len(people)))
    counts = drawn.value_counts().rename({"count": "_times"})
    rows = labelled.frame.join(counts, on="crn", maintain_order="left")
    return Labelled(rows.with_columns(pl.col("weight") * pl.col("_times")).drop("_times"))
