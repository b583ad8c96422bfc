"""Logs and traces each request, and answers an unhandled exception with a page that shows its id.

A request has an id, which its log lines, its trace and its answer share. Whoever met the error can
quote it, and whoever runs the service finds the stack frames; neither sees the message of the
exception, which may hold data of a person.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid

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
from serving.web.metrics import method_of, route_of

HEADER = "X-Request-Id"
_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The form of a request id that a caller may send: no free text can reach the log by it."""


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
        method, status, began = method_of(scope), 0, time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        with (
            traces.quiet_span(tracer, method, context, SpanKind.SERVER) as span,
            bound_contextvars(
                request_id=request_id, trace_id=f"{span.get_span_context().trace_id:032x}"
            ),
        ):
            try:
                await self.app(scope, receive, send_with_id)
            finally:
                route, seconds = route_of(scope), round(time.perf_counter() - began, 4)
                self._service.state.log.info(
                    "request", method=method, route=route, status=status, seconds=seconds
                )
                span.update_name(f"{method} {route}")
                attributes: dict[str, str | int] = {
                    "http.request.method": method,
                    "http.route": route,
                    "http.response.status_code": status,
                    "request_id": request_id,
                }
                span.set_attributes(attributes)


class UnhandledErrors:
    """Innermost ASGI middleware: logs and answers unhandled exceptions of pages and API.

    Panics of libraries in Rust count too. It is the only place of the web that catches them; one
    that escaped it would be logged by the server's handler, without its message.
    """

    def __init__(self, app: ASGIApp, service: FastAPI) -> None:
        self.app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer; where it fails before it began to, say so to the caller."""
        begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except (Cut, asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            self._service.state.log.error(
                "request_failed",
                kind=type(error).__name__,
                stack_frames=logs.stack_frames_of(error),
            )
            if begun:
                raise
            await _describe_failure(Request(scope, receive))(scope, receive, send)


def _describe_failure(request: Request) -> Response:
    words = (
        "It was recorded that this failed. Try again in a minute. If you had just sent something, "
        "look at the case first: it was recorded whole, or not at all. If it lasts, tell whoever "
        f"runs the service this number: {request.state.request_id}"
    )
    if request.scope.get("root_path") == "/v1" or request.url.path.startswith("/v1/"):
        return api.error_body(500, words)
    title = "Sorry, there is a problem"
    return pages.render_page(
        request, "problem.html", status=500, title=title, message=words, typed=[]
    )
