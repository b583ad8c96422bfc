"""Promise 1: never a decision. The only outcomes are a named person's, with own reasons."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from serving.db.session import AuditEvent, transaction
from serving.db.tables import metadata
from serving.review.states import OUTCOMES
from tests.pages import Browser
from tests.service import Service

CONCLUDE = text(
    "INSERT INTO triage.conclusions (item_id, username, outcome, reasons, groups, asked)"
    " VALUES (:item, :who, :outcome, :reasons, CAST(:groups AS jsonb), '')"
)
CLAIM = text(
    "INSERT INTO triage.claims (item_id, username, until)"
    " VALUES (:item, :who, now() + interval '1 hour')"
)
LEVELS = '{"children": "LOW", "public": "LOW", "known_adult": "LOW", "staff": "LOW"}'
REASONS = "Reasons of at least twenty characters."


def conclude(engine: Engine, item: int, signed_in: str, **changes: str) -> None:
    """Insert a conclusion straight into the database, in somebody's name."""
    values = {
        "item": item,
        "who": "ALD-SPO-1",
        "outcome": "keep_level",
        "reasons": REASONS,
        "groups": "{}",
    } | changes
    with transaction(engine, signed_in) as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(item)))
        opened.connection.execute(CONCLUDE, values)


def read_first(engine: Engine, item: int, username: str) -> None:
    """Record a view and an opening, as the database asks."""
    with transaction(engine, username) as opened:
        opened.audit(AuditEvent("TEST", "ITEM", str(item)))
        opened.connection.execute(CLAIM, {"item": item, "who": username})
        opened.connection.execute(
            text(
                "INSERT INTO triage.own_views (item_id, username, levels, reasons)"
                " VALUES (:item, :who, CAST(:levels AS jsonb), :reasons)"
            ),
            {"item": item, "who": username, "levels": LEVELS, "reasons": REASONS},
        )
        opened.connection.execute(
            text("INSERT INTO triage.openings (item_id, username) VALUES (:item, :who)"),
            {"item": item, "who": username},
        )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"who": "ALD-SPO-2"}, "person who reached it|row-level security|held by another reader"),
        ({"reasons": "too short"}, "check constraint"),
        ({"reasons": " " * 40}, "check constraint"),
        ({"outcome": "raise_to_high"}, "check constraint"),
        ({"outcome": "ask_reassessment"}, "check constraint"),
        ({"groups": '{"public": "too_low"}'}, "check constraint"),
    ],
)
def test_database_refuses_what_is_not_a_persons_own_conclusion(
    service: Service, changes: dict[str, str], why: str
) -> None:
    item = service.unread("N54ALD")
    with service.admin.begin() as connection:
        connection.execute(text("SELECT 1"))
    with pytest.raises(DBAPIError, match=why):
        with transaction(service.web, "ALD-SPO-1") as opened:
            opened.audit(AuditEvent("TEST", "ITEM", str(item)))
            opened.connection.execute(CLAIM, {"item": item, "who": "ALD-SPO-1"})
            opened.connection.execute(
                text(
                    "INSERT INTO triage.own_views (item_id, username, levels, reasons)"
                    " VALUES (:item, 'ALD-SPO-1', CAST(:levels AS jsonb), :reasons)"
                ),
                {"item": item, "levels": LEVELS, "reasons": REASONS},
            )
            opened.connection.execute(
                text("INSERT INTO triage.openings (item_id, username) VALUES (:item, 'ALD-SPO-1')"),
                {"item": item},
            )
            values = {
                "item": item,
                "who": "ALD-SPO-1",
                "outcome": "keep_level",
                "reasons": REASONS,
                "groups": "{}",
            }
            opened.connection.execute(CONCLUDE, values | changes)


def test_database_refuses_a_conclusion_before_an_own_view(service: Service) -> None:
    with pytest.raises(DBAPIError, match="own view comes before"):
        conclude(service.web, service.unread("N54ALD"), "ALD-SPO-1")


def test_night_cannot_conclude(service: Service) -> None:
    item = service.unread("N54ALD")
    with pytest.raises(DBAPIError, match="permission denied"):
        conclude(service.night, item, "")
    with pytest.raises(RuntimeError, match="nobody's name"):
        conclude(service.night, item, "ALD-SPO-1")


def test_nobody_signed_in_cannot_conclude(service: Service) -> None:
    with pytest.raises(DBAPIError):
        conclude(service.web, service.unread("N54ALD"), "")


def test_a_readers_own_conclusion_is_kept(service: Service) -> None:
    item = service.unread("N54ALD")
    read_first(service.web, item, "ALD-SPO-1")
    conclude(service.web, item, "ALD-SPO-1")
    with service.admin.connect() as connection:
        state = connection.execute(text(f"SELECT state FROM triage.items WHERE id = {item}"))
        assert state.scalar() == "concluded"
    with pytest.raises(DBAPIError):
        conclude(service.web, item, "ALD-SPO-1")


def test_no_column_holds_a_decision_about_the_person() -> None:
    words = re.compile(r"tier|recall|contact_level|new_level|set_level|decision")
    columns = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
    }
    assert not [name for name in columns if words.search(name)]


def test_outcomes_ask_or_keep_and_change_nothing() -> None:
    assert set(OUTCOMES) == {"ask_reassessment", "keep_level", "need_information"}


def test_the_only_forms_are_the_readers_own(client: TestClient) -> None:
    assert client.get("/openapi.json").status_code == 404
    paths: dict[str, dict[str, object]] = client.app.openapi()["paths"]  # type: ignore[attr-defined]
    writes = {
        path for path, methods in paths.items() if set(methods) & {"post", "put", "patch", "delete"}
    }
    assert writes == {
        "/sign-in",
        "/sign-out",
        "/cases/{item_id}/claim",
        "/cases/{item_id}/return",
        "/cases/{item_id}/view",
        "/cases/{item_id}/conclusion",
        "/cases/{item_id}/notes",
        "/asked/{item_id}/answer",
        "/unit/asked/{item_id}/reply",
        "/acute/{entry_id}/acknowledge",
        "/people",
        "/unit/cover",
        "/unit/limited/{crn}/check",
        "/account",
        "/account/file",
        "/account/hold",
        "/board/stop",
        "/board/resume",
        "/board/notes",
        "/board/incidents",
        "/board/incidents/{number}/follow",
        "/board/approvals/{approval_id}/sign",
        "/board/approvals/{approval_id}/withdraw",
    }


def test_pages_say_that_nothing_was_changed(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").record_view(item)
    page = browser.conclude(item, "ask_reassessment")
    assert "This conclusion changed no level" in page
    assert "Public: looks too low." in page
