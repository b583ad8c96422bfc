"""The share corrected for readers who err, against made-up readers whose errors are known."""

from __future__ import annotations

import numpy as np
import pytest

from models import reader_error
from models.reader_error import Counts, correct_shares


def readings(
    share: tuple[float, float], hit: float, right: float, cases: int, seed: int
) -> tuple[Counts, Counts]:
    """Counts of two populations, read twice as designed: where the first says too low, and a fifth
    of the others; in the second population a fifth of all.
    """
    rng = np.random.default_rng(seed)
    twice, once = np.zeros((2, 4)), np.zeros((2, 2))
    for population, of_all in enumerate(share):
        truth = rng.random(cases) < of_all
        readings_of_two = rng.random((cases, 2)) < np.where(truth, hit, 1 - right)[:, None]
        for at, (one, two) in enumerate(readings_of_two):
            if at % 5 == 0 or (one and population == 0):
                twice[population, (0 if two else 1) if one else (2 if two else 3)] += 1
            else:
                once[population, 0 if one else 1] += 1
    return twice, once


@pytest.mark.parametrize(("hit", "right"), [(0.9, 0.95), (0.75, 0.9), (1.0, 1.0)])
def test_the_true_share_is_found_where_what_readers_say_is_not(hit: float, right: float) -> None:
    inside = 0
    for seed in range(8):
        twice, once = readings((0.06, 0.45), hit, right, 3_000, seed)
        shares = correct_shares(twice, once, seed, resamples=60)
        assert shares is not None
        inside += shares.low <= 0.06 <= shares.high
        assert abs(shares.share[0] - 0.06) < 0.03
        assert abs(shares.share[1] - 0.45) < 0.09
    assert inside >= 6, "a 95 % interval misses one in twenty, not one in three"
    observed_share = (twice[0, 0] + twice[0, 1] + once[0, 0]) / 3_000
    if right < 1:
        assert abs(observed_share - 0.06) > abs(shares.share[0] - 0.06), (
            "what readers say alone is further off"
        )


def test_too_few_read_twice_say_nothing() -> None:
    twice, once = readings((0.06, 0.45), 0.9, 0.9, 80, 1)
    assert twice.sum(axis=1).min() < reader_error.FEWEST_TWICE
    assert correct_shares(twice, once) is None


def test_nobody_called_too_low_is_a_share_near_nought() -> None:
    twice = np.array([[0.0, 0.0, 0.0, 100.0], [40.0, 5.0, 5.0, 50.0]])
    shares = correct_shares(twice, np.zeros((2, 2)), resamples=20)
    assert shares is not None
    assert shares.share[0] < 0.01
