"""What the board watches: figures with counts, states from one table, never green on too little."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from serving import __main__ as main_module
from serving import watch
from serving.watch import figures, readers
from serving.watch.readers import Reading
from serving.web import formatters
from tests.conftest import Service
from tests.pages import Browser
from tests.serving.test_second_readers import send_to_second

TODAY = date(2026, 11, 25)


def reading(**changes: Any) -> Reading:
    """A flagged case that its reader called about right and kept."""
    values = {"drawn_as": "flagged", "weight": 1.0, "first": False, "second": None,
              "second_probability": 1.0, "asked": False, "kept": True, "changed": False, "crn": "A000001",
              "pdu_code": "N54ALD", "probability": 0.5, "same_group": False,
              "took": timedelta(minutes=5), "reasons": "Read in full."} | changes  # fmt: skip
    return Reading(**values)


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("misses", 0.049, "green"), ("misses", 0.05, "look"), ("misses", 0.1, "act"),
        ("precision", 0.51, "green"), ("precision", 0.5, "look"), ("precision", 0.3, "act"),
        ("agreement", 0.9, "green"), ("raised_after", 0.6, "act"),
    ],
)  # fmt: skip
def test_states_come_from_one_table(name: str, value: float, state: str) -> None:
    found = figures.figure(name, value, value - 0.01, value + 0.01, 100, "{n}")
    assert found.state == state


@pytest.mark.parametrize("count", [0, 1, 29])
def test_too_few_is_never_green(count: int) -> None:
    found = readers.share("misses", [reading()] * count, lambda one: one.first, "{n}")
    assert found.state == "too few to tell"
    assert found.value is None
    assert f"{count} of 30" in found.sentence


def test_shares_are_weighed_by_how_likely_each_was_drawn() -> None:
    common = [reading(weight=1.0, first=True)] * 30
    rare = [reading(weight=9.0)] * 30
    found = readers.share("misses", [*common, *rare], lambda one: one.first, "{n} of 100")
    assert found.value == pytest.approx(0.1)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.1 < found.high
    plain = readers.share("misses", [reading(first=True)] * 6 + [reading()] * 54,
                         lambda one: one.first, "{n}")  # fmt: skip
    assert plain.low is not None
    assert found.low < plain.low, "weights that differ are worth fewer readings"


def test_a_night_of_the_service_is_counted(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD", drawn_as="random")
    browser.sign_in("ALD-SPO-1").record_view(item)
    browser.conclude(item)
    send_to_second(service, item)
    browser.sign_in("ALD-SPO-2").record_view(item)
    with service.night.connect() as connection:
        later = TODAY + timedelta(days=200)
        assert readers.readings(connection, later) == [], "what was read long ago is another matter"
        read = readers.readings(connection, TODAY)
        with service.admin.connect() as other:
            count = other.execute(text("SELECT count(*) FROM triage.conclusions")).scalar_one()
            both = other.execute(
                text("SELECT count(*) FROM triage.second_reads s JOIN triage.conclusions c"
                     " USING (item_id) JOIN triage.own_views v USING (item_id)"
                     " WHERE v.at > c.at")
            ).scalar_one()  # fmt: skip
        assert len(read) == count
        assert sum(one.second is not None for one in read) == both > 0
        found = watch.keep_again(connection, TODAY)
        assert {one.name for one in found} == set(watch.THRESHOLDS)
        connection.rollback()


def test_the_board_sees_figures_and_no_person(
    service: Service, browser: Browser, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
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
        connection.execute(text("SELECT set_config('rosh.username', 'ALD-SPO-1', true)"))
        rows = text("SELECT count(*) FROM triage.snapshots")
        assert connection.execute(rows).scalar_one() == 0
    assert formatters.role("analyst") == "Analyst"
