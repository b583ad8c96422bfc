"""Measures whether a reason stays when the model is trained on other people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from models import explain, metrics
from models.bundle import Bundle
from models.explain import LEAST_SETTLED, SMALLEST_WEIGHT, Key
from models.inputs import Matrix, community_rows
from models.strata import STRATA, stratum_of
from training.config import Config
from training.fit import fit_bundle
from training.labels import Labelled

BOOTSTRAPS = 5
TOP, STILL = 0.02, 0.05
FEWEST = 30
"""A family that raised the score of fewer shown rows, over all resamples, is not judged."""


@dataclass(frozen=True)
class Stability:
    """At one recorded level: the rows shown, and how often their first reason stays.

    `unchanged` is the mean over resamples of the share whose first reason is the proposal's,
    `always` the share for which it is in every one; `settled` the mean once the families that
    do not stay are held back (measured on the resamples that chose them, so a little too kind).
    """

    recorded: str
    shown: int
    unchanged: float
    always: float
    settled: float


@dataclass(frozen=True)
class RankStability:
    """Of the rows that rank first at a recorded level, how many others would still show.

    `stays` is the mean, over models trained on other people, of the share of the proposal's first
    TOP that are in their first STILL.
    """

    recorded: str
    rows: int
    stays: float


@dataclass(frozen=True)
class Steadiness:
    """How stable the reasons at each level are, and how often each family stays a reason."""

    lines: list[Stability]
    families: dict[str, dict[str, float]]
    ranks: list[RankStability]


def measure_stability(
    proposal: Bundle,
    labelled: Labelled,
    frame: pl.DataFrame,
    config: Config,
    step: Callable[[str], None] = lambda _: None,
) -> Steadiness:
    """Refit on five resamples of people and compare the reasons of every row shown."""
    rng = np.random.default_rng(config.booster.seed)
    frame = community_rows(frame)
    shown = rows_shown(proposal, frame, config.review.share)
    own = {name: _reason_weights(proposal, frame[rows], name) for name, rows in shown.items()}
    others: dict[str, list[Matrix]] = {name: [] for name in shown}
    first = rows_shown(proposal, frame, TOP)
    stays: dict[str, list[float]] = {name: [] for name in first}
    for number in range(BOOTSTRAPS):
        step(f"reasons: resample {number + 1} of {BOOTSTRAPS}")
        other = fit_bundle(_resample_people(labelled, rng), config, by_prior=proposal.by_prior)
        for name, rows in shown.items():
            others[name].append(_reason_weights(other, frame[rows], name)[0])
        still = rows_shown(other, frame, STILL)
        for name, rows in first.items():
            stays[name].append(len({*rows} & {*still[name]}) / len(rows))
    ranks = [
        RankStability(name, len(rows), float(np.mean(stays[name]))) for name, rows in first.items()
    ]
    lines, families = [], {}
    for name, (weights, keys) in own.items():
        again = np.stack(others[name])
        still_given = dict(_family_stays(weights, again, keys))
        families[name] = {explain.family_key(key): rate for key, rate in still_given.items()}
        settled = [still_given.get(key, 1.0) >= LEAST_SETTLED for key in keys]
        same = _same_first(weights, again)
        after = _same_first(weights[:, settled], again[:, :, settled])
        lines.append(
            Stability(
                name,
                len(weights),
                float(same.mean()),
                float(same.all(axis=0).mean()),
                float(after.mean()),
            )
        )
    return Steadiness(lines, families, ranks)


def rows_shown(bundle: Bundle, frame: pl.DataFrame, share: float) -> dict[str, list[int]]:
    """The indexes of the rows that would be shown at each recorded level."""
    scored = bundle.score_frame(frame)
    strata, score = stratum_of(frame).to_numpy(), scored["log_odds"].fill_null(-np.inf).to_numpy()
    lists = {}
    for name in STRATA:
        at = np.flatnonzero((strata == name) & scored["scorable"].to_numpy())
        if len(at):
            chosen = metrics.top_share(score[at], np.ones(len(at)), share) > 0
            lists[name] = [int(row) for row in at[chosen]]
    return lists


def _reason_weights(bundle: Bundle, frame: pl.DataFrame, stratum: str) -> tuple[Matrix, list[Key]]:
    return explain.group_contributions(*bundle.contributions(frame, stratum))


def _family_stays(own: Matrix, again: Matrix, keys: list[Key]) -> Iterator[tuple[Key, float]]:
    """For each family: of the rows that it raised, the share it still raises after refitting."""
    raised = own >= SMALLEST_WEIGHT
    for place, key in enumerate(keys):
        rows = raised[:, place]
        if rows.sum() * len(again) >= FEWEST:
            yield key, float((again[:, rows, place] >= SMALLEST_WEIGHT).mean())


def _same_first(own: Matrix, again: Matrix) -> Matrix:
    """(resamples, rows): whether the family with the largest weight is the same."""
    if not own.shape[1]:
        return np.ones(again.shape[:2])
    same: Matrix = (again.argmax(axis=2) == own.argmax(axis=1)[None, :]).astype(np.float64)
    return same


def _resample_people(labelled: Labelled, rng: np.random.Generator) -> Labelled:
    """As many people drawn with replacement; a person drawn twice counts twice."""
    people = labelled.frame["crn"].unique().sort()
    drawn = people.gather(rng.integers(0, len(people), len(people)))
    counts = drawn.value_counts().rename({"count": "_times"})
    rows = labelled.frame.join(counts, on="crn", maintain_order="left")
    return Labelled(rows.with_columns(pl.col("weight") * pl.col("_times")).drop("_times"))
