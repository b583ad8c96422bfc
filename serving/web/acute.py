"""Serves the page of acute entries, on which each is acknowledged by name."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from serving.review.acute_entries import AcuteEntries
from serving.review.policies import Invalid
from serving.web import account, drafts, pages
from serving.web.cases import ItemId
from serving.web.requests import in_transaction

router = APIRouter()


Looking = Annotated[AcuteEntries, in_transaction(account.with_cases, AcuteEntries)]


@router.get("/acute")
def show_acute(request: Request, entries: Looking) -> Response:
    """Show the page of acute (urgent) entries: unacknowledged ones first."""
    typed = drafts.kept_on(entries.opened, "/acute")
    filled = {int(number): str(form.get("done") or "") for number, form in typed.items()}
    return pages.render_page(
        request,
        "acute.html",
        entries=entries.list_entries(),
        faults={},
        filled=filled,
        given_back=filled,
    )


@router.post("/acute/{entry_id}/acknowledge", dependencies=[Depends(account.check_signed_form)])
def acknowledge_entry(
    request: Request,
    entries: Looking,
    entry_id: ItemId,
    action: Annotated[str, Form(alias="done")] = "",
) -> Response:
    """Record that the user acknowledges an acute (urgent) entry, with the action taken."""
    try:
        entries.acknowledge_entry(entry_id, action)
    except Invalid as error:
        return pages.render_page(
            request,
            "acute.html",
            status=422,
            entries=entries.list_entries(),
            faults=error.faults,
            filled={entry_id: action},
            given_back={},
        )
    drafts.forget_draft(entries.opened, f"/acute/{entry_id}/acknowledge")
    return RedirectResponse("/acute", status_code=303)
