"""A reader reads a case once more, blind to what they recorded half a year before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from features import clock
from features.contracts.codes import COMMUNITY_GROUPS
from serving.db.session import AuditEvent, transaction
from serving.night.repeat_reads import draw_repeat_reads
from serving.night.sampling import Key
from serving.watch.figures import FEWEST
from serving.watch.repeat_readings import same_again_figure
from tests.pages import Browser
from tests.service import Service

KEY = Key("a secret of the tests", "a run of the tests")
CLOSED = ("answers", "conclusions", "findings", "note_answers", "openings", "own_views")
TOO_LOW = {"children": "too_low", "public": "about_right"}
RIGHT = {"children": "about_right", "public": "cannot_tell"}


def ask_to_repeat(service: Service, item: int, reader: str) -> None:
    """As if the night had asked a reader to read a case once more."""
    statement = "INSERT INTO triage.repeat_reads (item_id, username, due_on)"
    with service.admin.begin() as connection:
        connection.execute(
            text(f"{statement} VALUES (:item, :reader, current_date + 14)"),
            {"item": item, "reader": reader},
        )


def asked_items(connection: Connection) -> dict[str, int]:
    """By reader, the case that each was asked to read once more."""
    rows = connection.execute(text("SELECT username, item_id FROM triage.repeat_reads"))
    return {row.username: row.item_id for row in rows}


@pytest.fixture
def undone(service: Service) -> Iterator[Connection]:
    """A connection of which nothing is kept."""
    with service.admin.connect() as connection:
        yield connection
        connection.rollback()


def test_the_first_review_is_closed_until_the_case_is_read_again(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54BRI", alone=True)
    reader = browser.sign_in("BRI-SPO-1")
    reader.record_view(item)
    reader.conclude(item, reasons="What I wrote the first time.")
    assert "What I wrote the first time" in reader.get(f"/cases/{item}/findings")
    reader.get(f"/cases/{item}/again", status=404)
    ask_to_repeat(service, item, "BRI-SPO-1")

    listed = reader.get("/queue").split("Concluded lately")
    assert f'href="/cases/{item}"' in listed[0]
    assert f'href="/cases/{item}"' not in "".join(listed[1:])
    page = reader.get(f"/cases/{item}")
    assert "as it stood on" in page
    assert "What I wrote the first time" not in page
    assert 'name="reasons"' not in page
    assert 'data-qa="checklist"' not in page
    reader.get(f"/cases/{item}/findings", status=403)
    reader.get(f"/cases/{item}/again", status=404)
    with transaction(service.web, "BRI-SPO-1") as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(item)))
        for table in CLOSED:
            rows = text(f"SELECT count(*) FROM triage.{table} WHERE item_id = :item")
            assert opened.connection.execute(rows, {"item": item}).scalar_one() == 0, table

    reader.get(f"/cases/{item}")
    refused = reader.post(f"/cases/{item}/view", 422, **{"verdict-public": "cannot_tell"})
    assert "There is a problem" in refused
    after = reader.record_view(item, **_some_levels(service, item))
    assert "What you recorded twice" in after
    assert after.count("Cannot tell") == 7
    assert f'href="/cases/{item}"' not in reader.get("/queue").split("Concluded lately")[0]
    assert "What I wrote the first time" in reader.get(f"/cases/{item}/findings")
    reader.post(f"/cases/{item}/view", 403, **{"verdict-public": "cannot_tell"})


def test_nobody_else_sees_that_a_case_is_read_again(service: Service, browser: Browser) -> None:
    item = service.unread("N54BRI", alone=True)
    browser.sign_in("BRI-SPO-1").record_view(item)
    browser.conclude(item)
    ask_to_repeat(service, item, "BRI-SPO-1")
    other = browser.sign_in("BRI-SPO-2")
    assert f'href="/cases/{item}"' not in other.get("/queue").split("Concluded lately")[0]
    assert "as it stood on" not in other.get(f"/cases/{item}")
    with pytest.raises(DBAPIError), transaction(service.web, "BRI-SPO-2") as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(item)))
        opened.connection.execute(
            text(
                "INSERT INTO triage.repeat_views (item_id, username, verdicts, levels)"
                " VALUES (:item, 'BRI-SPO-2', '{}', '{}')"
            ),
            {"item": item},
        )
    with service.admin.begin() as connection:
        connection.execute(
            text("UPDATE triage.items SET limited = true WHERE id = :item"), {"item": item}
        )
    reader = browser.sign_in("BRI-SPO-1")
    assert f'href="/cases/{item}"' not in reader.get("/queue"), "limited since"


@pytest.mark.parametrize(
    ("days", "is_asked"),
    [(181, False), (182, False), (183, True), (365, True), (366, False)],
)
def test_a_case_is_read_again_after_half_a_year(
    service: Service, browser: Browser, undone: Connection, days: int, is_asked: bool
) -> None:
    """From the day after the last of 182 days to the last of 365; both edges."""
    today = clock.today() + timedelta(days=days)
    item = _a_concluded_item(service, browser, undone)
    draw_repeat_reads(undone, KEY, today)
    assert (_reader_of(undone, item) in asked_items(undone)) is is_asked


def test_a_review_whose_request_waits_is_not_closed_to_its_reader(
    service: Service, browser: Browser, undone: Connection
) -> None:
    item = _a_concluded_item(service, browser, undone)
    reader = _reader_of(undone, item)
    undone.execute(text("SET LOCAL session_replication_role = replica"))
    undone.execute(
        text(
            "UPDATE triage.conclusions SET outcome = 'ask_reassessment',"
            """ groups = '{"public": "too_low"}'"""
        )
    )
    undone.execute(text("DELETE FROM triage.answers"))
    draw_repeat_reads(undone, KEY, clock.today() + timedelta(days=200))
    assert reader not in asked_items(undone)
    undone.execute(
        text(
            "INSERT INTO triage.answers (item_id, username, kind, words)"
            " SELECT item_id, username, 'settled', repeat('x', 20) FROM triage.conclusions"
        )
    )
    draw_repeat_reads(undone, KEY, clock.today() + timedelta(days=200))
    assert reader in asked_items(undone)


@pytest.mark.parametrize(("days", "is_asked"), [(90, False), (91, False), (92, True)])
def test_a_reader_is_asked_once_a_quarter(
    service: Service, browser: Browser, undone: Connection, days: int, is_asked: bool
) -> None:
    item = _a_concluded_item(service, browser, undone)
    reader = _reader_of(undone, item)
    undone.execute(text("SET LOCAL session_replication_role = replica"))
    undone.execute(text("DELETE FROM triage.repeat_views"))
    undone.execute(text("DELETE FROM triage.repeat_reads"))
    undone.execute(
        text(
            "INSERT INTO triage.repeat_reads (item_id, username, at, due_on)"
            f" VALUES (10000000, :reader, now() - interval '{days} days', current_date)"
        ),
        {"reader": reader},
    )
    undone.execute(text("UPDATE triage.conclusions SET at = now() - interval '200 days'"))
    draw_repeat_reads(undone, KEY, clock.today())
    own = text(
        "SELECT count(*) FROM triage.repeat_reads r JOIN triage.conclusions c"
        " USING (item_id, username) WHERE username = :reader"
    )
    assert undone.execute(own, {"reader": reader}).scalar_one() == int(is_asked), "their own case"


def test_a_figure_of_how_often_readers_judge_alike_twice(undone: Connection) -> None:
    """Each way the first view went stands by itself: agreement over both would hide a drift."""
    today = clock.today()
    undone.execute(text("SET LOCAL session_replication_role = replica"))
    undone.execute(text("DELETE FROM triage.repeat_views"))
    assert same_again_figure(undone, today).state == "too few to tell"
    cases = [*[(TOO_LOW, TOO_LOW)] * 12, *[(TOO_LOW, RIGHT)] * 18, *[(RIGHT, RIGHT)] * FEWEST]
    for number, (first, again) in enumerate(cases):
        _insert_both(undone, 10_000_000 + number, first, again)
    figure = same_again_figure(undone, today)
    assert figure.value == pytest.approx(12 / 30)
    assert figure.state == "act"
    assert "called a level too low the first time" in figure.sentence
    assert [round(part.value or 0, 2) for part in figure.parts] == [0.4, 1.0]
    assert same_again_figure(undone, today + timedelta(days=367)).value is None
    undone.execute(text("DELETE FROM triage.repeat_views WHERE item_id < 10000001"))
    one_short = same_again_figure(undone, today)
    assert one_short.state == "too few to tell", "of one kind there are 29: the other says nothing"


def _some_levels(service: Service, item: int) -> dict[str, str]:
    """An answer of the form for one group: another level, or one where none is recorded."""
    rows = text("SELECT person->'levels'->'staff'->>'level' FROM triage.items WHERE id = :item")
    with service.admin.connect() as connection:
        recorded = connection.execute(rows, {"item": item}).scalar()
    choices = {"LOW": "too_low:HIGH", None: "given:HIGH"}
    return {"verdict-staff": choices.get(recorded, "too_high:LOW")}


def _a_concluded_item(service: Service, browser: Browser, connection: Connection) -> int:
    """A case that a reader of today's units concluded today; one is made where there is none."""
    rows = text(
        "SELECT c.item_id FROM triage.conclusions c JOIN triage.items i ON i.id = c.item_id"
        " JOIN triage.users u ON u.username = c.username AND u.pdu_code = i.pdu_code"
        " WHERE NOT i.limited AND u.role = 'spo' AND u.staff_code IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM triage.repeat_reads r WHERE r.username = c.username)"
        " LIMIT 1"
    )
    item = connection.execute(rows).scalar()
    if item is None:
        item = service.unread("N54BRI", alone=True)
        browser.sign_in("BRI-SPO-2").record_view(item)
        browser.conclude(item)
    return int(item)


def _reader_of(connection: Connection, item: int) -> str:
    rows = text("SELECT username FROM triage.conclusions WHERE item_id = :item")
    return str(connection.execute(rows, {"item": item}).scalar_one())


def _insert_both(connection: Connection, item: int, first: Any, again: Any) -> None:
    """Both views of one case, without the rows that they refer to: the figure reads none."""
    views = text(
        "INSERT INTO triage.own_views (item_id, username, at, levels, verdicts, ticked, reasons)"
        " SELECT :item, 'BRI-SPO-1', now(), cast(:levels AS jsonb),"
        " cast(:first AS jsonb), '[]', repeat('x', 20)"
    )
    request = text(
        "INSERT INTO triage.repeat_reads (item_id, username, due_on)"
        " VALUES (:item, 'BRI-SPO-1', current_date)"
    )
    repeat = text(
        "INSERT INTO triage.repeat_views (item_id, username, verdicts, levels)"
        " VALUES (:item, 'BRI-SPO-1', cast(:again AS jsonb), cast(:levels AS jsonb))"
    )
    levels = json.dumps(dict.fromkeys(COMMUNITY_GROUPS, "CANNOT_TELL"))
    values = {
        "item": item,
        "levels": levels,
        "first": json.dumps(first),
        "again": json.dumps(again),
    }
    for statement in (views, request, repeat):
        connection.execute(statement, values)
