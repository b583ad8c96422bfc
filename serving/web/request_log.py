"""Logs and traces each request, and answers what nobody foresaw with a page that names it.

A request has an id, which its log lines, its trace and its answer share. The one who met an error
can name it, and whoever runs the service finds the lines of code; neither sees a message that may
hold data of a person.
"""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from opentelemetry import propagate
from opentelemetry.trace import SpanKind
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from serving import logs, traces
from serving.web import api, pages
from serving.web.guard import Cut

HEADER = "X-Request-Id"
_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class RequestLog:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, service: FastAPI) -> None:
        self.app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, with its id, its span and its log line."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        sent_id = headers.get(HEADER, "")
        request_id = sent_id if _ID.fullmatch(sent_id) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        tracer = self._service.state.tracing.get_tracer(traces.NAME)
        context = propagate.extract(dict(headers))
        with (
            bound_contextvars(request_id=request_id),
            traces.quiet_span(tracer, scope["method"], context, SpanKind.SERVER) as span,
        ):
            began = time.perf_counter()
            status = await self._answer(scope, receive, send, request_id)
            method, route = scope["method"], getattr(scope.get("route"), "path", "none")
            self._service.state.log.info(
                "request",
                method=method,
                route=route,
                status=status,
                seconds=round(time.perf_counter() - began, 4),
            )
            span.update_name(f"{method} {route}")
            span.set_attribute("http.request.method", method)
            span.set_attribute("http.route", route)
            span.set_attribute("http.response.status_code", status)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> int:
        """Let the application answer; the status of the answer."""
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        await self.app(scope, receive, send_with_id)
        return status


async def answer_whatever_happens(request: Request, call_next: Any) -> Response:
    """The application's answer; what nobody foresaw is logged without its message and answered.

    The one boundary of the web: an error that passed it would be written with its message by the
    server.
    """
    try:
        response: Response = await call_next(request)
    except Cut:
        raise
    except Exception as error:  # noqa: BLE001 - the web's one boundary: it reports
        request.app.state.log.error(
            "request_failed", kind=type(error).__name__, code_lines=logs.code_lines_of(error)
        )
        return _describe_failure(request)
    return response


def _describe_failure(request: Request) -> Response:
    words = (
        "It was recorded, and you have changed nothing. Try again in a minute. If it lasts, tell "
        f"whoever runs the service this number: {request.state.request_id}"
    )
    if request.url.path.startswith("/v1/"):
        return api.error_body(500, words)
    title = "Sorry, there is a problem"
    return pages.render_page(
        request, "problem.html", status=500, title=title, message=words, typed=[]
    )
