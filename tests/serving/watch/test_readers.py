"""What the board watches: figures with counts, states from one table, never green on too little."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from features import clock
from models.reader_error import ReaderError
from serving import __main__ as main_module
from serving import watch
from serving.db import identity
from serving.watch import against_random, figures, readers, readings
from serving.watch.readings import Reading
from serving.web import formatters
from tests.pages import Browser
from tests.service import Service
from tests.serving.review.test_second_readers import send_to_second

TODAY = clock.today()


def reading(**changes: Any) -> Reading:
    """A flagged case that its reader called about right and kept."""
    values = {
        "drawn_as": "flagged",
        "stratum": "LOW",
        "weight": 1.0,
        "first": False,
        "second": None,
        "second_probability": 1.0,
        "asks_reassessment": False,
        "keeps_level": True,
        "changed": False,
        "crn": "A000001",
        "pdu_code": "N54ALD",
        "reader": "R",
        "probability": 0.5,
        "same_group": False,
        "took": timedelta(minutes=5),
        "read_for": timedelta(minutes=8),
        "reasons": "Read in full.",
    } | changes
    return Reading(**values)


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("found", 2.1, "green"),
        ("found", 2.0, "look"),
        ("found", 1.25, "act"),
        ("misses", 0.5, "too few to tell"),
        ("precision", 0.01, "too few to tell"),
        ("agreement", 0.9, "green"),
        ("raised_after", 0.6, "act"),
    ],
)
def test_states_come_from_one_table(name: str, value: float, state: str) -> None:
    figure = figures.make_figure(name, value, value - 0.01, value + 0.01, 100, "{n}")
    assert figure.state == state


@pytest.mark.parametrize("count", [0, 1, 29])
def test_too_few_is_never_green(count: int) -> None:
    figure = readers.share_figure("misses", [reading()] * count, lambda one: one.first, "{n}")
    assert figure.state == "too few to tell"
    assert figure.value is None
    assert f"{count} of the 30 needed" in figure.sentence


def test_shares_are_weighed_by_how_likely_each_was_drawn() -> None:
    common = [reading(weight=1.0, first=True)] * 30
    rare = [reading(weight=9.0)] * 30
    figure = readers.share_figure("misses", [*common, *rare], lambda one: one.first, "{n} of 100")
    assert figure.value == pytest.approx(0.1)
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < 0.1 < figure.high
    plain = readers.share_figure(
        "misses", [reading(first=True)] * 6 + [reading()] * 54, lambda one: one.first, "{n}"
    )
    assert plain.low is not None
    assert figure.low < plain.low, "weights that differ are worth fewer readings"


def test_a_night_of_the_service_is_counted(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD", drawn_as="random")
    browser.sign_in("ALD-SPO-1").record_view(item)
    browser.conclude(item)
    send_to_second(service, item)
    browser.sign_in("ALD-SPO-2").record_view(item)
    with service.night.connect() as connection:
        later = TODAY + timedelta(days=200)
        assert readings.read_readings(connection, later) == [], (
            "what was read long ago is another matter"
        )
        read = readings.read_readings(connection, TODAY)
        with service.admin.connect() as other:
            count = other.execute(text("SELECT count(*) FROM triage.conclusions")).scalar_one()
            both = other.execute(
                text(
                    "SELECT count(*) FROM triage.second_reads s JOIN triage.conclusions c"
                    " USING (item_id) JOIN triage.own_views v USING (item_id)"
                    " WHERE v.at > c.at"
                )
            ).scalar_one()
        assert len(read) == count
        assert sum(one.second is not None for one in read) == both > 0
        snapshot = watch.keep_again(connection, TODAY)
        assert {one.name for one in snapshot} == set(watch.THRESHOLDS)
        connection.rollback()


def test_the_board_sees_figures_and_no_person(
    service: Service,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ROSH_MODE", "demo")
    monkeypatch.setenv("ROSH_DATA", str(service.settings.data))
    assert main_module.main(["watch"]) == 0
    assert "missed, corrected" in capsys.readouterr().out
    for reader in ("BOARD-1", "ANALYST-1"):
        page = browser.sign_in(reader).get("/board")
        assert "Is the service worse for some groups of people?" in page
        assert 'data-qa="watched"' in page
        with service.admin.connect() as connection:
            crns = connection.execute(text("SELECT crn FROM triage.items")).scalars()
            assert not [crn for crn in crns if crn in page]
    with service.web.begin() as connection:
        identity.prove_identity(connection, "ALD-SPO-1")
        rows = text("SELECT count(*) FROM triage.snapshots")
        assert connection.execute(rows).scalar_one() == 0
    assert formatters.role_words("analyst") == "Analyst"


def test_time_on_a_case_is_told_in_steps() -> None:
    minutes = [1, 1, 3, 4, 6, 7, 9, 12, 20, 40] * 4
    read = [reading(read_for=timedelta(minutes=each)) for each in minutes]
    figure = readers._haste_figure([*read, reading(read_for=None)])
    assert figure.value == pytest.approx(0.2)
    assert figure.count == 40
    assert [(part.label, part.count) for part in figure.parts] == [
        ("under 2 minutes", 8),
        ("2 to 5 minutes", 8),
        ("5 to 8 minutes", 8),
        ("8 to 15 minutes", 8),
        ("15 to 30 minutes", 4),
        ("30 minutes or more", 4),
    ]
    assert "half for 6 minutes or less, the middle half 3 to 12" in figure.sentence
    few = readers._haste_figure(read[:20])
    assert few.value is None
    assert {part.value for part in few.parts} == {None}
    assert readers._haste_figure([reading(read_for=None)] * 50).value is None


def test_misses_and_precision_are_told_at_each_recorded_level() -> None:
    """Promise 9: per level; where a level has too few readings, that is said."""
    read = [
        reading(drawn_as="random", stratum=level, first=n % 10 < tenths)
        for level, tenths, count in (("LOW", 2, 100), ("HIGH", 0, 50), ("MEDIUM", 1, 20))
        for n in range(count)
    ]
    parts = {part.label: part for part in readers.by_level("misses", read, lambda one: one.first)}
    assert parts["recorded low"].value == pytest.approx(0.2)
    assert parts["recorded high"].value == 0
    assert parts["recorded medium"].value is None
    assert parts["recorded unknown"].value is None
    # Readers find seven of ten, and call one of ten too low that is not.
    err = ReaderError((0.2, 0.5), 0.7, 0.9, 0.1, 0.3)
    put = {
        part.label: part
        for part in readers.by_level("misses", read, lambda one: one.first, err.put_right)
    }
    assert put["recorded low"].value == pytest.approx((0.2 + 0.9 - 1) / 0.6)
    assert put["recorded high"].value == 0, "never under nought"


def test_readers_no_better_than_chance_put_nothing_right() -> None:
    guessing = ReaderError((0.2, 0.5), 0.5, 0.6, 0.1, 0.3)
    assert not guessing.is_informative
    with pytest.raises(ValueError, match="no better than chance"):
        guessing.put_right(0.3)
    assert ReaderError((0.2, 0.5), 0.9, 0.9, 0.1, 0.3).put_right(0.95) == 1.0


def drawn(count: int, low: int, **changes: Any) -> list[Reading]:
    """Readings of which the first so many call a level too low."""
    return [reading(first=n < low, **changes) for n in range(count)]


@pytest.mark.parametrize(
    ("right", "state"), [(60, "green"), (40, "look"), (20, "act"), (10, "act"), (0, "act")]
)
def test_what_is_found_is_judged_against_chance(right: int, state: str) -> None:
    """Of 200 at random twenty are too low; a share is good or bad only beside that."""
    random = drawn(200, 20, drawn_as="random")
    figure = against_random.found_figure(drawn(200, right), random)
    assert figure.state == state
    assert figure.value == pytest.approx((right + 0.5) / 20.5)
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < figure.value < figure.high
    assert f"{(right - 20) / 2:+.0f} of 100" in figure.sentence


@pytest.mark.parametrize(
    ("people", "low_of_random", "value"), [(1_000, 10, 70 / 150), (1_000, 0, 1.0), (200, 10, 1.0)]
)
def test_the_share_found_is_those_found_of_those_found_and_missed(
    monkeypatch: pytest.MonkeyPatch, people: int, low_of_random: int, value: float
) -> None:
    """A hundred drawn, of whom sixty are too low, and a hundred at random."""
    monkeypatch.setattr(against_random, "_people_scored", lambda _: people)
    random, others = drawn(100, low_of_random, drawn_as="random"), drawn(100, 60)
    missed = readers.share_figure("misses", random, lambda one: one.first, "{n}")
    figure = against_random.share_found_figure(missed, others, random, None)  # type: ignore[arg-type]
    assert figure.value == pytest.approx(value)
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low <= figure.value <= figure.high
    assert f"{60 + low_of_random} were read and called too low" in figure.sentence


def test_the_share_found_is_not_known_without_a_night_or_with_few_at_random(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for people, count in ((0, 100), (1_000, 12)):
        monkeypatch.setattr(against_random, "_people_scored", lambda _, p=people: p)
        random = drawn(count, 2, drawn_as="random")
        missed = readers.share_figure("misses", random, lambda one: one.first, "{n}")
        figure = against_random.share_found_figure(missed, drawn(9, 3), random, None)  # type: ignore[arg-type]
        assert (figure.value, figure.state) == (None, "too few to tell")


def test_three_times_as_many_is_not_green_where_it_may_be_chance() -> None:
    figure = against_random.found_figure(drawn(40, 3), drawn(40, 1, drawn_as="random"))
    assert figure.value == pytest.approx(7 / 3)
    assert figure.state == "too few to tell"


def test_those_drawn_at_random_are_weighed_to_the_levels_of_those_drawn() -> None:
    """At each level as by chance: a signed number for a level is no finding."""
    random = [
        *drawn(900, 18, drawn_as="random", stratum="LOW"),
        *drawn(100, 40, drawn_as="random", stratum="HIGH"),
        *drawn(300, 0, drawn_as="random", stratum="VERY_HIGH"),
    ]
    read = [*drawn(100, 2, stratum="LOW"), *drawn(100, 40, stratum="HIGH")]
    figure = against_random.found_figure(read, random)
    assert figure.value == pytest.approx(1.0, abs=0.05)
    assert figure.state == "act"


def test_the_model_is_judged_by_its_own_cases(service: Service) -> None:
    read = [
        *drawn(400, 40, drawn_as="random"),
        *drawn(100, 10, drawn_as="flagged"),
        *drawn(100, 60, drawn_as="unusual"),
    ]
    with service.night.connect() as connection:
        by_name = {one.name: one for one in readers.reader_figures(connection, read, TODAY)}
    assert by_name["found"].state in ("green", "too few to tell")
    assert by_name["precision"].state == "act"


def test_who_is_missed_is_said_in_people(service: Service) -> None:
    read = drawn(400, 40, drawn_as="random")
    with service.night.connect() as connection:
        figures_ = readers.reader_figures(connection, read, TODAY)
        people = connection.execute(
            text("SELECT counts ->> 'cases_scored' FROM triage.runs ORDER BY as_of DESC, at DESC")
        ).scalars()
        scored = int(next(iter(people)))
    missed = next(one for one in figures_ if one.name == "misses")
    assert missed.low is not None
    assert missed.high is not None
    low, high = (f"{scored * share:,.0f}" for share in (missed.low, missed.high))
    assert f"That is about {low} to {high} of {scored:,} people." in missed.sentence


def test_each_lane_and_level_is_judged_by_itself() -> None:
    random = drawn(200, 20, drawn_as="random", stratum="LOW")
    assert (
        against_random.found_figure(
            [*drawn(100, 40, stratum="LOW"), *drawn(100, 90, stratum="HIGH")], random
        ).state
        == "too few to tell"
    ), "nobody at half of their levels was drawn at random"
    read = [
        *drawn(100, 40, drawn_as="flagged", stratum="LOW"),
        *drawn(100, 5, drawn_as="unusual", stratum="LOW"),
        *drawn(10, 9, drawn_as="combination", stratum="HIGH"),
    ]
    figure = against_random.found_figure(read, random)
    states = {part.label: part.state for part in figure.parts}
    assert states["flagged by the model"] == "green"
    assert states["new and unusual"] == "act"
    assert states["a signed combination"] == "too few to tell"
    assert states["recorded high"] == "too few to tell", "nobody of them was drawn at random"
    share = readers.share_figure(
        "precision",
        read,
        lambda one: one.first,
        "{n}",
        parts=readers.by_level("precision", read, lambda one: one.first),
    )
    judged = against_random.judge_by(share, figure)
    assert judged.state == figure.state == "green"
    assert {part.label: part.state for part in judged.parts}["recorded low"] == "green"


@pytest.mark.parametrize("count", [0, 29])
def test_against_too_few_at_random_nothing_is_told(count: int) -> None:
    random = drawn(count, 1, drawn_as="random")
    figure = against_random.found_figure(drawn(100, 50), random)
    assert (figure.value, figure.state) == (None, "too few to tell")
    share = readers.share_figure("precision", drawn(100, 50), lambda one: one.first, "{n}")
    assert against_random.judge_by(share, figure).state == "too few to tell"


def test_the_interval_of_a_ratio_holds_the_true_one_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(300):
        here, chance = rng.binomial(300, 0.2), rng.binomial(150, 0.06)
        ratio = against_random.found_figure(drawn(300, here), drawn(150, chance, drawn_as="random"))
        assert ratio.low is not None
        assert ratio.high is not None
        held += ratio.low <= 0.2 / 0.06 <= ratio.high
    assert 0.91 <= held / 300 <= 0.99
