"""How much of what raised the score a reason makes up: in words."""

from __future__ import annotations

from math import log

import pytest

from serving.web.formatters import how_sure
from serving.web.reason_sizes import share_raised, size_in_words, steps_to_likelihood


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (1.0, "most of the weight"),
        (0.5, "most of the weight"),
        (0.49, "much of the weight"),
        (0.25, "much of the weight"),
        (0.24, "some of the weight"),
        (0.1, "some of the weight"),
        (0.09, "little of the weight"),
        (0.0, "little of the weight"),
    ],
)
def test_a_share_in_words_at_both_edges(share: float, words: str) -> None:
    assert size_in_words(share) == words


def test_a_share_is_of_what_raised_the_score_alone() -> None:
    reasons = [{"weight": 0.6}, {"weight": 0.2}, {"weight": -5.0}]
    assert [share_raised(one, reasons) for one in reasons[:2]] == pytest.approx([0.75, 0.25])
    assert share_raised({"weight": 0.1}, []) == 0.0


def test_the_steps_end_at_the_likelihood_and_each_adds_its_own_kind() -> None:
    reasons = [
        {"kind": "behaviour", "weight": 1.0},
        {"kind": "behaviour", "weight": 0.5},
        {"kind": "process", "weight": 0.25},
        {"kind": "behaviour", "weight": -0.75},
    ]
    steps = steps_to_likelihood({"reasons": reasons, "probability": 0.5})
    shares = [share for _, share in steps]
    log_odds = [log(share / (1 - share)) for share in shares]
    assert log_odds == pytest.approx([-1.0, 0.5, 0.75, 0.0])
    assert steps_to_likelihood({"reasons": [], "probability": 0.2})[0][1] == pytest.approx(0.2)


def test_how_often_says_what_a_reader_gave_where_no_level_is_current() -> None:
    assert "a reader gave about 3 a higher level" in how_sure(0.3, "MEDIUM")
    unknown = how_sure(0.3, "UNKNOWN")
    assert "a reader gave about 3 a high or very high level" in unknown
    assert "higher one" not in unknown
