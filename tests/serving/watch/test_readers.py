"""What the board watches: figures with counts, states from one table, never green on too little."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from features import clock
from models.reader_error import ReaderError
from serving import __main__ as main_module
from serving import watch
from serving.db import identity
from serving.watch import figures, readers, readings
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
        ("misses", 0.049, "green"),
        ("misses", 0.05, "look"),
        ("misses", 0.1, "act"),
        ("precision", 0.51, "green"),
        ("precision", 0.5, "look"),
        ("precision", 0.3, "act"),
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
    assert f"{count} of 30" in figure.sentence


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
        assert "For whom is it worse?" in page
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
    assert parts["recorded low"].state == "act"
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


def test_few_missed_at_a_level_is_green_only_where_its_interval_is() -> None:
    read = [reading(drawn_as="random", stratum="LOW")] * 30
    low = readers.by_level("misses", read, lambda one: one.first)[0]
    assert (low.value, low.state) == (0.0, "too few to tell")
    many = readers.by_level("misses", read * 10, lambda one: one.first)[0]
    assert many.state == "green"
