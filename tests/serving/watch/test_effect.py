"""What being shown changed: a planted effect is found, and none where there is none."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sqlalchemy import delete, insert, select

from serving.db.tables import runs
from serving.db.unit_tables import caseload, limits, night_outcomes
from serving.watch import effect, followed
from serving.watch.figures import GREEN, LOOK, TOO_FEW, Figure
from tests.conftest import AS_OF
from tests.service import Service

NIGHT = date(2026, 3, 2)
SIMULATIONS = 200


def arm(
    rng: np.random.Generator, people: int, raised: float, enquired: float = 0.1, shown: float = 0.05
) -> dict[str, int]:
    """The counts of an arm whose people are raised and asked about with given probabilities."""
    is_raised = rng.random(people) < raised
    days = np.where(is_raised, rng.integers(1, followed.WITHIN, people), followed.WITHIN)
    return {
        "people": people,
        "raised": int(is_raised.sum()),
        "asked": int(rng.binomial(people, enquired)),
        "shown": int(rng.binomial(people, shown)),
        "days": int(days.sum()),
        "squares": int((days**2).sum()),
    }


def nights_of(
    rng: np.random.Generator, effect_of: float, nights: int = 26, **arms: Any
) -> list[dict[str, Any]]:
    """Nights on which being drawn at random adds `effect_of` to the share raised."""
    return [
        {
            "arms": {
                "drawn at random": arm(rng, 40, 0.05 + effect_of, 0.1 + effect_of),
                "not drawn": arm(rng, 400, 0.05),
                "above the cut": arm(rng, 60, 0.2 + effect_of),
                "below the cut": arm(rng, 60, 0.2, **arms),
            },
            "units": [],
        }
        for _ in range(nights)
    ]


def figures(nights: list[dict[str, Any]]) -> dict[str, Figure]:
    return {one.name: one for one in effect.figures_of_nights(nights)}


@pytest.mark.parametrize("planted", [0.0, 0.06])
def test_the_intervals_have_what_was_planted(planted: float) -> None:
    rng = np.random.default_rng(5)
    inside = {"chance": 0, "cut": 0, "sooner": 0}
    for _ in range(SIMULATIONS):
        by_name = figures(nights_of(rng, planted))
        chance, cut = by_name["raised_because"].parts[:2]
        for name, part, truth in (
            ("chance", chance, planted),
            ("cut", cut, planted),
            ("sooner", by_name["sooner_because"].parts[0], planted * 45),
        ):
            assert part.low is not None
            assert part.high is not None
            inside[name] += part.low <= truth <= part.high
    for name, count in inside.items():
        assert 0.90 <= count / SIMULATIONS <= 0.99, name


def test_an_effect_is_green_and_none_is_too_few_to_tell_and_never_green() -> None:
    rng = np.random.default_rng(7)
    with_effect = figures(nights_of(rng, 0.15))
    assert {one.state for one in with_effect.values()} == {GREEN}
    assert "chance alone chose who was drawn" in with_effect["raised_because"].sentence
    assert figures(nights_of(rng, 0.0))["raised_because"].state == TOO_FEW
    assert figures(nights_of(rng, -0.05))["asked_because"].state == LOOK


def test_where_the_next_in_rank_were_shown_soon_after_their_comparison_tells_nothing() -> None:
    rng = np.random.default_rng(3)
    cut = figures(nights_of(rng, 0.1, shown=0.95))["raised_because"].parts[1]
    assert cut.value is None
    assert "most of whom were shown soon after" in cut.label


@pytest.mark.parametrize("nights", [[], [{"arms": {}, "units": []}]])
def test_without_nights_nothing_is_told(nights: list[dict[str, Any]]) -> None:
    for one in effect.figures_of_nights(nights):
        assert (one.value, one.state) == (None, TOO_FEW)
        assert all(part.value is None for part in one.parts)


def roll_out(rng: np.random.Generator, added: float, units: int = 16) -> list[dict[str, Any]]:
    """Units that begin one after another; each has a level of its own, and all rise together."""
    own = rng.normal(0.15, 0.04, units)
    begins = rng.permutation(units) + 4
    return [
        {
            "arms": {},
            "units": [
                {
                    "unit": f"N54PDU{one:02d}",
                    "begun": bool(night >= begins[one]),
                    "people": 60,
                    "raised": int(
                        rng.binomial(
                            60,
                            np.clip(
                                own[one] + 0.002 * night + added * (night >= begins[one]), 0, 1
                            ),
                        )
                    ),
                }
                for one in range(units)
            ],
        }
        for night in range(26)
    ]


@pytest.mark.parametrize("planted", [0.0, 0.08])
def test_the_roll_out_finds_what_beginning_adds(planted: float) -> None:
    rng = np.random.default_rng(11)
    estimates = [figures(roll_out(rng, planted))["raised_because"].parts[2] for _ in range(100)]
    values = [part.value for part in estimates]
    assert np.mean([value for value in values if value is not None]) == pytest.approx(
        planted, abs=0.006
    )
    inside = sum(part.low <= planted <= part.high for part in estimates)  # type: ignore[operator]
    assert 0.88 <= inside / len(estimates) <= 1.0


def test_a_roll_out_that_cannot_tell_says_so() -> None:
    rng = np.random.default_rng(2)
    few = roll_out(rng, 0.3, units=effect.LEAST_UNITS - 1)
    at_once = roll_out(rng, 0.3)
    for place, night in enumerate(at_once):
        for cell in night["units"]:
            # All but four begin on one night.
            cell["begun"] = place >= 8 and cell["unit"] < "N54PDU12"
    late = roll_out(rng, 0.3)
    for place, night in enumerate(late):
        night["units"] = [
            {**cell, "begun": False} if cell["unit"] < "N54PDU13" else {**cell, "begun": True}
            for cell in night["units"]
            if cell["unit"] < "N54PDU13" or place > 5
        ]
    for nights in (few, at_once, late):
        assert figures(nights)["raised_because"].parts[2].value is None


def rows_of(people: list[tuple[str, str, int, str]], level: str = "LOW") -> pl.DataFrame:
    """Outcome rows of one level: crn, unit, rank, what happened; rank 0 is nothing on record."""
    rows = pl.DataFrame(
        {
            "crn": [one[0] for one in people],
            "group": ["public"] * len(people),
            "level": [level] * len(people),
            "stratum": [level] * len(people),
            "scorable": [one[2] > 0 for one in people],
            "why_not": [None if one[2] else "nothing on record" for one in people],
            "rank": [one[2] or None for one in people],
            "pdu_code": [one[1] for one in people],
            "what_happened": [one[3] for one in people],
        },
        schema_overrides={"why_not": pl.String(), "rank": pl.Int64()},
    )
    return followed.with_places(rows)


def drawn_as(**by_crn: str) -> pl.DataFrame:
    """Whom a night drew, for the public at low."""
    return pl.DataFrame(
        {"crn": [*by_crn], "drawn_as": [*by_crn.values()], "group": "public", "stratum": "LOW"}
    )


LOW = rows_of(
    [
        ("A1", "U1", 1, "queued"),
        ("A2", "U1", 2, "queued"),
        ("A3", "U1", 3, "queued"),
        ("A4", "U1", 4, "cooling down"),
        ("A5", "U1", 5, "not chosen"),
        ("A6", "U1", 6, "not chosen"),
        ("A7", "U1", 7, "not chosen"),
        ("B1", "U2", 8, "queued"),
        ("B2", "U2", 9, "not chosen"),
        ("B3", "U2", 10, "queued"),
        ("C1", "U1", 0, "not chosen"),
    ]
)
DRAWN = drawn_as(A1="flagged", A2="flagged", A3="flagged", B1="flagged", B3="random")


def test_the_last_flagged_of_a_unit_are_compared_with_the_next_in_rank() -> None:
    beside = dict(followed.beside_the_cut(LOW, DRAWN).iter_rows())
    assert beside == {
        "A2": "above the cut",
        "A3": "above the cut",
        "A5": "below the cut",
        "A6": "below the cut",
        "B1": "above the cut",
        "B2": "below the cut",
    }


def test_at_a_level_at_which_nobody_is_flagged_nobody_is_beside_the_cut() -> None:
    """A1 ranks first at medium, where people are read at random alone, and was flagged at low."""
    medium = rows_of([("A1", "U1", 1, "queued"), ("M1", "U1", 2, "not chosen")], "MEDIUM")
    beside = dict(followed.beside_the_cut(pl.concat([medium, LOW]), DRAWN).iter_rows())
    assert "M1" not in beside
    assert beside["A3"] == "above the cut"


def test_those_drawn_at_random_are_compared_with_those_who_could_have_been() -> None:
    assert dict(followed.by_chance(LOW, DRAWN, seed=1).iter_rows()) == {
        "B3": "drawn at random",
        **dict.fromkeys(["A5", "A6", "A7", "B2"], "not drawn"),
    }
    assert followed.by_chance(LOW, drawn_as(A1="flagged"), seed=1).is_empty()


def test_the_highest_ranked_of_a_unit_are_there_whatever_happened_to_them() -> None:
    happened = ["queued", "cooling down", "already in the queue", "not chosen"]
    people = [(f"D{n:03d}", "U1", n + 1, happened[n % 4]) for n in range(200)]
    top = followed.highest_ranked(rows_of(people))
    assert sorted(top["crn"]) == ["D000", "D001", "D002", "D003"]


def test_units_with_few_people_are_left_out() -> None:
    outcomes = pl.DataFrame({"pdu_code": ["U1"] * 10 + ["U2"] * 9, "raised": [True] * 19})
    (cell,) = followed.count_units(outcomes, {"U1"})
    assert cell == {"unit": "U1", "begun": True, "people": 10, "raised": 10}


@pytest.mark.parametrize(
    ("completed", "level", "raised"),
    [(1, "MEDIUM", True), (1, "LOW", False), (0, "HIGH", False), (-5, "HIGH", False)],
)
def test_raised_is_a_higher_level_in_an_assessment_completed_since(
    completed: int, level: str, raised: bool
) -> None:
    rows = rows_of([("A1", "U1", 1, "queued")])
    outcome = outcomes(rows, completed, level)
    assert outcome["raised"].item() == raised
    assert outcome["days"].item() == (completed if raised else followed.WITHIN)
    assert outcome["asked"].item() is True


@pytest.mark.parametrize(("level", "raised"), [("HIGH", True), ("MEDIUM", False)])
def test_without_a_recorded_level_high_is_raised(level: str, raised: bool) -> None:
    rows = rows_of([("A1", "U1", 1, "queued")]).with_columns(level=pl.lit(None, pl.String()))
    assert outcomes(rows, 10, level)["raised"].item() == raised


def outcomes(rows: pl.DataFrame, completed: int, level: str) -> pl.DataFrame:
    none = pl.lit(None, dtype=pl.String())
    assessments = pl.DataFrame(
        {
            "crn": ["A1"],
            "status": ["COMPLETE"],
            "completed_on": [NIGHT + timedelta(days=completed)],
            "public_community": [level],
        }
    ).with_columns(children_community=none, known_adult_community=none, staff_community=none)
    enquiries = pl.DataFrame({"crn": ["A1"], "requested_on": [NIGHT + timedelta(days=1)]})
    crns = pl.DataFrame({"crn": ["A1"]})
    return followed.outcomes_of(crns, rows, assessments, enquiries, NIGHT)


def test_a_night_is_followed_after_ninety_days_and_one_of_a_week(
    service: Service, tmp_path: Path
) -> None:
    """The first night of the next week that drew anybody at random; a lost file is passed over."""
    monday = AS_OF + timedelta(days=7 - AS_OF.weekday())
    with service.night.connect() as connection, connection.begin() as held:
        run = connection.execute(select(runs).where(runs.c.as_of == AS_OF)).mappings().first()
        assert run is not None
        scores = tmp_path / "scores"
        scores.mkdir()
        shutil.copy(service.settings.scores / run["scores_file"], scores / "now.parquet")
        for day, at_random, file in (
            (AS_OF - timedelta(days=1), 3, "lost.parquet"),
            (monday, 0, "now.parquet"),
            (monday + timedelta(days=1), 3, "now.parquet"),
            (monday + timedelta(days=2), 3, "now.parquet"),
            (monday + timedelta(days=7), 3, "now.parquet"),
        ):
            values = {
                **run,
                "id": f"test-{day}",
                "as_of": day,
                "scores_file": file,
                "counts": {**run["counts"], "random": at_random},
            }
            connection.execute(insert(runs).values(**values))
        shutil.copy(service.settings.scores / run["scores_file"], scores / run["scores_file"])
        follow = lambda ago: followed.follow_night(  # noqa: E731
            connection, service.store, scores, AS_OF + timedelta(days=ago)
        )
        assert follow(89) is None
        assert follow(200) == AS_OF
        assert follow(200) == monday + timedelta(days=1)
        assert follow(200) == monday + timedelta(days=7)
        assert follow(200) is None
        counts = connection.execute(
            select(night_outcomes.c.counts).where(night_outcomes.c.as_of == AS_OF)
        ).scalar_one()
        arms = counts["arms"]
        assert arms["drawn at random"]["people"] >= 1
        assert arms["above the cut"]["people"] == arms["below the cut"]["people"] > 0
        assert any(unit["begun"] for unit in counts["units"])
        names = {one.name for one in effect.effect_figures(connection, AS_OF)}
        assert names == {"raised_because", "asked_because", "sooner_because"}
        held.rollback()


def test_who_is_limited_since_is_not_followed(service: Service) -> None:
    """Also where the person is in the caseload no more."""
    with service.night.connect() as connection, connection.begin() as held:
        run = connection.execute(select(runs).where(runs.c.as_of == AS_OF)).mappings().first()
        assert run is not None
        rows = followed._read_scores(service.settings.scores / run["scores_file"])
        assert rows is not None
        at_random = followed._drawn_in(connection, run["id"]).filter(drawn_as="random")["crn"]
        values = {"crn": at_random[0], "kind": "exclusion", "username": ""}
        connection.execute(insert(limits).values(**values))
        connection.execute(delete(caseload).where(caseload.c.crn == at_random[0]))
        counts = followed._count_night(connection, service.store, rows, run["id"], AS_OF)
        assert counts["arms"]["drawn at random"]["people"] == len(at_random) - 1
        held.rollback()
