"""Promise 9: a random share of the unflagged is in the same queue, with known probabilities."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from serving.board import approvals
from serving.night import sampling
from serving.night.sampling import Key, share_out
from tests.service import Service

RATES = {"low": 4, "medium": 4, "high": 2, "unknown": 2}


def caseload(people: int) -> tuple[pl.DataFrame, dict[str, str]]:
    """Scored rows of so many people, two groups each, in three units."""
    rows = []
    for i in range(people):
        for j, group in enumerate(("public", "staff")):
            stratum = ("LOW", "MEDIUM", "HIGH", "UNKNOWN", "VERY_HIGH")[(i + j) % 5]
            high = stratum == "VERY_HIGH"
            rows.append(
                {
                    "crn": f"A{i:06d}",
                    "group": group,
                    "stratum": stratum,
                    "scorable": not high,
                    "why_not": "already very high" if high else None,
                    "probability": None if high else ((i * 37 + j * 11) % 101) / 101,
                }
            )
    units = {f"A{i:06d}": f"U{i % 3}" for i in range(people)}
    return pl.DataFrame(rows, infer_schema_length=None), units


def chosen(run: str, people: int = 300, away: tuple[str, ...] = ()) -> list[sampling.Chosen]:
    scored, units = caseload(people)
    return sampling.sample_cases(scored, units, RATES, 0.2, {}, away, Key("secret", run))


def test_one_in_five_is_random_with_its_probability() -> None:
    chosen_cases = chosen("r1")
    random = [c for c in chosen_cases if c.drawn_as == "random"]
    flagged = [c for c in chosen_cases if c.drawn_as == "flagged"]
    assert len(flagged) == sum(RATES.values())
    assert len(random) == 3
    for item in random:
        assert item.inclusion_probability == pytest.approx(3 / (300 - len(flagged)))
    assert len({c.crn for c in chosen_cases}) == len(chosen_cases)


def test_the_same_run_draws_the_same_people_and_another_others() -> None:
    assert chosen("r1") == chosen("r1")
    assert {c.crn for c in chosen("r1") if c.drawn_as == "random"} != {
        c.crn for c in chosen("r2") if c.drawn_as == "random"
    }


def test_everyone_not_flagged_is_as_likely() -> None:
    """Over 600 runs each of 38 people is drawn about as often as the stated probability says."""
    scored, units = caseload(50)
    drawn: Counter[str] = Counter()
    runs, probability = 600, 0.0
    for run in range(runs):
        for item in sampling.sample_cases(
            scored, units, RATES, 0.2, {}, (), Key("secret", str(run))
        ):
            if item.drawn_as == "random":
                drawn[item.crn] += 1
                probability = item.inclusion_probability
    flagged = sum(RATES.values())
    assert probability == pytest.approx(3 / (50 - flagged))
    always = [drawn[crn] for crn in drawn if drawn[crn] > 0.5 * runs * probability]
    assert sum(drawn.values()) == 3 * runs
    assert max(drawn.values()) < 2 * runs * probability
    assert len(always) >= 30


def test_very_high_can_be_drawn_and_is_never_flagged() -> None:
    chosen_cases = [c for run in range(60) for c in chosen(str(run))]
    assert "VERY_HIGH" not in {c.stratum for c in chosen_cases if c.drawn_as == "flagged"}
    scored, units = caseload(5)
    only = scored.with_columns(
        stratum=pl.lit("VERY_HIGH"),
        scorable=False,
        why_not=pl.lit("already very high"),
        probability=None,
    )
    drawn = sampling.sample_cases(only, units, RATES, 0.2, {}, (), Key("s", "r"))
    assert {c.drawn_as for c in drawn} == {"random"}


def test_people_away_and_weekly_rates_are_kept() -> None:
    first = chosen("r1")
    again = chosen("r2", away=tuple(c.crn for c in first))
    assert not {c.crn for c in first} & {c.crn for c in again}
    scored, units = caseload(300)
    week = {"LOW": 4, "MEDIUM": 4, "HIGH": 2, "UNKNOWN": 2, "random": 3}
    assert sampling.sample_cases(scored, units, RATES, 0.2, week, (), Key("s", "r")) == []


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.integers(0, 60),
    st.dictionaries(st.sampled_from("ABCDEF"), st.integers(1, 50), min_size=1),
    st.floats(0, 0.999),
)
def test_units_get_their_share_rounded(total: int, sizes: dict[str, int], start: float) -> None:
    shares = share_out(total, sizes, start)
    everyone = sum(sizes.values())
    assert sum(shares.values()) == total
    for name, count in shares.items():
        assert abs(count - total * sizes[name] / everyone) < 1


def test_the_night_kept_each_probability(service: Service) -> None:
    with service.admin.connect() as connection:
        rows = connection.execute(
            text("SELECT drawn_as, inclusion_probability, reasons FROM triage.findings")
        ).all()
    kinds = Counter(row[0] for row in rows)
    assert 0.15 < kinds["random"] / len(rows) < 0.25
    assert {row[1] for row in rows if row[0] == "flagged"} == {1.0}
    assert len({row[1] for row in rows if row[0] == "random"}) == 1
    assert all(0 < row[1] < 1 for row in rows if row[0] == "random")


WEEKS = 1_500


def test_real_frequencies_of_simulated_weeks_are_the_stored_probabilities() -> None:
    """Each person's frequency over the weeks against the sum of what was stored for that person.

    A person is in the frame of a week unless flagged or away, so that both are counted where they
    differ: with people who come and go. Held to four standard deviations, over all persons to a
    chi-square (whose mean is the number of persons).
    """
    people = 40
    scored, units = caseload(people)
    crns = sorted(units)
    drawn, expected, spread = Counter[str](), Counter[str](), Counter[str]()
    for week in range(WEEKS):
        away = {crn for i, crn in enumerate(crns) if (week + i) % 7 == 0}
        key = Key("secret", f"week-{week}")
        chosen = sampling.sample_cases(scored, units, RATES, 0.2, {}, away, key, {"U1": 1})
        random = [one for one in chosen if one.drawn_as == "random"]
        flagged = {one.crn for one in chosen if one.drawn_as == "flagged"}
        probability = random[0].inclusion_probability
        for crn in set(crns) - away - flagged:
            expected[crn] += probability
            spread[crn] += probability * (1 - probability)
        drawn.update(one.crn for one in random)
    off = [(drawn[c] - expected[c]) / spread[c] ** 0.5 for c in crns if spread[c] > 10]
    assert len(off) > 20
    assert max(abs(one) for one in off) < 4
    chi_square = sum(one * one for one in off)
    assert abs(chi_square - len(off)) < 4 * (2 * len(off)) ** 0.5


def test_a_full_unit_takes_no_flagged_case_and_still_its_random_ones() -> None:
    scored, units = caseload(300)
    full = sampling.sample_cases(
        scored, units, RATES, 0.2, {}, (), Key("s", "r"), {"U0": 0, "U1": 1}
    )
    flagged = Counter(one.pdu_code for one in full if one.drawn_as == "flagged")
    assert flagged["U0"] == 0
    assert flagged["U1"] == 1
    assert flagged["U2"] > 1
    free = sampling.sample_cases(scored, units, RATES, 0.2, {}, (), Key("s", "r"))
    assert sum(one.drawn_as == "random" for one in full) == 3
    assert len(full) < len(free)


def test_a_level_that_fails_the_gate_flags_nobody_and_is_read_at_random() -> None:
    """Its signed number is drawn at random from everybody, each with its probability."""
    scored, units = caseload(300)
    drawn = sampling.sample_cases(
        scored, units, RATES, 0.2, {}, (), Key("s", "r"), random_only={"LOW", "HIGH"}
    )
    flagged = Counter(one.stratum for one in drawn if one.drawn_as == "flagged")
    assert flagged == {"MEDIUM": RATES["medium"], "UNKNOWN": RATES["unknown"]}
    random = [one for one in drawn if one.drawn_as == "random"]
    assert len(random) == 3 + RATES["low"] + RATES["high"]
    everyone_else = 300 - sum(flagged.values())
    for one in random:
        assert one.inclusion_probability == pytest.approx(len(random) / everyone_else)
    week = {"MEDIUM": 4, "UNKNOWN": 2, "random": len(random)}
    again = sampling.sample_cases(
        scored, units, RATES, 0.2, week, (), Key("s", "r"), random_only={"LOW", "HIGH"}
    )
    assert again == []


def test_outside_a_demo_the_night_flags_nobody_where_the_bundle_fails(service: Service) -> None:
    with service.night.connect() as connection:
        approval = approvals.in_force(connection, demo=True)
    failing = replace(service.model, about={**service.model.about, "random_only": ["LOW"]})
    assert approvals.random_only(replace(approval, demo=False), failing) == {"LOW"}
    assert approvals.random_only(approval, failing) == frozenset(), "a demo has something to show"
    gate = json.loads((service.bundle_folder / "evidence.json").read_text())["gate"]
    assert service.model.random_only == {
        one["recorded"] for one in gate if one["outcome"] == "fails"
    }
    assert service.model.random_only, "a model of few made-up people passes nowhere"


def test_a_level_that_fails_takes_nobody_from_the_list_of_another() -> None:
    """Each has a row at both levels; the first five rank higher still at the one that fails."""
    rows = [
        {
            "crn": f"A{n:06d}",
            "group": group,
            "stratum": stratum,
            "scorable": True,
            "why_not": None,
            "probability": 0.9 - n / 100 if stratum == "MEDIUM" else (n < 5) * 0.99 + n / 1000,
        }
        for n in range(20)
        for group, stratum in (("public", "LOW"), ("staff", "MEDIUM"))
    ]
    units = {f"A{n:06d}": "U0" for n in range(20)}
    drawn = sampling.sample_cases(
        pl.DataFrame(rows), units, {"medium": 5}, 0.2, {}, (), Key("s", "r"), random_only={"LOW"}
    )
    assert {one.crn for one in drawn if one.drawn_as == "flagged"} == {
        f"A{n:06d}" for n in range(5)
    }


def lane_rows(*crns: str) -> pl.DataFrame:
    """Rows of a lane, the first to be drawn first."""
    return pl.DataFrame(
        {
            "crn": list(crns),
            "group": ["public"] * len(crns),
            "stratum": ["LOW"] * len(crns),
            "probability": [0.01] * len(crns),
            "bits": [float(len(crns) - n) for n in range(len(crns))],
        },
        schema_overrides={"crn": pl.String, "probability": pl.Float64, "bits": pl.Float64},
    )


PEOPLE = [f"A{n:06d}" for n in range(40)]


@given(
    st.lists(st.sampled_from(PEOPLE), unique=True),
    st.lists(st.sampled_from(PEOPLE), unique=True),
    st.integers(0, 12),
    st.integers(0, 12),
    st.sets(st.sampled_from(PEOPLE)),
)
@settings(max_examples=80, deadline=None)
def test_a_person_counts_once_in_the_first_lane_that_draws(
    unusual: list[str], combined: list[str], some: int, others: int, away: set[str]
) -> None:
    scored, units = caseload(40)
    lanes = {"unusual": lane_rows(*unusual), "combination": lane_rows(*combined)}
    rates = {**RATES, "unusual": some, "combination": others}
    drawn = sampling.sample_cases(scored, units, rates, 0.2, {}, away, Key("s", "r"), lanes=lanes)
    crns = [one.crn for one in drawn]
    assert len(set(crns)) == len(crns)
    assert not set(crns) & away
    by_lane = {
        name: [one.crn for one in drawn if one.drawn_as == name]
        for name in ("flagged", "unusual", "combination", "random")
    }
    without_lanes = sampling.sample_cases(scored, units, RATES, 0.2, {}, away, Key("s", "r"))
    assert by_lane["flagged"] == [o.crn for o in without_lanes if o.drawn_as == "flagged"]
    left = [crn for crn in unusual if crn not in {*by_lane["flagged"], *away}]
    assert len(by_lane["unusual"]) == min(some, len(left))
    for unit in ("U0", "U1", "U2"):
        here = [crn for crn in left if units[crn] == unit]
        ours = {crn for crn in by_lane["unusual"] if units[crn] == unit}
        assert set(here[: len(ours)]) == ours, "the first of each unit"
    left = [c for c in combined if c not in {*by_lane["flagged"], *by_lane["unusual"], *away}]
    assert len(by_lane["combination"]) == min(others, len(left))
    at_random = math.ceil(sum(rates.values()) * 0.25 - 1e-9)
    not_drawn = (
        len(set(PEOPLE) - away)
        - sum(len(by_lane[name]) for name in by_lane)
        + len(by_lane["random"])
    )
    assert len(by_lane["random"]) == min(at_random, not_drawn), "of all who are in no lane"
    for one in drawn:
        assert (one.because == {}) == (one.drawn_as in ("flagged", "random"))


def test_what_a_lane_drew_this_week_is_not_drawn_again() -> None:
    scored, units = caseload(40)
    lanes = {"unusual": lane_rows(*PEOPLE[:10])}
    rates = {**dict.fromkeys(RATES, 0), "unusual": 6}
    week = {"UNUSUAL": 4, "random": 99}
    drawn = sampling.sample_cases(scored, units, rates, 0.2, week, (), Key("s", "r"), lanes=lanes)
    assert len(drawn) == 2


def test_lanes_draw_where_the_model_may_flag_nobody() -> None:
    scored, units = caseload(40)
    lanes = {"unusual": lane_rows(*PEOPLE[:10])}
    drawn = sampling.sample_cases(
        scored,
        units,
        {**RATES, "unusual": 3},
        0.2,
        {},
        (),
        Key("s", "r"),
        random_only={"LOW", "MEDIUM", "HIGH", "UNKNOWN"},
        lanes=lanes,
    )
    counts = Counter(one.drawn_as for one in drawn)
    assert (counts["flagged"], counts["unusual"]) == (0, 3)


def test_a_night_draws_each_lane_and_says_why(service: Service) -> None:
    with service.admin.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT i.crn, i.as_of, f.drawn_as, f.because, f.inclusion_probability"
                " FROM triage.findings f JOIN triage.items i ON i.id = f.item_id"
            )
        ).all()
        counted = connection.execute(text("SELECT counts FROM triage.runs ORDER BY at")).first()
    assert counted is not None
    by_lane = Counter(row.drawn_as for row in rows)
    for lane in ("unusual", "combination"):
        assert by_lane[lane] >= counted.counts["lanes"][lane] > 0
    for row in rows:
        parts = row.because["parts"]
        assert bool(parts) == (row.drawn_as in ("unusual", "combination"))
        assert all(part["findings"] for part in parts), "each fact has its sentence and entries"
        assert (row.because["since"] is not None) == (row.drawn_as == "unusual")
        if row.drawn_as == "unusual":
            assert timedelta(0) < row.as_of - date.fromisoformat(row.because["since"])
            assert row.inclusion_probability == 1.0
