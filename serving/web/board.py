"""Serves the board's pages: seven questions, approvals, runs, stop and incidents.

They contain no personal data, and the database shows board members none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import RowMapping, select
from starlette.exceptions import HTTPException

from features import clock
from features.errors import UserError
from serving import watch
from serving.board import approvals, impact, incidents, stop
from serving.db.session import AuditEvent, Transaction
from serving.db.tables import runs
from serving.night import shadow
from serving.review.policies import too_short
from serving.watch import changes
from serving.web import account, charts, formatters, pages
from serving.web.requests import in_transaction
from serving.web.typed_days import parse_days

router = APIRouter()
RUNS_SHOWN = 90
SINCE_LAST_MEETING = timedelta(weeks=4)
"""How far back the overview says what changed: the board meets every month."""
STALE = timedelta(days=2)
"""The age from which figures are marked as out of date."""
ApprovalId = Annotated[int, Path(ge=1, lt=2**63)]
FORM = [Depends(account.check_signed_form)]


Looking = Annotated[Transaction, in_transaction(account.board_member)]
Deciding = Annotated[Transaction, in_transaction(account.decider)]
Words = Annotated[str, Form()]


@router.get("/board")
def show_board(request: Request, opened: Looking) -> Response:
    """Show the board its questions about the model, each with its worst figure."""
    return _overview_page(request, opened, {}, {})


@router.get("/board/approvals")
def show_approvals(request: Request, opened: Looking) -> Response:
    """Show what may score, who approved it, and the proposals open to sign."""
    return _approvals_page(request, opened, {}, {})


@router.get("/board/watch/{topic}")
def show_question(
    request: Request, opened: Looking, topic: str, on: str = "", by: str = ""
) -> Response:
    """Show one question: each figure with its chart, thresholds and table.

    `on` is the day that the night is about, `by` the day by whose end the figures were worked out:
    what readers did later is in the later ones.
    """
    if topic not in watch.TOPICS:
        raise HTTPException(404)
    days, faults = parse_days({"on": on, "by": by})
    day, computed_by = days["on"] or clock.today(), days["by"]
    until = clock.end_of(computed_by) if computed_by else None
    snapshot = (
        watch.newest_made_by(opened.connection, day, until)
        if until
        else watch.newest_snapshot(opened.connection, day)
    )
    history = watch.figure_history(opened.connection, day, until) if snapshot else {}
    question = {
        one.key: one for one in watch.topics_of(watch.figures_of(snapshot) if snapshot else [])
    }[topic]
    opened.audit(AuditEvent("PAGE_VIEW_WATCH", "NOT_APPLICABLE", "-", {"topic": topic}))
    pictures = {
        one.name: charts.over_nights(one.name, history[one.name]) for one in question.figures
    }
    return pages.render_page(
        request,
        "board-question.html",
        status=422 if faults else 200,
        faults=faults,
        topic=question,
        snapshot=snapshot,
        pictures=pictures,
        stale=not on and not by and _is_stale(_last_night(opened), clock.now()),
        history=history,
        thresholds=watch.THRESHOLDS,
        on=on,
        by=by,
    )


@router.get("/board/runs")
def runs_done(request: Request, opened: Looking) -> Response:
    """Show the board a list of nights: the model and load each used, and its counts."""
    latest = select(runs).order_by(runs.c.as_of.desc(), runs.c.at.desc()).limit(RUNS_SHOWN)
    run_rows = list(opened.connection.execute(latest).mappings())
    opened.audit(AuditEvent("PAGE_VIEW_RUNS", "NOT_APPLICABLE", "-"))
    return pages.render_page(request, "board-runs.html", runs=run_rows)


@router.post("/board/stop", dependencies=FORM)
def stop_now(request: Request, opened: Deciding, reasons: Words = "") -> Response:
    """Stop flagging with immediate effect, in the board member's name."""
    if fault := too_short(reasons):
        return _overview_page(request, opened, {"stop": fault}, {"stop": reasons})
    stop.stop_flagging(opened, reasons)
    return RedirectResponse("/board", status_code=303)


@router.post("/board/resume", dependencies=FORM)
def resume_flagging(request: Request, opened: Deciding, reasons: Words = "") -> Response:
    """Agree to resume flagging, which happens once two members have agreed."""
    if fault := _words_fault(opened, reasons, lambda: stop.resume_flagging(opened, reasons)):
        return _overview_page(request, opened, {"resume": fault}, {"resume": reasons})
    return RedirectResponse("/board", status_code=303)


@router.post("/board/approvals/{approval_id}/sign", dependencies=FORM)
def sign_proposal(
    request: Request,
    opened: Deciding,
    approval_id: ApprovalId,
    reasons: Words = "",
    conditions: Words = "",
) -> Response:
    """Sign a proposal with reasons and conditions."""
    name = f"sign-{approval_id}"
    if fault := _words_fault(
        opened, reasons, lambda: approvals.sign_approval(opened, approval_id, reasons, conditions)
    ):
        return _approvals_page(
            request, opened, {name: fault}, {name: reasons, f"{name}-conditions": conditions}
        )
    return RedirectResponse("/board/approvals", status_code=303)


@router.post("/board/approvals/{approval_id}/withdraw", dependencies=FORM)
def withdraw_approval(
    request: Request, opened: Deciding, approval_id: ApprovalId, reasons: Words = ""
) -> Response:
    """Withdraw an approval with immediate effect."""
    name = f"withdraw-{approval_id}"
    if fault := _words_fault(
        opened, reasons, lambda: approvals.withdraw_approval(opened, approval_id, reasons)
    ):
        return _approvals_page(request, opened, {name: fault}, {name: reasons})
    return RedirectResponse("/board/approvals", status_code=303)


@router.get("/board/incidents")
def what_went_wrong(request: Request, opened: Looking) -> Response:
    """Show the reported incidents with their follow-ups."""
    return _incidents_page(request, opened, {}, {})


@router.post("/board/incidents", dependencies=FORM)
def report_incident(
    request: Request, opened: Looking, kind: Annotated[str, Form()] = "", words: Words = ""
) -> Response:
    """Store an incident that the user reports about the service, and show the list again."""
    filled = {"kind": kind, "words": words}
    if fault := _words_fault(opened, words, lambda: incidents.report_incident(opened, kind, words)):
        return _incidents_page(request, opened, {"words": fault}, filled)
    return RedirectResponse("/board/incidents", status_code=303)


@router.post("/board/incidents/{number}/follow", dependencies=FORM)
def follow_up_incident(
    request: Request,
    opened: Looking,
    number: ApprovalId,
    words: Words = "",
    closes: Annotated[str, Form()] = "",
) -> Response:
    """Record what was done about an incident; `closes` closes it."""
    name = f"words-{number}"
    closing = closes == "yes"
    if fault := _words_fault(
        opened, words, lambda: incidents.follow_up_incident(opened, number, words, closes=closing)
    ):
        return _incidents_page(request, opened, {name: fault}, {name: words})
    return RedirectResponse("/board/incidents", status_code=303)


def _words_fault(opened: Transaction, words: str, step: Callable[[], None]) -> str:
    """The fault in the given words, or of the step they are for; empty once it is taken."""
    if fault := too_short(words):
        return fault
    try:
        with opened.connection.begin_nested():
            step()
    except UserError as error:
        return str(error)
    return ""


def _incidents_page(
    request: Request, opened: Transaction, faults: dict[str, str], filled: dict[str, str]
) -> Response:
    opened.audit(AuditEvent("PAGE_VIEW_INCIDENTS", "NOT_APPLICABLE", "-"))
    return pages.render_page(
        request,
        "board-incidents.html",
        status=422 if faults else 200,
        faults=faults,
        filled=filled,
        incidents=incidents.list_incidents(opened.connection),
        kinds=incidents.KINDS,
    )


def _overview_page(
    request: Request, opened: Transaction, faults: dict[str, str], filled: dict[str, str]
) -> Response:
    snapshot = watch.newest_snapshot(opened.connection)
    opened.audit(AuditEvent("PAGE_VIEW_BOARD", "NOT_APPLICABLE", "-"))
    now = clock.now()
    every = approvals.list_approvals(opened.connection)
    demo = request.app.state.settings.demo
    live = _live_approval(every, now, demo=demo)
    last = _last_night(opened)
    history = watch.figure_history(opened.connection, clock.today()) if snapshot else {}
    figures = watch.figures_of(snapshot) if snapshot else []
    states = changes.states_of_questions(history)
    return pages.render_page(
        request,
        "board.html",
        status=422 if faults else 200,
        topics=watch.topics_of(figures),
        figures={one.name: one for one in figures},
        nights={topic: charts.states_over_nights(own) for topic, own in states.items()},
        changes=changes.changes_since(history, clock.today() - SINCE_LAST_MEETING),
        thresholds=watch.THRESHOLDS,
        open_incidents=sum(
            not one.is_closed for one in incidents.list_incidents(opened.connection)
        ),
        snapshot=snapshot,
        stale=_is_stale(last, now),
        live=live,
        warning=live.expiry_warning(now) if live else None,
        waiting=[one for one in every if approvals.is_open_to_sign(one, now)],
        last=last,
        week=_count_week(opened, last),
        stopped=stop.in_force(opened.connection),
        faults=faults,
        filled=filled,
        signatures=approvals.SIGNATURES,
        lanes=formatters.LANE_WORDS,
    )


def _live_approval(
    every: Sequence[approvals.Approval], now: datetime, *, demo: bool
) -> approvals.Approval | None:
    """The approval that scores now, the newest that holds."""
    return next((one for one in every if one.demo == demo and one.why_not_now(now) is None), None)


def _last_night(opened: Transaction) -> RowMapping | None:
    latest = select(runs).order_by(runs.c.as_of.desc(), runs.c.at.desc()).limit(1)
    return opened.connection.execute(latest).mappings().first()


def _count_week(opened: Transaction, last: RowMapping | None) -> dict[str, int]:
    """How many cases were drawn in the seven days up to the last night, and how."""
    if last is None:
        return {}
    recent = select(runs.c.counts).where(runs.c.as_of > last["as_of"] - timedelta(days=7))
    every = opened.connection.execute(recent).scalars().all()
    return {
        "flagged": sum(sum(counts["flagged"].values()) for counts in every),
        "lanes": sum(sum(counts.get("lanes", {}).values()) for counts in every),
        "random": sum(counts["random"] for counts in every),
    }


def _is_stale(last: RowMapping | None, now: datetime) -> bool:
    """Whether the last night is too long ago for its figures to be used."""
    return last is not None and now - last["at"] > STALE


def _approvals_page(
    request: Request, opened: Transaction, faults: dict[str, str], filled: dict[str, str]
) -> Response:
    all_approvals = approvals.list_approvals(opened.connection)
    opened.audit(AuditEvent("PAGE_VIEW_APPROVALS", "NOT_APPLICABLE", "-"))
    now = clock.now()
    bundles = request.app.state.settings.bundles
    impacts = {
        one.id: impact.describe_impact(opened.connection, one, bundles)
        for one in all_approvals
        if approvals.is_open_to_sign(one, now)
    }
    return pages.render_page(
        request,
        "board-approvals.html",
        status=422 if faults else 200,
        approvals=[
            (item, item.why_not_now(now), item.expiry_warning(now), item.why_not(now) is None)
            for item in all_approvals
        ],
        meant=impacts,
        cards={
            one.id: card
            for one in all_approvals
            if one.id in impacts and (card := impact.render_card(one, bundles)) is not None
        },
        mlflow=request.app.state.settings.mlflow_url,
        live=_live_approval(all_approvals, now, demo=request.app.state.settings.demo),
        stopped=stop.in_force(opened.connection),
        beside=shadow.newest_comparisons(opened.connection),
        faults=faults,
        filled=filled,
        signatures=approvals.SIGNATURES,
        lanes=formatters.LANE_WORDS,
    )
