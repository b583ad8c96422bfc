"""Days as people type them, and what a page says of one that is not a date."""

from __future__ import annotations

from datetime import date

import pytest

from serving.web.typed_days import NOT_A_DAY, parse_day, parse_days
from tests.pages import Browser
from tests.service import Service


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("27/3/2026", date(2026, 3, 27)),
        ("27/03/2026", date(2026, 3, 27)),
        (" 1.2.2026 ", date(2026, 2, 1)),
        ("1 2 2026", date(2026, 2, 1)),
        ("2026-03-27", date(2026, 3, 27)),
        ("29/2/2028", date(2028, 2, 29)),
        ("29/2/2026", None),
        ("3/27/2026", None),  # the day comes first
        ("27/3/26", None),
        ("27 March", None),
        ("31/12/9999", None),
        ("", None),
    ],
)
def test_a_day_is_read_with_the_day_first(typed: str, day: date | None) -> None:
    assert parse_day(typed) == day


def test_a_field_that_is_not_a_date_has_a_fault_and_an_empty_one_has_none() -> None:
    days, faults = parse_days({"since": " ", "until": "31/6/2026"})
    assert days == {"since": None, "until": None}
    assert faults == {"until": NOT_A_DAY}


def test_pages_say_which_day_is_not_a_date_and_keep_what_was_typed(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54BRI")
    browser.sign_in("BRI-SPO-1")
    page = browser.get(f"/cases/{item}?since=31/6/2026&until=1/7/2026", status=422)
    assert f'<a href="#since">{NOT_A_DAY}</a>' in page
    assert 'value="31/6/2026"' in page
    assert NOT_A_DAY not in browser.get(f"/cases/{item}?since=30/6/2026")
    browser.sign_in("BOARD-1")
    page = browser.get("/board/watch/caseload?on=yesterday", status=422)
    assert f'<a href="#on">{NOT_A_DAY}</a>' in page
