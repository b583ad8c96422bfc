"""What is asked reaches the practitioner, is answered, and is closed by the night alone."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError

from features import clock
from features.intake.load import load_extract
from features.store.store import Store
from serving.db import working_days
from serving.db.session import AuditEvent, transaction
from serving.db.tables import conclusions, items, users
from serving.night import reassessments
from serving.review import policies
from serving.review.asked_store import FollowUp, Open
from serving.review.policies import Invalid
from serving.review.states import ANSWERS, Answer, RequestState, where_it_stands
from tests import factories
from tests.pages import Browser
from tests.service import Service

TODAY, ASKED_ON = date(2026, 11, 25), date(2026, 11, 3)
LATELY, LEFT = datetime(2026, 11, 23, 10, tzinfo=UTC), "the reader has not replied"
WORDS = "That entry is about his brother, and was corrected in May."
PRACTITIONER = "ALD-PP-1"


@pytest.fixture
def own(service: Service) -> int:
    """An unread case of Alderbrook that the made-up practitioner holds."""
    item, username = service.held_by_practitioner()
    assert username == PRACTITIONER
    return item


def ask(browser: Browser, item: int, outcome: str = "ask_reassessment") -> None:
    """An SPO of the unit reads the case and asks."""
    browser.sign_in("ALD-SPO-1").record_view(item)
    browser.get(f"/cases/{item}/findings")
    browser.conclude(item, outcome)


def follow_up_counts(service: Service, item: int) -> dict[str, int]:
    """How many rows of a case the database shows to the practitioner."""
    counts = {}
    with transaction(service.web, PRACTITIONER) as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(item)))
        for table, column in (("items", "id"), ("entries", "item_id"), ("findings", "item_id")):
            rows = text(f"SELECT count(*) FROM triage.{table} WHERE {column} = :item")
            counts[table] = int(opened.connection.execute(rows, {"item": item}).scalar_one())
    return counts


def test_a_practitioner_sees_a_case_once_something_was_asked(
    service: Service, browser: Browser, own: int
) -> None:
    browser.sign_in(PRACTITIONER)
    browser.get(f"/asked/{own}", status=404)
    assert f'href="/asked/{own}"' not in browser.get("/asked")
    assert follow_up_counts(service, own) == {"items": 0, "entries": 0, "findings": 0}
    ask(browser, own)
    assert set(follow_up_counts(service, own).values()) != {0}
    page = browser.sign_in(PRACTITIONER).get("/asked")
    assert "The level for the public looks too low" in page
    page = browser.get(f"/asked/{own}")
    assert "The entries are one event told three times." in page
    assert "What the person did or what happened" in page
    assert 'href="/cases/' not in page, "the SPO's pages are not the practitioner's"
    browser.get(f"/cases/{own}", status=403)
    browser.get("/unit", status=403)
    with transaction(service.web, PRACTITIONER) as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(own)))
        for table, count in (("findings", 1), ("own_views", 0), ("conclusions", 1)):
            rows = text(f"SELECT count(*) FROM triage.{table} WHERE item_id = :item")
            assert opened.connection.execute(rows, {"item": own}).scalar_one() == count, table


def test_a_level_that_is_kept_is_not_the_practitioners_to_answer(
    service: Service, browser: Browser, own: int
) -> None:
    ask(browser, own, "keep_level")
    browser.sign_in(PRACTITIONER).get(f"/asked/{own}", status=404)
    assert follow_up_counts(service, own) == {"items": 0, "entries": 0, "findings": 0}
    with pytest.raises(DBAPIError, match="nothing was asked|row-level security"):
        answer(service, PRACTITIONER, own, "fact")


def test_answers_are_kept_and_seen_by_the_unit(
    service: Service, browser: Browser, own: int
) -> None:
    ask(browser, own)
    browser.sign_in(PRACTITIONER).get(f"/asked/{own}")
    page = browser.post(f"/asked/{own}/answer", 422)
    assert "Select what you want to say" in page
    page = browser.post(f"/asked/{own}/answer", 422, kind="accepted", planned="soon")
    assert "Enter a real date" in page
    page = browser.post(f"/asked/{own}/answer", 422, kind="accepted")
    assert "Enter the day by which" in page
    page = browser.post(f"/asked/{own}/answer", 422, kind="declined", words="No.")
    assert "at least 20 characters" in page
    assert ">No.</textarea>" in page
    page = browser.post(f"/asked/{own}/answer", kind="declined", words=WORDS)
    assert "Declined" in page
    assert WORDS in page
    day = clock.today() + timedelta(days=20)
    page = browser.post(f"/asked/{own}/answer", kind="accepted", planned=day.isoformat())
    assert "Accepted" in page
    assert "answered already" in browser.post(
        f"/asked/{own}/answer", 403, kind="declined", words=WORDS
    )
    browser.post(f"/asked/{own}/answer", kind="second_look", words=WORDS)
    for reader in ("ALD-HEAD", "ALD-SPO-1"):
        page = browser.sign_in(reader).get("/unit")
        assert "Asked for a second look" in page
        assert WORDS in page
    assert browser.sign_in("BRI-SPO-1").get("/unit").count(WORDS) == 0


def test_the_head_sees_what_waits_and_nothing_of_why(
    service: Service, browser: Browser, own: int
) -> None:
    page = browser.sign_in("ALD-HEAD").get("/unit")
    assert "being read" in page
    browser.get(f"/cases/{own}/findings", status=403)
    with transaction(service.web, "ALD-HEAD") as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(own)))
        count = text("SELECT count(*) FROM triage.findings")
        assert opened.connection.execute(count).scalar_one() == 0, "sealed for the head too"


def answer(service: Service, username: str, item: int, kind: str, engine: Any = None) -> None:
    """An answer straight into the database, in somebody's name."""
    with transaction(engine or service.web, username) as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(item)))
        opened.connection.execute(
            text(
                "INSERT INTO triage.answers (item_id, username, kind, words)"
                " VALUES (:item, :who, :kind, :words)"
            ),
            {"item": item, "who": username or None, "kind": kind, "words": WORDS},
        )


def test_the_database_lets_only_the_practitioner_answer_and_only_the_night_close(
    service: Service, browser: Browser, own: int
) -> None:
    ask(browser, own)
    for username in ("ALD-SPO-1", "ALD-HEAD", "BRI-SPO-1", "BOARD-1"):
        with pytest.raises(DBAPIError, match="row-level security"):
            answer(service, username, own, "fact")
    with pytest.raises(DBAPIError, match="check constraint"):
        answer(service, PRACTITIONER, own, "reassessed")
    with pytest.raises(DBAPIError, match="row-level security"):
        answer(service, "", own, "fact", service.night)
    answer(service, PRACTITIONER, own, "fact")
    with pytest.raises(DBAPIError, match="never changed"), service.admin.begin() as connection:
        connection.execute(text("UPDATE triage.answers SET words = 'x'"))


@pytest.mark.parametrize(
    ("days_ago", "public", "closed"), [(0, "HIGH", 1), (27, "HIGH", 0), (0, None, 0)]
)
def test_the_night_finds_the_reassessment_that_was_asked_for(
    service: Service,
    browser: Browser,
    own: int,
    tmp_path: Path,
    days_ago: int,
    public: str | None,
    closed: int,
) -> None:
    """Complete, after it was asked, and with a level for each group that was named."""
    ask(browser, own)
    with service.admin.connect() as connection:
        crn = connection.execute(select(items.c.crn).where(items.c.id == own)).scalar_one()
    completed = clock.today() - timedelta(days=days_ago)
    at = clock.now_as_recorded()
    reassessment = factories.assessment(completed, "MEDIUM", crn=crn, recorded_at=at) | {
        "public_community": public
    }
    folder = factories.extract(tmp_path / "x", {"assessments": [reassessment]}, at.isoformat())
    load_extract(folder, tmp_path / "s")
    with transaction(service.night, None) as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(own)))
        store = Store.open(tmp_path / "s")
        assert reassessments.close_requests(opened.connection, store, clock.today()) == closed
        assert reassessments.close_requests(opened.connection, store, clock.today()) == 0, "once"
    page = browser.sign_in(PRACTITIONER).get(f"/asked/{own}")
    assert ("Reassessed" in page) == bool(closed)


ACCEPTED = {"kind": "accepted", "planned_on": date(2026, 12, 4)}


def follow_up(question: str, *answers: dict[str, Any]) -> FollowUp:
    """What was asked on a day, with some answers."""
    at = datetime.fromisoformat(f"{question}T10:00:00+00:00")
    rows = [{"planned_on": None, "at": at, **one} for one in answers]
    return FollowUp(1, "A000001", False, {}, None, "ask_reassessment", {}, "", "", at, rows)


@pytest.mark.parametrize(
    ("state", "late"),
    [
        (follow_up("2026-11-20"), None),
        (follow_up("2026-11-17"), "not answered"),
        (follow_up("2026-11-03"), "not answered"),
        (follow_up("2026-11-17", {"kind": "fact"}), None),
        (follow_up("2026-11-03", {"kind": "accepted", "planned_on": TODAY}), None),
        (
            follow_up("2026-11-03", {"kind": "accepted", "planned_on": date(2026, 11, 24)}),
            "overdue",
        ),
        # What was declined, or is to be looked at again, is the reader's to reply to.
        (follow_up("2026-11-03", {"kind": "declined"}), LEFT),
        (follow_up("2026-11-03", {"kind": "declined", "at": LATELY}), None),
        (follow_up("2026-11-03", {"kind": "second_look"}), LEFT),
        (
            follow_up(
                "2026-11-03", {"kind": "accepted", "planned_on": TODAY}, {"kind": "second_look"}
            ),
            LEFT,
        ),
        (follow_up("2026-11-03", {"kind": "declined"}, {"kind": "fact"}), LEFT),
        (follow_up("2026-11-03", {"kind": "declined"}, {"kind": "settled"}), None),
        (follow_up("2026-11-03", {"kind": "declined"}, {"kind": "reply", "at": LATELY}), None),
        (follow_up("2026-10-01", {"kind": "declined"}, {"kind": "reply"}), "not answered"),
        (follow_up("2026-11-17", {"kind": "declined"}, {"kind": "reply"}), "not answered"),
        (follow_up("2026-11-03", {"kind": "fact"}), "overdue"),
        (replace(follow_up("2026-11-03", {"kind": "fact"}), outcome="need_information"), LEFT),
        (replace(follow_up("2026-11-03"), outcome="need_information"), "not answered"),
        (replace(follow_up("2026-10-01"), outcome=None), None),  # closed to this user
        (follow_up("2026-11-03", {"kind": "reassessed"}), None),
    ],
)
def test_what_is_late(state: FollowUp, late: str | None) -> None:
    since = state.missed_deadline(TODAY)
    assert (since[0] if since else None) == late


@pytest.mark.parametrize(
    ("answers", "today", "words"),
    [
        ([], date(2026, 11, 24), None),  # an answer is due on the 24th
        ([], date(2026, 11, 25), "not answered, 1 day late"),
        ([], date(2026, 12, 30), "not answered, 36 days late"),  # and the level long since
        ([ACCEPTED], date(2026, 12, 4), None),
        ([ACCEPTED], date(2026, 12, 5), "overdue by 1 day"),
        ([ACCEPTED], date(2026, 12, 6), "overdue by 2 days"),
    ],
)
def test_how_many_days_it_is_late(
    answers: list[dict[str, Any]], today: date, words: str | None
) -> None:
    assert follow_up("2026-11-17", *answers).overdue_words(today) == words


def test_working_days_and_what_nobody_has_begun() -> None:
    assert working_days.working_day_after(date(2026, 11, 20), 1) == date(2026, 11, 23)
    assert working_days.working_day_after(date(2026, 11, 20), 5) == date(2026, 11, 27)
    # Boxing Day falls on a Saturday, so that Monday the 28th is a holiday too.
    assert working_days.working_day_after(date(2026, 12, 24), 1) == date(2026, 12, 29)
    assert working_days.working_day_after(date(2026, 12, 31), 2) == date(2027, 1, 5)


def test_the_database_counts_the_same_working_days(service: Service) -> None:
    """Counted from every day of the last eleven months."""
    with service.night.connect() as connection:
        working_days.write_bank_holidays(connection, clock.today())
        days = text(
            "SELECT day::date, triage.working_days(day::date), triage.today()"
            " FROM generate_series(triage.today() - 330, triage.today(), '1 day') day"
        )
        rows = connection.execute(days).all()
        connection.rollback()
    today = rows[0][2]
    assert today == clock.today(), "the database's days are those of the service"
    for day, counted, _ in rows:
        later = (day + timedelta(days=n) for n in range(1, (today - day).days + 1))
        assert counted == sum(working_days.is_working_day(one) for one in later), day
    waiting = Open(1, "A000001", False, date(2026, 11, 20), TODAY, False, None)
    assert waiting.is_unclaimed(date(2026, 11, 25))
    assert not waiting.is_unclaimed(date(2026, 11, 24))
    begun = Open(1, "A000001", False, date(2026, 11, 20), TODAY, True, None)
    assert not begun.is_unclaimed(date(2026, 12, 25))


@pytest.mark.parametrize(
    ("planned", "right"),
    [
        (TODAY, True),
        (ASKED_ON + timedelta(days=90), True),
        (TODAY - timedelta(days=1), False),
        (ASKED_ON + timedelta(days=91), False),
        (None, False),
    ],
)
def test_a_planned_day_is_today_or_later_and_near(planned: date | None, right: bool) -> None:
    if right:
        policies.check_answer("accepted", "", planned, TODAY, ASKED_ON)
    else:
        with pytest.raises(Invalid):
            policies.check_answer("accepted", "", planned, TODAY, ASKED_ON)


def test_only_the_night_reassesses_and_nothing_undoes_it() -> None:
    assert where_it_stands([]) is RequestState.WAITING
    assert where_it_stands(["fact"]) is RequestState.ANSWERED
    assert where_it_stands(["second_look", "declined", "accepted"]) is RequestState.ACCEPTED
    assert where_it_stands(["accepted", "declined"]) is RequestState.ACCEPTED
    assert where_it_stands(["reassessed", "fact", "second_look"]) is RequestState.REASSESSED
    assert {end for (_, answer), end in ANSWERS.items() if answer is Answer.REASSESSED} == {
        RequestState.REASSESSED
    }


def test_a_case_limited_later_shrinks_for_the_practitioner_too(
    service: Service, browser: Browser, own: int
) -> None:
    ask(browser, own)
    with service.admin.begin() as connection:
        connection.execute(update(items).where(items.c.id == own).values(limited=True, person={}))
        crn = connection.execute(select(items.c.crn).where(items.c.id == own)).scalar_one()
        rows = select(conclusions.c.reasons).where(conclusions.c.item_id == own)
        assert connection.execute(rows).scalar_one()
    page = browser.sign_in(PRACTITIONER).get("/asked")
    assert f'href="/asked/{own}"' not in page
    browser.get(f"/asked/{own}", status=404)
    assert crn not in browser.get("/asked") or "Restricted access" in page


def test_users_of_each_role_have_what_the_role_needs(service: Service) -> None:
    row = {"username": "X", "name": "X", "made_up": True}
    for wrong in (
        {"role": "practitioner", "pdu_code": "N54ALD", "staff_code": None},
        {"role": "board", "pdu_code": None, "staff_code": "N54A001"},
        {"role": "inspector", "pdu_code": "N54ALD", "staff_code": None},
        {"role": "head", "pdu_code": None, "staff_code": None},
        {"role": "board", "pdu_code": "N54ALD", "staff_code": None},
        {"role": "clerk", "pdu_code": "N54ALD", "staff_code": None},
    ):
        with pytest.raises(DBAPIError), service.admin.begin() as connection:
            connection.execute(insert(users).values({**row, **wrong}))


def test_what_was_asked_goes_to_who_holds_the_case_now(
    service: Service, browser: Browser, own: int, tmp_path: Path
) -> None:
    ask(browser, own)
    with service.admin.connect() as connection:
        crn = connection.execute(select(items.c.crn).where(items.c.id == own)).scalar_one()
    day, at = clock.last_full_day(), clock.now_as_recorded().isoformat()
    moved = factories.row("allocations", day, crn=crn, staff_code="N54A999")
    folder = factories.extract(tmp_path / "x", {"allocations": [moved]}, at)
    load_extract(folder, tmp_path / "s")
    with transaction(service.night, None) as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(own)))
        reassessments.move_cases(opened.connection, Store.open(tmp_path / "s"), clock.today())
    browser.sign_in(PRACTITIONER).get(f"/asked/{own}", status=404)
    assert "N54A999" in browser.sign_in("ALD-HEAD").get("/unit")


def test_what_is_declined_waits_for_a_word_of_whoever_asked(
    service: Service, browser: Browser, own: int
) -> None:
    ask(browser, own)
    browser.sign_in(PRACTITIONER).get(f"/asked/{own}")
    browser.post(f"/asked/{own}/answer", kind="declined", words=WORDS)
    browser.post(f"/asked/{own}/answer", kind="fact", words="He was in hospital on that day.")
    waiting = for_my_word(browser.sign_in("ALD-SPO-1").get("/queue"))
    assert waiting
    assert WORDS in browser.get(f"/cases/{own}/findings"), "also where a fact was added since"
    unit_page = browser.get("/unit")
    assert WORDS in unit_page
    reply = f"/unit/asked/{own}/reply"
    assert "Select whether to ask again or close" in browser.post(reply, 422, words=WORDS)
    assert "at least 20" in browser.post(reply, 422, kind="reply", words="Again.")
    page = browser.post(reply, kind="reply", words="The entry of May names him: please look again.")
    assert "The reader asked again" in page
    assert for_my_word(browser.get("/queue")) == waiting - 1
    page = browser.sign_in(PRACTITIONER).get(f"/asked/{own}")
    assert "The entry of May names him" in page
    browser.post(f"/asked/{own}/answer", kind="second_look", words=WORDS)
    browser.sign_in("ALD-HEAD").get("/unit")
    page = browser.post(reply, kind="settled", words="Looked at by both of us: it rests.")
    assert "that were reassessed or closed" in page
    assert "so it needs no reply" in browser.post(reply, 403, kind="reply", words=WORDS)
    assert for_my_word(browser.sign_in("ALD-SPO-1").get("/queue")) == waiting - 1


def for_my_word(page: str) -> int:
    """How many answers the queue says wait for a word of the reader."""
    match = re.search(r'href="/unit#asked">(\d+) answers? needs? your reply', page)
    return int(match[1]) if match else 0


def test_neither_side_speaks_for_the_other(service: Service, browser: Browser, own: int) -> None:
    ask(browser, own)
    for username, kind in (
        (PRACTITIONER, "reply"),
        (PRACTITIONER, "settled"),
        ("ALD-SPO-1", "accepted"),
        ("ALD-SPO-1", "declined"),
        ("BRI-SPO-1", "settled"),
        ("BOARD-1", "settled"),
    ):
        with pytest.raises(DBAPIError, match="row-level security|violates check"):
            answer(service, username, own, kind)
    browser.sign_in("BRI-SPO-1").get("/unit")
    browser.post(f"/unit/asked/{own}/reply", 404, kind="settled", words=WORDS)


def test_a_case_that_nobody_reads_goes_with_its_unit(
    service: Service, browser: Browser, tmp_path: Path
) -> None:
    item = service.unread("N54ALD")
    held = service.unread("N54ALD", other_than=item)
    browser.sign_in("ALD-SPO-1").get(f"/cases/{held}")
    browser.post(f"/cases/{held}/claim")
    crns = {}
    with service.admin.connect() as connection:
        for one in (item, held):
            crns[one] = connection.execute(select(items.c.crn).where(items.c.id == one)).scalar()
    moved = [
        factories.row(
            "supervisions",
            clock.last_full_day(),
            crn=crn,
            kind="licence",
            pdu_code="N54BRI",
            record_id=f"S-{crn}",
        )
        for crn in crns.values()
    ]
    at = clock.now_as_recorded().isoformat()
    folder = factories.extract(tmp_path / "x", {"supervisions": moved}, at)
    load_extract(folder, tmp_path / "s")
    with transaction(service.night, None) as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(item)))
        store = Store.open(tmp_path / "s")
        assert reassessments.move_cases(opened.connection, store, clock.today()) == 1
    browser.get(f"/cases/{item}", status=404)
    browser.get(f"/cases/{held}")
    browser.post(f"/cases/{held}/return")
    assert "Record your view" in browser.sign_in("BRI-SPO-1").get(f"/cases/{item}")
    with service.admin.begin() as connection:
        back = update(items).where(items.c.id == item).values(pdu_code="N54ALD")
        connection.execute(back)
