"""The board's page: what is approved, by whom, until when, and what each run did. No person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import select

from serving import approvals
from serving.db.session import AuditEvent, unit
from serving.db.tables import runs
from serving.web import account, pages
from serving.web.account import User

router = APIRouter()


@router.get("/board")
def board(request: Request, user: Annotated[User, Depends(account.board_member)]) -> Response:
    """Approvals and runs, in counts."""
    with unit(request.app.state.engine, user.username) as opened:
        found = approvals.every(opened.connection)
        latest = select(runs).order_by(runs.c.as_of.desc(), runs.c.at.desc()).limit(30)
        told = list(opened.connection.execute(latest).mappings())
        opened.audit(AuditEvent("PAGE_VIEW_BOARD", "NOT_APPLICABLE", "-"))
    now = datetime.now(UTC)
    return pages.render(
        request, "board.html", approvals=[(item, item.why_not(now)) for item in found], runs=told
    )
