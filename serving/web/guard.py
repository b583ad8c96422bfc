"""Limits size, speed and body of requests before any page, and refuses unauthenticated bodies.

A body is read only from a caller with access, and only so much of it as its address needs: an
anonymous request of 91 MB held the service for half a minute.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from fastapi import FastAPI, Request
from fastapi.security.utils import get_authorization_scheme_param
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from serving.web import api
from serving.web.oidc import NotLetIn, Provider

MOST_OF_A_FORM = 1024 * 1024
MOST_OF_A_HISTORY = 16 * 1024 * 1024
"""Bytes: the longest case history that was measured is under 2 MB as JSON."""
HISTORIES = "/v1/scores"
PATIENCE = 20.0
"""Seconds that the next piece of a body is waited for."""
HEADER_PATIENCE = 15.0
"""Seconds that the head of a connection's first request is waited for."""


class Cut(Exception):
    """Raised where the body of a request reaches its limit of size or time."""


class Guard:
    """ASGI middleware around the whole application, including the API."""

    def __init__(self, app: ASGIApp, service: FastAPI) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here without reading its body."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        most = MOST_OF_A_HISTORY if scope["path"] == HISTORIES else MOST_OF_A_FORM
        answer = await self._before_the_body(scope, most)
        if answer is not None:
            await answer(scope, receive, send)
            return
        await self._answer_within(scope, Body(receive, most), send)

    async def _before_the_body(self, scope: Scope, most: int) -> Response | None:
        request = Request(scope)
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > most:
            return _send_answer(scope, 413, "More was sent than this address takes.")
        if scope["path"].startswith("/v1/") and not await run_in_threadpool(
            self._bears_token, request
        ):
            return _send_answer(scope, 401, "A bearer token is needed.")
        return None

    def _bears_token(self, request: Request) -> bool:
        """Whether the bearer token is valid; its permissions are checked by the route."""
        scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
        provider: Provider | None = self.service.state.provider
        if provider is None or scheme.lower() != "bearer" or not token:
            return False
        try:
            provider.read_bearer(token)
        except NotLetIn:
            return False
        return True

    async def _answer_within(self, scope: Scope, body: Body, send: Send) -> None:
        """Let the application answer, unless reading the body reached a limit."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            # What the application makes of a body that was cut is not the reason of it.
            if body.wrong is None or begun:
                begun = True
                await send(message)

        with suppress(Cut):
            await self.app(scope, body.receive, noted)
        if body.wrong is not None and not begun:
            await _send_answer(scope, *body.wrong)(scope, body.receive, send)


class Body:
    """The body of a request, limited in size and time, with or without a stated length."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most = receive, most
        self._got, self._whole = 0, False
        self.wrong: tuple[int, str] | None = None
        """The limit that was reached: an HTTP status and its words."""

    async def receive(self) -> Message:
        """The next piece of a request's body; raises Cut at the limit of size or time."""
        if self._whole:
            return await self._receive()  # waits for the caller to go away
        try:
            message = await asyncio.wait_for(self._receive(), PATIENCE)
        except TimeoutError as error:
            self.wrong = 408, "The rest of the request did not come in time."
            raise Cut from error
        self._got += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._got > self._most:
            self.wrong = 413, "More was sent than this address takes."
            raise Cut
        return message


def _send_answer(scope: Scope, status: int, words: str) -> Response:
    headers = {"Cache-Control": "no-store", "Connection": "close"}
    if scope["path"].startswith("/v1/"):
        answer = api.error_body(status, words)
        answer.headers.update(headers)
        return answer
    return PlainTextResponse(words, status, headers)


class Impatient(AutoHTTPProtocol):  # type: ignore[misc,valid-type]
    """uvicorn's protocol, closing connections that send no request in time."""

    def connection_made(self, transport: Any) -> None:
        """A connection opened: start the timer that waits for its first request."""
        super().connection_made(transport)
        self._head = self.loop.call_later(HEADER_PATIENCE, self._hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended: stop the timer that waits for its first request."""
        self._head.cancel()
        super().connection_lost(exc)

    def _hang_up(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()
