"""Serves the list of the cases that wait to be read."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from features import clock
from features.errors import NotApproved
from serving.board import approvals, stop
from serving.db.last_night import LastNight, read_last_night
from serving.db.silent_feeds import silent_feeds
from serving.review.acute_entries import AcuteEntries
from serving.review.follow_up import FollowUps
from serving.review.service import Review
from serving.web import account, pages, queue_view
from serving.web.cases import Reading

router = APIRouter(dependencies=[Depends(account.reader)])


@router.get("/queue")
def show_queue(
    request: Request,
    review: Reading,
    level: Annotated[list[str] | None, Query()] = None,
    stage: Annotated[list[str] | None, Query()] = None,
    sort: str = "due",
    down: bool = False,
) -> Response:
    """Show the cases that wait to be read, filtered and sorted as asked."""
    waiting, concluded = review.list_queue()
    view = queue_view.parse_view(level or [], stage or [], sort, down=down)
    today = clock.today()
    return pages.render_page(
        request,
        "queue.html",
        waiting=queue_view.cases_in_view(waiting, view),
        view=view,
        today=today,
        load=queue_view.count_workload(waiting, today),
        done=concluded,
        notice=_why_nothing_new(request, review),
        silent=_silent_in_unit(request, review, today),
        last_night=_late_night(request, review),
        acute=AcuteEntries(review.opened).count_unacknowledged(),
        for_me=FollowUps.of_transaction(review.opened).waiting_for_me(),
    )


def _silent_in_unit(request: Request, review: Review, today: date) -> dict[str, str]:
    """What no longer arrives from the region of the reader's unit."""
    user = account.signed_in(request)
    return silent_feeds(review.opened.connection, user.pdu_code if user else None, today)


def _late_night(request: Request, review: Review) -> LastNight | None:
    """The newest night where a later one should have run by now, else None."""
    due = request.app.state.settings.night_due
    last = read_last_night(review.opened.connection, clock.now(), due)
    return last if last.missed else None


def _why_nothing_new(request: Request, review: Review) -> str | None:
    """The reason why nothing new can be flagged, or None while an approval is valid (promise 8)."""
    stopped = stop.in_force(review.opened.connection)
    if stopped is not None:
        return stopped.stop_notice
    demo = request.app.state.settings.demo
    try:
        approvals.in_force(review.opened.connection, demo=demo)
    except NotApproved as error:
        return str(error)
    return None
