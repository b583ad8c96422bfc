"""What a hostile review tried: races, what a blind reader could tell, what stayed readable."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from features.frame import build, timeline
from features.store import legal_holds as store_holds
from serving.cases import caseload, legal_holds
from serving.db.session import AuditEvent, Transaction, transaction
from serving.night import reassessments
from tests.conftest import AS_OF
from tests.pages import Browser
from tests.service import Service
from tests.serving.review.test_second_readers import SECOND, send_to_second

CLAIM = text(
    "INSERT INTO triage.claims (item_id, username, until)"
    " VALUES (:item, :who, now() + interval '1 hour')"
)


def tried(opened: Transaction) -> None:
    """A transaction leaves an audit row."""
    opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))


def concluded(service: Service, browser: Browser, reader: str = "ALD-SPO-1") -> int:
    """A case that one reader concluded, and a second one of the own unit is to read."""
    item = service.unread("N54ALD")
    browser.sign_in(reader).record_view(item)
    browser.conclude(item)
    with service.admin.begin() as connection:
        rows = text(f"SELECT count(*) FROM triage.second_reads WHERE item_id = {item}")
        if not connection.execute(rows).scalar():
            insert_second_read = f"{SECOND} VALUES ({item}, 'N54ALD', 1, current_date + 14)"
            connection.execute(text(insert_second_read))
    return item


def test_a_deputys_right_ends_when_one_of_the_unit_begins(service: Service) -> None:
    """The deputy's claim waits for the reader's transaction, and is then looked at again."""
    item = service.unread("N54ALD")
    cover = "INSERT INTO triage.cover (pdu_code, deputy, username) VALUES ('N54ALD', :who, :head)"
    with transaction(service.web, "ALD-HEAD") as opened:
        tried(opened)
        people = {"who": "BRI-SPO-1", "head": "ALD-HEAD"}
        opened.connection.execute(text(cover), people)
    refused: list[str] = []

    def deputy() -> None:
        try:
            with transaction(service.web, "BRI-SPO-1") as other:
                tried(other)
                other.connection.execute(CLAIM, {"item": item, "who": "BRI-SPO-1"})
        except DBAPIError as error:
            refused.append(str(error.orig))

    waiting = threading.Thread(target=deputy)
    with transaction(service.web, "ALD-SPO-1") as opened:
        tried(opened)
        opened.connection.execute(CLAIM, {"item": item, "who": "ALD-SPO-1"})
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive(), "the second claim waits for the first"
    waiting.join(10)
    assert len(refused) == 1
    assert "held by another reader" in refused[0]
    with transaction(service.web, "ALD-HEAD") as opened:
        tried(opened)
        opened.connection.execute(text(cover), {"who": None, "head": "ALD-HEAD"})


def test_events_are_numbered_in_the_order_of_commits(service: Service, browser: Browser) -> None:
    """Who concludes while another conclusion is not committed yet waits for it."""
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").record_view(item)
    with service.admin.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('triage.events'))"))
        done = threading.Thread(target=browser.conclude, args=(item,))
        done.start()
        done.join(0.5)
        assert done.is_alive()
    done.join(10)
    with service.admin.connect() as connection:
        rows = text(f"SELECT state FROM triage.items WHERE id = {item}")
        assert connection.execute(rows).scalar() == "concluded"


def test_two_holds_at_once_are_both_kept(service: Service) -> None:
    first, second = sorted(set(service.store.read_versions("people")["crn"]))[:2]
    why = "An inquest was opened on 20 November 2026."

    def other() -> None:
        with transaction(service.web, "INSPECTOR-1") as opened:
            legal_holds.record_hold(opened, service.store, second, why, placed=True)

    waiting = threading.Thread(target=other)
    with transaction(service.web, "INSPECTOR-1") as opened:
        legal_holds.record_hold(opened, service.store, first, why, placed=True)
        waiting.start()
        waiting.join(0.3)
    waiting.join(10)
    assert {first, second} <= store_holds.cases_on_hold(service.settings.store)
    for crn in (first, second):
        with transaction(service.web, "INSPECTOR-1") as opened:
            legal_holds.record_hold(opened, service.store, crn, why, placed=False)
    assert {first, second} <= store_holds.cases_on_hold(service.settings.store), (
        "until the next night"
    )
    with transaction(service.night, None) as opened:
        tried(opened)
        assert legal_holds.write_hold_list(opened.connection, service.settings.store) == 0


def test_neither_reader_can_tell_who_the_other_is_or_what_was_said(
    service: Service, browser: Browser
) -> None:
    item = concluded(service, browser)
    with transaction(service.web, "ALD-SPO-2") as opened:
        tried(opened)
        rows = text(f"SELECT count(*) FROM triage.claims WHERE item_id = {item}")
        assert opened.connection.execute(rows).scalar() == 0
    with pytest.raises(DBAPIError, match="permission denied"):
        with transaction(service.web, "ALD-SPO-2") as opened:
            tried(opened)
            opened.connection.execute(text("SELECT probability FROM triage.second_reads"))
    browser.sign_in("ALD-SPO-2").get(f"/cases/{item}")
    browser.post(f"/cases/{item}/claim")
    holder = text(f"SELECT triage.held_by({item})")
    for who, expected in (("ALD-SPO-2", "ALD-SPO-2"), ("ALD-SPO-1", None), ("ALD-HEAD", None)):
        with transaction(service.web, who) as opened:
            tried(opened)
            assert opened.connection.execute(holder).scalar() == expected, who
            due = text(f"SELECT count(*) FROM triage.second_reads WHERE item_id = {item}")
            assert opened.connection.execute(due).scalar() == (1 if expected else 0), who
    browser.record_view(item)


def test_a_view_given_up_before_is_no_second_reading(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-2").record_view(item)
    with service.admin.begin() as connection:
        connection.execute(text("ALTER TABLE triage.claims DISABLE TRIGGER never_changed"))
        gone = text(
            "UPDATE triage.claims SET at = now() - interval '2 hours',"
            f" until = now() - interval '1 hour' WHERE item_id = {item}"
        )
        connection.execute(gone)
        connection.execute(text("ALTER TABLE triage.claims ENABLE TRIGGER never_changed"))
    browser.sign_in("ALD-SPO-1").record_view(item)
    browser.conclude(item)
    send_to_second(service, item, "N54BRI")
    second = browser.sign_in("BRI-SPO-1")
    listed = second.get("/queue").split("Concluded lately")[0]
    with service.admin.connect() as connection:
        rows = text(f"SELECT pdu_code FROM triage.second_reads WHERE item_id = {item}")
        unit_ = connection.execute(rows).scalar()
        third = text(
            "SELECT count(*) FROM triage.users WHERE role = 'spo' AND pdu_code = 'N54ALD'"
            " AND ended_at IS NULL AND username NOT LIKE 'ALD-SPO-_'"
        )
        others = connection.execute(third).scalar()
    # A journey leaves a third reader of the unit, who may be drawn; the two who read it may not.
    assert unit_ != "N54ALD" or others, "both of the own unit had read it"
    assert (f'href="/cases/{item}"' in listed) == (unit_ == "N54BRI")
    with transaction(service.web, "ALD-SPO-2") as opened:
        tried(opened)
        rows = text(f"SELECT count(*) FROM triage.conclusions WHERE item_id = {item}")
        assert opened.connection.execute(rows).scalar() == 0, "still blind"


def test_a_case_now_limited_is_closed_before_any_night_commits(
    service: Service, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service.admin.connect() as connection:
        rows = text(
            "SELECT c.crn FROM triage.caseload c JOIN triage.facts f USING (crn)"
            " WHERE c.pdu_code = 'N54ALD' AND NOT c.limited"
            " AND NOT EXISTS (SELECT 1 FROM triage.items i WHERE i.crn = c.crn)"
        )
        crn = str(connection.execute(rows).scalars().first())
    browser.sign_in("ALD-SPO-1")
    assert "Restricted access" not in browser.get(f"/people/{crn}")
    with monkeypatch.context() as patch:
        patch.setattr(build, "limited_cases", lambda *_: {crn})
        assert "limited" in browser.get(f"/people/{crn}"), "the store knows it before the database"
    with service.night.connect() as connection:
        caseload.shrink_limited(connection, [crn])
        held = text("SELECT limited, practitioner_code FROM triage.caseload WHERE crn = :crn")
        assert tuple(connection.execute(held, {"crn": crn}).one()) == (True, None)
        facts = text("SELECT count(*) FROM triage.facts WHERE crn = :crn")
        assert connection.execute(facts, {"crn": crn}).scalar() == 0
        connection.rollback()


def test_a_case_limited_later_is_its_crn_in_events_and_past_reviews(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").record_view(item)
    browser.conclude(item)
    limit = text("UPDATE triage.items SET limited = :limited WHERE id = :item RETURNING crn")
    with service.admin.begin() as connection:
        crn = connection.execute(limit, {"item": item, "limited": True}).scalar_one()
        connection.execute(
            text(
                "INSERT INTO triage.users (username, name, role, made_up)"
                " VALUES ('BATCH-1', 'Batch', 'batch', true) ON CONFLICT DO NOTHING"
            )
        )
    page = browser.get("/reviews")
    assert crn in page
    assert "Restricted access" in page
    with transaction(service.web, "BATCH-1") as opened:
        tried(opened)
        rows = text("SELECT body FROM triage.events_after(0, 10000)")
        sent = list(opened.connection.execute(rows).scalars())
    ours = [one for one in sent if crn in str(one)]
    assert len(ours) == 1
    assert "additionalInformation" not in ours[0]
    assert any("additionalInformation" in one for one in sent)
    with service.admin.begin() as connection:
        connection.execute(limit, {"item": item, "limited": False})


def test_a_file_of_the_queue_is_told_of_each_case_in_it(service: Service, browser: Browser) -> None:
    browser.sign_in("ALD-SPO-1")
    lines = browser.client.get("/queue.csv").text.splitlines()
    crn = lines[1].split(",")[0]
    with transaction(service.web, "INSPECTOR-1") as opened:
        tried(opened)
        opened.connection.execute(text("SELECT set_config('rosh.asked_crn', :c, true)"), {"c": crn})
        rows = text("SELECT who FROM triage.audit_about(:c) WHERE what = 'EXPORTED_QUEUE'")
        assert "ALD-SPO-1" in opened.connection.execute(rows, {"c": crn}).scalars().all()


def test_the_page_for_supervision_tells_of_cases_that_nobody_holds(
    service: Service, browser: Browser
) -> None:
    with service.admin.begin() as connection:
        rows = text("SELECT crn FROM triage.facts WHERE pdu_code = 'N54ALD' ORDER BY crn LIMIT 1")
        crn = connection.execute(rows).scalar_one()
        held = text("UPDATE triage.facts SET practitioner_code = NULL WHERE crn = :crn")
        connection.execute(held, {"crn": crn})
    page = browser.sign_in("ALD-SPO-1").get("/unit/week")
    assert crn in page.split("Held by nobody on record")[1]


def test_a_hand_in_an_open_case_is_known_after_the_next_night(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made-up records name nobody who countersigned, so the answer of the record is put in."""
    item = service.unread("N54ALD")
    rows = text(f"SELECT crn, hands FROM triage.items WHERE id = {item}")
    with service.night.connect() as connection:
        crn = connection.execute(rows).one().crn
        monkeypatch.setattr(timeline, "staff_involved", lambda _: {crn: ["N54A009"]})
        reassessments.move_cases(connection, service.store, AS_OF)
        assert connection.execute(rows).one().hands == ["N54A009"]
        monkeypatch.setattr(timeline, "staff_involved", lambda _: {})
        reassessments.move_cases(connection, service.store, AS_OF)
        assert connection.execute(rows).one().hands == ["N54A009"], "a hand once had stays"
        connection.rollback()


def test_nobody_in_particular_leaves_no_rows(service: Service, browser: Browser) -> None:
    count = text("SELECT count(*) FROM triage.audit WHERE what = 'REFUSED'")
    with service.admin.connect() as connection:
        before = connection.execute(count).scalar_one()
    browser.get("/cases/not-a-number", 200)
    browser.client.post("/sign-in", data={"username": "X"})
    with service.admin.connect() as connection:
        assert connection.execute(count).scalar_one() == before


def test_cases_are_listed_in_the_order_in_which_they_were_concluded(
    service: Service, browser: Browser
) -> None:
    """Whatever their numbers: a case may have waited longer than one of a later night."""
    one = service.unread("N54ALD")
    later, earlier = sorted([one, service.unread("N54ALD", other_than=one)])
    browser.sign_in("ALD-SPO-1")
    for item in (earlier, later):
        browser.record_view(item)
        browser.conclude(item)
    listed = browser.get("/queue").split("Concluded lately")[1]
    assert listed.index(f'/cases/{later}"') < listed.index(f'/cases/{earlier}"')
