"""Acute entries reach who answers for the case, with or without a model, until acknowledged."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, select, text, update
from sqlalchemy.exc import DBAPIError

from features import clock
from features.errors import NotApproved
from features.frame import build
from features.intake.load import load_extract
from features.store.store import Store
from serving.board import approvals
from serving.cases import acute_entries
from serving.db.session import AuditEvent, transaction
from serving.db.tables import acknowledgements, runs
from serving.db.tables import acute as table
from serving.db.waiting_entries import LONG_WAIT_DAYS, count_waiting
from serving.night import run
from serving.web import board
from tests import factories
from tests.conftest import AS_OF
from tests.factories import row
from tests.pages import Browser
from tests.service import Service

NIGHT = date(2026, 6, 30)
DONE = "Rang the police and the partner's worker."


def store_of(tmp_path: Path, *incidents: dict[str, Any]) -> Store:
    """A store of one supervised case in Alderbrook, with some incidents."""
    rows = {
        "supervisions": [row("supervisions", "2026-01-05", kind="licence", pdu_code="N54ALD")],
        "allocations": [row("allocations", "2026-01-05", staff_code="N54A001")],
        "incidents": list(incidents),
        "limits": [],
    }
    load_extract(factories.extract(tmp_path / "x", rows, "2026-07-02T22:00:00"), tmp_path / "s")
    return Store.open(tmp_path / "s")


def delivered(connection: Connection, store: Store, limited: set[str], on: date = NIGHT) -> list:
    """What a night delivers, on a connection that is rolled back."""
    cases = build.cases_under_supervision(store, on).select("crn", "as_of")
    acute_entries.deliver_entries(connection, store, cases, limited, on)
    rows = select(table).where(table.c.crn == factories.CRN)
    return list(connection.execute(rows).mappings())


@pytest.mark.parametrize(
    ("incident", "listed"),
    [
        ({"kind": "threat", "target": "partner"}, "A threat to a partner or a child"),
        ({"kind": "threat", "target": "child"}, "A threat to a partner or a child"),
        ({"kind": "threat", "target": "public"}, None),
        (
            {"kind": "provider_concern", "target": "none"},
            "A concern reported by a monitoring provider",
        ),
        ({"kind": "sexual_concern_child", "target": "child"}, "A sexual concern about a child"),
        ({"kind": "violence", "target": "partner"}, None),
    ],
)
def test_what_is_acute(
    service: Service, tmp_path: Path, incident: dict[str, Any], listed: str | None
) -> None:
    store = store_of(tmp_path, row("incidents", "2026-06-28", **incident))
    with service.night.connect() as connection:
        deliveries = delivered(connection, store, set())
        connection.rollback()
    assert [one["listed_as"] for one in deliveries] == ([] if listed is None else [listed])
    if listed:
        assert (deliveries[0]["pdu_code"], deliveries[0]["practitioner_code"]) == (
            "N54ALD",
            "N54A001",
        )


THREAT = {"kind": "threat", "target": "partner"}


@pytest.mark.parametrize(
    ("occurred", "changes", "new"),
    [
        ("2026-06-28", {}, True),
        ("2026-03-01", {"recorded_at": datetime(2026, 6, 29, 9)}, True),
        ("2026-06-20", {"recorded_at": datetime(2026, 6, 20, 9)}, False),
        ("2026-06-28", {"recorded_at": datetime(2026, 7, 1, 9)}, False),
        ("2026-06-28", {"withdrawn_at": datetime(2026, 6, 29, 9)}, False),
    ],
)
def test_new_is_what_was_recorded_in_the_last_days_and_stands(
    service: Service, tmp_path: Path, occurred: str, changes: dict[str, datetime], new: bool
) -> None:
    """Whatever day it is about: what came to light late is new too."""
    store = store_of(tmp_path, row("incidents", occurred, **THREAT, **changes))
    with service.night.connect() as connection:
        assert bool(delivered(connection, store, set())) == new
        connection.rollback()


def test_what_a_correction_makes_acute_is_new_whenever_it_was_first_recorded(
    service: Service, tmp_path: Path
) -> None:
    old = {"recorded_at": datetime(2026, 5, 1, 9), "record_id": "I1"}
    first = row("incidents", "2026-05-01", **THREAT | {"target": "public"} | old)
    incident_row = {"recorded_at": datetime(2026, 6, 29, 9), "record_id": "I1", "version": 2}
    corrected = row("incidents", "2026-05-01", **THREAT | incident_row)
    with service.night.connect() as connection:
        deliveries = delivered(connection, store_of(tmp_path, first, corrected), set())
        connection.rollback()
    assert [one["record_id"] for one in deliveries] == ["I1"]


def test_a_case_without_a_unit_is_counted_and_one_in_approved_premises_is_not_lost(
    service: Service, tmp_path: Path
) -> None:
    cases = {}
    for name, kind, pdu in (("a", "licence", None), ("b", "approved_premises", "N54ALD")):
        rows = {
            "supervisions": [row("supervisions", "2026-01-05", kind=kind, pdu_code=pdu)],
            "incidents": [row("incidents", "2026-06-28", **THREAT)],
            "limits": [],
        }
        folder = factories.extract(tmp_path / name, rows, "2026-07-02T22:00:00")
        load_extract(folder, tmp_path / f"{name}-store")
        cases[name] = Store.open(tmp_path / f"{name}-store")
    with service.night.connect() as connection:
        for name, expected in (
            ("a", acute_entries.Delivered(0, 1)),
            ("b", acute_entries.Delivered(1, 0)),
        ):
            on = build.cases_under_supervision(cases[name], NIGHT).select("crn", "as_of")
            assert (
                acute_entries.deliver_entries(connection, cases[name], on, set(), NIGHT) == expected
            )
        connection.rollback()


def test_what_no_unit_could_act_on_is_delivered_once_there_is_one(
    service: Service, tmp_path: Path
) -> None:
    """However much later: it is no longer new then, and must not be lost for that."""
    nights = (("a", None, NIGHT, []), ("b", "N54ALD", NIGHT + timedelta(days=40), ["N54ALD"]))
    with service.night.connect() as connection:
        for name, pdu, night, is_delivered in nights:
            rows = {
                "supervisions": [row("supervisions", "2026-01-05", kind="licence", pdu_code=pdu)],
                "allocations": [row("allocations", "2026-01-05", staff_code="N54A001")],
                "incidents": [row("incidents", "2026-06-28", record_id="I1", **THREAT)],
                "limits": [],
            }
            folder = factories.extract(
                tmp_path / name, rows, f"{night + timedelta(days=2)}T22:00:00"
            )
            load_extract(folder, tmp_path / f"{name}-store")
            store = Store.open(tmp_path / f"{name}-store")
            on = build.cases_under_supervision(store, night).select("crn", "as_of")
            acute_entries.deliver_entries(connection, store, on, set(), night)
            delivery_rows = connection.execute(select(table).where(table.c.crn == factories.CRN))
            (delivery,) = delivery_rows.mappings().all()
            assert [delivery["pdu_code"]] == (is_delivered or [acute_entries.NO_UNIT])
            assert delivery["practitioner_code"] == "N54A001", (
                "whoever holds the case sees it at once"
            )
        connection.rollback()


def test_what_waits_is_kept_up_to_date(service: Service, tmp_path: Path) -> None:
    """A correction, a dispute, a withdrawal: nobody is to act on what no longer stands."""
    store = store_of(tmp_path, row("incidents", "2026-06-28", record_id="I1", **THREAT))
    changed = store_of(
        tmp_path / "later",
        row(
            "incidents",
            "2026-06-28",
            record_id="I1",
            disputed=True,
            disclosable=False,
            severity=5,
            **THREAT,
        ),
    )
    gone = store_of(
        tmp_path / "gone",
        row(
            "incidents",
            "2026-06-28",
            record_id="I1",
            withdrawn_at=datetime(2026, 6, 29, 9),
            **THREAT,
        ),
    )
    with service.night.connect() as connection:
        (first,) = delivered(connection, store, set())
        (second,) = delivered(connection, changed, set())
        (third,) = delivered(connection, gone, set())
        connection.rollback()
    assert (first["disputed"], first["withdrawn"]) == (False, False)
    assert (second["disputed"], second["disclosable"]) == (True, False)
    assert "5 of 5" in second["detail"]
    assert third["withdrawn"]


def test_an_entry_is_delivered_once_and_a_limited_case_is_its_crn(
    service: Service, tmp_path: Path
) -> None:
    store = store_of(tmp_path, row("incidents", "2026-06-28", **THREAT))
    with service.night.connect() as connection:
        assert len(delivered(connection, store, set())) == 1
        assert len(delivered(connection, store, set(), date(2026, 7, 1))) == 1
        acute_entries.shrink_limited(connection, [factories.CRN])
        (shrunk,) = delivered(connection, store, set())
        assert (shrunk["limited"], shrunk["what"], shrunk["listed_as"]) == (True, "", "")
        connection.rollback()
        (closed,) = delivered(connection, store, {factories.CRN})
        assert (closed["limited"], closed["what"], closed["detail"]) == (True, "", "")
        connection.rollback()


def test_entries_are_delivered_without_any_approval(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service.admin.begin() as connection:
        before = connection.execute(select(table.c.crn, table.c.record_id)).all()
        assert before, "the first night delivered some"
        # One of the night's own that nobody has acknowledged: others were entered by hand.
        unread = select(table.c.record_id).where(
            table.c.crn.startswith("Z"),
            table.c.id.not_in(select(acknowledgements.c.acute_id)),
        )
        some = list(connection.execute(unread.order_by(table.c.id).limit(1)).scalars())
        assert some
        connection.execute(delete(table).where(table.c.record_id.in_(some)))
    monkeypatch.setattr(approvals, "SIGNATURES", 3)
    with pytest.raises(NotApproved):
        run.run_night(service.settings, service.night, AS_OF)
    with service.admin.connect() as connection:
        again = connection.execute(select(table.c.crn, table.c.record_id)).all()
    assert set(again) == set(before)


@pytest.fixture
def entry(service: Service) -> int:
    """An entry of Alderbrook that nobody has acknowledged."""
    with service.admin.begin() as connection:
        values = {
            "crn": "A123456",
            "pdu_code": "N54ALD",
            "practitioner_code": "N54A001",
            "record_id": "I-acute",
            "occurred_on": AS_OF,
            "recorded_at": AS_OF,
            "listed_as": "A threat to a partner or a child",
            "what": "Threat",
            "detail": "",
            "source": "EM provider",
            "certainty": "allegation",
            "disclosable": False,
            "disputed": False,
            "limited": False,
            "withdrawn": False,
        }
        statement = select(table.c.id).where(table.c.record_id == "I-acute")
        value = connection.execute(statement).scalar()
        return int(
            value
            or connection.execute(table.insert().values(values).returning(table.c.id)).scalar_one()
        )


@pytest.mark.parametrize(
    ("days", "long"),
    [
        (LONG_WAIT_DAYS - 1, 0),
        (LONG_WAIT_DAYS, 1),
    ],
)
def test_an_entry_waits_long_from_the_third_day_on(service: Service, days: int, long: int) -> None:
    """Counted from its delivery."""
    with service.admin.begin() as connection:
        row = {**dict.fromkeys(("listed_as", "what", "detail", "source", "certainty"), "x")}
        row |= dict.fromkeys(("disclosable", "disputed", "limited", "withdrawn"), False)
        row |= {"crn": "A999999", "pdu_code": "N54ZZZ", "record_id": f"I-wait-{days}"}
        at = text(f"triage.now() - interval '{days} days'")
        values = {**row, "occurred_on": AS_OF, "recorded_at": AS_OF, "at": at}
        connection.execute(table.insert().values(values))
        own = table.c.pdu_code != "N54ZZZ"
        waiting = count_waiting(connection, own)
        connection.execute(delete(table).where(~own))
    assert (waiting.count, waiting.long_waits) == (1, long)
    assert waiting.since == clock.today() - timedelta(days)


def test_the_board_sees_how_many_waited_long_at_the_last_night(
    service: Service, browser: Browser, entry: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the night counts is on the board's page, and what was acknowledged is not own_count."""
    with service.admin.begin() as connection:
        acknowledged = select(acknowledgements.c.acute_id)
        rows = select(func.count()).select_from(table).where(table.c.id.not_in(acknowledged))
        waiting = connection.execute(rows).scalar_one()
        own_count = count_waiting(connection, acute_entries.is_acknowledged()).as_counts()
        newest = dict(connection.execute(select(runs).limit(1)).mappings().one())
    assert own_count["count"] == waiting > 0
    assert set(newest["counts"]["urgent"]) == set(own_count), "a run has it among its counts"
    urgent = {"count": 5, "long_waits": 3, "since": "2026-11-02"}
    newest["counts"] = {**newest["counts"], "urgent": urgent}
    monkeypatch.setattr(board, "_last_night", lambda _: newest)
    page = browser.sign_in("BOARD-1").get("/board")
    assert "At the last night, 3 urgent entries had waited 3 days or more" in page
    assert "the oldest since 2 November 2026" in page
    urgent["long_waits"] = 0
    assert 'data-qa="urgent"' not in browser.get("/board")


def test_the_head_sees_how_many_wait_and_for_how_long(
    service: Service, browser: Browser, entry: int
) -> None:
    with service.admin.begin() as connection:
        at = text("triage.now() - interval '9 days'")
        connection.execute(update(table).where(table.c.id == entry).values(at=at))
        connection.execute(delete(acknowledgements).where(acknowledgements.c.acute_id == entry))
    page = browser.sign_in("ALD-HEAD").get("/unit")
    totals = page.split('data-qa="totals"')[1].split("</dl>")[0]
    since = clock.today() - timedelta(9)
    assert f"the oldest since {since.day} {since:%B %Y}" in totals
    assert "for 3 days or more" in totals


def test_an_entry_waits_until_someone_of_the_unit_says_what_was_done(
    service: Service, browser: Browser, entry: int
) -> None:
    page = browser.sign_in("ALD-SPO-1").get("/queue")
    assert 'data-qa="acute-notice"' in page
    page = browser.get("/acute")
    assert 'A threat to a partner or a child: <a class="govuk-link" href="/people/A123456">' in page
    assert "Not to be disclosed" in page
    page = browser.post(f"/acute/{entry}/acknowledge", 422, done="ok")
    assert "Say what you did" in page
    assert 'value="ok"' in page
    page = browser.post(f"/acute/{entry}/acknowledge", done=DONE)
    assert "partner&#39;s worker" in page
    assert "Morgan Ellery" in page
    with service.admin.begin() as connection:
        connection.execute(
            update(table).where(table.c.id == entry).values(limited=True, listed_as="", what="")
        )
    assert "partner&#39;s worker" not in browser.get("/acute"), "what was said goes with the limit"
    with service.admin.begin() as connection:
        connection.execute(update(table).where(table.c.id == entry).values(limited=False))
    again = browser.post(f"/acute/{entry}/acknowledge", 403, done=DONE)
    assert "You have acknowledged this entry" in again
    page = browser.sign_in("ALD-HEAD").get("/acute")
    assert "Morgan Ellery" in page.split('data-qa="acknowledged"')[1]


def test_other_units_and_the_board_see_nothing_of_it(
    service: Service, browser: Browser, entry: int
) -> None:
    assert "A123456" not in browser.sign_in("BRI-SPO-1").get("/acute")
    browser.post(f"/acute/{entry}/acknowledge", 404, done=DONE)
    browser.sign_in("BOARD-1").get("/acute", status=403)
    with pytest.raises(DBAPIError, match="row-level security"):
        with transaction(service.web, "BRI-SPO-1") as opened:
            opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
            opened.connection.execute(
                text(
                    "INSERT INTO triage.acknowledgements (acute_id, username, done)"
                    " VALUES (:id, 'BRI-SPO-1', :done)"
                ),
                {"id": entry, "done": DONE},
            )
