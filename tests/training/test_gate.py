"""What a model must show at a recorded level before it is proposed: each rule at both edges."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from features.frame import build
from features.history import asof
from models.inputs import community_rows
from models.metrics import Figure
from models.strata import STRATA, stratum_of
from tests.conftest import AS_OF
from tests.service import Service, quick_config
from training import directions, gate
from training.evaluate import MODEL, Line
from training.fit import fit_bundle
from training.gate import LEAST, LEAST_SLOPE, MOST, TO_BEAT, Outcome, judge_levels
from training.labels import read_all_readings
from training.pipeline import levels_not_passed
from training.weight_lines import compare_weights


def figure(value: float, low: float, high: float) -> Figure:
    return Figure(value, low, high, "higher")


PASSING: dict[str, Figure] = {
    "precision": figure(0.4, 0.2, 0.6),
    "slope": figure(0.9, 0.6, 1.2),
    "flagged_calibration": figure(1.0, 0.8, 1.2),
}


def line(model: str = MODEL, rows: int = 1000, higher: int = 100, **figures: Figure) -> Line:
    return Line("final", model, "LOW", rows, higher, {**PASSING, **figures}, higher / rows)


def judge(own: Line, precision_of_others: float = 0.3) -> gate.Verdict:
    others = [line(name, precision=figure(precision_of_others, 0.0, 1.0)) for name in TO_BEAT]
    verdict, *_ = judge_levels([*others, own])
    return verdict


def test_a_level_that_shows_all_passes() -> None:
    assert judge(line()) == gate.Verdict("LOW", Outcome.PASSES, ())


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
    assert verdict.outcome is (Outcome.PASSES if passes else Outcome.FAILS)
    assert bool(verdict.why_not) is not passes


@pytest.mark.parametrize("name", TO_BEAT)
def test_each_simple_ranking_must_be_matched(name: str) -> None:
    better = line(name, precision=figure(0.41, 0.0, 1.0))
    verdict, *_ = judge_levels([better, line()])
    assert verdict.why_not == (f"right less often (0.400) than the {name} (0.410)",)


@pytest.mark.parametrize(("higher", "outcome"), [(9, Outcome.TOO_FEW), (10, Outcome.PASSES)])
def test_too_few_readings_show_nothing(higher: int, outcome: Outcome) -> None:
    assert judge(line(higher=higher)).outcome is outcome
    assert gate.levels_with_too_few([line(higher=higher)]) == [
        name for name in STRATA if name != "LOW" or outcome is Outcome.TOO_FEW
    ]


def test_where_too_few_readings_are_held_out_the_prior_ranks(service: Service) -> None:
    """Whatever else the readings teach there, and the level is not read at random instead."""
    config = quick_config()
    labelled = read_all_readings(service.store, AS_OF, config).teaching()
    learned, model = fit_bundle(labelled, config), fit_bundle(labelled, config, by_prior=STRATA)
    assert not all(one.on_prior for one in learned.level.strata.values())
    frame = community_rows(labelled.frame)
    scores = model.score_frame(frame)["log_odds"].to_numpy()
    prior = model.level.prior.weighed(frame, model.level.columns).sum(axis=1)
    for name in STRATA:
        of_level = stratum_of(frame).to_numpy() == name
        assert of_level.sum() > 1
        level = model.level.strata[name]
        expected = level.scale * prior[of_level] + level.base["public"]
        np.testing.assert_allclose(scores[of_level], expected)
    assert model.by_prior == {*STRATA}
    assert learned.by_prior == {name for name, one in learned.level.strata.items() if not one.rows}


def test_a_trained_bundle_says_where_the_prior_ranks(service: Service) -> None:
    verdicts = json.loads((service.bundle_folder / "evidence.json").read_text())["gate"]
    outcomes = {one["recorded"]: one["outcome"] for one in verdicts}
    too_few = {name for name, outcome in outcomes.items() if outcome == Outcome.TOO_FEW}
    assert service.model.about["by_prior"] == sorted(too_few)
    assert all(service.model.level.strata[name].on_prior for name in too_few)
    lines = levels_not_passed(service.bundle_folder)
    assert len(lines) == sum(outcome != Outcome.PASSES for outcome in outcomes.values())
    of_prior = [line for line in lines if "ranked by the prior alone" in line]
    assert len(of_prior) == len(too_few)


def test_only_the_newest_period_is_judged() -> None:
    low, *_ = judge_levels([replace(line(), period="development")])
    assert low.why_not == ("no reading of it was judged",)


def test_a_level_where_worse_lowers_the_probability_does_not_pass() -> None:
    own = line()
    others = [line(name, precision=figure(0.1, 0.0, 1.0)) for name in TO_BEAT]
    verdict, *_ = judge_levels([*others, own], {"LOW": ["threats_count"], "HIGH": ["dntr_count"]})
    assert verdict.why_not == ("lower where threats_count gets worse",)


def test_what_is_served_never_falls_when_something_gets_worse(service: Service) -> None:
    spine = asof.make_spine(service.store.read_versions("supervisions")["crn"].unique(), AS_OF)
    frame = build.build_frame(asof.read_histories(service.store, spine))
    assert not any(directions.find_lowering(service.model, frame).values())
    low = service.model.level.strata["LOW"]
    turned = {**low.departures, "threats_count": -30.0}
    wrong = replace(
        service.model,
        level=replace(
            service.model.level,
            strata={**service.model.level.strata, "LOW": replace(low, departures=turned)},
        ),
    )
    assert directions.find_lowering(wrong, frame)["LOW"] == ["threats_count"]


def test_weights_before_and_after_learning_stand_side_by_side(service: Service) -> None:
    lines = {one.indicator: one for one in compare_weights(service.model)}
    assert set(lines) == set(service.model.scored)
    low, prior = service.model.level.strata["LOW"], service.model.level.prior
    name = "assessment_copied_forward"
    of_prior = prior.weights_by_group([name]).mean()
    assert lines[name].prior == pytest.approx(of_prior)
    assert lines[name].low == pytest.approx(low.scale * of_prior + low.departures[name])
    assert min(one.low for one in lines.values()) > 0, "no weight of what is adverse is nought"


def test_a_level_that_was_not_judged_does_not_pass() -> None:
    """No line is no evidence: nobody is flagged on a model that was never held against anything."""
    verdicts = judge_levels([line()])
    assert [one.recorded for one in verdicts] == list(STRATA)
    assert {one.outcome for one in judge_levels([])} == {Outcome.TOO_FEW}
    assert {one.why_not for one in verdicts[1:]} == {("no reading of it was judged",)}


def test_chance_is_weighted_as_what_is_right_is() -> None:
    """One in ten is higher by count, one in four by weight: to be right for a fifth is no merit."""
    own = replace(line(precision=figure(0.35, 0.2, 0.5)), base=0.25)
    assert "not surely right more often than 0.250" in judge(own).why_not[0]
