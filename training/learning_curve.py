"""Measures how often a model is right by how many labelled rows taught it, on made-up people.

A labelled row is one reading of one group of people. Judged by the hidden truth on people who
taught nothing, as `training.truth` does, a person at a time: of each recorded level the first
people of a share, by their best row there. Beside the model stand the prior, which no reading
taught, simple rankings, and the model taught by the truth (of the newest days, in order of person).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from features.errors import UserError
from features.store.store import Store
from models import metrics
from models.inputs import Matrix
from models.metrics import Figure
from models.strata import STRATA, stratum_of
from training import baselines, labels, truth
from training.config import Config
from training.fit import fit_bundle
from training.labels import Labelled
from training.splits import person_hash

SHARES = (0.01, 0.02, 0.05, 0.1)
TAUGHT = {
    "logistic regression": baselines.logistic_regression,
    "best single indicator": baselines.best_single_indicator,
}
UNTAUGHT = {
    "prior": baselines.published_findings,
    "count of fired indicators": baselines.fired_indicators,
}


@dataclass(frozen=True)
class CurveLine:
    """One model after some readings: how often it is right among the first people of each level.

    `right` by share, with 95 % intervals by resampling people; `readings` 0 for what none taught.
    """

    model: str
    readings: int
    right: dict[float, Figure]


def measure_curve(
    store: Store,
    folder: Path,
    on: date,
    config: Config,
    sizes: Sequence[int],
    step: Callable[[str], None] = lambda _: None,
) -> tuple[float, list[CurveLine]]:
    """The share of people who are too low at a level, and every model at every number of rows.

    Raises UserError for more rows than there are, or so few that nothing can be trained.
    """
    before = on - timedelta(days=config.splits.gap_days)
    part = person_hash(config.splits.hashes)
    step("readings")
    spoken = labels.read_labels(store, before, config).where(part != truth.HELD)
    _check_sizes(sizes, spoken.frame.height, config)
    step("the held people, as of the day")
    held = truth.label_held_people(store, folder, on, part)
    judge = partial(_judge, held)
    lines = [judge(name, 0, baseline(spoken, held)) for name, baseline in UNTAUGHT.items()]
    for size in sizes:
        some = _first_people(spoken, size)
        step(f"{size:,} labelled rows")
        lines.append(judge(truth.MODEL, size, truth.score_rows(fit_bundle(some, config), held)))
        lines += [judge(name, size, other(some, held)) for name, other in TAUGHT.items()]
    step("as many rows as the most, with the truth of each")
    most = max(sizes)
    true_rows = truth.training_rows(store, folder, before, part, most)
    ceiling = truth.score_rows(fit_bundle(true_rows, config), held)
    lines.append(judge(truth.TAUGHT_BY_TRUTH, most, ceiling))
    too_low = _by_person(held, np.zeros(held.frame.height))["too_low"].to_numpy()
    return float(too_low.mean()), lines


def _check_sizes(sizes: Sequence[int], readings: int, config: Config) -> None:
    if not sizes:
        raise UserError("Name at least one number of labelled rows (--rows 2000,10000).")
    if max(sizes) > readings:
        raise UserError(
            f"There are {readings:,} labelled rows of people who may teach, not {max(sizes):,}. "
            "Ask for fewer, or make up a larger caseload or more audits (--audited)."
        )
    if min(sizes) < config.least.rows:
        raise UserError(f"At least {config.least.rows:,} labelled rows are needed to train.")


def _first_people(labelled: Labelled, size: int) -> Labelled:
    """The first rows by a hash of the person: a larger number holds a smaller one's."""
    order = labelled.frame["crn"].hash(seed=1)
    return Labelled(labelled.frame.with_columns(_order=order).sort("_order", "crn").head(size))


def _judge(held: Labelled, model: str, readings: int, score: Matrix) -> CurveLine:
    people = _by_person(held, score)
    of_level = people["stratum"].to_numpy()
    right = {
        share: metrics.bootstrap_interval(
            measure=partial(_right_in, of_level, share),
            better="higher",
            values=people["score"].to_numpy(),
            higher=people["too_low"].to_numpy(),
            weight=np.ones(people.height),
            people=people["crn"].to_numpy(),
            seed=1,
        )
        for share in SHARES
    }
    return CurveLine(model, readings, right)


def _by_person(held: Labelled, score: Matrix) -> pl.DataFrame:
    """One row a person and recorded level: the best score there, and whether any is too low."""
    rows = held.frame.select(
        "crn",
        stratum_of(held.frame),
        score=pl.Series(score),
        too_low=pl.Series(labels.read_higher(held) > 0),
    ).filter(pl.col("stratum").is_in(STRATA))
    people = rows.group_by("crn", "stratum").agg(pl.col("score").max(), pl.col("too_low").any())
    return people.sort("stratum", "crn")


def _right_in(
    of_level: np.ndarray, share: float, score: Matrix, higher: np.ndarray, weight: Matrix
) -> float:
    """The share right among the first people of each level, over all levels."""
    right, total = 0.0, 0.0
    for level in np.unique(of_level):
        at = of_level == level
        chosen = metrics.top_share(score[at], weight[at], share) * weight[at]
        right += float(chosen @ higher[at])
        total += float(chosen.sum())
    return right / total if total else float("nan")


def as_rows(lines: Sequence[CurveLine]) -> Iterator[dict[str, object]]:
    """The lines as rows of a table: a figure with its interval for each share."""
    for line in lines:
        row: dict[str, object] = {"model": line.model, "readings": line.readings}
        for share, figure in line.right.items():
            name = f"right_{share:g}"
            row |= {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}
        yield row
