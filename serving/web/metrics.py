"""Serves metrics for Prometheus: requests by route, and the last night; nothing about any person.

A route is its pattern (`/cases/{item_id}`), never the address that was asked for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Scope

from features import clock
from serving.db.last_night import read_last_night
from serving.db.tables import runs
from serving.settings import Settings

router = APIRouter()
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0)
"""The upper ends of the latency bins: the aims of the pages (.15, .25) are among them."""
COUNTS = {
    "cases": "cases under supervision",
    "cases_scored": "cases scored",
    "cases_limited": "cases left out because access to them is limited",
}
"""The counts of the newest run that are served, and what each is."""


METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


def route_of(scope: Scope) -> str:
    """The pattern of the route that answered, with the prefix of the API; never the address."""
    path = getattr(scope.get("route"), "path", None)
    return "none" if path is None else f"{scope.get('root_path', '')}{path}"


def method_of(scope: Scope) -> str:
    """The method of a request; one that HTTP does not have may be any text, and is OTHER."""
    method = str(scope["method"])
    return method if method in METHODS else "OTHER"


class Metrics:
    """The metrics of one application: its requests, and its nights read at each scrape."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "rosh_http_request_seconds",
            "Seconds until an answer, by method, route and status",
            ["method", "route", "status"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.registry.register(_Nights(settings, engine))


class _Nights(Collector):
    """The newest night and its counts, as the database has them now."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings, self._engine = settings, engine

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing: the database is not asked before the first scrape."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges; only that the database is away where it is."""
        newest = select(runs.c.counts).order_by(runs.c.as_of.desc(), runs.c.at.desc()).limit(1)
        try:
            with self._engine.connect() as connection:
                last = read_last_night(connection, clock.now(), self._settings.night_due)
                counts: dict[str, Any] = connection.execute(newest).scalar() or {}
                unpublished = connection.execute(select(func.triage.events_unpublished())).scalar()
        except SQLAlchemyError:
            yield GaugeMetricFamily("rosh_database_up", "Whether the database answers", 0)
            return
        yield GaugeMetricFamily("rosh_database_up", "Whether the database answers", 1)
        yield GaugeMetricFamily("rosh_nights_missed", "Nights due and not run", len(last.missed))
        if last.as_of is not None:
            seconds = clock.start_of(last.as_of).timestamp()
            words = "The day that the newest night is about, as seconds since 1970"
            yield GaugeMetricFamily("rosh_last_night_day", words, seconds)
        for name, words in COUNTS.items():
            if name in counts:
                yield GaugeMetricFamily(
                    f"rosh_night_{name}", f"At the newest night: {words}", counts[name]
                )
        urgent = counts.get("urgent", {})
        if urgent:
            words = "Urgent entries that nobody had acknowledged for three days at the newest night"
            yield GaugeMetricFamily("rosh_urgent_long_waits", words, urgent["long_waits"])
        if self._settings.events_topic:
            words = "Events that were not published yet"
            yield GaugeMetricFamily("rosh_events_unpublished", words, unpublished or 0)
        words = "Tables that no longer arrive from one region, by region"
        silent = GaugeMetricFamily("rosh_silent_tables", words, labels=["region"])
        for region, own in counts.get("silent", {}).items():
            silent.add_metric([region], len(own["tables"]))
        yield silent


async def measure_request(request: Request, call_next: Any) -> Response:
    """Middleware: count an answered request under its route, with its seconds."""
    began = time.perf_counter()
    response: Response = await call_next(request)
    labels = (method_of(request.scope), route_of(request.scope), str(response.status_code))
    request.app.state.metrics.requests.labels(*labels).observe(time.perf_counter() - began)
    return response


@router.get("/metrics")
def show_metrics(request: Request) -> Response:
    """The metrics in the form of Prometheus; 404 unless ROSH_METRICS is on."""
    if not request.app.state.settings.metrics:
        raise HTTPException(404)
    content = generate_latest(request.app.state.metrics.registry)
    return Response(content, media_type=CONTENT_TYPE_LATEST)
