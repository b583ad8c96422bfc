"""Promise 7: limited-access cases are never scored nor queued; an SPO sees the own unit only."""

from __future__ import annotations

import re

import polars as pl
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from features import build
from features.errors import SetupProblem
from serving import settings as settings_module
from serving.db import server
from serving.db.session import AuditEvent, unit
from serving.web import app as web_app
from tests.conftest import AS_OF, Service
from tests.pages import Browser

PATHS = ("/cases/{item}", "/cases/{item}/findings", "/cases/{item}?words=a&system=true")


def test_limited_cases_are_neither_scored_nor_queued(service: Service) -> None:
    on = build.cases_under_supervision(service.store, AS_OF)
    limited = set(on.filter("limited")["crn"])
    assert limited
    scores = pl.read_parquet(next(service.settings.scores.glob("*.parquet")))
    assert not limited & set(scores["crn"])
    with service.admin.connect() as connection:
        queued = set(connection.execute(text("SELECT crn FROM triage.items")).scalars())
    assert queued
    assert not limited & queued


@pytest.mark.parametrize("path", PATHS)
def test_no_url_shows_another_units_case(service: Service, browser: Browser, path: str) -> None:
    item = service.unread("N54BRI")
    with service.admin.connect() as connection:
        crn = connection.execute(
            text(f"SELECT crn FROM triage.items WHERE id = {item}")
        ).scalar_one()
    browser.sign_in("ALD-SPO-1")
    page = browser.get(path.format(item=item), status=404)
    missing = browser.get(path.format(item=999_999), status=404)
    assert crn not in page
    assert re.sub(r'nonce="[^"]+"', "", page) == re.sub(r'nonce="[^"]+"', "", missing)


def test_no_form_reaches_another_units_case(service: Service, browser: Browser) -> None:
    item = service.unread("N54BRI")
    browser.sign_in("ALD-SPO-1").get("/queue")
    levels = {f"level-{g}": "LOW" for g in ("children", "public", "known_adult", "staff")}
    reasons = "I should not be able to write this."
    browser.post(f"/cases/{item}/view", 404, reasons=reasons, **levels)
    browser.post(f"/cases/{item}/conclusion", 404, outcome="about_right", reasons=reasons)
    assert service.unread("N54BRI") == item


def test_database_shows_each_spo_the_own_unit(service: Service) -> None:
    for username, own in (("ALD-SPO-1", {"N54ALD"}), ("BRI-SPO-1", {"N54BRI"}), ("BOARD-1", set()),
                          ("nobody", set()), ("", set())):  # fmt: skip
        with unit(service.web, username) as opened:
            opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
            seen = opened.connection.execute(text("SELECT DISTINCT pdu_code FROM triage.items"))
            assert set(seen.scalars()) == own
            for table in ("entries", "findings", "own_views", "conclusions"):
                count = text(
                    f"SELECT count(*) FROM triage.{table} t JOIN triage.items i ON i.id = t.item_id"
                    " WHERE NOT i.pdu_code = ANY(:own)"
                )
                assert opened.connection.execute(count, {"own": list(own)}).scalar_one() == 0


def test_board_member_sees_no_person(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("BOARD-1")
    browser.get("/queue", status=403)
    browser.get(f"/cases/{item}", status=403)
    page = browser.get("/board")
    with service.admin.connect() as connection:
        names = connection.execute(text("SELECT person->>'name', crn FROM triage.items")).all()
    assert not [row for row in names if row[0] in page or row[1] in page]


def test_nobody_sees_anything_without_signing_in(browser: Browser) -> None:
    for path in ("/queue", "/cases/1", "/cases/1/findings", "/board", "/"):
        assert "Sign in to the demonstration" in browser.get(path)


def test_a_case_limited_later_shrinks_to_its_crn(service: Service, browser: Browser) -> None:
    item = service.unread("N54BRI")
    with service.admin.connect() as connection:
        crn, name = connection.execute(
            text("SELECT crn, person->>'name' FROM triage.items WHERE id = :item"), {"item": item}
        ).one()
    from serving.scoring import _shrink

    with unit(service.night, None) as opened:
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        assert _shrink(opened.connection, [crn]) == 1
    browser.sign_in("BRI-SPO-1")
    queue, case = browser.get("/queue"), browser.get(f"/cases/{item}")
    assert crn in queue
    assert "Restricted access" in case
    assert name not in queue
    assert name not in case
    browser.get(f"/cases/{item}/findings", status=403)
    with unit(service.web, "BRI-SPO-1") as opened:
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        count = text("SELECT count(*) FROM triage.entries WHERE item_id = :item")
        assert opened.connection.execute(count, {"item": item}).scalar_one() == 0


def test_web_role_can_neither_write_the_queue_nor_read_the_audit(service: Service) -> None:
    for statement in ("UPDATE triage.items SET pdu_code = 'N54ALD'", "DELETE FROM triage.items",
                      "SELECT * FROM triage.audit", "INSERT INTO triage.users VALUES ('x')",
                      "SET ROLE rosh_owner", "ALTER TABLE triage.items DISABLE ROW LEVEL SECURITY"):  # fmt: skip
        with pytest.raises(DBAPIError), unit(service.web, "ALD-SPO-1") as opened:
            opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
            opened.connection.execute(text(statement))


def test_service_refuses_to_start_as_superuser(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "url_for", lambda settings, _role: server.admin_url(settings))
    with pytest.raises(SetupProblem, match="row-level security"):
        server.engine_for(service.settings, server.WEB)


def test_demo_sign_in_refuses_to_start_outside_a_demo(service: Service) -> None:
    secrets = {f"ROSH_{name}": "x" * 32 for name in ("WEB_PASSWORD", "NIGHT_PASSWORD",
               "ADMIN_PASSWORD", "SESSION_SECRET", "DRAW_SECRET")}  # fmt: skip
    live = settings_module.read({"ROSH_MODE": "live", **secrets})
    with pytest.raises(SetupProblem, match="this is not a demo"):
        web_app.create(live, service.web)


def test_forms_without_the_sessions_token_are_refused(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").get("/queue")
    browser.token = "made-up"
    browser.post(f"/cases/{item}/conclusion", 403, outcome="about_right", reasons="x" * 30)


def test_non_disclosable_information_has_a_variant_for_the_person(service: Service) -> None:
    from features.indicators import CATALOGUE

    for item in CATALOGUE.values():
        if item.disclosure == "likely":
            assert item.disclosable_sentence, item.id
            assert "{" not in item.disclosable_sentence, item.id
            assert item.say({"n": 2}, disclosable=True) != item.sentence


def test_embedded_database_trusts_no_one(service: Service) -> None:
    url = server.admin_url(service.settings).set(password="wrong")
    with pytest.raises(DBAPIError, match="password authentication failed"):
        create_engine(url).connect()
