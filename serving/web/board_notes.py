"""Serves the board's page of notes: how right their reading is by kind, and each kind's switch."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select

from features.errors import UserError
from serving.board import note_kinds
from serving.db.session import AuditEvent, Transaction
from serving.db.tables import runs
from serving.review.policies import too_short
from serving.web import account, pages
from serving.web.requests import in_transaction

router = APIRouter()
Looking = Annotated[Transaction, in_transaction(account.board_member)]
Deciding = Annotated[Transaction, in_transaction(account.decider)]
Words = Annotated[str, Form()]


@router.get("/board/notes")
def show_note_kinds(request: Request, opened: Looking) -> Response:
    """Show the board how right the reading of notes is, kind by kind, and which kinds count."""
    return _notes_page(request, opened, {}, {})


@router.post("/board/notes", dependencies=[Depends(account.check_signed_form)])
def switch_note_kind(
    request: Request, opened: Deciding, kind: Words = "", counts: Words = "", reasons: Words = ""
) -> Response:
    """Switch a kind off from the next night on, or agree that it counts again."""
    faults = _faults_of(kind, counts, reasons)
    if not faults:
        try:
            with opened.connection.begin_nested():
                note_kinds.switch_kind(opened, kind, reasons, counts=counts == "on")
        except UserError as error:
            faults = {"kind": str(error)}
    if faults:
        return _notes_page(
            request, opened, faults, {"kind": kind, "counts": counts, "reasons": reasons}
        )
    return RedirectResponse("/board/notes", status_code=303)


def _faults_of(kind: str, counts: str, reasons: str) -> dict[str, str]:
    faults = {
        "kind": "" if kind else "Select a kind",
        "counts": "" if counts in ("on", "off") else "Select whether it is switched off or on",
        "reasons": too_short(reasons),
    }
    return {name: words for name, words in faults.items() if words}


def _notes_page(
    request: Request, opened: Transaction, faults: dict[str, str], filled: dict[str, str]
) -> Response:
    last = select(runs.c.counts).order_by(runs.c.as_of.desc(), runs.c.at.desc()).limit(1)
    counts = opened.connection.execute(last).scalar() or {}
    opened.audit(AuditEvent("PAGE_VIEW_NOTE_KINDS", "NOT_APPLICABLE", "-"))
    return pages.render_page(
        request,
        "board-notes.html",
        status=422 if faults else 200,
        states=note_kinds.kind_states(opened.connection),
        switches=note_kinds.list_switches(opened.connection)[::-1],
        least=note_kinds.LEAST_PRECISION,
        needed=note_kinds.TO_SWITCH_ON,
        counted=counts.get("note_kinds", []),
        counted_no_longer=counts.get("note_kinds_off", []),
        faults=faults,
        filled=filled,
    )
