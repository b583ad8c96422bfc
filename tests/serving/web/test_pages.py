"""Pages and parts of the service that no promise names: health, filters, audit, settings, users."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from datetime import date
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from features.errors import MissingInput, SetupProblem, UserError
from features.markdown import layout_page
from serving import __main__ as main_module
from serving import settings as settings_module
from serving.commands import service as commands
from serving.db import migrate, server
from serving.db.session import transaction
from serving.review.policies import Refused
from serving.review.service import Review
from serving.review.states import as_markdown
from serving.web import app as web_app
from serving.web import assets, formatters
from tests.conftest import AS_OF
from tests.pages import Browser
from tests.reading_age import reading_age, sentences_of
from tests.service import Service
from tests.serving.review.test_repeat_reads import ask_to_repeat

VISITS = {
    "/sign-in": "PAGE_VIEW_SIGN_IN",
    "/queue": "PAGE_VIEW_QUEUE",
    "/cases/{item}": "PAGE_VIEW_CASE",
    "/cases/{item}/findings": "VIEWED_FINDINGS",
    "/cases/{item}/over-time": "PAGE_VIEW_CASE",
    "/unit": "PAGE_VIEW_UNIT",
    "/acute": "PAGE_VIEW_ACUTE",
    "/cases/{item}/again": "COMPARED_REPEAT_VIEW",
    "/asked": "PAGE_VIEW_ASKED",
    "/asked/{item}": "VIEWED_ASKED",
    "/board": "PAGE_VIEW_BOARD",
    "/board/approvals": "PAGE_VIEW_APPROVALS",
    "/board/runs": "PAGE_VIEW_RUNS",
    "/board/notes": "PAGE_VIEW_NOTE_KINDS",
    "/board/incidents": "PAGE_VIEW_INCIDENTS",
    "/board/watch/{topic}": "PAGE_VIEW_WATCH",
    "/reviews": "PAGE_VIEW_REVIEWS",
    "/unit/checklist": "PAGE_VIEW_CHECKLIST",
    "/unit/week": "PAGE_VIEW_WEEK",
    "/unit/limited": "PAGE_VIEW_LIMITED",
    "/unit/cover": "PAGE_VIEW_COVER",
    "/people": "PAGE_VIEW_FIND",
    "/people/{crn}": "PAGE_VIEW_PERSON",
    "/account": "PAGE_VIEW_ACCOUNT",
    "/notice": "PAGE_VIEW_NOTICE",
    "/accessibility": "PAGE_VIEW_ACCESSIBILITY",
    "/whats-new": "PAGE_VIEW_WHATS_NEW",
}
PAPERS = {"/queue.csv", "/cases/{item_id}/disclosable", "/cases/{item_id}/disclosable.csv"}
"""What leaves on paper: an audit row of its own beside that of the case (test_units)."""
WITHOUT_A_PERSON = {
    "/",
    "/health",
    "/health/liveness",
    "/health/readiness",
    "/metrics",
    "/ping",
    "/info",
    "/sign-in/callback",
    "/sign-in/provider",
}


def audited(service: Service) -> list[tuple[str, str, str]]:
    """Every audit row: who, what, about whom."""
    with service.admin.connect() as connection:
        rows = connection.execute(
            text("SELECT who, what, subject_id FROM triage.audit ORDER BY seq")
        )
        return [tuple(row) for row in rows]


OLDEST_READER = 12.0
"""The aim for the reading age of a page; GOV.UK asks for 9."""
WITH_OTHERS_WORDS = {
    "/cases/{item}",
    "/cases/{item}/findings",
    "/cases/{item}/again",
    "/asked/{item}",
    "/people/{crn}",
    "/board/approvals",
    "/board/incidents",
}
"""Pages with the record of one case, or with what members wrote: two years more."""


def test_every_get_page_leaves_an_audit_row_and_is_plain_to_read(
    service: Service, browser: Browser
) -> None:
    app = browser.client.app
    routes = {path for path, methods in app.openapi()["paths"].items() if "get" in methods}  # type: ignore[attr-defined]
    visited = {path.replace("{item}", "{item_id}") for path in VISITS}
    assert routes == visited | PAPERS | WITHOUT_A_PERSON
    item, practitioner = service.held_by_practitioner()
    with service.admin.connect() as connection:
        crn = connection.execute(
            text(f"SELECT crn FROM triage.items WHERE id = {item}")
        ).scalar_one()
    browser.sign_in("ALD-SPO-1").record_view(item)
    browser.get(f"/cases/{item}/findings")
    browser.conclude(item, "ask_reassessment")
    ask_to_repeat(service, item, "ALD-SPO-1")
    browser.record_view(item)
    who = {
        "/asked": practitioner,
        "/asked/{item}": practitioner,
        "/unit/cover": "ALD-HEAD",
        "/account": "INSPECTOR-1",
    }
    ages: dict[str, float] = {}
    for path, what in VISITS.items():
        reader = "BOARD-1" if path.startswith("/board") else who.get(path, "ALD-SPO-1")
        browser.sign_in(reader)
        before = len(audited(service))
        page = browser.get(path.format(item=item, crn=crn, topic="feed"))
        ages[path] = round(reading_age(sentences_of(page)), 1)
        fresh = audited(service)[before:]
        assert [row[1] for row in fresh] == [what], path
        if "{item}" in path or "{crn}" in path:
            assert fresh[0] == (reader, what, crn)
    sys.stdout.writelines(f"{path}: reading age {age}\n" for path, age in ages.items())
    limits = {path: OLDEST_READER + 2 * (path in WITH_OTHERS_WORDS) for path in ages}
    assert {path: age for path, age in ages.items() if age > limits[path]} == {}


def test_refusals_leave_an_audit_row_too(service: Service, browser: Browser) -> None:
    item = service.unread("N54BRI")
    browser.sign_in("ALD-SPO-1")
    before = len(audited(service))
    browser.get(f"/cases/{item}", status=404)
    assert audited(service)[before:] == [("ALD-SPO-1", "REFUSED", f"/cases/{item}")]


def test_health_answers_as_hmpps_services_do(
    client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = client.get("/health")
    assert response.status_code == 200
    assert response.json()["status"] == "UP"
    night = {"status": "UP", "asOf": AS_OF.isoformat()}
    assert response.json()["components"] == {"db": {"status": "UP"}, "night": night}
    assert client.get("/health/liveness").json() == {"status": "UP"}
    ready = client.get("/health/readiness")
    assert (ready.status_code, set(ready.json()["components"])) == (200, {"db"})
    assert {"uptime", "build", "version"} <= set(response.json())
    assert client.get("/ping").text == "pong"
    assert client.get("/info").json()["build"]["name"] == "rosh-triage"
    monkeypatch.setattr(
        client.app.state,
        "engine",
        server.create_engine("postgresql+psycopg://nobody@127.0.0.1:1/x"),  # type: ignore[attr-defined]
    )
    down = client.get("/health")
    assert down.status_code == 503
    assert down.json()["components"]["db"] == {"status": "DOWN", "details": "OperationalError"}
    assert down.json()["components"]["night"]["status"] == "DOWN"
    assert client.get("/health/readiness").status_code == 503
    assert client.get("/health/liveness").status_code == 200, "a restart would help nothing"


def test_filters_narrow_the_history(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1")
    whole = browser.get(f"/cases/{item}?system=true")
    shown = browser.get(f"/cases/{item}?whole=true")
    supervised = browser.get(f"/cases/{item}?table=supervisions")
    none = browser.get(f"/cases/{item}?words=no-entry-says-this_%25")
    counts = [
        page.count('class="rosh-timeline__item"') for page in (whole, shown, supervised, none)
    ]
    assert counts[0] > counts[1] > counts[2] > 0 == counts[3]
    assert "No entries match" in none
    assert supervised.count("Start of ") >= counts[2]


def test_conclusions_that_lack_something_are_sent_back(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").record_view(item)
    page = browser.post(f"/cases/{item}/conclusion", 422, outcome="ask_reassessment", reasons="a")
    assert "Select the groups to be reassessed" in page
    assert "at least 20 characters" in page
    odd = {"outcome": "ask_reassessment", "reasons": "x" * 30, "ask-public": "very_wrong"}
    assert "Select the groups" in browser.post(f"/cases/{item}/conclusion", 422, **odd)
    nothing = browser.post(f"/cases/{item}/conclusion", 422, reasons="y" * 5000)
    assert "Select your conclusion" in nothing
    assert "4,000 characters or fewer" in nothing
    nul = browser.post(f"/cases/{item}/conclusion", 422, outcome="keep_level", reasons="a\0" * 30)
    assert "NUL character" in nul
    assert "Case not found" not in browser.conclude(item, "need_information")
    again = browser.conclude(item, "keep_level", status=403)
    assert "has been concluded" in again


def test_a_concluded_case_can_be_read_again_by_the_unit(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").record_view(item)
    before = browser.get(f"/cases/{item}/findings")
    assert 'data-qa="next"' not in before
    browser.conclude(item)
    after = browser.get(f"/cases/{item}/findings").partition('data-qa="next"')[2]
    following = re.search(r'href="/cases/(\d+)">Read the next case', after)
    assert following is not None
    assert following[1] != str(item)
    page = browser.get(f"/cases/{following[1]}")
    assert not {'data-qa="held"', 'data-qa="own-hand"'} & {*re.findall(r'data-qa="[a-z-]+"', page)}
    browser.sign_in("ALD-SPO-2")
    assert "The record as it stood" in browser.get(f"/cases/{item}")
    browser.get(f"/cases/{item}/findings", status=403)


def test_a_made_up_user_who_does_not_exist_is_not_signed_in(browser: Browser) -> None:
    browser.get("/sign-in")
    assert "Sign in to the demonstration" in browser.post("/sign-in", username="SOMEBODY")
    assert "Sign in to the demonstration" in browser.get("/queue")


def test_what_the_database_refuses_is_a_page(
    service: Service, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serving.review import policies
    from serving.review import service as review_service

    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").record_view(item)
    monkeypatch.setattr(review_service.policies, "check_step", lambda progress, _step: progress)
    monkeypatch.setattr(policies, "check_step", lambda progress, _step: progress)
    page = browser.post(
        f"/cases/{item}/view",
        409,
        **{
            **{
                f"verdict-{g}": "cannot_tell"
                for g in ("children", "public", "known_adult", "staff")
            },
            "reasons": "A second view that the database must refuse.",
        },
    )
    assert "That was not recorded" in page
    assert "duplicate key" not in page


def test_signing_out_ends_the_session(browser: Browser) -> None:
    browser.sign_in("ALD-SPO-1").get("/queue")
    browser.post("/sign-out")
    assert "Sign in to the demonstration" in browser.get("/queue")


def test_a_review_needs_a_name(service: Service) -> None:
    with pytest.raises(Refused, match="Sign in"), transaction(service.web, None) as opened:
        Review.of_transaction(opened)


def test_settings_refuse_weak_or_missing_secrets(tmp_path: Path) -> None:
    with pytest.raises(SetupProblem, match="must be demo or live"):
        settings_module.read_settings({"ROSH_MODE": "test"})
    with pytest.raises(SetupProblem, match="ROSH_WEB_PASSWORD must be set"):
        settings_module.read_settings({})
    strong = {
        f"ROSH_{name}": "s" * 30
        for name in (
            "WEB_PASSWORD",
            "NIGHT_PASSWORD",
            "SESSION_SECRET",
            "DRAW_SECRET",
            "ANCHOR_KEY",
        )
    }
    with pytest.raises(SetupProblem, match="ROSH_ADMIN_PASSWORD"):
        settings_module.read_settings(strong)
    settings = settings_module.read_settings({**strong, "DATABASE_URL": "postgresql://u:p@h/d"})
    assert server.admin_url(settings).drivername == "postgresql+psycopg"
    assert server.url_for(settings, server.WEB).username == server.WEB
    drawn = settings_module.read_settings({"ROSH_MODE": "demo", "ROSH_DATA": str(tmp_path)})
    assert drawn == settings_module.read_settings({"ROSH_MODE": "demo", "ROSH_DATA": str(tmp_path)})
    file = tmp_path / "demo-secrets.json"
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert len(set(json.loads(file.read_text()).values())) == 6
    older = {k: v for k, v in json.loads(file.read_text()).items() if k != "anchor_key"}
    file.write_text(json.dumps(older))
    again = settings_module.read_settings({"ROSH_MODE": "demo", "ROSH_DATA": str(tmp_path)})
    assert again.anchor_key, "a demo from before a secret was needed draws it"
    assert again.draw_secret == drawn.draw_secret


def test_a_database_that_cannot_be_reached_is_a_sentence(tmp_path: Path) -> None:
    base = settings_module.read_settings(
        {
            "ROSH_MODE": "demo",
            "ROSH_DATA": str(tmp_path),
            "DATABASE_URL": "postgresql://u:p@127.0.0.1:1/d",
        }
    )
    with pytest.raises(SetupProblem, match="check DATABASE_URL"):
        migrate.migrate_database(base)
    with pytest.raises(SetupProblem, match="cannot be reached: .*check DATABASE_URL"):
        server.engine_for(base, server.WEB)


def test_assets_are_made_without_what_is_licensed_for_gov_uk(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="npm ci"):
        assets.prepare_assets(tmp_path, tmp_path / "out")
    css = (assets.VENDOR / "govuk-frontend.min.css").read_text()
    assert "GDS Transport" not in css
    assert "crest" not in css
    assert "@font-face" not in css
    assert not list(assets.VENDOR.rglob("*.woff*"))


def test_the_service_says_when_front_end_files_are_missing(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(assets, "VENDOR", tmp_path)
    with pytest.raises(MissingInput, match="front-end files are missing"):
        web_app.create_app(service.settings, service.web)


def test_commands_of_the_service(
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("ROSH_MODE", "demo")
    monkeypatch.setenv("ROSH_DATA", str(service.settings.data))
    assert main_module.main(["migrate"]) == 0
    assert main_module.main(["approve", "--demo", "--as-of", str(AS_OF)]) == 0
    assert main_module.main(["score", "--as-of", str(AS_OF)]) == 0
    output = capsys.readouterr().out
    assert "nothing was changed" in output
    assert "Now make serve" in output
    assert "ALD-SPO-1" in output
    assert main_module.main(["approve"]) == 10
    propose = ["approve", "--as", "BOARD-1", "--reasons", "x" * 30, "--weekly-reviews"]
    for wrong in (
        "low=x",
        "low=400",
        "low=1,medium=1,high=1,unknown=1",
        "low=1,medium=1,high=1,unusual=1,combination=1",
        "low=1,medium=1,high=1,unknown=1,unusual=1,combination=1,low=2",
        "low=1,medium=1,high=1,unknown=1,unusual=1,combination=1,very_high=1",
        "low=0,medium=0,high=0,unknown=0,unusual=0,combination=0",
    ):
        assert main_module.main([*propose, wrong]) == 10, wrong
    assert main_module.main(["approve", "--as", "NOBODY", "--reasons", "x" * 30]) == 10
    assert (
        main_module.main(
            ["approve", "--as", "BOARD-1", "--reasons", "x" * 30, "--random-share", "2"]
        )
        == 10
    )
    assert main_module.main(["add-user", "X", "--name", "X", "--role", "spo"]) == 10
    spo = ["add-user", "X", "--name", "X", "--role", "spo", "--pdu", "N54ALD"]
    assert main_module.main(spo) == 10, "an own hand in a case is known by the staff code"
    assert main_module.main(["add-user", "X-1", "--name", "X", "--role", "board"]) == 0
    assert main_module.main(["add-user", "X-1", "--name", "X", "--role", "board"]) == 10
    assert main_module.main(["docs", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "review-states.md").read_text() == layout_page(as_markdown())
    monkeypatch.setenv("ROSH_DATA", str(tmp_path / "none"))
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError):
        commands.newest_bundle(settings_module.read_settings())


def test_formatters() -> None:
    assert formatters.format_day(None) == "not known"
    assert formatters.format_day("2026-03-03") == "3 March 2026"
    assert formatters.age_on(None, AS_OF) == "not known"
    assert formatters.age_on("2000-11-21", date(2026, 11, 20)) == "25"
    assert formatters.feed_sentence("contacts", "stopped") == "Contacts: have stopped arriving"
    assert formatters.unit_name("N99XXX") == "N99XXX"
    assert formatters.table_words("people") == "people"
    assert formatters.group_words("prisoners") == "Prisoners"


def test_adjustments_stand_at_the_head_of_the_case(service: Service, browser: Browser) -> None:
    """Missed appointments are read with what the person was to be offered (issue 4)."""
    item = service.unread("N54ALD")
    needs = {"interpreter": "Tigrinya", "adjustments": "letters in large print"}
    with service.admin.begin() as connection:
        connection.execute(
            text("UPDATE triage.items SET person = person || cast(:needs AS jsonb) WHERE id = :id"),
            {"needs": json.dumps(needs), "id": item},
        )
    browser.sign_in("ALD-SPO-1")
    page = browser.get(f"/cases/{item}")
    assert "An interpreter is needed: Tigrinya." in page
    assert "Adjustments agreed: letters in large print." in page
    assert page.index('data-qa="adjustments"') < page.index('id="history"')
    another = browser.get(f"/cases/{service.unread('N54ALD', other_than=item)}")
    assert "Tigrinya" not in another
