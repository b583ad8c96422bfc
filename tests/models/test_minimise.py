"""The search for weights finds the least loss, and holds no weight below its least."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from models.inputs import Matrix
from models.weights import minimise, sigmoid, weighted_squares


class Logistic:
    """A logistic regression on made-up rows, drawn to nought by a ridge."""

    def __init__(self, seed: int, columns: int, rate: float, ridge: float) -> None:
        rng = np.random.default_rng(seed)
        # Columns that go together, as indicators do, and some noise of their own.
        together = rng.normal(size=(300, 3)) @ rng.normal(size=(3, columns))
        self.design = together * rng.uniform(0.5, 3) + 0.2 * rng.normal(size=(300, columns))
        truth = rng.normal(0, 2, columns)
        self.higher = (rng.random(300) < rate * sigmoid(self.design @ truth)).astype(float)
        self.ridge = ridge

    def loss(self, beta: Matrix) -> tuple[float, Matrix]:
        score = self.design @ beta
        value = (
            np.logaddexp(0, score) - self.higher * score
        ).sum() + 0.5 * self.ridge * beta @ beta
        return float(value), self.design.T @ (sigmoid(score) - self.higher) + self.ridge * beta

    def curvature(self, beta: Matrix) -> Matrix:
        chance = sigmoid(self.design @ beta)
        squares = weighted_squares(self.design, chance * (1 - chance))
        return squares + self.ridge * np.eye(len(beta))


@settings(deadline=None, max_examples=200)
@given(
    seed=st.integers(0, 10_000),
    columns=st.integers(1, 12),
    rate=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    ridge=st.sampled_from([0.001, 1.0, 100.0]),
    held=st.floats(0, 1),
)
def test_it_agrees_with_a_slow_search(
    seed: int, columns: int, rate: float, ridge: float, held: float
) -> None:
    one = Logistic(seed, columns, rate, ridge)
    rng = np.random.default_rng(seed + 1)
    least = np.where(rng.random(columns) < held, rng.normal(0, 0.5, columns), -np.inf)
    best = minimise(one.loss, one.curvature, np.zeros(columns), least)
    bounds = [(None if low == -np.inf else low, None) for low in least]
    slow = minimize(
        one.loss,
        np.maximum(0.0, least),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 20_000, "maxfun": 50_000},
    )
    assert (best >= least).all()
    assert one.loss(best)[0] <= slow.fun + 1e-6 * max(1.0, abs(slow.fun))


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_one_kind_of_reading_alone_has_a_least_loss_too(rate: float) -> None:
    one = Logistic(3, 5, rate, 0.01)
    best = minimise(one.loss, one.curvature, np.zeros(5), np.full(5, -np.inf))
    assert np.abs(one.loss(best)[1]).max() < 1e-3
