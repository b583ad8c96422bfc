"""Metrics for Prometheus: by route and night, served where they are switched on, nobody in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from serving.db.server import create_engine
from serving.web import app as web_app
from tests.pages import Browser
from tests.service import Service, later_night


@pytest.fixture
def client_with_metrics(service: Service) -> Iterator[Browser]:
    """A client of the application with metrics switched on."""
    settings = replace(service.settings, metrics=True)
    with TestClient(web_app.create_app(settings, service.web)) as client:
        yield Browser(client)


def samples(client: TestClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The samples of a scrape by name and labels."""
    response = client.get("/metrics")
    assert response.status_code == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_there_are_no_metrics_where_they_are_not_switched_on(client: TestClient) -> None:
    assert client.get("/metrics").status_code == 404


def test_requests_are_counted_by_the_pattern_of_their_route(
    service: Service, client_with_metrics: Browser
) -> None:
    item = service.unread("N54ALD")
    with service.admin.connect() as connection:
        rows = text(f"SELECT crn, person->>'name' FROM triage.items WHERE id = {item}")
        crn, name = connection.execute(rows).one()
    client_with_metrics.sign_in("ALD-SPO-1").get(f"/cases/{item}")
    client_with_metrics.get(f"/people/{crn}")
    client_with_metrics.get("/people/Z999999", status=404)
    content = client_with_metrics.client.get("/metrics").text
    values = samples(client_with_metrics.client)
    for route, status in (("/cases/{item_id}", "200"), ("/people/{crn}", "404")):
        labels = (("method", "GET"), ("route", route), ("status", status))
        assert values["rosh_http_request_seconds_count", labels] == 1
    assert not {crn, name, "Z999999", f"/cases/{item}"} & set(re.findall(r"[\w/]+", content))


def test_a_missing_night_is_a_gauge(client_with_metrics: Browser) -> None:
    now = samples(client_with_metrics.client)
    assert now["rosh_nights_missed", ()] == 0
    assert now["rosh_night_cases", ()] == 500
    assert now["rosh_database_up", ()] == 1
    with later_night(3):
        assert samples(client_with_metrics.client)["rosh_nights_missed", ()] > 0


def test_a_database_that_is_away_is_a_gauge(service: Service) -> None:
    nobody = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/x")
    settings = replace(service.settings, metrics=True)
    with TestClient(web_app.create_app(settings, nobody)) as client:
        away = samples(client)
    assert away["rosh_database_up", ()] == 0
    assert ("rosh_night_cases", ()) not in away
