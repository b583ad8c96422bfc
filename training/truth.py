"""Compares a model trained on readings with the hidden truth of a made-up caseload.

Judged on people that taught nothing: a part by CRN hash, as of one day, after a gap. Beside it
stand the baselines, and the same two stages taught by the truth itself with ten times the rows:
what readers' noise and few labels cost. Made-up people: it proves plumbing, not accuracy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from features.frame import build
from features.history import asof
from features.store.store import Store
from models import metrics
from models.bundle import Bundle
from models.inputs import Matrix, community_rows
from models.strata import STRATA, stratum_of
from training import baselines, labels, sealed
from training.config import Config
from training.fit import fit_bundle
from training.labels import Labelled
from training.splits import person_hash

HELD = 0
TIMES = 10
EVERY_DAYS = 60
MODEL, TAUGHT_BY_TRUTH = "two-stage model", "the same, taught by the truth"


@dataclass(frozen=True)
class TruthLine:
    """Precision and recall of one model at one recorded level, by made-up people's true levels."""

    model: str
    recorded: str
    rows: int
    too_low: int
    right: float
    share_found: float
    average_precision: float


@dataclass(frozen=True)
class Echo:
    """How well the margin predicts, among people of one true level, who is recorded above low.

    0.5 would mean that recorded behaviour does not predict the recorded level. It is more where
    contact follows the level: who is seen more has more written down.
    """

    true: int
    rows: int
    auc: float


def compare_with_truth(
    store: Store, folder: Path, on: date, config: Config, step: Callable[[str], None]
) -> tuple[list[TruthLine], list[Echo], float]:
    """The figures of every model, the echoes, and the share reached of a truth-taught model."""
    before = on - timedelta(days=config.splits.gap_days)
    part = person_hash(config.splits.hashes)
    step("readings")
    spoken = labels.read_labels(store, before, config).where(part != HELD)
    step("the held people, as of the day")
    true_labels = label_held_people(store, folder, on, part)
    model = fit_bundle(spoken, config)
    scores: dict[str, Matrix] = {MODEL: score_rows(model, true_labels)}
    for name, baseline in baselines.BASELINES.items():
        step(name)
        scores[name] = baseline(spoken, true_labels)
    step(f"{TIMES} times the rows, with the truth of each")
    taught = training_rows(store, folder, before, part, TIMES * spoken.frame.height)
    scores[TAUGHT_BY_TRUTH] = score_rows(fit_bundle(taught, config), true_labels)
    lines = list(_truth_lines(true_labels, scores, config.review.share))
    reached = mean_precision(lines, MODEL) / mean_precision(lines, TAUGHT_BY_TRUTH)
    return lines, _measure_echo(model, true_labels), reached


def label_held_people(store: Store, folder: Path, on: date, part: pl.Expr) -> Labelled:
    """The people under supervision on a day who taught nothing, with their true levels."""
    spine = build.cases_under_supervision(store, on).filter(part == HELD).select(asof.KEY)
    return label_with_truth(pl.concat(list(_true_frames(store, spine))), folder, on)


def _true_frames(store: Store, spine: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for _, frame in build.build_frames(store, spine):
        yield community_rows(frame)


def label_with_truth(frame: pl.DataFrame, folder: Path, on: date) -> Labelled:
    """Rows labelled with the true level, as by a reader who makes no errors."""
    truth = sealed.true_levels(folder, on)
    rows = frame.join(truth, on=["crn", "group"], how="inner").rename({"true": "reviewed"})
    return Labelled(
        rows.filter(pl.col("on_record") > 0)
        .with_columns(weight=pl.lit(1.0), judged=pl.lit(value=True))
        .sort(asof.GROUP_KEY)
    )


def training_rows(store: Store, folder: Path, before: date, part: pl.Expr, count: int) -> Labelled:
    """Rows of other people on earlier days, labelled with the truth."""
    frames: list[pl.DataFrame] = []
    day, rows, first = before, 0, sealed.first_day(folder)
    while rows < count and day >= first:
        spine = build.cases_under_supervision(store, day).filter(part != HELD).select(asof.KEY)
        of_day = label_with_truth(pl.concat(list(_true_frames(store, spine))), folder, day).frame
        frames.append(of_day)
        rows += of_day.height
        day -= timedelta(days=EVERY_DAYS)
    return Labelled(pl.concat(frames).head(count))


def score_rows(model: Bundle, labelled: Labelled) -> Matrix:
    """The probability of each row, 0 where it is not scored."""
    score: Matrix = model.score_frame(labelled.frame)["probability"].fill_null(0.0).to_numpy()
    return score.astype(np.float64)


def _truth_lines(
    labelled: Labelled, scores: dict[str, Matrix], share: float
) -> Iterator[TruthLine]:
    strata, low = stratum_of(labelled.frame).to_numpy(), labels.read_higher(labelled) > 0
    for name, score in scores.items():
        for stratum in STRATA:
            at = strata == stratum
            if not low[at].any():
                continue
            arguments = score[at], low[at], np.ones(int(at.sum()))
            yield TruthLine(
                model=name,
                recorded=stratum,
                rows=int(at.sum()),
                too_low=int(low[at].sum()),
                right=metrics.precision(*arguments, share),
                share_found=metrics.share_found(*arguments, share),
                average_precision=metrics.average_precision(*arguments),
            )


def mean_precision(lines: list[TruthLine], model: str) -> float:
    """Average precision over recorded levels, weighted by the rows to be found there."""
    own = [line for line in lines if line.model == model]
    total = sum(line.too_low for line in own)
    return sum(line.average_precision * line.too_low for line in own) / total


def overall_share(lines: list[TruthLine], model: str, share: float) -> float:
    """Of all rows that a model would show, the share truly too low, over recorded levels."""
    own = [line for line in lines if line.model == model]
    shown = sum(share * line.rows for line in own)
    return sum(line.right * share * line.rows for line in own) / shown


def _measure_echo(model: Bundle, labelled: Labelled) -> list[Echo]:
    margin = model.ordinal.margins_at(
        labelled.frame, np.ones(labelled.frame.height, dtype=np.int64)
    )
    recorded = labelled.frame["level"].replace_strict(labels.RANK, default=None)
    has_level = recorded.is_not_null().to_numpy()
    above = recorded.fill_null(0).to_numpy() > 0
    lines = []
    for true in range(4):
        at = has_level & (labelled.reviewed == true)
        if at.sum() >= 100 and 0 < above[at].sum() < at.sum():
            ones = np.ones(int(at.sum()))
            lines.append(Echo(true, int(at.sum()), metrics.auc(margin[at], above[at], ones)))
    return lines
