"""Builds the web application: routes, sessions, errors, one transaction a request."""

from __future__ import annotations

import gc
import logging
import secrets
import time
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from rich.console import Console
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import Match

from features.errors import MissingInput, RunStopped, SetupProblem, UserError
from serving import logs, traces
from serving.db.server import WEB, engine_for
from serving.review.policies import Refused
from serving.review.service import NotFound
from serving.rule_numbers import COOKIE_HOURS
from serving.settings import Settings
from serving.web import (
    account,
    acute,
    afterwards,
    api,
    assets,
    board,
    board_notes,
    cases,
    exports,
    find,
    guard,
    health,
    inquiries,
    metrics,
    over_time,
    pages,
    queue,
    request_log,
    sign_in,
    units,
)
from serving.web.account import NotSignedIn
from serving.web.limiter import RETRY_AFTER, TooManyTries, limit_requests, limit_sign_ins
from serving.web.oidc import NotLetIn, Provider
from serving.web.requests import leave_refusal

ROUTERS = tuple(
    module.router
    for module in (
        sign_in,
        queue,
        cases,
        over_time,
        acute,
        inquiries,
        find,
        units,
        afterwards,
        exports,
        board,
        board_notes,
        health,
        metrics,
    )
)


def create_app(settings: Settings, engine: Engine | None = None) -> FastAPI:
    """The web application; raises where nobody could sign in securely.

    The demo's sign-in has no password, so it exists only in a demo.
    """
    if not settings.demo and settings.oidc is None:
        raise SetupProblem(
            "Nobody could sign in: set ROSH_OIDC_ISSUER, ROSH_OIDC_CLIENT_ID, "
            "ROSH_OIDC_CLIENT_SECRET and ROSH_PUBLIC_URL to the provider of sign-in. The sign-in "
            "with made-up users exists in a demo alone, and this is not a demo."
        )
    if not (assets.VENDOR / "govuk-frontend.min.css").exists():
        raise MissingInput(
            "The front-end files are missing. Run make, or: python -m serving assets"
        )
    app = with_routes(settings)
    app.state.engine = engine or engine_for(settings, WEB)
    app.state.templates = pages.template_environment(settings)
    app.state.bundles = {}
    app.state.started = time.monotonic()
    app.state.provider = Provider(settings.oidc) if settings.oidc else None
    app.state.sign_in_limit = limit_sign_ins(demo=settings.demo)
    app.state.request_limit = limit_requests(demo=settings.demo)
    app.add_middleware(request_log.UnhandledErrors, service=app)
    app.add_middleware(
        SessionMiddleware,
        secret_key=settings.session_secret,
        session_cookie="rosh_session",
        max_age=COOKIE_HOURS * 3600,
        # Lax, not strict: the provider leads back from its own address. Forms carry tokens.
        same_site="lax",
        https_only=not settings.demo,
    )
    app.state.metrics = metrics.Metrics(settings, app.state.engine)
    app.middleware("http")(_security_headers)
    app.middleware("http")(metrics.measure_request)
    app.add_middleware(guard.Guard, service=app)
    app.state.log = logs.chosen_logger(enabled=settings.logs)
    app.state.tracing = traces.chosen_tracing(settings.traces, health.VERSION)
    app.add_middleware(request_log.RequestLog, service=app)
    service = api.create_api()
    service.state = app.state
    service.add_middleware(request_log.UnhandledErrors, service=app)
    app.mount("/v1", service)
    app.mount("/static", StaticFiles(directory=assets.STATIC), name="static")
    app.add_exception_handler(NotSignedIn, _to_sign_in)
    for kind in PROBLEMS:
        app.add_exception_handler(kind, _answer_problem)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(DBAPIError, _refused_by_database)
    app.add_exception_handler(NoConnection, _refused_by_database)
    return app


def with_routes(settings: Settings) -> FastAPI:
    """The application with its routes only, without database or sessions."""
    app = FastAPI(
        title="rosh-triage", version=health.VERSION, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.state.settings = settings
    for router in ROUTERS:
        app.include_router(router)
    return app


def run_server(settings: Settings, host: str, port: int) -> None:
    """Run the web server with these settings until it is stopped."""
    app = create_app(settings)
    who = "made-up people" if settings.demo else "the service"
    settle_memory()
    server_log = logs.ServerLogHandler(app.state.log)
    # Every library's too: without a handler they would write messages of errors to stderr.
    logging.getLogger().handlers = [server_log]
    for name in ("uvicorn.error", "uvicorn"):
        logging.getLogger(name).handlers = []
    Console().print(f"Serving {who} on http://{host}:{port} (stop with Ctrl+C)")
    try:
        uvicorn.run(
            app,
            host=host,
            port=port,
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_keep_alive=75,
            proxy_headers=True,
            http=guard.Impatient,
            forwarded_allow_ips=settings.proxies,
        )
    finally:
        traces.end_tracing(app.state.tracing)
        app.state.engine.dispose()


def settle_memory() -> None:
    """Exclude objects loaded at the start from garbage collection.

    It otherwise looked through every module now and then while somebody waited, for 0.15 s.
    """
    gc.collect()
    gc.freeze()


async def _security_headers(request: Request, call_next: Any) -> Response:
    request.state.nonce = secrets.token_urlsafe(16)
    response: Response = await call_next(request)
    response.headers["Content-Security-Policy"] = (
        f"default-src 'self'; script-src 'self' 'nonce-{request.state.nonce}'; "
        "style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'; "
        "base-uri 'none'; object-src 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if not request.app.state.settings.demo:
        # A demo is plain HTTP on one machine; everything else is reached only by HTTPS.
        response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if not request.url.path.startswith("/static/"):
        response.headers["Cache-Control"] = "no-store"
    return response


async def _to_sign_in(_request: Request, _error: Exception) -> Response:
    return RedirectResponse("/sign-in", status_code=303)


@dataclass(frozen=True)
class Problem:
    """How an error is shown: status, title, and its own words or the error's."""

    status: int
    title: str
    message: str | None = None


AWAY = (
    "Something that this service stands on cannot be reached or read. Try again in a minute. If it "
    "lasts, tell whoever runs the service."
)
WORTH_KEEPING = 10
"""The length from which typed text is shown again after a failure."""
PROBLEMS: dict[type[Exception], Problem] = {
    NotLetIn: Problem(403, "You are not signed in"),
    TooManyTries: Problem(429, "Wait a minute"),
    NotFound: Problem(404, "Case not found", "There is no such case in your queue."),
    Refused: Problem(403, "That is not possible now"),
    UserError: Problem(409, "That is not possible now"),
    RequestValidationError: Problem(
        404, "Page not found", "Check the address, or go back to your queue."
    ),
    SetupProblem: Problem(503, "Sorry, there is a problem", AWAY),
    MissingInput: Problem(503, "Sorry, there is a problem", AWAY),
    RunStopped: Problem(503, "Sorry, there is a problem", AWAY),
}
"""The nearest class that is listed counts."""


async def _answer_problem(request: Request, error: Exception) -> Response:
    problem = next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)
    leave_refusal(request, account.signed_in_name(request), error)
    response = pages.render_page(
        request,
        "problem.html",
        status=problem.status,
        title=problem.title,
        message=problem.message or str(error),
        typed=await _typed_words(request),
    )
    if problem.status == 429:
        response.headers["Retry-After"] = RETRY_AFTER
    return response


async def _typed_words(request: Request) -> list[str]:
    """What was typed into a form that failed, so that it can be shown for copying."""
    if request.method != "POST" or request.url.path.startswith("/sign-in"):
        return []
    form = await request.form()
    texts = [str(text).strip() for name, text in form.multi_items() if name != "csrf"]
    return [text for text in texts if len(text) >= WORTH_KEEPING and " " in text]


async def _refused_by_database(request: Request, error: Exception) -> Response:
    """Answer a refusal by the database's rules in our words, not in PostgreSQL's."""
    if isinstance(error, OperationalError | InterfaceError | NoConnection):
        return pages.render_page(
            request,
            "problem.html",
            status=503,
            title="Sorry, there is a problem",
            message="The service cannot reach its database. Try again in a minute: it recovers by "
            "itself. If you had just sent something, look at the case first: it was recorded "
            "whole, or not at all.",
            typed=await _typed_words(request),
        )
    leave_refusal(request, account.signed_in_name(request), error)
    return pages.render_page(
        request,
        "problem.html",
        status=409,
        title="That was not recorded",
        message="This case may have changed meanwhile. Go back to your queue and look again.",
        typed=await _typed_words(request),
    )


def _page_of_form(request: Request) -> str:
    """The page that holds the form whose address was asked for as a page: the nearest above it.

    So that going back, or loading again after signing in, leads to a page and not to an error.
    """
    parts = request.url.path.split("/")
    while len(parts) > 2:
        parts.pop()
        scope = {"type": "http", "path": "/".join(parts), "method": "GET"}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            return scope["path"]
    return "/"


def _answer_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405 and request.method == "GET":
        return RedirectResponse(_page_of_form(request), status_code=303)
    title = "Page not found" if status in (404, 405) else "Sorry, that did not work"
    message = {
        404: "Check the address, or go back to your queue.",
        405: "That address takes a form, and is no page of its own. Go back to the page that you "
        "came from.",
    }.get(status, str(error))
    return pages.render_page(
        request, "problem.html", status=status, title=title, message=message, typed=[]
    )
