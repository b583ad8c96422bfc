"""Who may do what: every route in every role, and what the database adds to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from features.markdown import layout_page
from serving.db import identity
from serving.web import api_routes
from serving.web import app as web_app
from serving.web.access import ROLES, Door, as_markdown, list_doors
from tests.pages import Browser
from tests.service import Service

USERS = {
    "spo": "ALD-SPO-1",
    "head": "ALD-HEAD",
    "practitioner": "ALD-PP-1",
    "board": "BOARD-1",
    "analyst": "ANALYST-1",
    "inspector": "INSPECTOR-1",
    "batch": "BATCH-1",
}
DOORS = list_doors(web_app.ROUTERS)
GUARDED = [door for door in DOORS if door.roles is not None]
OPEN = {
    "/accessibility",
    "/whats-new",
    "/health",
    "/health/liveness",
    "/health/readiness",
    "/metrics",
    "/info",
    "/notice",
    "/ping",
    "/sign-in",
    "/sign-in/callback",
    "/sign-in/provider",
    "/sign-out",
}


@pytest.fixture(scope="module")
def in_role(service: Service, front_end: None) -> Iterator[dict[str, Browser]]:
    """Each role, signed in."""
    service.held_by_practitioner()
    with service.admin.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO triage.users (username, name, role, made_up)"
                " VALUES ('BATCH-1', 'Batch', 'batch', true) ON CONFLICT DO NOTHING"
            )
        )
    clients = [TestClient(web_app.create_app(service.settings, service.web)) for _ in ROLES]
    yield {
        role: Browser(client).sign_in(USERS[role])
        for role, client in zip(ROLES, clients, strict=True)
    }
    for client in clients:
        client.close()


def ask(browser: Browser, door: Door, item: int, crn: str) -> int:
    """Ask a route as its page would, without what a form must hold; the status."""
    path = door.path.format(
        item_id=item, crn=crn, entry_id=2**40, approval_id=2**40, topic="feed", number=2**40
    )
    form = {"csrf": browser.token} if door.method == "POST" else None
    response = browser.client.request(door.method, path, data=form, follow_redirects=False)
    return response.status_code


@pytest.mark.parametrize("door", GUARDED, ids=lambda door: f"{door.method} {door.path}")
def test_each_route_lets_in_the_roles_it_names_and_no_other(
    service: Service, in_role: dict[str, Browser], door: Door
) -> None:
    item = service.unread("N54ALD")
    for role, browser in in_role.items():
        browser.get("/notice")  # every page carries the session's token
        status = ask(browser, door, item, "A000001")
        allowed = door.roles is not None and role in door.roles
        if not allowed:
            assert status == 403, (role, status)
        else:
            # 403 is left to what may not be done now, such as findings before a view.
            step = door.path.rsplit("/", 1)[1]
            after_view = step in ("findings", "conclusion") or door.path == "/cases/{item_id}/notes"
            sealed = {403} if after_view else set()
            held = {403} if step in ("claim", "return", "view") else set()
            assert status in (sealed or {200, 303, 404, 422} | held), (role, status)
            if step == "claim" and role == "spo":
                assert status != 403, "the first reader may begin"


@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door.method} {door.path}")
def test_nobody_comes_in_unsigned_but_where_anyone_may(client: TestClient, door: Door) -> None:
    path = door.path.format(
        item_id=1, crn="A000001", entry_id=1, approval_id=1, topic="list", number=1
    )
    response = client.request(door.method, path, follow_redirects=False)
    if door.path in OPEN:
        assert door.roles is None
        assert response.status_code in ((404,) if path == "/metrics" else (200, 403))
    else:
        assert response.status_code == 303
        assert response.headers["location"] == "/sign-in"


def test_the_only_open_doors_are_these() -> None:
    assert {door.path for door in DOORS if door.roles is None} == OPEN


def test_the_table_of_access_is_made_from_the_routes() -> None:
    """What was reviewed is what stands in docs/access.md: a permission changed is red here too."""
    page = as_markdown()
    access_page = Path(__file__).parents[3] / "docs" / "access.md"
    assert layout_page(page) == access_page.read_text(encoding="utf-8")
    assert "| GET | `/unit/cover` |  | yes |  |  |  |  |  |" in page
    calls = list_doors([api_routes.router], "/v1")
    assert page.count("\n| ") == len(DOORS) + len(calls) + 1


@pytest.mark.parametrize(
    "door",
    [d for d in GUARDED if "{item_id}" in d.path and "spo" in (d.roles or ())],
    ids=lambda door: f"{door.method} {door.path}",
)
def test_another_units_case_is_as_if_it_were_not_there(
    service: Service, in_role: dict[str, Browser], door: Door
) -> None:
    other = service.unread("N54BRI")
    for role in ("spo", "head"):
        in_role[role].get("/notice")
        assert ask(in_role[role], door, other, "A000001") == 404
        assert ask(in_role[role], door, 2**40, "A000001") == 404


def test_a_limited_case_is_its_crn_in_every_role(
    service: Service, in_role: dict[str, Browser]
) -> None:
    item = service.unread("N54ALD")
    with service.admin.begin() as connection:
        name, crn = connection.execute(
            text("SELECT person->>'name', crn FROM triage.items WHERE id = :item"), {"item": item}
        ).one()
        connection.execute(
            text("UPDATE triage.items SET limited = true WHERE id = :item"), {"item": item}
        )
    try:
        for role in ("spo", "head"):
            browser = in_role[role]
            assert "Restricted access" in browser.get(f"/cases/{item}")
            listed = browser.get("/queue")
            assert crn in listed
            assert name not in listed
            for door in DOORS:
                if "{item_id}" in door.path and "spo" in (door.roles or ()):
                    browser.get("/notice")
                    status = ask(browser, door, item, crn)
                    # Nothing was asked about it: whoever replies is told no more than that.
                    other = 404 if door.path.startswith("/unit/asked") else 403
                    assert status == (200 if door.path == "/cases/{item_id}" else other), door
    finally:
        with service.admin.begin() as connection:
            connection.execute(
                text("UPDATE triage.items SET limited = false WHERE id = :item"), {"item": item}
            )


def test_findings_open_after_the_own_view_for_that_reader_alone(
    service: Service, in_role: dict[str, Browser]
) -> None:
    item = service.unread("N54ALD")
    findings = next(d for d in DOORS if d.path.endswith("/findings"))
    spo, head = in_role["spo"], in_role["head"]
    assert ask(spo, findings, item, "") == 403
    spo.record_view(item)
    assert ask(spo, findings, item, "") == 200
    assert ask(head, findings, item, "") == 403


@pytest.mark.parametrize("role", ["spo", "head", "practitioner", "board", "analyst", "batch"])
def test_a_role_without_persons_sees_none_in_the_database(service: Service, role: str) -> None:
    """Row-level security alone: what each role's name can select, whatever a route forgets."""
    with service.web.begin() as connection:
        identity.prove_identity(connection, USERS[role])
        units = set(connection.execute(text("SELECT pdu_code FROM triage.items")).scalars())
        held = set(connection.execute(text("SELECT pdu_code FROM triage.caseload")).scalars())
        sealed = set(connection.execute(text("SELECT item_id FROM triage.findings")).scalars())
        mine = set(
            connection.execute(
                text("SELECT item_id FROM triage.own_views WHERE username = triage.app_user()")
            ).scalars()
        )
    if role in ("spo", "head"):
        assert units == held == {"N54ALD"}
        assert sealed <= mine
    else:
        assert not held
        assert role == "practitioner" or not units | sealed
