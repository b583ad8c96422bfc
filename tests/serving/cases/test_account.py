"""After the event: what was known, computed, shown and done about one case, and holds."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from features import clock
from features.errors import MissingInput, UnreadableInput, UserError
from features.intake.load import load_extract
from features.store import forget
from features.store import legal_holds as store_holds
from features.store.store import Store
from serving import __main__ as main_module
from serving.cases import account, legal_holds, limited_access
from serving.db.session import AuditEvent, transaction
from tests import factories
from tests.conftest import AS_OF
from tests.pages import Browser
from tests.service import Service

INSPECTOR = "INSPECTOR-1"
LONG_AGO = AS_OF - timedelta(days=180)
TODAY = clock.today()


def concluded(service: Service, browser: Browser, place: str = "ALD") -> tuple[int, str]:
    """A case of a unit that was read and concluded just now."""
    item = service.unread(f"N54{place}", drawn_as="flagged")
    browser.sign_in(f"{place}-SPO-1").record_view(item, reasons="Read in full, and thought about.")
    browser.conclude(item)
    with service.admin.connect() as connection:
        crn = connection.execute(text(f"SELECT crn FROM triage.items WHERE id = {item}")).scalar()
    return item, str(crn)


def test_the_account_tells_what_was_known_said_and_done(service: Service, browser: Browser) -> None:
    _, crn = concluded(service, browser)
    browser.sign_in(INSPECTOR).get("/account")
    page = browser.post("/account", crn=crn, on=clock.today().isoformat())
    for phrase in (
        "What was on record",
        "Read in full, and thought about.",
        "Flagged",
        "ALD-SPO-1 recorded a view before seeing the findings",
        "queued",
        "RECORDED_CONCLUSION",
        "one event told three times",
    ):
        assert phrase in page, phrase
    with service.admin.connect() as connection:
        rows = text(
            "SELECT count(*) FROM triage.audit WHERE what = 'ASKED_FOR_ACCOUNT'"
            " AND who = 'INSPECTOR-1' AND subject_id = :crn"
        )
        assert connection.execute(rows, {"crn": crn}).scalar_one() == 1


def test_the_account_says_what_was_done_in_order_and_can_be_downloaded(
    service: Service, browser: Browser
) -> None:
    _, crn = concluded(service, browser)
    browser.sign_in(INSPECTOR).get("/account")
    asked_for = {"crn": crn, "on": clock.today().isoformat()}
    page = browser.post("/account", **asked_for)
    steps = re.findall(
        r"<td[^>]*>([^<]*)</td>", page.split('data-qa="story"')[1].split("</table>")[0]
    )
    words = [step for step in steps[1::2] if not step.startswith("Delivered")]
    expected = ("Put into the queue", "Recorded a view: ", "Saw the findings", "Concluded: Keep")
    assert len(words) >= len(expected)
    places = [
        next(n for n, step in enumerate(words) if step.startswith(start)) for start in expected
    ]
    assert places == sorted(places)
    response = browser.client.post("/account/file", data={"csrf": browser.token, **asked_for})
    assert response.headers["content-disposition"] == 'attachment; filename="account.json"'
    content = response.json()
    assert (content["crn"], content["on"]) == (crn, asked_for["on"])
    assert content["queued"][0]["conclusions"][0]["outcome"] == "keep_level"
    assert "Enter a real date" in browser.post("/account/file", 422, crn=crn, on="tomorrow")


def test_the_account_tells_what_was_delivered_and_what_somebody_said_was_done(
    service: Service, browser: Browser
) -> None:
    with service.admin.connect() as connection:
        rows = text(
            "SELECT a.id, a.crn FROM triage.acute a WHERE NOT a.limited AND NOT a.withdrawn"
            " AND a.pdu_code = 'N54ALD' AND NOT EXISTS"
            " (SELECT 1 FROM triage.acknowledgements WHERE acute_id = a.id) ORDER BY a.id LIMIT 1"
        )
        number, crn = connection.execute(rows).one()
    browser.sign_in("ALD-SPO-2").get("/acute")
    browser.post(f"/acute/{number}/acknowledge", done="The police were told by telephone at ten.")
    with transaction(service.web, INSPECTOR) as opened:
        case_account = account.account_of_case(
            opened, service.store, service.settings.scores, crn, TODAY
        )
        before = account.account_of_case(
            opened, service.store, service.settings.scores, crn, LONG_AGO
        )
    delivered = next(one for one in case_account.acute if one["id"] == number)
    assert [one["username"] for one in delivered["acknowledged"]] == ["ALD-SPO-2"]
    assert before.acute == []
    browser.sign_in(INSPECTOR).get("/account")
    page = browser.post("/account", crn=crn, on=TODAY.isoformat())
    assert "The police were told by telephone at ten." in page
    assert "What was delivered to be acted on at once" in page


def test_the_account_names_the_entries_that_were_ticked_and_found(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54ALD", drawn_as="flagged", levels=("LOW", "MEDIUM", "HIGH"))
    with service.admin.connect() as connection:
        rows = text(
            "SELECT source_table, record_id FROM triage.entries WHERE item_id = :item"
            " AND NOT system ORDER BY position LIMIT 1"
        )
        table, record = connection.execute(rows, {"item": item}).one()
        rows = text("SELECT reasons FROM triage.findings WHERE item_id = :item")
        reasons = connection.execute(rows, {"item": item}).scalar_one()
        crn = connection.execute(text(f"SELECT crn FROM triage.items WHERE id = {item}")).scalar()
    browser.sign_in("ALD-SPO-1").record_view(item, entry=f"{table}:{record}")
    sentence = next(f["sentence"] for reason in reasons for f in reason["findings"])
    browser.conclude(item, reasons=f"I conclude this because: {sentence}")
    assert "The service's words" in browser.get(f"/cases/{item}/findings")
    browser.sign_in(INSPECTOR).get("/account")
    page = browser.post("/account", crn=crn, on=TODAY.isoformat())
    assert f"Entries ticked: {table} {record}." in page
    entry = next(e for reason in reasons for f in reason["findings"] for e in f["entries"])
    assert f"{entry['table']} {entry['record_id']}" in page
    assert "The service's words" in page


def test_the_account_of_an_earlier_day_knows_nothing_later(
    service: Service, browser: Browser
) -> None:
    _, crn = concluded(service, browser)
    with transaction(service.web, INSPECTOR) as opened:
        then = account.account_of_case(opened, service.store, service.settings.scores, crn, AS_OF)
        before = account.account_of_case(
            opened, service.store, service.settings.scores, crn, LONG_AGO
        )
        today = account.account_of_case(opened, service.store, service.settings.scores, crn, TODAY)
    assert then.run is None, "the run for that day was made later, and had computed nothing then"
    assert then.queued == []
    assert then.night is not None, "the night about that day is told as what came later"
    assert {row["crn"] for row in then.computed_later} == {crn}
    assert (today.night, today.computed_later) == (None, [])
    assert today.run is not None
    assert len(today.computed) == 4
    assert today.queued[-1]["item"]["state"] == "concluded"
    assert before.run is None
    assert before.queued == []
    assert all(entry["occurred_on"] <= LONG_AGO for entry in before.entries)
    assert len(before.entries) < len(then.entries)


def test_the_page_says_which_of_two_days_each_run_answers(
    service: Service, browser: Browser
) -> None:
    _, crn = concluded(service, browser)
    browser.sign_in(INSPECTOR).get("/account")
    of_the_night = browser.post("/account", crn=crn, on=AS_OF.isoformat())
    assert "There had been no run by that day." in of_the_night
    assert "Nobody could have seen this on the day itself." in of_the_night
    assert 'data-qa="computed-later"' in of_the_night
    today = browser.post("/account", crn=crn, on=TODAY.isoformat())
    assert 'data-qa="computed"' in today
    assert "No night has scored the record as it was on that day." in today


def test_an_inspector_sees_the_case_that_was_asked_about_and_no_other(
    service: Service, browser: Browser
) -> None:
    _, crn = concluded(service, browser)
    with transaction(service.web, INSPECTOR) as opened:
        opened.audit(AuditEvent("TEST", "CRN", crn))
        rows = "SELECT count(*) FROM triage.items"
        assert opened.connection.execute(text(rows)).scalar_one() == 0
        account.account_of_case(opened, service.store, service.settings.scores, crn, TODAY)
        assert opened.connection.execute(text(rows)).scalar_one() == 1
    for other in ("ALD-SPO-1", "BOARD-1", "ALD-HEAD"):
        with transaction(service.web, other) as opened:
            opened.audit(AuditEvent("TEST", "CRN", crn))
            opened.connection.execute(
                text("SELECT set_config('rosh.asked_crn', :crn, true)"), {"crn": crn}
            )
            rows = "SELECT count(*) FROM triage.audit_about(:crn)"
            assert opened.connection.execute(text(rows), {"crn": crn}).scalar_one() == 0


def test_a_limited_case_is_told_without_its_record(service: Service, browser: Browser) -> None:
    with service.admin.connect() as connection:
        # From the list itself: another test may have shrunk a case that no list names.
        rows = text("SELECT crn FROM triage.limits JOIN triage.caseload USING (crn) LIMIT 1")
        crn = connection.execute(rows).scalar_one()
    browser.sign_in(INSPECTOR).get("/account")
    page = browser.post("/account", crn=crn, on=TODAY.isoformat())
    assert "Restricted access" in page
    assert "rosh-timeline__item" not in page
    assert "limited access" in page


def test_a_case_limited_later_keeps_what_was_found_from_the_inspector_too(
    service: Service, browser: Browser
) -> None:
    item, crn = concluded(service, browser)
    limit = text("UPDATE triage.items SET limited = :limited WHERE id = :item")
    with service.admin.begin() as connection:
        connection.execute(limit, {"item": item, "limited": True})
    with transaction(service.web, INSPECTOR) as opened:
        case_account = account.account_of_case(
            opened, service.store, service.settings.scores, crn, TODAY
        )
    with service.admin.begin() as connection:
        connection.execute(limit, {"item": item, "limited": False})
    one = case_account.queued[0]
    assert one["item"]["limited"]
    for hidden in ("findings", "own_views", "conclusions", "openings", "claims"):
        assert one[hidden] == [], hidden
    assert case_account.audit, "who did what with it stays"


def test_what_the_newest_list_limits_is_in_no_account_before_the_night(
    service: Service, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page and the file have when the case was queued, and nobody's name or words."""
    item, crn = concluded(service, browser)
    with service.admin.connect() as connection:
        rows = text(f"SELECT person->>'name' FROM triage.items WHERE id = {item}")
        name = str(connection.execute(rows).scalar_one())
    browser.sign_in(INSPECTOR).get("/account")
    asked_for = {"crn": crn, "on": TODAY.isoformat()}
    assert (
        name in browser.client.post("/account/file", data={"csrf": browser.token, **asked_for}).text
    )
    monkeypatch.setattr(limited_access, "is_limited", lambda *_: True)
    page = browser.post("/account", **asked_for)
    file = browser.client.post("/account/file", data={"csrf": browser.token, **asked_for}).text
    for content in (page, file):
        assert name not in content
        assert "Read in full, and thought about." not in content
    assert "Put into the queue of Alderbrook" in page


def test_who_read_a_limited_case_by_hand_is_told_once(service: Service, browser: Browser) -> None:
    """Also of a case that was never queued."""
    with service.admin.connect() as connection:
        rows = text(
            "SELECT crn FROM triage.limits JOIN triage.caseload USING (crn)"
            " WHERE pdu_code = 'N54ALD' LIMIT 1"
        )
        crn = connection.execute(rows).scalar_one()
    browser.sign_in("ALD-SPO-1").get("/unit/limited")
    browser.post(f"/unit/limited/{crn}/check", words="Read in OASys; the levels stand.")
    browser.sign_in(INSPECTOR).get("/account")
    page = browser.post("/account", crn=crn, on=TODAY.isoformat())
    assert page.count("Read the case by hand, access being limited") >= 1
    with transaction(service.web, INSPECTOR) as opened:
        case_account = account.account_of_case(
            opened, service.store, service.settings.scores, crn, TODAY
        )
    steps = [(one["username"], one["at"]) for one in case_account.looked_at_by_hand]
    assert len(steps) == len(set(steps))
    assert page.count("Read the case by hand") == len(steps)


def test_a_list_that_stopped_closes_the_record_and_not_what_was_done_here(
    service: Service, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, crn = concluded(service, browser, "BRI")
    supplied = Store.feed_states

    def stopped(store: Store, as_of: date) -> dict[str, str]:
        return {**supplied(store, as_of), "limits": "stopped"}

    browser.sign_in(INSPECTOR).get("/account")
    assert "rosh-timeline__item" in browser.post("/account", crn=crn, on=TODAY.isoformat())
    monkeypatch.setattr(Store, "feed_states", stopped)
    page = browser.post("/account", crn=crn, on=TODAY.isoformat())
    assert "Access not known" in page
    assert "rosh-timeline__item" not in page
    assert "Read in full, and thought about." in page
    with transaction(service.web, INSPECTOR) as opened:
        case_account = account.account_of_case(
            opened, service.store, service.settings.scores, crn, TODAY
        )
    assert (case_account.limits_known, case_account.limited, case_account.computed) == (
        False,
        True,
        [],
    )
    assert case_account.queued
    assert case_account.audit


def test_questions_that_cannot_be_answered_are_said(
    service: Service, browser: Browser, tmp_path: Path
) -> None:
    browser.sign_in(INSPECTOR).get("/account")
    assert "Enter a real date" in browser.post("/account", 422, crn="A000001", on="last week")
    assert "is no CRN" in browser.post("/account", 422, crn="A1", on="2026-11-20")
    assert "has not come yet" in browser.post("/account", 422, crn="A000001", on="2999-01-01")
    assert "days before" in browser.post("/account", 422, crn="A000001", on="0001-01-01")
    with (
        pytest.raises(MissingInput, match="are missing"),
        transaction(service.web, INSPECTOR) as opened,
    ):
        account.account_of_case(opened, service.store, tmp_path, "A000001", TODAY)


def test_the_same_account_from_the_command_line(
    service: Service,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, crn = concluded(service, browser)
    monkeypatch.setenv("ROSH_MODE", "demo")
    monkeypatch.setenv("ROSH_DATA", str(service.settings.data))
    command = ["account", "--crn", crn, "--on", TODAY.isoformat(), "--as"]
    assert main_module.main([*command, INSPECTOR]) == 0
    case_account = json.loads(capsys.readouterr().out)
    assert case_account["crn"] == crn
    assert len(case_account["queued"]) == 1
    assert main_module.main([*command, "ALD-SPO-1"]) == 10
    assert "not entered as inspector" in capsys.readouterr().err


def test_a_hold_stops_deletion_until_it_is_lifted(
    service: Service, browser: Browser, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    extract = factories.extract(
        tmp_path / "x", {"supervisions": [factories.row("supervisions", "2026-01-05")]}
    )
    load_extract(extract, tmp_path / "s")
    why = "An inquest was opened on 20 November 2026."
    store = Store.open(tmp_path / "s")
    with transaction(service.web, INSPECTOR) as opened:
        legal_holds.record_hold(opened, store, factories.CRN, why, placed=True)
    with pytest.raises(UserError, match="held for an inspection"):
        forget.forget_case(tmp_path / "s", factories.CRN)
    assert Store.open(tmp_path / "s").read_versions("supervisions").height == 1
    with transaction(service.web, INSPECTOR) as opened:
        legal_holds.record_hold(opened, store, factories.CRN, why, placed=False)
    with pytest.raises(UserError, match="held for an inspection"):
        forget.forget_case(tmp_path / "s", factories.CRN)
    with transaction(service.night, None) as opened:
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        legal_holds.write_hold_list(opened.connection, tmp_path / "s")
    assert forget.forget_case(tmp_path / "s", factories.CRN)["supervisions"] == 1
    (tmp_path / "s" / store_holds.FILE).write_text("{", encoding="utf-8")
    with pytest.raises(UnreadableInput, match="Nothing is deleted"):
        store_holds.cases_on_hold(tmp_path / "s")


def test_a_hold_is_placed_on_the_page_and_by_a_command(
    service: Service,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    browser.sign_in(INSPECTOR).get("/account")
    why = "A serious further offence review has begun."
    assert "at least 20" in browser.post("/account/hold", 422, crn="A000007", reasons="no")
    crn = service.store.read_versions("people")["crn"].min()
    form = {"crn": str(crn), "reasons": why}
    assert "is no CRN" in browser.post("/account/hold", 422, **form | {"crn": "7", "placed": "no"})
    assert "Select whether" in browser.post("/account/hold", 422, **form)
    nobody = form | {"crn": "A000007", "placed": "yes"}
    assert "holds nothing of that CRN" in browser.post("/account/hold", 422, **nobody)
    page = browser.post("/account/hold", placed="yes", **form)
    assert "It is kept from deletion" in page
    assert crn in store_holds.cases_on_hold(service.settings.store)
    monkeypatch.setenv("ROSH_MODE", "demo")
    monkeypatch.setenv("ROSH_DATA", str(service.settings.data))
    (service.settings.store / store_holds.FILE).unlink()
    assert main_module.main(["holds"]) == 0
    assert crn in store_holds.cases_on_hold(service.settings.store)
    command = ["hold", "--as", INSPECTOR, "--crn", str(crn), "--reasons"]
    assert main_module.main([*command, "short", "--lift"]) == 10
    assert main_module.main([*command, why, "--lift"]) == 0
    assert crn not in store_holds.cases_on_hold(service.settings.store)
    with pytest.raises(DBAPIError), transaction(service.web, "ALD-HEAD") as opened:
        legal_holds.record_hold(opened, service.store, crn, why, placed=True)
    capsys.readouterr()
