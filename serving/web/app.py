"""The web application: who is signed in, one transaction a request, the pages."""

from __future__ import annotations

import secrets
import time
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from rich.console import Console
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware

from features.errors import MissingInput, SetupProblem
from serving.db.server import WEB, engine_for
from serving.db.session import AuditEvent, unit
from serving.review.policies import Refused
from serving.review.service import NotFound
from serving.settings import Settings
from serving.web import account, acute, asked, assets, board, cases, pages, sign_in
from serving.web.account import NotSignedIn

VERSION = "0.1.0"
SESSION_HOURS = 8


def create(settings: Settings, engine: Engine | None = None) -> FastAPI:
    """The application; refuses to start where nobody could sign in safely.

    The only sign-in so far is the demo's: outside a demo the service does not start.
    """
    if not settings.demo:
        raise SetupProblem(
            "The only sign-in so far is the demo's, with made-up users, and this is not a demo. "
            "Sign-in through HMPPS Auth comes with a later issue; set ROSH_MODE=demo to look."
        )
    if not (assets.VENDOR / "govuk-frontend.min.css").exists():
        raise MissingInput(
            "The front-end files are missing. Run make, or: python -m serving assets"
        )
    app = FastAPI(
        title="rosh-triage", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.state.settings = settings
    app.state.engine = engine or engine_for(settings, WEB)
    app.state.templates = pages.environment(settings)
    app.state.started = time.monotonic()
    app.add_middleware(
        SessionMiddleware,
        secret_key=settings.session_secret,
        session_cookie="rosh_session",
        max_age=SESSION_HOURS * 3600,
        same_site="strict",
        https_only=False,
    )
    app.middleware("http")(_security_headers)
    app.mount("/static", StaticFiles(directory=assets.STATIC), name="static")
    for module in (sign_in, cases, acute, asked, board):
        app.include_router(module.router)
    app.include_router(_health_router())
    app.add_exception_handler(NotSignedIn, _to_sign_in)
    app.add_exception_handler(NotFound, _not_found)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(DBAPIError, _refused_by_database)
    return app


def run(settings: Settings, host: str, port: int) -> None:
    """Serve until stopped."""
    app = create(settings)
    Console().print(f"Serving made-up people on http://{host}:{port} (stop with Ctrl+C)")
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)


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
    if not request.url.path.startswith("/static/"):
        response.headers["Cache-Control"] = "no-store"
    return response


async def _to_sign_in(_request: Request, _error: Exception) -> Response:
    return RedirectResponse("/sign-in", status_code=303)


def _not_found(request: Request, error: Exception) -> Response:
    _leave_refusal(request, error)
    return pages.render(request, "problem.html", status=404, title="Case not found",
                        message="There is no such case in your queue.")  # fmt: skip


def _malformed(request: Request, error: Exception) -> Response:
    _leave_refusal(request, error)
    return pages.render(request, "problem.html", status=404, title="Page not found",
                        message="Check the address, or go back to your queue.")  # fmt: skip


def _refused(request: Request, error: Exception) -> Response:
    _leave_refusal(request, error)
    return pages.render(request, "problem.html", status=403, title="That is not possible now",
                        message=str(error))  # fmt: skip


def _refused_by_database(request: Request, error: Exception) -> Response:
    """The database keeps the rules by itself: what it refuses is said without its own words."""
    _leave_refusal(request, error)
    return pages.render(
        request, "problem.html", status=409, title="That was not recorded",
        message="This case may have changed meanwhile. Go back to your queue and look again.",
    )  # fmt: skip


def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    title = "Page not found" if status == 404 else "Sorry, that did not work"
    message = "Check the address, or go back to your queue." if status == 404 else str(error)
    return pages.render(request, "problem.html", status=status, title=title, message=message)


def _leave_refusal(request: Request, error: Exception) -> None:
    """A refusal gets a transaction of its own: the one that was refused is rolled back."""
    with unit(request.app.state.engine, account.username(request)) as opened:
        opened.audit(
            AuditEvent(
                "REFUSED", "PATH", _printable(request.url.path), {"why": type(error).__name__}
            )
        )


def _printable(path: str) -> str:
    return path.replace("\0", "?")[:200]


def _health_router() -> Any:
    from fastapi import APIRouter

    router = APIRouter()

    @router.get("/health", response_class=JSONResponse)
    def health(request: Request) -> JSONResponse:
        """UP, or DOWN with 503, in the form of HMPPS services; nothing about any person."""
        return _health(request.app.state)

    @router.get("/ping", response_class=HTMLResponse)
    def ping() -> Response:
        """The service answers."""
        return Response("pong", media_type="text/plain")

    @router.get("/info")
    def info() -> dict[str, Any]:
        """What is running."""
        return {"build": {"name": "rosh-triage", "version": VERSION}, "productId": "UNASSIGNED"}

    return router


def _health(state: Any) -> JSONResponse:
    try:
        with state.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        database = {"status": "UP"}
    except SQLAlchemyError as error:
        database = {"status": "DOWN", "details": type(error).__name__}
    up = database["status"] == "UP"
    content = {
        "status": "UP" if up else "DOWN",
        "components": {"db": database},
        "uptime": round(time.monotonic() - state.started, 1),
        "build": {"buildNumber": VERSION, "gitRef": "unknown"},
        "version": VERSION,
    }
    return JSONResponse(content, status_code=200 if up else 503)
