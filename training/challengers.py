"""Fits four well-known learners to the same inputs, for comparison with ours.

Each takes rows as numbers (not known is NaN), a target, weights, and the rows to judge, and gives
probabilities. All are seeded.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import lightgbm as lgb
import numpy as np
from interpret.glassbox import ExplainableBoostingClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.inputs import Matrix

Challenger = Callable[[Matrix, Matrix, Matrix, Matrix], Matrix]
SEED = 1
ROUNDS = 3000
"""The most rounds of boosting of an explainable boosting machine."""


def logistic_regression(rows: Matrix, target: Matrix, weight: Matrix, test_rows: Matrix) -> Matrix:
    """Probabilities of the test rows by ridge logistic regression; null becomes the median."""
    model = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=0.03, max_iter=2000),
    )
    model.fit(rows, target, logisticregression__sample_weight=weight)
    probability: Matrix = model.predict_proba(test_rows)[:, 1]
    return probability


def plain_lightgbm(rows: Matrix, target: Matrix, weight: Matrix, test_rows: Matrix) -> Matrix:
    """Probabilities of the test rows by LightGBM's defaults, without monotone constraints."""
    settings = {
        "objective": "binary",
        "verbosity": -1,
        "num_threads": 1,
        "seed": SEED,
        "deterministic": True,
        "force_row_wise": True,
    }
    booster = lgb.train(settings, lgb.Dataset(rows, label=target, weight=weight), 100)
    probability: Matrix = np.asarray(booster.predict(test_rows, num_threads=1), dtype=np.float64)
    return probability


def random_forest(rows: Matrix, target: Matrix, weight: Matrix, test_rows: Matrix) -> Matrix:
    """Probabilities of the test rows by a random forest of 300 trees with leaves of five."""
    model = RandomForestClassifier(300, min_samples_leaf=5, random_state=SEED, n_jobs=1)
    model.fit(rows, target, sample_weight=weight)
    probability: Matrix = model.predict_proba(test_rows)[:, 1]
    return probability


def explainable_boosting(rows: Matrix, target: Matrix, weight: Matrix, test_rows: Matrix) -> Matrix:
    """Probabilities of the test rows by an explainable boosting machine (a sum of curves)."""
    return fit_glass_box(rows, target, weight, interactions=0, bags=4)(test_rows)


def fit_glass_box(
    rows: Matrix, target: Matrix, weight: Matrix, *, interactions: int, bags: int
) -> Callable[[Matrix], Matrix]:
    """Fit an explainable boosting machine; returns what gives the probabilities of other rows."""
    model = ExplainableBoostingClassifier(
        interactions=interactions,
        outer_bags=bags,
        max_rounds=ROUNDS,
        random_state=SEED,
        n_jobs=1,
    )
    with warnings.catch_warnings():
        # It warns that its pictures leave out what is not known; no picture is drawn here.
        warnings.filterwarnings("ignore", message="Missing values detected")
        model.fit(rows, target, sample_weight=weight)

    def probability(others: Matrix) -> Matrix:
        values: Matrix = model.predict_proba(others)[:, 1]
        return values

    return probability


CHALLENGERS: dict[str, Challenger] = {
    "logistic regression": logistic_regression,
    "LightGBM, default settings": plain_lightgbm,
    "random forest": random_forest,
    "EBM (interpret)": explainable_boosting,
}
