"""Reading a case: who holds it, and the quick own view."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from features.contracts.codes import COMMUNITY_GROUPS
from serving.db.session import AuditEvent, transaction
from serving.db.tables import items, own_views, users
from serving.review import policies
from serving.review.policies import Invalid, View
from serving.web import formatters
from tests.pages import Browser
from tests.service import Service

MEDIUM: dict[str, str | None] = dict.fromkeys(COMMUNITY_GROUPS, "MEDIUM")
NOBODY: dict[str, str | None] = dict.fromkeys(COMMUNITY_GROUPS)
ALL_RIGHT = dict.fromkeys(COMMUNITY_GROUPS, "about_right")
WORDS = "Words of at least twenty characters."
TICKED = (("contacts", "C1"),)


@pytest.mark.parametrize(
    ("recorded", "verdicts", "levels", "of_the_public"),
    [
        (MEDIUM, ALL_RIGHT, {}, "MEDIUM"),
        (MEDIUM, ALL_RIGHT | {"public": "too_low"}, {"public": "VERY_HIGH"}, "VERY_HIGH"),
        (MEDIUM, ALL_RIGHT | {"public": "too_high"}, {"public": "LOW"}, "LOW"),
        (MEDIUM, ALL_RIGHT | {"public": "cannot_tell"}, {}, "CANNOT_TELL"),
        (MEDIUM | {"public": None}, ALL_RIGHT, {"public": "HIGH"}, "HIGH"),
    ],
)
def test_a_verdict_gives_a_level(
    recorded: Mapping[str, str | None],
    verdicts: dict[str, str],
    levels: dict[str, str],
    of_the_public: str,
) -> None:
    view = policies.check_view(View(verdicts, levels, (), WORDS), recorded)
    assert view == dict.fromkeys(COMMUNITY_GROUPS, "MEDIUM") | {"public": of_the_public}


@pytest.mark.parametrize(
    ("view", "recorded", "field"),
    [
        (View({}, {}, TICKED, ""), MEDIUM, "verdict-public"),
        (View(ALL_RIGHT | {"public": "too_low"}, {}, TICKED, ""), MEDIUM, "verdict-public"),
        (
            View(ALL_RIGHT | {"public": "too_low"}, {"public": "LOW"}, TICKED, ""),
            MEDIUM,
            "verdict-public",
        ),
        (
            View(ALL_RIGHT | {"public": "too_high"}, {"public": "HIGH"}, TICKED, ""),
            MEDIUM,
            "verdict-public",
        ),
        (View(ALL_RIGHT, {}, TICKED, ""), MEDIUM | {"public": None}, "verdict-public"),
        (
            View(ALL_RIGHT, {"public": "SEVERE"}, TICKED, ""),
            MEDIUM | {"public": None},
            "verdict-public",
        ),
        (
            View(ALL_RIGHT | {"public": "not_recorded"}, {"public": "HIGH"}, TICKED, ""),
            MEDIUM | {"public": None},
            "verdict-public",
        ),
        (View(ALL_RIGHT, {}, (), "short"), MEDIUM, "reasons"),
        (View(ALL_RIGHT, {}, TICKED, "x" * 4001), MEDIUM, "reasons"),
    ],
)
def test_a_view_that_is_not_whole_is_sent_back(
    view: View, recorded: Mapping[str, str | None], field: str
) -> None:
    with pytest.raises(Invalid) as error:
        policies.check_view(view, recorded)
    assert field in error.value.faults


def reading_of(service: Service, item: int, username: str) -> Mapping[str, Any]:
    """What somebody recorded of a case."""
    with service.admin.connect() as connection:
        rows = select(own_views).where(
            own_views.c.item_id == item, own_views.c.username == username
        )
        return connection.execute(rows).mappings().one()


def test_all_others_about_right_and_ticked_entries_are_a_whole_view(
    service: Service, browser: Browser
) -> None:
    """One button for what is right, entries for reasons: no word need be written."""
    item = service.unread("N54ALD", levels=("LOW", "MEDIUM"))
    with service.admin.connect() as connection:
        person = connection.execute(select(items.c.person).where(items.c.id == item)).scalar_one()
    levels = person["levels"]
    page = browser.sign_in("ALD-SPO-2").get(f"/cases/{item}")
    entry = page.split('name="entry" type="checkbox" form="view-form" value="')[1].split('"')[0]
    form = {"verdict-children": "too_low:HIGH"}
    page = browser.post(f"/cases/{item}/view", entry=entry, others="about_right", **form)
    assert "The findings" in page
    reading = reading_of(service, item, "ALD-SPO-2")
    assert reading["levels"]["children"] == "HIGH"
    assert reading["levels"]["staff"] == levels["staff"]["level"]
    assert reading["verdicts"]["staff"] == "about_right"
    assert reading["ticked"] == [list(one) for one in formatters.ticked_entries([unescape(entry)])]
    assert reading["reasons"] == ""
    assert "Part of your reasons" in browser.get(f"/cases/{item}?system=true")


def test_a_case_is_held_by_one_reader_and_the_other_is_told_by_whom(
    service: Service, browser: Browser, front_end: None
) -> None:
    from serving.web import app as web_app

    item = service.unread("N54BRI")
    browser.sign_in("BRI-SPO-1").get(f"/cases/{item}")
    assert "You hold this case" in browser.post(f"/cases/{item}/claim")
    with TestClient(web_app.create_app(service.settings, service.web)) as client:
        other = Browser(client).sign_in("BRI-SPO-2")
        page = other.get(f"/cases/{item}")
        assert "<strong>Sam Okonedo</strong> is reading this case" in page
        assert "view-form" not in page
        assert "Being read" in other.get("/queue")
        refused = other.post(f"/cases/{item}/claim", 403)
        assert "Sam Okonedo holds this case" in refused
        refused = other.record_view(item, 403)
        assert "Sam Okonedo holds this case" in refused
        browser.get(f"/cases/{item}")
        browser.post(f"/cases/{item}/return")
        assert "Hold this case while I read it" in other.get(f"/cases/{item}")
        other.record_view(item)
        assert browser.post(f"/cases/{item}/claim", 403).count("Ray Castleton holds this case") == 1


def test_of_two_at_once_one_wins_and_the_other_waits_to_be_told(service: Service) -> None:
    """The second claim waits for the first transaction to end, and then finds its claim."""
    item = service.unread("N58CAR")
    with service.admin.begin() as connection:
        rows = [
            {
                "username": f"CAR-SPO-{n}",
                "name": f"Carlisle Reader {n}",
                "role": "spo",
                "pdu_code": "N58CAR",
                "staff_code": f"N58A0{n}",
                "made_up": False,
            }
            for n in (1, 2)
        ]
        connection.execute(insert(users).values(rows).on_conflict_do_nothing())
    begun = threading.Event()
    refused: list[str] = []

    def second() -> None:
        begun.set()
        try:
            insert_claim(service, item, "CAR-SPO-2", 5)
        except DBAPIError as error:
            refused.append(str(error.orig))

    other = threading.Thread(target=second)
    with transaction(service.web, "CAR-SPO-1") as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(item)))
        opened.connection.execute(
            text(
                "INSERT INTO triage.claims (item_id, username, until)"
                " VALUES (:item, 'CAR-SPO-1', now() + interval '5 minutes')"
            ),
            {"item": item},
        )
        other.start()
        begun.wait()
        other.join(0.5)
        assert other.is_alive(), "it waits"
    other.join(10)
    assert refused
    assert "held by another reader" in refused[0]


def test_nobody_learns_who_reads_in_another_unit(service: Service) -> None:
    item = service.unread("N54BRI")
    insert_claim(service, item, "BRI-SPO-1", 5)
    for username, expected in (("BRI-SPO-2", "BRI-SPO-1"), ("ALD-SPO-1", None), ("BOARD-1", None)):
        with transaction(service.web, username) as opened:
            opened.audit(AuditEvent("TEST", "ITEM", str(item)))
            rows = opened.connection.execute(text(f"SELECT triage.held_by({item})"))
            assert rows.scalar() == expected
    insert_claim(service, item, "BRI-SPO-1", -1)


def insert_claim(service: Service, item: int, username: str, minutes: int) -> None:
    """A claim straight into the database, in somebody's name."""
    with transaction(service.web, username) as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(item)))
        opened.connection.execute(
            text(
                "INSERT INTO triage.claims (item_id, username, until)"
                " VALUES (:item, :who, now() + make_interval(mins => :minutes))"
            ),
            {"item": item, "who": username, "minutes": minutes},
        )


def test_the_database_lets_one_reader_hold_a_case(service: Service, browser: Browser) -> None:
    item = service.unread("N54BRI")
    insert_claim(service, item, "BRI-SPO-1", 5)
    with pytest.raises(DBAPIError, match="held by another reader"):
        insert_claim(service, item, "BRI-SPO-2", 5)
    with pytest.raises(DBAPIError, match="this reader's to claim"):
        insert_claim(service, service.unread("N54ALD"), "BRI-SPO-2", 5)
    with pytest.raises(DBAPIError, match="check constraint"):
        insert_claim(service, item, "BRI-SPO-1", 60 * 48)
    insert_claim(service, item, "BRI-SPO-1", -1)
    insert_claim(service, item, "BRI-SPO-2", 5)
    with (
        pytest.raises(DBAPIError, match="by the reader who holds"),
        transaction(service.web, "BRI-SPO-1") as opened,
    ):
        opened.audit(AuditEvent("TEST", "ITEM", str(item)))
        levels = '{"children": "LOW", "public": "LOW", "known_adult": "LOW", "staff": "LOW"}'
        opened.connection.execute(
            text(
                "INSERT INTO triage.own_views (item_id, username, levels, reasons)"
                " VALUES (:item, 'BRI-SPO-1', CAST(:levels AS jsonb), :words)"
            ),
            {"item": item, "levels": levels, "words": WORDS},
        )


def test_a_box_stands_for_every_entry_of_its_line_whatever_the_record_numbers_hold() -> None:
    entries = [{"source_table": "contacts", "record_id": one} for one in ("C 1", "C:2", "Ç%3&")]
    value = formatters.entry_keys(entries)
    assert formatters.ticked_entries([value, value]) == (
        ("contacts", "C 1"),
        ("contacts", "C:2"),
        ("contacts", "Ç%3&"),
    )
    assert formatters.ticked_entries([]) == ()


@pytest.mark.parametrize("entry", ["x:forged", "contacts:%00", "", "contacts:"])
def test_only_entries_of_the_case_can_be_ticked(
    service: Service, browser: Browser, entry: str
) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").get(f"/cases/{item}")
    verdicts = {f"verdict-{g}": "cannot_tell" for g in COMMUNITY_GROUPS}
    page = browser.post(f"/cases/{item}/view", 422, entry=entry, **verdicts)
    assert "There is a problem" in page
    browser.get(f"/cases/{item}/findings", status=403)


def test_a_case_that_another_holds_by_now_is_not_concluded(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").record_view(item)
    browser.get(f"/cases/{item}/findings")
    insert_claim(service, item, "ALD-SPO-1", -1)
    insert_claim(service, item, "ALD-SPO-2", 5)
    assert "That was not recorded" in browser.conclude(item, "keep_level", status=409)
    insert_claim(service, item, "ALD-SPO-2", -1)
    assert "This conclusion changed no level" in browser.conclude(item, "keep_level")


def test_how_long_a_case_was_open_before_the_view_is_kept(
    service: Service, browser: Browser
) -> None:
    """From the first opening of its page by that reader, as audited, whoever else looked at it."""
    views = "SELECT min(a.at) FROM triage.audit a WHERE a.subject_id = i.crn AND a.what = 'PAGE_VIEW_CASE'"
    with service.admin.connect() as connection:
        nobodys = text(
            "SELECT id FROM triage.items i WHERE pdu_code = 'N54BRI' AND state = 'open'"
            f" AND NOT limited AND ({views}) IS NULL ORDER BY id DESC"
        )
        item = int(connection.execute(nobodys).scalars().first() or 0)
    assert item, "no case left that nobody opened: queue more in conftest"
    browser.sign_in("BRI-SPO-2").get(f"/cases/{item}")
    browser.sign_in("BRI-SPO-1").get(f"/cases/{item}")
    browser.get(f"/cases/{item}")
    browser.record_view(item)
    with service.admin.connect() as connection:
        statement = text(
            f"SELECT v.opened_at, v.at, ({views} AND a.who = v.username), ({views})"
            " FROM triage.own_views v JOIN triage.items i ON i.id = v.item_id"
            " WHERE i.id = :item"
        )
        opened, recorded, mine, hers = connection.execute(statement, {"item": item}).one()
    assert hers < opened == mine < recorded


def test_every_page_of_a_case_says_what_to_do_in_danger(service: Service, browser: Browser) -> None:
    """Also where access is limited: that is where nothing else can be read."""
    item, practitioner = service.held_by_practitioner()
    with service.admin.connect() as connection:
        crn = connection.execute(text(f"SELECT crn FROM triage.items WHERE id = {item}")).scalar()
        limited = connection.execute(
            text("SELECT crn FROM triage.caseload WHERE pdu_code = 'N54ALD' AND limited LIMIT 1")
        ).scalar()
    browser.sign_in("ALD-SPO-1")
    pages = [
        browser.get(f"/cases/{item}"),
        browser.get(f"/people/{crn}"),
        browser.get(f"/people/{limited}"),
        browser.record_view(item),
    ]
    browser.get(f"/cases/{item}/findings")
    browser.conclude(item, "ask_reassessment")
    pages.append(browser.sign_in(practitioner).get(f"/asked/{item}"))
    assert [page.count('data-qa="danger"') for page in pages] == [1] * len(pages)
    assert "Restricted access" in pages[2]
