"""The board's page: what is approved, by whom, until when, what each run did; and stopping.

No person stands on it, and the database shows its members none.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select

from features.errors import UserError
from serving import approvals, stop, watch
from serving.db.session import AuditEvent, Unit
from serving.db.tables import runs
from serving.review.policies import too_short
from serving.web import account, pages
from serving.web.transactions import within

router = APIRouter()
ApprovalId = Annotated[int, Path(ge=1, lt=2**63)]
FORM = [Depends(account.check_signed_form)]


Looking = Annotated[Unit, within(account.board_member)]
Deciding = Annotated[Unit, within(account.decider)]
Words = Annotated[str, Form()]


@router.get("/board")
def board(request: Request, opened: Looking) -> Response:
    """Approvals and runs, in counts."""
    return _page(request, opened, {}, {})


@router.post("/board/stop", dependencies=FORM)
def stop_now(request: Request, opened: Deciding, reasons: Words = "") -> Response:
    """No new flags from this moment."""
    if fault := too_short(reasons):
        return _page(request, opened, {"stop": fault}, {"stop": reasons})
    stop.stop(opened, reasons)
    return RedirectResponse("/board", status_code=303)


@router.post("/board/resume", dependencies=FORM)
def resume(request: Request, opened: Deciding, reasons: Words = "") -> Response:
    """It may go on: it does once two members have said so."""
    if fault := too_short(reasons):
        return _page(request, opened, {"resume": fault}, {"resume": reasons})
    stop.resume(opened, reasons)
    return RedirectResponse("/board", status_code=303)


@router.post("/board/approvals/{approval_id}/sign", dependencies=FORM)
def sign(
    request: Request,
    opened: Deciding,
    approval_id: ApprovalId,
    reasons: Words = "",
    conditions: Words = "",
) -> Response:
    """Sign a proposal, with own reasons and conditions."""
    name = f"sign-{approval_id}"
    if fault := too_short(reasons):
        return _page(request, opened, {name: fault}, {name: reasons})
    try:
        with opened.connection.begin_nested():
            approvals.sign(opened, approval_id, reasons, conditions)
    except UserError as error:
        return _page(request, opened, {name: str(error)}, {name: reasons})
    return RedirectResponse("/board", status_code=303)


@router.post("/board/approvals/{approval_id}/withdraw", dependencies=FORM)
def withdraw(
    request: Request, opened: Deciding, approval_id: ApprovalId, reasons: Words = ""
) -> Response:
    """Withdraw an approval at once."""
    name = f"withdraw-{approval_id}"
    if fault := too_short(reasons):
        return _page(request, opened, {name: fault}, {name: reasons})
    try:
        with opened.connection.begin_nested():
            approvals.withdraw(opened, approval_id, reasons)
    except UserError as error:
        return _page(request, opened, {name: str(error)}, {name: reasons})
    return RedirectResponse("/board", status_code=303)


def _page(
    request: Request, opened: Unit, faults: dict[str, str], filled: dict[str, str]
) -> Response:
    found = approvals.every(opened.connection)
    latest = select(runs).order_by(runs.c.as_of.desc(), runs.c.at.desc()).limit(30)
    told = list(opened.connection.execute(latest).mappings())
    opened.audit(AuditEvent("PAGE_VIEW_BOARD", "NOT_APPLICABLE", "-"))
    now = datetime.now(UTC)
    return pages.render(
        request,
        "board.html",
        status=422 if faults else 200,
        approvals=[(item, item.why_not(now), item.warning(now)) for item in found],
        runs=told,
        watched=watch.newest(opened.connection),
        thresholds=watch.THRESHOLDS,
        stopped=stop.in_force(opened.connection),
        faults=faults,
        filled=filled,
        signatures=approvals.SIGNATURES,
    )
