"""Serves health, ping and info as HMPPS services do; nothing about any person."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

VERSION = "0.2.0"
router = APIRouter()


@router.get("/health", response_class=JSONResponse)
def show_health(request: Request) -> JSONResponse:
    """UP, or DOWN with 503, in the form of HMPPS services; nothing about any person."""
    return _health_state(request.app.state)


@router.get("/ping", response_class=HTMLResponse)
def answer_ping() -> Response:
    """Answer that the service is running, for load balancers."""
    return Response("pong", media_type="text/plain")


@router.get("/info")
def show_info() -> dict[str, Any]:
    """The name and version of the running service, as HMPPS services give them."""
    return {"build": {"name": "rosh-triage", "version": VERSION}, "productId": "UNASSIGNED"}


def _health_state(state: Any) -> JSONResponse:
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
