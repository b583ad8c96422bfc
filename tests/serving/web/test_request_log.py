"""Log lines and traces say what the service did, and hold nothing about any person."""

from __future__ import annotations

import gc
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import select

from serving import logs, traces
from serving.db.tables import entries, items, users
from serving.web import app as web_app
from serving.web import requests
from tests.pages import Browser
from tests.service import Service


class Watched:
    """A client of the application, with what it logged and the spans that it ended."""

    def __init__(self, client: TestClient, stream: io.StringIO, spans: InMemorySpanExporter):
        self.client, self.stream, self.spans = client, stream, spans

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def watched(service: Service, front_end: None) -> Iterator[Watched]:
    app, stream, exporter = (
        web_app.create_app(service.settings, service.web),
        io.StringIO(),
        InMemorySpanExporter(),
    )
    app.state.log = logs.make_logger(stream)
    app.state.tracing = TracerProvider()
    app.state.tracing.add_span_processor(SimpleSpanProcessor(exporter))
    with TestClient(app) as client:
        yield Watched(client, stream, exporter)


def test_pages_of_a_case_leave_lines_without_any_person(service: Service, watched: Watched) -> None:
    with service.admin.connect() as connection:
        item = connection.execute(
            select(items.c.id, items.c.crn, items.c.person["name"].astext)
            .where(items.c.pdu_code == "N54ALD", items.c.state == "open", ~items.c.limited)
            .order_by(items.c.id)
        ).first()
        assert item is not None
        crns = set(connection.execute(select(items.c.crn)).scalars())
        words = set(connection.execute(select(entries.c.detail).limit(500)).scalars()) - {""}
        names = set(connection.execute(select(users.c.username)).scalars())
        names |= set(connection.execute(select(users.c.name)).scalars())
        names |= set(connection.execute(select(items.c.person["name"].astext)).scalars()) - {None}
    crns |= set(service.store.read_versions("people")["crn"])
    browser = Browser(watched.client).sign_in("ALD-SPO-1")
    browser.get("/")
    browser.get(f"/cases/{item[0]}")
    browser.get("/people")
    browser.post("/people", 200, search=item[2].split()[0])
    watched.client.get(f"/cases/{item[0]}/findings?crn={item[1]}&name={item[2]}")
    watched.client.get(f"/{item[1]}")
    text = watched.stream.getvalue()
    lines = watched.lines()
    assert {line["route"] for line in lines} >= {"/", "/cases/{item_id}", "none"}
    assert all(set(line) <= logs.FIELDS for line in lines)
    spans = " ".join(
        f"{one.name} {dict(one.attributes or {})}" for one in watched.spans.get_finished_spans()
    )
    for value in (*crns, *names, *words):
        assert value not in text
        assert value not in spans


def test_a_request_has_one_id_in_its_line_its_answer_and_its_trace(watched: Watched) -> None:
    sent = "0af7651916cd43dd8448eb211c80319c"
    answer = watched.client.get("/ping", headers={"X-Request-Id": sent})
    assert answer.headers["x-request-id"] == sent
    (line,) = watched.lines()
    assert (line["request_id"], line["route"], line["status"]) == (sent, "/ping", 200)
    (span,) = watched.spans.get_finished_spans()
    attributes = dict(span.attributes or {})
    assert (span.name, attributes["request_id"]) == ("GET /ping", sent)
    assert span.context is not None
    assert line["trace_id"] == f"{span.context.trace_id:032x}"


@pytest.mark.parametrize("sent", ["X123456 Jane Roe", "X123456-Jane-Roe", "a" * 31, "A" * 32])
def test_an_id_is_a_number_with_which_nothing_can_be_said(watched: Watched, sent: str) -> None:
    answer = watched.client.request("JANE-ROE", "/ping", headers={"X-Request-Id": sent})
    assert answer.headers["x-request-id"] != sent
    assert "jane" not in watched.stream.getvalue().lower()
    (span,) = watched.spans.get_finished_spans()
    assert span.name.startswith("OTHER ")


def test_a_trace_goes_on_from_the_callers(watched: Watched) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    watched.client.get("/ping", headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"})
    (span,) = watched.spans.get_finished_spans()
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == trace_id


class Panic(BaseException):
    """As a library in Rust ends: no Exception."""


@pytest.mark.parametrize("kind", [ValueError, Panic])
@pytest.mark.parametrize("path", ["/queue", "/v1/broken"])
def test_what_nobody_foresaw_is_answered_and_logged_without_its_message(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException], path: str
) -> None:
    def fail() -> None:
        raise kind("X123456 Jane Roe")

    browser = Browser(watched.client).sign_in("ALD-SPO-1")
    monkeypatch.setattr(requests, "transaction", lambda *_: fail())
    app: Any = watched.client.app
    next(one.app for one in app.routes if getattr(one, "path", "") == "/v1").add_api_route(
        "/broken", fail
    )
    answer = browser.client.get(path)
    assert answer.status_code == 500
    assert "Jane" not in answer.text
    failed, request = watched.lines()[-2:]
    assert (failed["event"], failed["kind"]) == ("request_failed", kind.__name__)
    assert (request["route"], request["status"]) == (path, 500)
    assert failed["request_id"] == request["request_id"] == answer.headers["x-request-id"]
    assert failed["request_id"] in answer.text
    assert any(line.endswith(" fail") for line in failed["stack_frames"])
    assert "Jane" not in watched.stream.getvalue()
    if path == "/queue":
        assert "Sorry, there is a problem" in answer.text
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    else:
        assert answer.json()["status"] == 500


def test_an_answer_that_breaks_off_is_logged_with_what_was_sent(watched: Watched) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"one"
        raise ValueError("X123456 Jane Roe")

    app = watched.client.app
    app.add_api_route("/broken", lambda: StreamingResponse(pieces()))  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="Jane"):
        watched.client.get("/broken")
    failed, request = watched.lines()[-2:]
    assert (failed["kind"], request["route"], request["status"]) == ("ValueError", "/broken", 200)
    assert "Jane" not in watched.stream.getvalue()


def test_what_the_server_logs_is_one_line_without_an_errors_message() -> None:
    stream = io.StringIO()
    own = logs.ServerLogHandler(logs.make_logger(stream))
    try:
        raise ValueError("X123456 Jane Roe")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    own.emit(logging.LogRecord("uvicorn.error", logging.ERROR, "", 1, "Exception", (), info))
    own.emit(
        logging.LogRecord("uvicorn.error", logging.WARNING, "", 1, "Slow %s", ("client",), None)
    )
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["level"], first["kind"]) == ("error", "ValueError")
    assert first["stack_frames"][0].startswith("test_request_log.py:")
    assert (second["level"], second["words"]) == ("warning", "Slow client")
    assert "Jane" not in stream.getvalue()


def test_a_line_with_a_field_that_has_no_place_is_refused() -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="may not hold crn"):
        logs.make_logger(stream).info("request", crn="X123456")
    assert not stream.getvalue()


def test_spans_that_wait_are_sent_when_the_pages_end(
    service: Service, front_end: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = InMemorySpanExporter()

    def serve(app: FastAPI, **_: object) -> None:
        """One page is asked for, and the service ends before a batch of spans is due."""
        with TestClient(app) as client:
            client.get("/ping")
        raise KeyboardInterrupt

    def provide(*_: str) -> TracerProvider:
        return traces.provide_tracer(exporter, "1")

    monkeypatch.setattr(traces, "chosen_tracing", provide)
    monkeypatch.setattr(uvicorn, "run", serve)
    handlers = {name: logging.getLogger(name).handlers for name in ("", "uvicorn", "uvicorn.error")}
    try:
        with pytest.raises(KeyboardInterrupt):
            web_app.run_server(service.settings, "127.0.0.1", 0)
    finally:
        gc.unfreeze()
        for name, own in handlers.items():
            logging.getLogger(name).handlers = own
    assert [span.name for span in exporter.get_finished_spans()] == ["GET /ping"]
