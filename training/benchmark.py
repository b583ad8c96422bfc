"""Runs the learner on any table with a recorded level and an outcome, beside its competitors.

Everything is cross-validated: no row is judged by a model that saw it. What is chosen per fold is
the model alone; the settings stand in the description.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedKFold

from features.errors import UserError
from features.processes import process_pool
from models import metrics
from models.inputs import Matrix
from models.metrics import Figure, Flags
from training import by_level, fairness, learner, one_fold, tabular
from training.fairness import GroupLine
from training.one_fold import BY_GROUP, MODEL, Places
from training.tabular import Description, Rows

OVERALL = ("auc", "brier", "expected_calibration_error", "slope")
Step = Callable[[str], None]


@dataclass(frozen=True)
class Parity:
    """Figures of each group of people, and overall, under one way of treating groups alike."""

    way: str
    lines: list[GroupLine]
    precision: float
    share_found: float


@dataclass(frozen=True)
class Result:
    """The results of a benchmark; `scores` are cross-validated probabilities."""

    about: Description
    rows: Rows
    scores: dict[str, Matrix]
    tested: npt.NDArray[np.bool_]
    fold_auc: dict[str, float]
    overall: dict[str, dict[str, Figure]]
    levels: list[by_level.LevelLine]
    audit: list[GroupLine]
    parity: list[Parity]
    reliability: list[tuple[float, float, int]]
    predictions: Matrix | None = field(default=None, repr=False)
    test_ids: list[str] = field(default_factory=list, repr=False)


def run_benchmark(
    about: Description, data: Path, step: Step = lambda _: None, workers: int = 2
) -> Result:
    """Cross-validate the learner, its variants and its competitors; predict the test file."""
    rows = tabular.read_rows(data / about.train, about, with_outcome=True)
    folds = list(_make_folds(about, rows))
    scores = _score_folds(about, rows, folds, min(workers, len(folds)), step)
    tested = ~np.isnan(scores[MODEL])
    step("figures and intervals")
    outcome = rows.higher()[tested]
    ones, people = np.ones(len(outcome)), rows.ids.to_numpy()[tested]
    overall = {
        name: {
            figure: metrics.with_interval(figure, score[tested], outcome, ones, people, 1)
            for figure in OVERALL
        }
        for name, score in scores.items()
    }
    step("levels and groups of people")
    shown = _rows_shown(about, rows, scores[MODEL], tested)
    characteristics = {name: values[tested] for name, values in rows.audit.items()}
    audit = fairness.audit_groups(
        scores[MODEL][tested], shown, outcome, ones, people, characteristics
    )
    result = Result(
        about=about,
        rows=rows,
        scores=scores,
        tested=tested,
        fold_auc={name: _fold_auc(rows, score, folds) for name, score in scores.items()},
        overall=overall,
        levels=list(by_level.level_lines(about, rows, scores, tested)),
        audit=audit,
        parity=list(_parity_lines(about, rows, scores, tested)),
        reliability=by_level.reliability(scores[MODEL][tested], outcome),
    )
    return _with_test(result, data, step)


def _make_folds(about: Description, rows: Rows) -> Iterator[tuple[Places, Places]]:
    """Stratified folds or, with a time column, folds that test on later rows only."""
    higher = rows.higher()
    if rows.time is None:
        split = StratifiedKFold(about.folds, shuffle=True, random_state=0)
        yield from split.split(rows.values, higher)
        return
    order = np.asarray(rows.time.arg_sort())
    parts = np.array_split(order, about.folds + 1)
    for number in range(1, len(parts)):
        train, test = np.concatenate(parts[:number]), parts[number]
        if len(np.unique(higher[train])) < 2 or not higher[test].any():
            raise UserError(
                f"Fold {number} of {about.folds} by {about.time} has one outcome only. Take fewer "
                "folds."
            )
        yield train, test


def _score_folds(
    about: Description, rows: Rows, folds: list[tuple[Places, Places]], workers: int, step: Step
) -> dict[str, Matrix]:
    """Every model's probabilities for the test rows of every fold, one process a fold."""
    scores: dict[str, Matrix] = {}
    step(f"{len(folds)} folds, {workers} at a time")
    with process_pool(workers) as others:
        waiting = [others.submit(one_fold.score_fold, about, rows, *fold) for fold in folds]
        for number, ((_, test), ready) in enumerate(zip(folds, waiting, strict=True), 1):
            for name, score in ready.result().items():
                scores.setdefault(name, np.full(len(rows), np.nan))[test] = score
            step(f"fold {number} of {len(folds)} judged")
    return scores


def _fold_auc(rows: Rows, score: Matrix, folds: list[tuple[Places, Places]]) -> float:
    higher = rows.higher()
    return float(
        np.mean([metrics.auc(score[test], higher[test], np.ones(len(test))) for _, test in folds])
    )


def _rows_shown(about: Description, rows: Rows, score: Matrix, tested: Flags) -> Matrix:
    """The rows shown to readers: the review rate of each recorded level, by score."""
    return fairness.by_group(
        score[tested], rows.recorded[tested], np.ones(int(tested.sum())), about.review_rate
    )


def _parity_lines(
    about: Description, rows: Rows, scores: dict[str, Matrix], tested: Flags
) -> Iterator[Parity]:
    """The usual selection, one with equal review rates, and one calibrated by group."""
    if not about.parity:
        return
    groups, plain, own = rows.audit[about.parity], scores[MODEL], scores[BY_GROUP]
    cells = np.array([f"{r} {g}" for r, g in zip(rows.recorded, groups, strict=True)], dtype=object)
    ones = np.ones(int(tested.sum()))
    ways = {
        "as it is": (plain, _rows_shown(about, rows, plain, tested)),
        f"each {about.parity} the same review rate": (
            plain,
            fairness.by_group(plain[tested], cells[tested], ones, about.review_rate),
        ),
        f"each {about.parity} calibrated on its own": (own, _rows_shown(about, rows, own, tested)),
    }
    higher, people = rows.higher()[tested], rows.ids.to_numpy()[tested]
    for way, (score, shown) in ways.items():
        characteristics = {about.parity: groups[tested]}
        lines = fairness.audit_groups(score[tested], shown, higher, ones, people, characteristics)
        right = float((shown * higher).sum())
        yield Parity(way, lines, right / float(shown.sum()), right / float(higher.sum()))


def _with_test(result: Result, data: Path, step: Step) -> Result:
    about, rows = result.about, result.rows
    if not about.test:
        return result
    step("predicting the test file")
    test_rows = tabular.read_rows(data / about.test, about, with_outcome=False)
    if test_rows.names != rows.names:
        raise UserError(
            f"{about.test} has other values of a category than {about.train}: name them with "
            '"order" in the description.'
        )
    outcome = rows.higher().astype(np.float64)
    ids = [str(one) for one in rows.ids]
    model = learner.fit_learner(
        values=rows.values,
        outcome=outcome,
        recorded=rows.recorded,
        ids=ids,
        directions=rows.directions,
        settings=about.booster,
        glass_box=about.glass_box,
    )
    probability = model.probability(test_rows.values, test_rows.recorded)
    values = {
        **vars(result),
        "predictions": probability,
        "test_ids": [str(one) for one in test_rows.ids],
    }
    return Result(**values)
