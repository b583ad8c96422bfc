"""Serves the page of a case over time: a picture, its table, and what each assessment changed."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from serving.review.states import FINDINGS_OPEN
from serving.web import account, case_picture, pages
from serving.web.cases import ItemId, Reading

router = APIRouter(dependencies=[Depends(account.reader)])


@router.get("/cases/{item_id}/over-time")
def show_case_over_time(request: Request, review: Reading, item_id: ItemId) -> Response:
    """Show the case over time: levels, custody, what happened, appointments and registers."""
    item, entries = review.read_over_time(item_id)
    over_time = item.person.get("over_time")
    return pages.render_page(
        request,
        "over-time.html",
        item=item,
        picture=case_picture.draw_case(over_time, entries, item.as_of) if over_time else "",
        months=case_picture.months_of(over_time, entries, item.as_of) if over_time else [],
        changes=case_picture.level_changes(over_time) if over_time else [],
        findings_open=item.progress in FINDINGS_OPEN,
    )
