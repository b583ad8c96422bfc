"""A table that stopped arriving from one region is said on every page of that region."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl
import pytest
from sqlalchemy import text

from serving.db import silent_feeds as told_feeds
from serving.watch import arrivals
from serving.web.formatters import feed_sentence, feed_sentences
from tests.conftest import AS_OF
from tests.pages import Browser
from tests.service import Service

NIGHT = date(2026, 11, 29)
SINCE = AS_OF - timedelta(days=14)
SCHEMA = {"table": pl.String, "region": pl.String, "day": pl.Date, "rows": pl.Int64}


def days(*rows: tuple[str, str, date, int]) -> pl.DataFrame:
    """Rows by table, region and day of recording."""
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row")


def usual(rows_a_week: float) -> dict[str, dict[str, tuple[int, int]]]:
    """A profile in which so many contacts a week are usual in N58."""
    return {"contacts": {"N58": (round(rows_a_week * arrivals.WEEKS), 0)}}


@pytest.mark.parametrize(
    ("a_week", "rows", "is_silent"),
    [
        (20, 0, True),
        (19, 0, False),  # so few that none at all can be chance
        (20, 1, False),
        (500, 0, True),
    ],
)
def test_a_region_is_silent_where_nothing_came_and_much_was_usual(
    a_week: float, rows: int, is_silent: bool
) -> None:
    week = {"contacts": {"N58": (rows, 0)} if rows else {}}
    last = days(("contacts", "N58", NIGHT - timedelta(days=14), 30))
    silent = arrivals.silent_feeds(usual(a_week), week, last, {"N58": 1239})
    first = (NIGHT - timedelta(days=13)).isoformat()
    expected = {"N58": {"people": 1239, "tables": {"contacts": first}}}
    assert silent == (expected if is_silent else {})


def test_since_when_is_the_first_day_looked_at_where_no_row_is_left() -> None:
    first = NIGHT - timedelta(days=34)
    others = days(("contacts", "N54", first, 30), ("contacts", "N58", NIGHT, 0))
    silent = arrivals.silent_feeds(usual(100), {}, others, {})
    assert silent["N58"]["tables"] == {"contacts": first.isoformat()}


def test_the_sentence_says_from_when_and_that_it_is_this_region() -> None:
    words = feed_sentence("contacts", told_feeds.SILENT + "2026-11-16")
    assert words == "Contacts: none have arrived from this region since 16 November 2026"


def test_tables_of_one_state_are_one_sentence() -> None:
    state = told_feeds.SILENT + "2026-11-16"
    sentences = feed_sentences({"contacts": state, "incidents": state, "orders": "missing"})
    assert sentences == [
        "Contacts; behaviour and information: none have arrived from this region since "
        "16 November 2026",
        "Orders and conditions: not supplied",
    ]


def test_entries_of_notes_stop_with_the_contacts_that_they_are_read_in() -> None:
    own = {"note_entries": {"N58": (round(100 * arrivals.WEEKS), 0)}}
    assert arrivals.silent_feeds(own, {}, days(("contacts", "N58", NIGHT, 1)), {}) == {}


@pytest.fixture
def silent_region(service: Service) -> Iterator[None]:
    """The newest night found that contacts no longer arrive from N54."""
    newest = "(SELECT id FROM triage.runs ORDER BY as_of DESC, at DESC LIMIT 1)"
    silent = {"N54": {"people": 300, "tables": {"contacts": SINCE.isoformat()}}}
    put = text(
        f"UPDATE triage.runs SET counts = counts || jsonb_build_object('silent', CAST(:s AS jsonb))"
        f" WHERE id = {newest}"
    )
    for trigger in ("DISABLE", "ENABLE"):
        with service.admin.begin() as connection:
            connection.execute(text(f"ALTER TABLE triage.runs {trigger} TRIGGER USER"))
            if trigger == "DISABLE":
                connection.execute(put, {"s": json.dumps(silent)})
    yield
    with service.admin.begin() as connection:
        connection.execute(text("ALTER TABLE triage.runs DISABLE TRIGGER USER"))
        connection.execute(put, {"s": "{}"})
        connection.execute(text("ALTER TABLE triage.runs ENABLE TRIGGER USER"))


@pytest.mark.usefixtures("silent_region")
def test_every_page_of_the_region_says_so(service: Service, browser: Browser) -> None:
    words = f"none have arrived from this region since {SINCE.day} {SINCE:%B %Y}"
    item = service.unread("N54ALD")
    queue = browser.sign_in("ALD-SPO-1").get("/queue")
    assert words in queue
    assert "a case that should be in this queue may not be" in queue
    case = browser.get(f"/cases/{item}")
    assert words in case
    assert "All sources of this service were supplied and up to date" not in case
    assert words in browser.get(f"/cases/{item}/over-time")
    crn = case.split('data-qa="crn">')[1].split("<")[0]
    assert words in browser.get(f"/people/{crn}")
    with service.web.connect() as connection:
        header = told_feeds.with_silent_feeds(connection, {"feeds": {}}, "N54ALD", AS_OF)
    assert header["feeds"] == {"contacts": told_feeds.SILENT + SINCE.isoformat()}


@pytest.mark.usefixtures("silent_region")
def test_the_board_reads_region_people_table_and_day(service: Service, browser: Browser) -> None:
    page = browser.sign_in("BOARD-1").get("/board")
    assert "Region N54</a>, 300 people" in page
    assert f"no contacts since {SINCE.day} {SINCE:%B %Y}" in page
    assert f"contacts from N54 since {SINCE.day} {SINCE:%B %Y}" in browser.get("/board/runs")


def test_without_a_silent_region_nothing_is_said(service: Service, browser: Browser) -> None:
    page = browser.sign_in("ALD-SPO-1").get("/queue")
    assert "Part of the record is missing" not in page
    with service.night.connect() as connection:
        assert told_feeds.silent_feeds(connection, "N54ALD", AS_OF) == {}
        assert told_feeds.silent_feeds(connection, None, AS_OF) == {}
