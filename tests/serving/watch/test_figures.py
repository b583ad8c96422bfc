"""What is watched: each figure's state by the table, bad input said, old snapshots still open."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text

from features.store.protected_characteristics import CHARACTERISTICS, NOT_KNOWN
from features.store.store import Load, Store
from models.profile import Profile
from serving import watch
from serving.db.unit_tables import snapshots
from serving.watch import (
    alike,
    arrivals,
    calibration,
    equality,
    figures,
    lists,
    maturity,
    population,
    readers,
)
from serving.watch.figures import ACT, GREEN, LOOK, TOO_FEW, Figure, Part, in_words, worst_part
from serving.watch.figures import NOT_KNOWN as UNKNOWN
from serving.web import charts
from serving.web.formatters import limits_of
from tests.conftest import AS_OF
from tests.pages import Browser
from tests.service import Service
from tests.serving.watch.test_readers import TODAY, reading

USUAL = {"contacts": {"N54": (1200, 120), "N58": (240, 24)}}


def profile(**changes: Any) -> Profile:
    """A profile of one region with one indicator, one level and one score."""
    counts = {
        "N54": {
            "violence_incident_count": [0, 3600, 400],
            "level public": [0, 500, 300, 150, 50],
            "score LOW public": [0, 100, 100, 100],
        }
    }
    values = {"as_of": date(2026, 9, 1), "edges": {}, "counts": counts, "supplied": USUAL} | changes
    return Profile(**values)


def by_name(figure_list: list[Figure]) -> dict[str, Figure]:
    """The figures by their names."""
    return {one.name: one for one in figure_list}


@pytest.mark.parametrize(
    ("rows", "late", "few", "overdue"),
    [
        # By the near end of an interval: 55 of 100 may be chance, 40 are not.
        (100, 10, GREEN, GREEN),
        (55, 5, GREEN, GREEN),
        (40, 4, LOOK, TOO_FEW),
        (15, 1, ACT, TOO_FEW),
        (0, 0, ACT, TOO_FEW),
        (100, 30, GREEN, LOOK),
        (100, 60, GREEN, ACT),
    ],
)
def test_a_week_beside_what_is_usual(
    service: Service, rows: int, late: int, few: str, overdue: str
) -> None:
    """A week usually brings 100 rows of the one region (and 20 of the other, too few to tell)."""
    week = {"contacts": {"N54": (rows, late), "N58": (0, 0)}}
    figures_by_name = by_name(arrivals.arrival_figures(service.store, profile(), week, AS_OF))
    parts = {part.label: part for part in figures_by_name["rows_few"].parts}
    assert parts["contacts in N54"].state == few
    assert figures_by_name["late"].state == overdue
    other = next(
        part for part in figures_by_name["rows_few"].parts if part.label == "contacts in N58"
    )
    assert other.value == 0, "none of 20 is sure, few of 20 is not"
    some = {"contacts": {"N54": (100, 0), "N58": (8, 0)}}
    parts = by_name(arrivals.arrival_figures(service.store, profile(), some, AS_OF))["rows_few"]
    assert next(part for part in parts.parts if part.label == "contacts in N58").value is None


def test_a_table_that_stopped_is_named(service: Service) -> None:
    late = AS_OF + timedelta(days=30)
    figures_by_name = by_name(arrivals.arrival_figures(service.store, profile(), USUAL, late))
    assert figures_by_name["feeds_gone"].state in (LOOK, ACT)
    assert "contacts" in figures_by_name["feeds_gone"].sentence


def test_without_a_profile_nothing_is_green(service: Service) -> None:
    figures_not_green = [
        *arrivals.arrival_figures(service.store, None, {}, AS_OF),
        *population.population_figures(None, {}),
    ]
    for one in figures_not_green:
        if one.name not in ("refused", "unknown_codes"):
            assert one.state == UNKNOWN, one.name
            assert one.value is None
            assert "without a" in one.sentence


@pytest.mark.parametrize(
    ("now", "state"),
    [([0, 3600, 400], GREEN), ([0, 3000, 1000], LOOK), ([2000, 1800, 200], ACT)],
)
def test_an_indicator_that_moved(now: list[int], state: str) -> None:
    counts = {"N54": profile().counts["N54"] | {"violence_incident_count": now}}
    figures_by_name = by_name(population.population_figures(profile(), counts))
    assert figures_by_name["indicators"].state == state
    assert "“Incidents of violence”: " in figures_by_name["indicators"].sentence
    assert figures_by_name["levels"].state == GREEN
    few = {
        "N54": {
            name: [n // 100 for n in counts_of_indicator]
            for name, counts_of_indicator in counts["N54"].items()
        }
    }
    assert by_name(population.population_figures(profile(), few))["indicators"].state == TOO_FEW


def test_levels_put_up_are_practice() -> None:
    counts = {"N54": profile().counts["N54"] | {"level public": [0, 300, 420, 220, 60]}}
    figures_by_name = by_name(population.population_figures(profile(), counts))
    assert figures_by_name["levels"].state == ACT
    assert figures_by_name["indicators"].state == GREEN


def test_process_that_moves_alone_is_practice_and_with_behaviour_it_is_not() -> None:
    usual = {"da_enquiry_overdue": [0, 3200, 800], "violence_incident_count": [0, 3600, 400]}
    then = profile(counts={"N54": usual})
    alone = usual | {"da_enquiry_overdue": [0, 2000, 2000]}
    both = alone | {"violence_incident_count": [0, 2200, 1800]}
    assert by_name(population.population_figures(then, {"N54": alone}))["process"].state == ACT
    assert by_name(population.population_figures(then, {"N54": both}))["process"].state == GREEN


def test_readers_who_are_quick_or_write_the_same_again() -> None:
    slow = [reading(reasons=f"Case {chr(97 + n)}{chr(98 + n)} read.") for n in range(20)]
    quick = [reading(took=timedelta(seconds=20), reasons="As the list says.")] * 20
    assert readers._quick_readings([*slow, *quick]).value == pytest.approx(0.5)
    assert readers._same_words([*slow, *quick]).value == pytest.approx(0.5)
    assert readers._quick_readings(slow).state == TOO_FEW


def test_a_unit_that_follows_is_a_unit_and_one_of_three_cases_is_not() -> None:
    followed = [
        reading(asks_reassessment=True, pdu_code="N54ALD", reader=f"R{n % 3}") for n in range(30)
    ]
    steady = [reading(pdu_code="N54BRI", reader=f"S{n % 3}") for n in range(30)]
    small = [reading(asks_reassessment=True, pdu_code="N58CAR")] * 3
    figure = readers._units_that_follow([*followed, *steady, *small])
    assert figure.value == 1
    assert figure.state == LOOK
    parts = {part.label: part for part in figure.parts}
    assert parts["N58CAR"].value is None
    assert parts["N58CAR"].count == 0, "three are withheld"
    assert readers._units_that_follow(small).state == TOO_FEW


def test_the_share_of_a_unit_is_never_that_of_one_or_two_people() -> None:
    two = [
        reading(asks_reassessment=True, pdu_code="N54ALD", reader=f"R{n % 2}") for n in range(60)
    ]
    three = [reading(pdu_code="N54BRI", reader=f"S{n % 3}") for n in range(60)]
    figure = readers._units_that_follow([*two, *three])
    assert {part.label: part.value for part in figure.parts} == {"N54ALD": None, "N54BRI": 0.0}
    assert figure.state == TOO_FEW, "green of one unit says nothing of the other"
    assert "Of 1 more it cannot be told" in figure.sentence


def test_what_happens_to_flagged_cases_does_not_drown_in_the_weights_of_random_ones(
    service: Service,
) -> None:
    """A case at random stands for two thousand: it must not hide four hundred that followed."""
    stamped = [reading(asks_reassessment=True, keeps_level=False)] * 400
    apart = [reading(first=True, second=False, second_probability=0.05)] * 60
    random = [reading(drawn_as="random", weight=2000.0, second=False)] * 100
    with service.night.connect() as connection:
        figures_by_name = by_name(
            readers.reader_figures(connection, [*stamped, *apart, *random], TODAY)
        )
    assert figures_by_name["raised_after"].value == 1.0
    assert figures_by_name["raised_after"].state == ACT
    assert "of cases drawn for what they hold" in figures_by_name["raised_after"].sentence
    assert figures_by_name["agreement"].value == 0.0
    assert figures_by_name["agreement"].state == ACT
    assert {part.label: part.state for part in figures_by_name["agreement"].parts} == {
        "of cases drawn for what they hold": ACT,
        "of cases drawn at random": GREEN,
    }


def alike_slowly(texts: list[frozenset[str]]) -> int:
    """Every pair compared."""
    return sum(
        any(
            len(one & other) >= alike.NEAR * len(one | other)
            for place, other in enumerate(texts)
            if place != at
        )
        for at, one in enumerate(texts)
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(st.frozensets(st.sampled_from("abcdefgh"), min_size=1), max_size=12))
def test_texts_that_are_nearly_the_same_are_found(texts: list[frozenset[str]]) -> None:
    assert alike.count_near_copies(texts) == alike_slowly(texts)


def test_reasons_that_differ_by_one_word_are_the_same_reasons() -> None:
    same = [
        reading(reasons=f"I agree with the findings that are shown here on this page {name}")
        for name in ("alpha", "beta", "gamma") * 20
    ]
    assert readers._same_words(same).value == 1.0


def test_expected_and_found_are_compared_in_the_flagged_group() -> None:
    readings = [reading(probability=0.5, same_group=n % 4 == 0) for n in range(40)]
    ratio = calibration.observed_to_expected(readings)
    assert ratio.value == pytest.approx(0.5)
    assert ratio.state == ACT
    assert calibration.observed_to_expected(readings[:10]).state == TOO_FEW
    high = [reading(stratum="HIGH", probability=0.25, same_group=n % 2 == 0) for n in range(40)]
    both = calibration.observed_to_expected([*readings, *high])
    assert both.state == GREEN, "one hides the other"
    parts = {part.label: part.state for part in both.parts}
    assert (parts["recorded low"], parts["recorded high"]) == (ACT, LOOK)


def people(**columns: list[str]) -> pl.DataFrame:
    """So many people, with what is said of them."""
    size = len(next(iter(columns.values())))
    values = {name: columns.get(name, [NOT_KNOWN] * size) for name in CHARACTERISTICS}
    return pl.DataFrame({"crn": [f"A{n:06d}" for n in range(size)], **values})


def test_a_group_flagged_more_often_is_named(service: Service) -> None:
    population = people(ethnicity=["B"] * 100 + ["W"] * 300)
    flagged = {f"A{n:06d}" for n in [*range(40), *range(100, 140)]}
    parts = equality._flag_parts(population, flagged)
    first = next(part for part in parts if part.label.startswith("ethnicity: B"))
    assert first.label == "ethnicity: B, 2.0 times as often"
    assert first.value == pytest.approx((40 - 2.576 * 40**0.5) / 20)
    assert first.state == TOO_FEW, "from 1.2 to 2.8 times: under the line, or far above it"
    even = people(ethnicity=["B"] * 1000 + ["W"] * 1000)
    none = equality._flag_parts(even, {f"A{n:06d}" for n in [*range(200), *range(1000, 1200)]})
    assert {part.state for part in none if part.label.startswith("ethnicity")} == {GREEN}
    many = people(ethnicity=["B"] * 1000 + ["W"] * 3000)
    sure = equality._flag_parts(many, {f"A{n:06d}" for n in [*range(400), *range(1000, 1400)]})
    assert next(part for part in sure if "B, 2.0" in part.label).state == LOOK
    assert all(p.value is None for p in equality._flag_parts(population.head(9), flagged))


def test_entries_that_others_chose_to_record_are_compared_by_group() -> None:
    population = people(ethnicity=["B"] * 500 + ["W"] * 1500, sex=["F"] * 1000 + ["M"] * 1000)
    crns = [f"A{n:06d}" for n in [*range(200), *range(500, 800)]]
    marked = pl.DataFrame({"crn": crns, "indicator": "weapon_events_count"})
    figure = equality.recording_gap(population, marked)
    assert figure.value == pytest.approx((200 - 2.576 * 200**0.5) / 125)
    assert figure.state == LOOK
    assert "Incidents with a weapon, ethnicity: B, 1.6 times as often" in figure.sentence
    assert not [part for part in figure.parts if "sex" in part.label]
    assert equality.recording_gap(population, marked.head(0)).state == UNKNOWN


def test_a_small_group_that_is_flagged_far_more_often_is_not_withheld() -> None:
    """Of 60, 40 are flagged where 1.5 were to be expected."""
    population = people(ethnicity=["B"] * 60 + ["W"] * 3940)
    flagged = {f"A{n:06d}" for n in [*range(40), *range(60, 120)]}
    part = next(p for p in equality._flag_parts(population, flagged) if "ethnicity: B" in p.label)
    assert part.state == ACT
    assert part.value is not None
    assert part.value > 10


def test_one_characteristic_that_is_missing_for_everyone_is_said(service: Service) -> None:
    population = people(sex=["F"] * 200 + ["M"] * 200, region=["N54"] * 400)
    marked = pl.DataFrame({"crn": [f"A{n:06d}" for n in range(400)], "indicator": "gang"})
    with service.night.connect() as connection:
        figures = equality.equality_figures(connection, population, marked, [], AS_OF)
    for one in figures:
        assert one.state not in (GREEN, TOO_FEW), one.name
        assert "Not known of anyone: ethnicity, age, religion, disability." in one.sentence
    assert not [p for one in figures for p in one.parts if NOT_KNOWN in p.label]
    nobody = people(region=["N54"] * 50)
    with service.night.connect() as connection:
        none = equality.equality_figures(connection, nobody, marked, [], AS_OF)
    assert {one.state for one in none} == {UNKNOWN}


def test_one_heavy_reading_is_no_share() -> None:
    one_heavy = [reading(weight=1000.0), *[reading()] * 40]
    assert readers.share_figure("precision", one_heavy, lambda one: one.first, "{n}").value is None


DAY = date(2026, 11, 18)
"""A Wednesday, and no bank holiday."""


def days(counts: dict[int, int], last: date = DAY) -> pl.DataFrame:
    """Contacts of one region by how many weeks before a day they were recorded."""
    rows = [
        {
            "table": "contacts",
            "region": "N54",
            "day": last - timedelta(weeks=week),
            "rows": count,
            "late": 0,
        }
        for week, count in counts.items()
    ]
    schema = {
        "table": pl.String,
        "region": pl.String,
        "day": pl.Date,
        "rows": pl.Int64,
        "late": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema)


FIVE_WEEKS = dict.fromkeys(range(1, 6), 100)


@pytest.mark.parametrize(
    ("what", "counts", "state"),
    [
        ("as usual", {0: 100, **FIVE_WEEKS}, GREEN),
        ("few, and it may be chance", {0: 30, **FIVE_WEEKS}, GREEN),
        ("too few for chance", {0: 15, **FIVE_WEEKS}, LOOK),
        ("next to none", {0: 1, **dict.fromkeys(range(1, 6), 400)}, ACT),
        ("none", FIVE_WEEKS, ACT),
        ("one holiday of the five is not what is usual", {0: 90, **FIVE_WEEKS, 2: 0}, GREEN),
        ("none of few is no news", dict.fromkeys(range(1, 6), 19), TOO_FEW),
    ],
)
def test_the_last_day_beside_the_same_day_of_other_weeks(
    service: Service, what: str, counts: dict[int, int], state: str
) -> None:
    figure = arrivals.last_day(service.store, days(counts), DAY)
    assert figure.state == state, what
    if figure.value is not None:
        assert "18 November" in figure.sentence


def test_a_bank_holiday_and_a_day_that_is_not_over_are_not_compared(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = DAY + timedelta(days=1)
    monkeypatch.setattr(Store, "extracted_on", property(lambda _: taken))
    figure = arrivals.last_day(service.store, days({0: 100, **FIVE_WEEKS}), taken)
    assert "18 November" in figure.sentence, "the day of the extract is not over"
    none = arrivals.last_day(service.store, days(FIVE_WEEKS), date(2026, 8, 31))
    assert none.state == UNKNOWN
    assert "bank holiday" in none.sentence


def test_a_small_table_that_stops_everywhere_is_seen(service: Service) -> None:
    usual = {"registrations": {f"N{n}": (240, 0) for n in range(50, 56)}}
    week = {"registrations": {f"N{n}": (0, 0) for n in range(50, 56)}}
    figures_by_name = by_name(
        arrivals.arrival_figures(service.store, profile(supplied=usual), week, AS_OF)
    )
    assert figures_by_name["rows_few"].state == ACT
    assert any(
        part.label == "registrations everywhere" for part in figures_by_name["rows_few"].parts
    )


def test_a_gap_in_being_right_needs_enough_readings() -> None:
    population = people(sex=["F"] * 40 + ["M"] * 40)
    read = [reading(crn=f"A{n:06d}", first=n < 20) for n in range(80)]
    parts = {
        part.label: part
        for part in equality._gap_parts("precision_gap", population, read, lambda one: one.first)
    }
    assert parts["sex: F, 50 of 100 (everyone 25)"].value == pytest.approx(0.06, abs=0.03)
    few = equality._gap_parts("precision_gap", population, read[:1], lambda one: one.first)
    assert few[0].state == TOO_FEW


@pytest.mark.parametrize(("read_of_group", "state"), [(9, TOO_FEW), (10, LOOK), (29, ACT)])
def test_a_small_group_far_off_is_named_before_it_has_thirty_readings(
    read_of_group: int, state: str
) -> None:
    """Everyone 20 of 100, the group 87 of 100 and more: by the near end of its own interval."""
    population = people(ethnicity=["A"] * 900 + ["B"] * read_of_group)
    read = [reading(crn=f"A{n:06d}", first=n % 5 == 0) for n in range(900)]
    ours = range(900, 900 + read_of_group)
    read += [reading(crn=f"A{n:06d}", first=n % 8 != 0) for n in ours]
    parts = equality._gap_parts("precision_gap", population, read, lambda one: one.first)
    group = next(part for part in parts if part.label.startswith("ethnicity: B"))
    assert group.state == state
    assert (group.value is None) == (read_of_group < 10)


def test_a_small_group_is_not_cleared_by_few_readings() -> None:
    population = people(ethnicity=["A"] * 900 + ["B"] * 12)
    read = [reading(crn=f"A{n:06d}", first=n % 5 == 0) for n in range(912)]
    parts = equality._gap_parts("precision_gap", population, read, lambda one: one.first)
    states = {part.label.split(",")[0]: part.state for part in parts}
    assert states == {"ethnicity: A": GREEN, "ethnicity: B": TOO_FEW}


def test_a_gap_in_what_is_missed_is_of_people_and_not_of_readings() -> None:
    """Drawn with one chance in ten, a case stands for ten (promise 9): weights change the share."""
    population = people(sex=["F"] * 200 + ["M"] * 200)
    read = [
        reading(crn=f"A{n:06d}", first=n % 4 == 0, weight=10.0 if n % 4 == 0 else 1.0)
        for n in range(400)
    ]
    parts = equality._gap_parts("missed_gap", population, read, lambda one: one.first)
    assert {part.label for part in parts} == {
        f"sex: {sex}, 77 of 100 (everyone 77)" for sex in "FM"
    }
    # Two hundred readings that are worth fewer than thirty tell nothing.
    heavy = [reading(crn=f"A{n:06d}", weight=1e4 if n == 0 else 1.0) for n in range(400)]
    women = next(
        part
        for part in equality._gap_parts("missed_gap", population, heavy, lambda one: one.first)
        if part.label.startswith("sex: F")
    )
    assert women.value is None


def test_changed_views_and_agreement_are_compared_by_group(service: Service) -> None:
    population = people(sex=["F"] * 200 + ["M"] * 200)
    read = [
        reading(
            crn=f"A{n:06d}",
            drawn_as="flagged",
            first=False,
            asks_reassessment=n < 200,
            changed=n < 200,
            second=n >= 200,
        )
        for n in range(400)
    ]
    with service.night.connect() as connection:
        figures_by_name = by_name(
            equality.equality_figures(
                connection, population, pl.DataFrame({"crn": [], "indicator": []}), read, AS_OF
            )
        )
    assert figures_by_name["changed_gap"].value == pytest.approx(0.48, abs=0.02)
    assert "sex:" in figures_by_name["changed_gap"].sentence
    assert figures_by_name["asked_gap"].state == figures_by_name["agreement_gap"].state == ACT
    assert figures_by_name["agreement_gap"].value == pytest.approx(0.48, abs=0.02)


def test_nobodys_characteristics_are_supplied(service: Service) -> None:
    with service.night.connect() as connection:
        figures = equality.equality_figures(
            connection, people(sex=[NOT_KNOWN] * 50), pl.DataFrame(), [], AS_OF
        )
    assert {one.state for one in figures} == {UNKNOWN}


def test_the_list_is_compared_with_the_night_before() -> None:
    rows = pl.DataFrame(
        {
            "crn": [f"A{n}" for n in range(80)],
            "group": "public",
            "stratum": "LOW",
            "scorable": True,
            "rank": range(1, 81),
            "what_happened": "not chosen",
        }
    )
    top = lists._top_rows(rows, {"low": 40})
    assert top.height == 40
    moved = lists._top_rows(rows.with_columns(rank=81 - pl.col("rank")), {"low": 60})
    figure = lists._overlap_figure(top, moved)
    assert figure.value == pytest.approx(0.5)
    assert figure.state == ACT
    assert (figure.low, figure.high) == (None, None), "every row is counted: nothing is estimated"
    assert figure.sentence.endswith("All 40 are counted.")


def test_a_damaged_file_of_another_night_is_not_known(service: Service, tmp_path: Path) -> None:
    later = AS_OF + timedelta(days=1)
    with service.night.connect() as connection:
        assert lists._previous_list(connection, service.settings.scores, later) is not None
        rows = text("SELECT scores_file FROM triage.runs WHERE as_of < :day ORDER BY as_of DESC")
        name = connection.execute(rows, {"day": later}).scalars().first()
        (tmp_path / str(name)).write_bytes(b"PAR1 and no more")
        assert lists._previous_list(connection, tmp_path, later) is None


def test_a_night_keeps_every_figure_and_no_person(service: Service) -> None:
    with service.admin.connect() as connection:
        row = connection.execute(text("SELECT * FROM triage.snapshots ORDER BY id LIMIT 1"))
        stored_row = row.mappings().one()
        crns = set(connection.execute(text("SELECT crn FROM triage.caseload")).scalars())
    figure_list = watch.figures_of(stored_row)
    assert [one.name for one in figure_list] == list(watch.THRESHOLDS)
    assert not [crn for crn in crns if crn in str(stored_row["figures"]) + str(stored_row["parts"])]
    figures_by_name = by_name(figure_list)
    for name in ("rows_few", "indicators", "levels", "process"):
        assert figures_by_name[name].value is not None, name
    assert figures_by_name["overlap"].state == UNKNOWN, "it was the first night"
    assert figures_by_name["misses"].state == TOO_FEW


def test_pictures_leave_holes_and_say_the_last_value() -> None:
    day = date(2026, 9, 1)
    some = [
        (
            day + timedelta(days=n),
            figures.make_figure("misses", 0.02 + n / 1000, 0.01, 0.05, 90, "{n}"),
        )
        for n in (0, 1, 2, 30, 31)
    ]
    hole = (day + timedelta(days=3), figures.too_few("misses", 3))
    drawn = str(charts.over_nights("misses", [*some[:3], hole, *some[3:]]))
    assert drawn.count("<polyline") == 2, "nothing is drawn across a hole of weeks"
    assert drawn.count("<circle") == 5
    assert "<title>Missed, 5 on 2026-10-02</title>" in drawn
    assert "style=" not in drawn
    assert str(charts.over_nights("misses", [hole])) == ""


@pytest.mark.parametrize(
    ("values", "nought"), [((-0.2, -0.1), "top"), ((0.1, -0.1), "between"), ((0.0, 0.0), "bottom")]
)
def test_a_picture_of_a_difference_goes_below_nought(
    values: tuple[float, float], nought: str
) -> None:
    day = date(2026, 9, 1)
    history = [
        (
            day + timedelta(days=n),
            Figure("raised_because", value, value - 0.3, value + 0.3, 90, GREEN, "", []),
        )
        for n, value in enumerate(values)
    ]
    drawn = str(charts.over_nights("raised_because", history))
    circles = [float(y) for y in re.findall(r'<circle cx="[\d.]+" cy="([-\d.]+)"', drawn)]
    assert all(charts.TOP <= y <= charts.HEIGHT - charts.BOTTOM for y in circles)
    axis = float(re.findall(r'<line x1="[\d.]+" y1="([-\d.]+)"', drawn)[0])
    places = {
        "top": axis < min(circles),
        "between": min(circles) < axis < max(circles),
        "bottom": axis == circles[0],
    }
    assert places[nought]
    assert drawn.count("<line") == 1, "no threshold where the interval judges"


def test_what_judges_a_figure_is_said_in_words() -> None:
    assert limits_of("raised_because").startswith("Look where the whole interval lies below nought")
    assert limits_of("late") == "Look above 15 of 100, act above 30 of 100."
    assert limits_of("misses").startswith("Judged by “Found, against chance”")
    for name, line in watch.THRESHOLDS.items():
        assert ("also look above" in limits_of(name)) == bool(line.too_much)


def test_a_question_page_shows_thresholds_pictures_and_earlier_nights(
    service: Service, browser: Browser
) -> None:
    old = {
        "name": "misses",
        "value": 0.2,
        "low": 0.1,
        "high": 0.3,
        "count": 50,
        "state": "act",
        "sentence": "Twenty of 100, as an earlier version said it.",
    }
    gone = asdict(Figure("no_longer", 1.0, None, None, 1, "act", "A figure that is no more."))
    with service.night.begin() as connection:
        row = {"as_of": date(2026, 1, 5), "version": 1, "figures": [old, gone], "parts": {}}
        connection.execute(insert(snapshots).values(**row))
    page = browser.sign_in("BOARD-1").get("/board/watch/outcomes?on=2026-01-09")
    assert "as an earlier version said it" in page
    assert "no more" not in page
    assert "<svg" in page
    assert "Judged by “Found, against chance”" in page
    assert "Nothing had been worked out" in browser.get("/board/watch/feed?on=2020-01-01")
    # The old night was worked out today: by the end of yesterday there was nothing to see of it.
    yesterday = (TODAY - timedelta(days=1)).isoformat()
    address = "/board/watch/outcomes?on=2026-01-09&by="
    assert "Nothing had been worked out" in browser.get(address + yesterday)
    assert "as an earlier version said it" in browser.get(address + TODAY.isoformat())
    now = browser.get("/board/watch/feed")
    assert "The table behind it" in now
    assert "contacts in N54" in now


def test_one_table_of_thresholds_has_every_figure_and_the_sides_agree() -> None:
    for name, line in watch.THRESHOLDS.items():
        assert line.topic in watch.TOPICS, name
        if line.judged_by:
            assert watch.THRESHOLDS[line.judged_by].thresholds, "one that has thresholds of its own"
        else:
            assert (line.look < line.act) == (line.way == "above"), name
        assert figures.state_of(name, None) == TOO_FEW
    assert Part("x", None, None, None, 0, TOO_FEW).value is None


def test_a_gap_that_may_be_wide_is_not_green() -> None:
    """Thirty of a group, 20 of 100 right against 46: not shown to differ, nor shown not to."""
    population = people(ethnicity=["A"] * 300 + ["B"] * 30)
    read = [reading(crn=f"A{n:06d}", first=n % 2 == 0) for n in range(300)]
    read += [reading(crn=f"A{n:06d}", first=n % 5 == 0) for n in range(300, 330)]
    parts = equality._gap_parts("precision_gap", population, read, lambda one: one.first)
    states_ = {part.label.split(",")[0]: part.state for part in parts}
    assert states_ == {"ethnicity: A": GREEN, "ethnicity: B": TOO_FEW}
    figure = equality._name_untold_groups(worst_part("precision_gap", parts, "{n} {where}", "none"))
    assert figure.state == TOO_FEW
    assert figure.value is None
    assert "too little data to tell for 1: ethnicity: B" in figure.sentence


def test_the_count_of_one_small_group_cannot_be_worked_out_from_the_others() -> None:
    population = people(sex=["F"] * 4 + ["M"] * 96, ethnicity=["A"] * 50 + ["B"] * 50)
    read = [reading(crn=f"A{n:06d}", first=n % 2 == 0) for n in range(100)]
    parts = equality._gap_parts("precision_gap", population, read, lambda one: one.first)
    shown = {part.label.split(",")[0]: part.count for part in parts}
    assert shown == {"sex: F": 0, "sex: M": 0, "ethnicity: A": 50, "ethnicity: B": 50}
    assert not [part for part in parts if part.label.startswith("sex: M,")]


def test_a_region_that_is_gone_is_no_green() -> None:
    levels = {"level children": [0, 500, 500, 0, 0]}
    then = profile(counts={"N54": levels, "N58": levels})
    figures_by_name = by_name(population.population_figures(then, {"N54": levels}))
    assert figures_by_name["regions"].state == ACT
    assert "N58 has 0 of 100 people and had 50" in figures_by_name["regions"].sentence
    assert by_name(population.population_figures(then, then.counts))["regions"].state == GREEN
    gone = next(part for part in figures_by_name["levels"].parts if part.label.endswith("in N58"))
    assert gone.state == TOO_FEW
    alone = by_name(population.population_figures(profile(counts={"N54": levels}), {"N54": levels}))
    assert alone["regions"].value is None


def test_a_share_under_one_in_a_hundred_is_not_said_to_be_none() -> None:
    assert in_words("refused", 0.004) == "0.4"
    assert in_words("refused", 0.0) == "0"
    assert in_words("refused", 0.013) == "1"


def test_one_bad_row_of_forty_is_no_sign_of_a_bad_feed() -> None:
    load = Load(1, datetime(2026, 11, 20), True, {"contacts": {"read": 40, "refused": 1}}, {}, {})
    assert arrivals._refused_figure("refused", load).state == LOOK
    load = Load(
        1, datetime(2026, 11, 20), True, {"contacts": {"read": 4000, "refused": 100}}, {}, {}
    )
    assert arrivals._refused_figure("refused", load).state == ACT


def test_three_found_for_each_expected_is_as_wrong_as_a_third() -> None:
    readings = [reading(probability=0.1, same_group=n % 10 < 3) for n in range(40)]
    assert calibration.observed_to_expected(readings).value == pytest.approx(3.0)
    assert calibration.observed_to_expected(readings).state == ACT


def test_one_table_that_comes_late_is_not_drowned_by_the_longest() -> None:
    usual = {"contacts": {"N54": (12_000, 1200)}, "incidents": {"N54": (1200, 120)}}
    week = {"contacts": {"N54": (1000, 100)}, "incidents": {"N54": (100, 80)}}
    parts = {part.label: part for part in arrivals._lateness_parts(usual, week)}
    assert parts["N54"].state == GREEN
    assert parts["contacts in N54"].state == GREEN
    assert parts["incidents in N54"].state == ACT
    assert parts["incidents in N54"].low is not None
    few = {"contacts": {"N54": (1000, 100)}, "incidents": {"N54": (20, 16)}}
    assert {p.label: p.state for p in arrivals._lateness_parts(usual, few)}[
        "incidents in N54"
    ] == TOO_FEW


def test_what_rests_on_a_part_of_what_was_queued_says_so_and_is_not_green_on_a_half() -> None:
    figure = figures.make_figure("found", 4.0, 3.0, 5.0, 100, "{n} times.")
    assert figure.state == GREEN
    most = maturity.with_maturity(figure, {"flagged": (90, 100)}, "flagged")
    assert most.state == GREEN
    assert "90 of 100 are read" in most.sentence
    assert maturity.with_maturity(figure, {"flagged": (49, 100)}, "flagged").state == TOO_FEW
    assert maturity.with_maturity(figure, {"random": (1, 100)}, "flagged") == figure
    bad = figures.make_figure("found", 1.1, 0.9, 1.2, 100, "{n} times.")
    assert maturity.with_maturity(bad, {"flagged": (49, 100)}, "flagged").state == ACT
    assert maturity.maturity_figure({"flagged": (40, 100), "random": (50, 50)}).value == 0.6


@pytest.mark.parametrize(
    ("told_count", "untold", "state"),
    [(3, 3, GREEN), (3, 4, TOO_FEW), (1, 0, GREEN), (0, 2, TOO_FEW)],
)
def test_a_figure_is_green_only_where_half_of_its_parts_are_told(
    told_count: int, untold: int, state: str
) -> None:
    parts = [Part(f"told {n}", 1.0, 0.9, 1.1, 100, GREEN) for n in range(told_count)]
    parts += [Part(f"untold {n}", None, None, None, 12, TOO_FEW) for n in range(untold)]
    assert worst_part("rows_few", parts, "{n} {where}", "none").state == state


def test_one_bad_part_is_said_however_few_are_told() -> None:
    parts = [Part("told", 0.1, 0.0, 0.2, 100, ACT)]
    parts += [Part(f"untold {n}", None, None, None, 12, TOO_FEW) for n in range(9)]
    assert worst_part("rows_few", parts, "{n} {where}", "none").state == ACT


@pytest.mark.parametrize(
    ("name", "then", "now", "words"),
    [
        (
            "violence_incident_count",
            [0, 90, 10, 0],
            [0, 75, 25, 0],
            "75 of 100 with up to 0.5, and 90 when the model was made",
        ),
        (
            "violence_incident_count",
            [0, 90, 5, 5],
            [0, 88, 5, 7],
            "88 of 100 with up to 0.5, and 90 when the model was made",
        ),
        (
            "violence_incident_count",
            [0, 50, 40, 10],
            [0, 50, 10, 40],
            "10 of 100 with over 0.5 and up to 3, and 40 when the model was made",
        ),
        (
            "violence_incident_count",
            [0, 90, 10, 0],
            [30, 70, 0, 0],
            "30 of 100 with no value, and 0 when the model was made",
        ),
        (
            "level public",
            [10, 50, 40, 0, 0],
            [10, 20, 70, 0, 0],
            "20 of 100 low, and 50 when the model was made",
        ),
        (
            "level public",
            [0, 100, 0, 0, 0],
            [40, 60, 0, 0, 0],
            "40 of 100 without a level, and 0 when the model was made",
        ),
        (
            "violence_incident_count",
            [0, 900, 100, 0],
            [0, 902, 98, 0],
            "in no band of values is it 1 of 100 more or fewer than when the model was made",
        ),
    ],
)
def test_drift_is_said_in_people_of_100(
    name: str, then: list[int], now: list[int], words: str
) -> None:
    assert population._band_that_moved(name, [0.5, 3.0], then, now) == words
