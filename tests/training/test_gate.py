"""What a model must show at a recorded level before it is proposed: each rule at both edges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.metrics import Figure
from training import gate
from training.evaluate import MODEL, Line
from training.gate import LEAST, LEAST_SLOPE, MOST, TO_BEAT, judge_levels


def figure(value: float, low: float, high: float) -> Figure:
    return Figure(value, low, high, "higher")


PASSING: dict[str, Figure] = {
    "precision": figure(0.4, 0.2, 0.6),
    "slope": figure(0.9, 0.6, 1.2),
    "flagged_calibration": figure(1.0, 0.8, 1.2),
}


def line(model: str = MODEL, rows: int = 1000, higher: int = 100, **figures: Figure) -> Line:
    return Line("final", model, "LOW", rows, higher, {**PASSING, **figures})


def judge(own: Line, precision_of_others: float = 0.3) -> gate.Verdict:
    others = [line(name, precision=figure(precision_of_others, 0.0, 1.0)) for name in TO_BEAT]
    (verdict,) = judge_levels([*others, own])
    return verdict


def test_a_level_that_shows_all_passes() -> None:
    assert judge(line()) == gate.Verdict("LOW", True, ())


@pytest.mark.parametrize(
    ("figures", "passes"),
    [
        ({"precision": figure(0.4, 0.101, 0.6)}, True),
        ({"precision": figure(0.4, 0.1, 0.6)}, False),
        ({"precision": figure(0.3, 0.2, 0.6)}, True),
        ({"precision": figure(0.29, 0.2, 0.6)}, False),
        ({"slope": figure(0.9, LEAST_SLOPE + 0.01, 1.2)}, True),
        ({"slope": figure(0.9, LEAST_SLOPE, 1.2)}, False),
        ({"flagged_calibration": figure(LEAST, 0.1, 2.0)}, True),
        ({"flagged_calibration": figure(LEAST - 0.01, 0.1, 2.0)}, False),
        ({"flagged_calibration": figure(MOST, 0.1, 2.0)}, True),
        ({"flagged_calibration": figure(MOST + 0.01, 0.1, 2.0)}, False),
        # What cannot be told is not shown.
        ({"slope": figure(float("nan"), float("nan"), float("nan"))}, False),
        ({"flagged_calibration": figure(float("nan"), float("nan"), float("nan"))}, False),
        ({"precision": figure(float("nan"), float("nan"), float("nan"))}, False),
    ],
)
def test_each_rule_at_its_edge(figures: dict[str, Any], passes: bool) -> None:
    verdict = judge(line(**figures))
    assert verdict.passes is passes
    assert bool(verdict.why_not) is not passes


@pytest.mark.parametrize("name", TO_BEAT)
def test_each_simple_ranking_must_be_matched(name: str) -> None:
    better = line(name, precision=figure(0.41, 0.0, 1.0))
    (verdict,) = judge_levels([better, line()])
    assert verdict.why_not == (f"right less often (0.400) than the {name} (0.410)",)


@pytest.mark.parametrize(("higher", "passes"), [(9, False), (10, True)])
def test_too_few_readings_show_nothing(higher: int, passes: bool) -> None:
    assert judge(line(higher=higher)).passes is passes


def test_only_the_newest_period_is_judged() -> None:
    assert judge_levels([replace(line(), period="development")]) == []
