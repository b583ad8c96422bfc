"""Drift: the PSI by hand, what chance does to it, a bin for what is not known, fixed bins."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.frame import build
from models import drift
from models.profile import Counts, Profile, Tally, add_counts, decile_edges, region_of

COUNTS = st.lists(st.integers(0, 5000), min_size=2, max_size=12)


def plain(then: list[int], now: list[int]) -> float:
    """The index of the textbook, bin by bin, with half a case in each."""
    total = 0.0
    for a, b in zip(then, now, strict=True):
        p = (a + 0.5) / (sum(then) + 0.5 * len(then))
        q = (b + 0.5) / (sum(now) + 0.5 * len(now))
        total += (q - p) * math.log(q / p)
    return total


@given(COUNTS, st.data())
def test_the_index_is_that_of_the_textbook_less_what_chance_does(
    then: list[int], data: st.DataObject
) -> None:
    now = data.draw(st.lists(st.integers(0, 5000), min_size=len(then), max_size=len(then)))
    shift = drift.population_stability_index(then, now)
    used = [(a, b) for a, b in zip(then, now, strict=True) if a + b]
    if not sum(then) or not sum(now):
        assert shift is None
        return
    assert shift is not None
    noise = (len(used) - 1) * (1 / sum(then) + 1 / sum(now))
    by_hand = plain([a for a, _ in used], [b for _, b in used])
    assert shift.value == pytest.approx(max(0.0, by_hand - noise), abs=1e-9)
    assert 0 <= shift.low <= shift.high


def test_chance_alone_is_about_nought_and_a_shift_is_not() -> None:
    rng = np.random.default_rng(1)
    shares = np.full(10, 0.1)
    shifts = []
    for _ in range(200):
        shift = drift.population_stability_index(
            list(rng.multinomial(400, shares)), list(rng.multinomial(400, shares))
        )
        assert shift is not None
        shifts.append(shift.value)
    assert np.mean(shifts) < 0.02
    moved = drift.population_stability_index(
        [100] * 10, [40, 60, 80, 100, 100, 100, 100, 120, 140, 160]
    )
    assert moved is not None
    assert moved.low > 0.05
    assert moved.low < moved.value < moved.high


def test_the_interval_lies_about_the_value() -> None:
    """Drawing anew adds chance once more; without taking it off the interval would lie above."""
    moved = drift.population_stability_index(
        [300] * 10, [150, 200, 250, 300, 300, 300, 300, 350, 400, 450]
    )
    assert moved is not None
    assert (moved.low + moved.high) / 2 == pytest.approx(moved.value, rel=0.12)
    small = drift.population_stability_index([40] * 10, [20, 26, 34, 40, 40, 40, 40, 46, 54, 60])
    assert small is not None
    assert small.low < small.value < small.high, "of few, the lower end is cut off at nought"


@pytest.mark.parametrize(("then_people", "now_people"), [(400, 400), (3_000, 3_000), (400, 3_000)])
def test_the_interval_holds_the_true_index_as_often_as_it_says(
    then_people: int, now_people: int
) -> None:
    """Both counts are samples: drawing the later alone held it in 43 to 88 of 100."""
    rng = np.random.default_rng(4)
    then, now = np.array([0.9, 0.06, 0.03, 0.01]), np.array([0.85, 0.09, 0.04, 0.02])
    true = float(((now - then) * np.log(now / then)).sum())
    held = 0
    for _ in range(150):
        shift = drift.population_stability_index(
            list(rng.multinomial(then_people, then)), list(rng.multinomial(now_people, now))
        )
        assert shift is not None
        held += shift.low <= true <= shift.high
    assert held / 150 >= 0.88


def test_a_tally_counts_each_value_in_its_bin_and_region_and_what_is_not_known_apart() -> None:
    """Against the same counts by hand, in two parts."""
    name, crns = "violence_incident_count", ["A000001", "A000002", "A000003"]
    empty = {one: pl.Series([None], dtype=pl.Float64) for one in build.indicator_columns()}
    rows = [("A000001", 0.0), ("A000001", 1.0), ("A000002", None), ("A000003", 7.0)]
    frame = pl.DataFrame(
        {
            "crn": [crn for crn, _ in rows],
            "group": "public",
            "level": ["LOW", "HIGH", None, "LOW"],
            **{one: values.extend_constant(None, 3) for one, values in empty.items()},
        }
    ).with_columns(pl.Series(name, [value for _, value in rows], dtype=pl.Float64))
    scored = pl.DataFrame(
        {
            "crn": crns,
            "group": "public",
            "stratum": "LOW",
            "scorable": [True, True, False],
            "probability": [0.1, 0.9, None],
        }
    )
    edges = {name: [0.0, 2.0], "level public": [0.5, 1.5, 2.5], "score LOW public": [0.5]}
    tally = Tally(edges, {"A000001": "N54", "A000002": "N58"})
    for part in (slice(0, 2), slice(2, 4)):
        tally.add(frame[part], scored.filter(pl.col("crn").is_in(frame["crn"][part])))
    added: Counts = {}
    for part in (slice(0, 2), slice(2, 4)):
        of_part = Tally(edges, {"A000001": "N54", "A000002": "N58"})
        of_part.add(frame[part], scored.filter(pl.col("crn").is_in(frame["crn"][part])))
        add_counts(added, of_part.counts)
    assert added == tally.counts, "parts of a caseload add up to the whole"
    add_counts(added, tally.counts)
    assert added["N54"]["level public"] == [0, 2, 0, 2, 0], "also within one region"
    assert tally.counts["N54"] == {
        name: [0, 1, 1, 0],
        "level public": [0, 1, 0, 1, 0],
        "score LOW public": [0, 1, 0],
    }
    assert tally.counts["N58"] == {
        name: [1, 0, 0, 0],
        "level public": [1, 0, 0, 0, 0],
        "score LOW public": [0, 0, 1],
    }
    assert tally.counts["not known"][name] == [0, 0, 0, 1], "held by no unit is told apart"


def test_what_is_not_known_any_more_is_drift() -> None:
    gone = drift.population_stability_index([0, 500, 500], [400, 300, 300])
    assert gone is not None
    assert gone.value > 1


def test_rows_of_one_person_move_together() -> None:
    alone = drift.population_stability_index([100, 100], [80, 120])
    fourfold = drift.population_stability_index([400, 400], [320, 480], 4)
    assert alone is not None
    assert fourfold is not None
    assert fourfold.noise == pytest.approx(alone.noise)


@given(st.lists(st.one_of(st.none(), st.integers(0, 50)), max_size=400))
def test_every_bin_holds_its_share(values: list[int | None]) -> None:
    series = pl.Series(values, dtype=pl.Float64)
    edges = decile_edges(series)
    assert edges == sorted(set(edges))
    known_values = series.drop_nulls().to_numpy()
    if len(known_values):
        place = np.searchsorted(np.array(edges), known_values, side="left")
        counts = np.bincount(place, minlength=len(edges) + 1)
        # A single bin is ended by the commonest value: beyond it there may be nobody yet.
        assert counts[: len(edges)].min() >= 1
        assert counts.min() >= 1 or len(edges) == 1


def test_a_rare_indicator_has_a_bin_above_nought() -> None:
    assert decile_edges(pl.Series([0.0] * 980 + [1.0] * 11 + [2.0] * 9)) == [0.0, 1.0]
    assert decile_edges(pl.Series([], dtype=pl.Float64)) == []
    assert decile_edges(pl.Series([3.0] * 50)) == [3.0]


def test_a_profile_is_kept_as_plain_values() -> None:
    profile = Profile(
        date(2026, 9, 1), {"a": [0.0]}, {"N54": {"a": [1, 2, 3]}}, {"x": {"N54": (1, 0)}}
    )
    assert profile.as_json()["as_of"] == "2026-09-01"
    assert region_of("N54ALD") == "N54"
    assert region_of(None) == "not known"


def test_what_hardly_anyone_has_is_seen_to_become_common() -> None:
    """Twelve indicators had a single bin when they were approved, and could never drift."""
    for then in ([0.0] * 1000, [0.0] * 998 + [1.0, 2.0]):
        edges = decile_edges(pl.Series(then))
        assert edges == [0.0]
        places = [
            np.bincount(np.searchsorted(edges, values, side="left"), minlength=2)
            for values in (then, [0.0] * 700 + [1.0] * 300)
        ]
        shift = drift.population_stability_index(*places)
        assert shift is not None
        assert shift.low > 0.25, "a third of the caseload: large by any measure"
        same = drift.population_stability_index(places[0], places[0])
        assert same is not None
        assert same.value == 0
