"""Serves requests to practitioners: the practitioner's pages, and the unit's page."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from features import clock
from serving.review.acute_entries import AcuteEntries
from serving.review.follow_up import FollowUps
from serving.review.policies import Invalid
from serving.web import account, drafts, pages
from serving.web.cases import ItemId
from serving.web.requests import in_transaction
from serving.web.typed_days import parse_days

router = APIRouter()
OVER_SHOWN = 50
"""So many requests that are over are listed, the last ones."""


Answering = Annotated[FollowUps, in_transaction(account.practitioner, FollowUps.of_transaction)]
Watching = Annotated[FollowUps, in_transaction(account.of_a_unit, FollowUps.of_transaction)]


@router.get("/unit")
def of_the_unit(request: Request, follow_ups: Watching) -> Response:
    """Show a unit's page: its queued cases, each with the SPO who is reading it, and what its SPOs
    asked of practitioners (reassessments, information), each with its state.
    """
    return _unit_page(request, follow_ups)


@router.post("/unit/asked/{item_id}/reply", dependencies=[Depends(account.check_signed_form)])
def reply_to_answer(
    request: Request,
    follow_ups: Watching,
    item_id: ItemId,
    kind: Annotated[str, Form()] = "",
    words: Annotated[str, Form()] = "",
) -> Response:
    """Record the reader's reply to an answer: ask again, or settle."""
    try:
        follow_ups.record_reply(item_id, kind, words)
    except Invalid as error:
        return _unit_page(
            request, follow_ups, item_id, error.faults, {"kind": kind, "words": words}
        )
    drafts.forget_draft(follow_ups.opened, f"/unit/asked/{item_id}/reply")
    return RedirectResponse("/unit", status_code=303)


def _unit_page(
    request: Request,
    follow_ups: FollowUps,
    item_id: int = 0,
    faults: dict[str, str] | None = None,
    filled: dict[str, str] | None = None,
) -> Response:
    waiting, inquiries = follow_ups.of_the_unit()
    today = clock.today()
    typed = {} if filled else drafts.kept_on(follow_ups.opened, "/unit")
    for number, form in list(typed.items())[-1:]:
        item_id = int(number)
        filled = {name: str(form.get(name) or "") for name in ("kind", "words")}
    # Open requests first, overdue ones on top; closed ones are listed separately.
    still = sorted(
        (one for one in inquiries if not one.is_settled),
        key=lambda one: (-one.days_late(today), one.due_on),
    )
    return pages.render_page(
        request,
        "unit.html",
        status=422 if faults else 200,
        waiting=waiting,
        follow_ups=still,
        over=[one for one in inquiries if one.is_settled][-OVER_SHOWN:],
        today=today,
        urgent=AcuteEntries(follow_ups.opened).count_waiting(),
        replied_to=item_id,
        faults={f"{name}-{item_id}": fault for name, fault in (faults or {}).items()},
        filled=filled or {},
        given_back=typed,
    )


@router.get("/asked")
def show_inquiries(request: Request, follow_ups: Answering) -> Response:
    """Show a practitioner the readers' requests about the own cases."""
    acute = AcuteEntries(follow_ups.opened).count_unacknowledged()
    own_follow_ups = follow_ups.list_mine()
    return pages.render_page(
        request, "asked.html", follow_ups=own_follow_ups, today=clock.today(), acute=acute
    )


@router.get("/asked/{item_id}")
def show_inquiry(request: Request, follow_ups: Answering, item_id: ItemId) -> Response:
    """Show one request: what was asked and why, findings, answers, and the form."""
    return _inquiry_page(request, follow_ups, item_id)


@router.post("/asked/{item_id}/answer", dependencies=[Depends(account.check_signed_form)])
def answer_inquiry(
    request: Request,
    follow_ups: Answering,
    item_id: ItemId,
    kind: Annotated[str, Form()] = "",
    words: Annotated[str, Form()] = "",
    planned: Annotated[str, Form()] = "",
) -> Response:
    """Record a practitioner's answer to a reader's request about a case."""
    days, faults = parse_days({"planned": planned})
    try:
        if faults:
            raise Invalid(faults)
        follow_ups.record_answer(item_id, kind, words, days["planned"], clock.today())
    except Invalid as error:
        filled = {"kind": kind, "words": words, "planned": planned}
        return _inquiry_page(request, follow_ups, item_id, error.faults, filled)
    drafts.forget_draft(follow_ups.opened, f"/asked/{item_id}/answer")
    return RedirectResponse(f"/asked/{item_id}", status_code=303)


def _inquiry_page(
    request: Request,
    follow_ups: FollowUps,
    item_id: int,
    faults: dict[str, str] | None = None,
    filled: dict[str, Any] | None = None,
) -> Response:
    typed = None if filled else drafts.read_draft(follow_ups.opened, f"/asked/{item_id}/answer")
    if typed is not None:
        filled = {name: str(typed.get(name) or "") for name in ("kind", "words", "planned")}
    follow_up, findings, timeline = follow_ups.read_follow_up(item_id)
    return pages.render_page(
        request,
        "asked-case.html",
        status=422 if faults else 200,
        one=follow_up,
        findings=findings,
        by_id={(entry["source_table"], entry["record_id"]): entry for entry in timeline},
        today=clock.today(),
        faults=faults or {},
        filled=filled or {"kind": "", "words": "", "planned": ""},
        given_back=typed is not None,
    )
