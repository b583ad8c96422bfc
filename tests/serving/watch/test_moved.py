"""What moved in one part of the caseload, and what creeps: beyond chance, and enough to matter."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from features.frame import build
from features.indicators import CATALOGUE
from features.indicators.titles import title_of
from models.firing_shares import FiringCounts, Shares, add_shares, without_few
from serving.db.unit_tables import night_shares
from serving.watch import moved
from serving.watch.figures import ACT, GREEN, LOOK, TOO_FEW
from serving.watch.figures import NOT_KNOWN as UNKNOWN
from tests.conftest import AS_OF
from tests.service import Service

NAMES = build.indicator_columns()
ONE = "consecutive_unacceptable_absences"


def shares(people: int, firing: dict[str, float], slice_: str = "region N54") -> Shares:
    """A slice in which every indicator fires in a tenth, but for those that are given."""
    return {
        slice_: {name: [people, round(people * firing.get(name, 0.1))] for name in NAMES[:40]}
        | {name: [people, round(people * share)] for name, share in firing.items()}
    }


@pytest.mark.parametrize(
    ("people", "then", "now", "state"),
    [
        (3_000, 0.40, 0.12, ACT),
        (3_000, 0.12, 0.40, ACT),
        (3_000, 0.20, 0.28, LOOK),
        (3_000, 0.20, 0.23, GREEN),
        (29, 0.20, 0.90, TOO_FEW),
    ],
)
def test_what_moved_is_told_where_chance_does_not_explain_it(
    people: int, then: float, now: float, state: str
) -> None:
    figure = moved.moved_figure(shares(people, {ONE: then}), shares(people, {ONE: now}))
    assert figure.state == (UNKNOWN if people < 30 else state)
    if state in (ACT, LOOK):
        assert "region N54" in figure.sentence
        assert title_of(ONE) in figure.sentence
        assert f"{100 * then:.0f} of 100 then, {100 * now:.0f} of 100 now" in figure.sentence


@pytest.mark.parametrize(
    ("then", "now", "state"),
    [
        (0.10, 0.16, LOOK),
        (0.16, 0.10, LOOK),
        (0.10, 0.21, ACT),
        (0.10, 0.14, GREEN),
        (0.004, 0.013, GREEN),
        (0.004, 0.016, ACT),
    ],
)
def test_what_creeps_is_a_ratio_either_way(then: float, now: float, state: str) -> None:
    figure = moved.creeping_figure(shares(20_000, {ONE: then}), shares(20_000, {ONE: now}))
    assert figure.state == state
    by_less_than_a_point = abs(then - now) < moved.LEAST_POINTS
    factor = 1.0 if by_less_than_a_point else max(then, now) / min(then, now)
    assert figure.value == pytest.approx(factor, rel=1e-3)


def test_what_cannot_be_told_counts_against_green() -> None:
    then = shares(400, {ONE: 0.1}) | shares(400, {ONE: 0.1}, "region N58")
    now = shares(10, {ONE: 0.1}) | shares(400, {ONE: 0.1}, "region N58")
    figure = moved.moved_figure(then, now)
    assert "parts could not be told" in figure.sentence
    both = shares(10, {ONE: 0.1}) | shares(20, {ONE: 0.1}, "region N58")
    assert moved.moved_figure(then, both).state == TOO_FEW
    few = moved.moved_figure(shares(60, {ONE: 0.2}), shares(60, {ONE: 0.3}))
    part = next(one for one in few.parts if title_of(ONE) in one.label)
    assert part.value is None, "ten points of sixty people may be chance"


def test_an_indicator_that_is_not_known_any_more_stops_no_night() -> None:
    """A feed that has stopped: of nobody is it known now, and nothing is divided by nobody."""
    then, now = shares(400, {ONE: 0.1}), shares(400, {ONE: 0.1})
    now["region N54"][ONE] = [0, 0]
    for figure in (moved.moved_figure(then, now), moved.creeping_figure(then, now)):
        assert figure.state == GREEN
        assert "1 of 41 parts could not be told" in figure.sentence
    assert moved.moved_figure(now, then).state == GREEN


def test_slices_of_few_people_are_not_stored() -> None:
    kept_slices = without_few(shares(30, {}) | shares(29, {}, "religion x"))
    assert set(kept_slices) == {"region N54"}


def test_who_is_held_by_no_unit_yet_is_not_compared() -> None:
    nowhere = "region not known"
    figure = moved.moved_figure(shares(900, {ONE: 0.1}, nowhere), shares(900, {ONE: 0.9}, nowhere))
    assert figure.state == UNKNOWN


def test_what_nobody_had_and_many_have_is_told() -> None:
    figure = moved.creeping_figure(shares(1_000, {ONE: 0.0}), shares(1_000, {ONE: 0.05}))
    assert figure.state == ACT


@given(st.lists(st.floats(0, 1), max_size=60))
def test_false_discoveries_are_held_as_by_hand(p_values: list[float]) -> None:
    """The largest k of which the k-th smallest p is at most k/m of the rate, and all below it."""
    ordered, m = sorted(p_values), len(p_values)
    most = max(
        (k for k in range(1, m + 1) if ordered[k - 1] <= moved.FALSE_DISCOVERIES * k / m),
        default=0,
    )
    limit = ordered[most - 1] if most else -1
    assert moved.passes_false_discovery(p_values) == [p <= limit for p in p_values]


def test_of_a_thousand_slices_that_chance_draws_hardly_any_is_called_real() -> None:
    rng = np.random.default_rng(3)
    real = 0
    for _ in range(20):
        then, now = (
            {
                f"region {n}": {name: [400, int(rng.binomial(400, 0.2))] for name in NAMES[:50]}
                for n in range(10)
            }
            for _ in range(2)
        )
        real += sum(is_real for _, is_real in moved.real_changes(then, now))
    assert real <= 4, "of ten thousand"


def test_people_are_counted_once_in_a_region_and_by_group_for_each_risk() -> None:
    empty = {name: pl.Series([None] * 5, dtype=pl.Float64) for name in NAMES}
    frame = pl.DataFrame(
        {
            "crn": ["A", "A", "B", "B", "C"],
            "group": ["public", "staff", "public", "prisoners", "public"],
            **empty,
            ONE: [2.0, 1.0, None, 9.0, 0.0],
            "new_arrest_or_charge": [1.0, 1.0, 1.0, 1.0, 0.0],
        }
    )
    people = pl.DataFrame(
        {"crn": ["A", "B", "C"]}
        | {name: ["x", "y", "x"] for name in ("sex", "ethnicity", "age", "religion")}
        | {name: ["x", "y", "x"] for name in ("disability", "region")}
    )
    counts = FiringCounts({"A": "N54", "B": "N54"}, people)
    counts.add(frame[:2])
    counts.add(frame[2:])
    added: Shares = {}
    for part in (frame[:2], frame[2:]):
        of_part = FiringCounts({"A": "N54", "B": "N54"}, people)
        of_part.add(part)
        add_shares(added, of_part.shares)
    assert added == counts.shares, "parts of a caseload add up to the whole"
    assert counts.shares["region N54"][ONE] == [1, 1], "it is not known of one"
    assert counts.shares["region N54"]["new_arrest_or_charge"] == [2, 2]
    assert counts.shares["region not known"]["new_arrest_or_charge"] == [1, 0]
    assert counts.shares["risk to public"][ONE] == [2, 1]
    assert counts.shares["risk to staff"][ONE] == [1, 0]
    assert CATALOGUE["new_arrest_or_charge"].bias_watch
    assert counts.shares["sex x"]["new_arrest_or_charge"] == [2, 1]
    assert ONE not in counts.shares["sex x"], "only what officers chose to record"
    assert not any("prisoners" in name for name in counts.shares)


def test_fewer_than_ten_people_are_not_told() -> None:
    few = moved.real_changes(shares(400, {ONE: 0.01}), shares(400, {ONE: 0.5}))
    label = next(one.label for one, _ in few if one.indicator == ONE)
    assert "under 10 people then, 50 of 100 now" in label
    figure = moved.moved_figure(shares(150, {ONE: 0.4}), shares(150, {ONE: 0.04}))
    assert figure.value == pytest.approx(0.4 - 10 / 150), "six of 150 cannot be worked out"
    most = moved.real_changes(shares(150, {ONE: 0.98}), shares(150, {ONE: 0.5}))
    assert any("all but under 10 people then" in one.label for one, _ in most)


def test_a_night_keeps_its_shares_and_is_compared_with_one_a_quarter_before(
    service: Service,
) -> None:
    with service.night.connect() as connection:
        tonight = moved._shares_near(connection, AS_OF)
        assert tonight is not None
        assert any(name.startswith("region N5") for name in tonight)
        profile = None
        figures = moved.moved_figures(connection, profile, tonight, AS_OF)
        assert [one.state for one in figures] == [UNKNOWN, UNKNOWN]
        for days, has_one in ((0, False), (55, False), (56, True), (91, True), (126, True)):
            with connection.begin_nested() as savepoint:
                row = {"as_of": AS_OF - timedelta(days=days), "shares": tonight}
                connection.execute(insert(night_shares).values(**row))
                creeping = moved.moved_figures(connection, profile, tonight, AS_OF)[1]
                assert (creeping.state == GREEN) == has_one, days
                savepoint.rollback()
        connection.rollback()
