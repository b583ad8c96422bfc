"""The database goes away for a while: pages say so, recover by themselves, nothing is half-kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from serving.db import server
from serving.db.server import WEB, engine_for
from serving.web import app as web_app
from tests.pages import Browser
from tests.service import Service


@pytest.fixture
def own(service: Service, front_end: None) -> Iterator[TestClient]:
    """An application with connections of its own, which a test may cut."""
    engine = engine_for(service.settings, WEB)
    with TestClient(web_app.create_app(service.settings, engine)) as client:
        yield client
    engine.dispose()


def cut(service: Service) -> None:
    """End every connection of the web, as when the server restarts."""
    with service.admin.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rosh_web'"
            )
        )


def shut(service: Service, *, doors: bool) -> None:
    """Let nobody of the web in, or let them in again."""
    limit = 0 if doors else -1
    with service.admin.begin() as connection:
        connection.execute(text(f"ALTER ROLE rosh_web CONNECTION LIMIT {limit}"))


def test_pages_say_that_the_database_is_away_and_recover(service: Service, own: TestClient) -> None:
    item = service.unread("N54ALD")
    browser = Browser(own).sign_in("ALD-SPO-1")
    browser.get(f"/cases/{item}")
    shut(service, doors=True)
    cut(service)
    try:
        page = browser.get("/queue", status=503)
        assert "The service cannot reach its database" in page
        sent = browser.post(f"/cases/{item}/view", 503, reasons="Typed while it was away, in full.")
        assert "recorded whole, or not at all" in sent
        assert ">Typed while it was away, in full.</textarea>" in sent
        assert own.get("/health").status_code == 503
    finally:
        shut(service, doors=False)
    assert f'href="/cases/{item}"' in browser.get("/queue")
    with service.admin.connect() as connection:
        count = text("SELECT count(*) FROM triage.own_views WHERE item_id = :item")
        assert connection.execute(count, {"item": item}).scalar_one() == 0
    browser.record_view(item)
    with service.admin.connect() as connection:
        assert connection.execute(count, {"item": item}).scalar_one() == 1


def test_connections_that_were_cut_are_made_anew(service: Service, own: TestClient) -> None:
    browser = Browser(own).sign_in("ALD-SPO-1")
    browser.get("/queue")
    cut(service)
    browser.get("/queue")


def test_when_every_connection_is_taken_pages_say_so(
    service: Service, front_end: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a bare error: a database that answers slowly takes every connection there is."""
    monkeypatch.setattr(server, "PATIENCE", 2)
    engine = engine_for(service.settings, WEB)
    with TestClient(web_app.create_app(service.settings, engine)) as client:
        browser = Browser(client).sign_in("ALD-SPO-1")
        taken = [engine.connect() for _ in range(15)]
        try:
            assert "The service cannot reach its database" in browser.get("/queue", status=503)
        finally:
            for one in taken:
                one.close()
        browser.get("/queue")
    engine.dispose()
