"""Serves health, ping and info as HMPPS services do; nothing about any person."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from features import clock
from serving.db.last_night import read_last_night

VERSION = "0.2.0"
router = APIRouter()


@router.get("/health", response_class=JSONResponse)
def show_health(request: Request) -> JSONResponse:
    """UP, or DOWN with 503, in the form of HMPPS services; nothing about any person.

    DOWN also where no night has run that should have: the pages work, and their queue is old.
    """
    return _health_response(request.app.state, _database_state, _night_state)


@router.get("/health/liveness", response_class=JSONResponse)
def show_liveness() -> JSONResponse:
    """UP while the process answers at all: a restart would help nothing else."""
    return JSONResponse({"status": "UP"})


@router.get("/health/readiness", response_class=JSONResponse)
def show_readiness(request: Request) -> JSONResponse:
    """UP while the database answers, so that requests may be sent here."""
    return _health_response(request.app.state, _database_state)


@router.get("/ping", response_class=HTMLResponse)
def answer_ping() -> Response:
    """Answer that the service is running, for load balancers."""
    return Response("pong", media_type="text/plain")


@router.get("/info")
def show_info(request: Request) -> dict[str, Any]:
    """The name and version of the running service, as HMPPS services give them."""
    settings = request.app.state.settings
    return {
        "build": {"name": "rosh-triage", "version": VERSION, "buildNumber": settings.build_number},
        "git": {"commit": {"id": settings.git_ref}},
        "productId": "UNASSIGNED",
    }


State = Callable[[Any], tuple[str, dict[str, Any]]]
"""What asks a part of the service how it is: the part's name, and its status with details."""


def _database_state(state: Any) -> tuple[str, dict[str, Any]]:
    try:
        with state.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        return "db", {"status": "DOWN", "details": type(error).__name__}
    return "db", {"status": "UP"}


def _night_state(state: Any) -> tuple[str, dict[str, Any]]:
    try:
        with state.engine.connect() as connection:
            last = read_last_night(connection, clock.now(), state.settings.night_due)
    except SQLAlchemyError as error:
        return "night", {"status": "DOWN", "details": type(error).__name__}
    as_of = last.as_of.isoformat() if last.as_of else None
    if last.is_late:
        days = [day.isoformat() for day in last.missed]
        return "night", {"status": "DOWN", "asOf": as_of, "missed": days}
    return "night", {"status": "UP", "asOf": as_of}


def _health_response(state: Any, *parts: State) -> JSONResponse:
    components = dict(part(state) for part in parts)
    up = all(component["status"] == "UP" for component in components.values())
    content = {
        "status": "UP" if up else "DOWN",
        "components": components,
        "uptime": round(time.monotonic() - state.started, 1),
        "build": {"buildNumber": state.settings.build_number, "gitRef": state.settings.git_ref},
        "version": VERSION,
    }
    return JSONResponse(content, status_code=200 if up else 503)
