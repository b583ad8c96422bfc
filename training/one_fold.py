"""Runs one fold of a benchmark: fits every model, and scores the test rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models import metrics
from models.inputs import Matrix
from training import learner, tabular
from training.challengers import CHALLENGERS
from training.tabular import Description, Rows

MODEL = "two-stage model"
LEVEL_ALONE = "recorded level alone"
BEST_SINGLE = "best single input"
BY_GROUP = "two-stage model, each group calibrated on its own"
Places = npt.NDArray[np.int64]


def score_fold(about: Description, rows: Rows, train: Places, test: Places) -> dict[str, Matrix]:
    """The probabilities of the test rows by every model, variant and competitor."""
    outcome = rows.higher().astype(np.float64)
    scores_of = {MODEL: _two_stage(about, rows, train, test)}
    for variant in about.variants:
        columns = _columns_without(rows, variant.without, about)
        scores_of[f"{MODEL}, {variant.name}"] = _two_stage(about, rows, train, test, columns)
    if about.parity:
        groups = rows.audit[about.parity]
        scores_of[BY_GROUP] = _two_stage(about, rows, train, test, groups=groups)
    scores_of[LEVEL_ALONE] = _level_alone(rows.recorded, outcome, train, test)
    scores_of[BEST_SINGLE] = _best_single(rows, outcome, train, test)
    onehot = np.column_stack([rows.recorded == level for level in (*about.levels, tabular.UNKNOWN)])
    inputs = np.hstack([rows.values, onehot.astype(np.float64)])
    ones = np.ones(len(train))
    for name, challenger in CHALLENGERS.items():
        scores_of[name] = challenger(inputs[train], outcome[train], ones, inputs[test])
    return scores_of


def _columns_without(rows: Rows, without: tuple[str, ...], about: Description) -> list[int]:
    """The columns of the inputs that are not left out, nor worked out from one that is."""
    from_them = {one.name for one in about.derived if set(one.inputs) & set(without)}
    return [
        place
        for place, name in enumerate(rows.names)
        if name not in {*without, *from_them} and name.rpartition(" is ")[0] not in without
    ]


def _two_stage(
    about: Description,
    rows: Rows,
    train: Places,
    test: Places,
    kept_columns: list[int] | None = None,
    groups: learner.Words | None = None,
) -> Matrix:
    columns = list(range(rows.values.shape[1])) if kept_columns is None else kept_columns
    values = rows.values[:, columns]
    model = learner.fit_learner(
        values=values[train],
        outcome=rows.higher()[train].astype(np.float64),
        recorded=rows.recorded[train],
        ids=list(rows.ids.gather(train)),
        directions=[rows.directions[place] for place in columns],
        settings=about.booster,
        groups=None if groups is None else groups[train],
        glass_box=about.glass_box,
    )
    test_groups = None if groups is None else groups[test]
    return model.probability(values[test], rows.recorded[test], test_groups)


def _level_alone(recorded: learner.Words, outcome: Matrix, train: Places, test: Places) -> Matrix:
    rates = {name: outcome[train][recorded[train] == name].mean() for name in set(recorded[train])}
    return np.array([rates.get(name, outcome[train].mean()) for name in recorded[test]])


def _best_single(rows: Rows, outcome: Matrix, train: Places, test: Places) -> Matrix:
    """The one input that ranks the training rows best, as the outcome's share at each value."""
    higher, ones = outcome[train] > 0, np.ones(len(train))
    best, best_score = 0.0, np.full(len(test), outcome[train].mean())
    for column in range(rows.values.shape[1]):
        values = np.nan_to_num(rows.values[:, column], nan=-1.0)
        rates = {v: higher[values[train] == v].mean() for v in np.unique(values[train])}
        score = np.array([rates[v] for v in values[train]])
        reached = metrics.auc(score, higher, ones)
        if reached > best:
            best = reached
            best_score = np.array([rates.get(v, outcome[train].mean()) for v in values[test]])
    return best_score
