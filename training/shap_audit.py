"""Audits the reasons that are served against SHAP's own, made two ways over both stages.

The score is what weights add up, and slope x the mean of boosters. For the boosters SHAP's
`TreeExplainer` is asked by the paths of the trees, and by intervention against people of the same
recorded level and risk group; the weights are additive, so their SHAP value by intervention is what
they add, less what they add on average among those people. Sources: Lundberg and others, Nature
Machine Intelligence 2020, 2: 56-67; Janzing, Minorics and Bloebaum, AISTATS 2020, on why the two
ways may differ.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import shap
from scipy.stats import spearmanr

from models import explain
from models.bundle import Bundle
from models.inputs import GROUPS, Matrix, community_rows, input_matrix
from models.strata import STRATA, stratum_of, thresholds_of
from training.stability import rows_shown

MOST = 200
"""Rows of a recorded level that are audited: of those shown, the first."""
BACKGROUND = 100
"""People of the same recorded level and group against whom SHAP intervenes."""
WAYS = ("path", "intervention")


@dataclass(frozen=True)
class ShapAudit:
    """At one recorded level: how SHAP's values of those shown compare with what is served.

    `difference`: the largest by which the served contributions miss SHAP's by path, in log-odds.
    `first_by_...`: the share of people whose first reason (family and kind) is the same; `order_by_
    ...`: the mean rank correlation of the weights of their families.
    """

    recorded: str
    shown: int
    difference: float
    first_by_path: float
    first_by_intervention: float
    order_by_path: float
    order_by_intervention: float


def audit_reasons(model: Bundle, frame: pl.DataFrame, share: float) -> list[ShapAudit]:
    """Compare the reasons of those who would be shown, a line for each recorded level with any."""
    rows = community_rows(frame)
    shown = rows_shown(model, rows, share)
    strata = stratum_of(rows)
    return [
        _audit_level(model, rows[shown[name][:MOST]], rows.filter(strata == name), name)
        for name in STRATA
        if shown.get(name)
    ]


def _audit_level(model: Bundle, shown: pl.DataFrame, level: pl.DataFrame, name: str) -> ShapAudit:
    served, columns = model.contributions(shown, name)
    by_way = {way: np.zeros_like(served) for way in WAYS}
    for group in GROUPS:
        own = (shown["group"] == group).to_numpy()
        if own.any():
            people = level.filter(pl.col("group") == group)
            against = people[np.linspace(0, people.height - 1, BACKGROUND).astype(int)]
            for way, values in _shap_values(model, shown.filter(own), against, name):
                by_way[way][own] = values
    families = {way: explain.group_contributions(by_way[way], columns)[0] for way in WAYS}
    own_families = explain.group_contributions(served, columns)[0]
    return ShapAudit(
        recorded=name,
        shown=shown.height,
        difference=float(np.abs(by_way["path"] - served)[:, :-1].max(initial=0.0)),
        first_by_path=_same_first(own_families, families["path"]),
        first_by_intervention=_same_first(own_families, families["intervention"]),
        order_by_path=_same_order(own_families, families["path"]),
        order_by_intervention=_same_order(own_families, families["intervention"]),
    )


def _shap_values(
    model: Bundle, rows: pl.DataFrame, against: pl.DataFrame, name: str
) -> Iterator[tuple[str, Matrix]]:
    """SHAP's values of the rows of one group, by path and by intervention; the base is not filled.

    Both of what the trees give; of the weights, against the usual as served by path, and against
    the mean of `against` by intervention.
    """
    trees_of_rows = _tree_values(model, rows, name, None)
    weights_of_rows = _values_of_weights(model, rows, name)
    yield "path", weights_of_rows + trees_of_rows
    mean = _values_of_weights(model, against, name).mean(axis=0)
    yield "intervention", weights_of_rows - mean + _tree_values(model, rows, name, against)


def _values_of_weights(model: Bundle, rows: pl.DataFrame, name: str) -> Matrix:
    """What the weights of both stages add, without the trees: (rows, indicators + 1)."""
    without_trees = replace(model, ordinal=replace(model.ordinal, boosters=()))
    values: Matrix = without_trees.contributions(rows, name)[0]
    values[:, -1] = 0.0
    return values


def _tree_values(
    model: Bundle, rows: pl.DataFrame, name: str, against: pl.DataFrame | None
) -> Matrix:
    """Slope x the mean of the boosters' SHAP values, laid out as contributions are."""
    slope = model.level.strata[name].slope
    values = np.zeros((rows.height, len(model.scored) + 1))
    if not slope or not model.ordinal.boosters:
        return values
    places = [model.scored.index(column) for column in model.ordinal.columns]
    background = None if against is None else _tree_inputs(model, against)
    way = "tree_path_dependent" if against is None else "interventional"
    with warnings.catch_warnings():
        # LightGBM's two classes come as one array since SHAP 0.45, and SHAP warns each time.
        warnings.filterwarnings("ignore", message="LightGBM binary classifier")
        for booster in model.ordinal.boosters:
            explainer = shap.TreeExplainer(booster, background, feature_perturbation=way)
            of_trees = np.asarray(explainer.shap_values(_tree_inputs(model, rows)))
            values[:, places] += of_trees[:, : len(places)]
    return values * slope / len(model.ordinal.boosters)


def _tree_inputs(model: Bundle, rows: pl.DataFrame) -> Matrix:
    base = input_matrix(rows, model.ordinal.columns)
    inputs: Matrix = np.column_stack([base, thresholds_of(rows)])
    return inputs


def _same_first(served: Matrix, others: Matrix) -> float:
    return float((served.argmax(axis=1) == others.argmax(axis=1)).mean())


def _same_order(served: Matrix, others: Matrix) -> float:
    """The mean over people of the rank correlation of their families' weights."""
    pairs = zip(served, others, strict=True)
    return float(np.mean([spearmanr(one, other).statistic for one, other in pairs]))
