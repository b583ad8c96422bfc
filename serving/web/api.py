"""Builds the JSON API, an application of its own under /v1, described by OpenAPI."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException

from features.errors import MissingInput, NotApproved, RunStopped, SetupProblem, UserError
from serving.night.score_one import BadHistory
from serving.review.policies import Invalid, Refused
from serving.review.service import NotFound
from serving.web import api_routes
from serving.web.account import NotSignedIn, signed_in
from serving.web.api_models import ErrorResponse
from serving.web.limiter import RETRY_AFTER, TooManyTries
from serving.web.requests import leave_refusal

VERSION = "1.0"
ABOUT = (
    "Queue, case, review steps and outcomes of rosh-triage, which decides nothing. Findings stay "
    "sealed until the caller's own view is recorded. Errors are HMPPS error bodies."
)
STATUS: dict[type[UserError], int] = {
    NotSignedIn: 401,
    TooManyTries: 429,
    NotFound: 404,
    Refused: 403,
    Invalid: 422,
    BadHistory: 422,
    NotApproved: 409,
    SetupProblem: 503,
    MissingInput: 503,
    RunStopped: 409,
    UserError: 403,
}
"""What each way of being wrong is over HTTP; the nearest class that is listed counts."""


def create_api() -> FastAPI:
    """The API application; the application that mounts it sets its state."""
    app = FastAPI(
        title="rosh-triage",
        version=VERSION,
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.include_router(api_routes.router)
    app.add_exception_handler(UserError, _user_error)
    app.add_exception_handler(RequestValidationError, _answer_malformed)
    app.add_exception_handler(DBAPIError, _answer_database)
    app.add_exception_handler(NoConnection, _answer_database)
    app.add_exception_handler(HTTPException, _answer_http)
    return app


def _user_error(request: Request, error: Exception) -> Response:
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    _audit_refusal(request, error)
    faults = error.faults if isinstance(error, Invalid) else None
    return error_body(status, str(error), faults=faults)


def _answer_malformed(request: Request, error: Exception) -> Response:
    """Answer a malformed request with the places of its faults, never with its contents."""
    _audit_refusal(request, error)
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    where = "; ".join(sorted({".".join(str(p) for p in one["loc"]) for one in faults}))[:500]
    return error_body(400, "The request is not as the API describes it.", f"See: {where}")


def _answer_database(request: Request, error: Exception) -> Response:
    if isinstance(error, OperationalError | InterfaceError | NoConnection):
        return error_body(503, "The database is away. Nothing was recorded. Try again in a minute.")
    _audit_refusal(request, error)
    return error_body(409, "That was not recorded: the case may have changed meanwhile.")


def _answer_http(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    sentences = {404: "There is no such address.", 405: "That address is not asked in this way."}
    response = error_body(status, sentences.get(status, "That did not work."))
    response.headers.update(headers or {})
    return response


def error_body(
    status: int, words: str, more: str | None = None, faults: dict[str, str] | None = None
) -> JSONResponse:
    """An error in the HMPPS shape: status, words for people and for developers, faults by field."""
    response = ErrorResponse(
        status=status, user_message=words, developer_message=more, faults=faults
    )
    content: dict[str, Any] = response.model_dump(by_alias=True, exclude_none=True)
    headers = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": RETRY_AFTER}}.get(status)
    return JSONResponse(content, status_code=status, headers=headers)


def _audit_refusal(request: Request, error: Exception) -> None:
    user = signed_in(request)
    leave_refusal(request, user.username if user else None, error)
