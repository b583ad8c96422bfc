"""Serves version 1 of the JSON API: the same steps under the same rules as the pages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request
from sqlalchemy import text

from features import clock
from serving.cases import limited_access
from serving.db.session import AuditEvent, Transaction
from serving.night import score_one
from serving.review.asked_store import FollowUp
from serving.review.follow_up import FollowUps
from serving.review.policies import View
from serving.review.service import NotFound, Review
from serving.review.store import Item
from serving.web import api_models as m
from serving.web import tokens
from serving.web.cases import ItemId
from serving.web.requests import in_transaction

One = TypeVar("One")
WRONG: dict[int | str, dict[str, Any]] = {
    status: {"model": m.ErrorResponse, "description": what}
    for status, what in {
        400: "The request is not as described",
        401: "No token that holds",
        403: "Not allowed, or not possible now",
        404: "Not there, or not for you",
        409: "The case has changed meanwhile",
        422: "Something is missing or wrong",
        503: "The database is away; try again",
    }.items()
}
router = APIRouter(responses=WRONG)
PageNumber = Annotated[int, Query(ge=0, le=100_000)]
PageSize = Annotated[int, Query(ge=1, le=500)]


Reading = Annotated[Review, in_transaction(tokens.reader, Review.of_transaction)]
Answering = Annotated[FollowUps, in_transaction(tokens.practitioner, FollowUps.of_transaction)]
Others = Annotated[Transaction, in_transaction(tokens.batch)]


@router.get("/queue")
def list_queue(review: Reading, page: PageNumber = 0, size: PageSize = 50) -> m.Page[m.CaseSummary]:
    """The cases that wait to be read by the caller."""
    waiting, _ = review.list_queue()
    part, about = _page_of(waiting, page, size)
    return m.Page[m.CaseSummary](content=[_case_summary(item) for item in part], **about)


@router.get("/cases/{item_id}")
def read_case(review: Reading, item_id: ItemId) -> m.Case:
    """The header of a case: person, recorded levels, what is missing; no findings.

    Nothing of the findings.
    """
    item, _ = review.read_case(item_id, [], "", system=False)
    return m.Case(**_case_head(item), person={} if item.limited else item.person)


@router.get("/cases/{item_id}/entries")
def list_entries(
    review: Reading, item_id: ItemId, page: PageNumber = 0, size: PageSize = 100
) -> m.Page[m.EntryOut]:
    """The entries of a case, newest first; none for a limited case."""
    _, timeline = review.read_case(item_id, [], "", system=True)
    part, about = _page_of(timeline, page, size)
    names = [name for name in m.EntryOut.model_fields if name not in ("table", "recorded_at")]
    entries = [
        m.EntryOut(
            table=row["source_table"],
            recorded_at=row["recorded_at"].isoformat(),
            **{name: row[name] for name in names},
        )
        for row in part
    ]
    return m.Page[m.EntryOut](content=entries, **about)


@router.post("/cases/{item_id}/claim")
def claim_case(review: Reading, item_id: ItemId) -> m.CaseSummary:
    """Claim a case for the caller for a time; returns its summary."""
    review.claim_case(item_id)
    return _fresh_summary(review, item_id)


@router.post("/cases/{item_id}/return")
def give_back(review: Reading, item_id: ItemId) -> m.CaseSummary:
    """Return a case to the queue, unread."""
    review.give_back(item_id)
    return _fresh_summary(review, item_id)


@router.post("/cases/{item_id}/view")
def record_view(review: Reading, item_id: ItemId, view: m.ViewIn) -> m.CaseSummary:
    """Record the caller's own view, which cannot be changed and makes the findings available."""
    ticked = tuple((one.table, one.record_id) for one in view.ticked)
    own_view = View(_plain_levels(view.verdicts), _plain_levels(view.levels), ticked, view.reasons)
    review.record_view(item_id, own_view)
    return _fresh_summary(review, item_id)


@router.get("/cases/{item_id}/findings")
def read_findings(review: Reading, item_id: ItemId) -> m.Findings:
    """The findings; refused until the caller's own view is recorded."""
    _, findings = review.see_findings(item_id)
    return m.Findings(**{name: findings[name] for name in m.Findings.model_fields})


@router.post("/cases/{item_id}/conclusion")
def conclude_case(review: Reading, item_id: ItemId, conclusion: m.ConclusionIn) -> m.CaseSummary:
    """Record the caller's conclusion; it changes no level."""
    review.conclude_case(
        item_id, conclusion.outcome, _plain_levels(conclusion.groups), conclusion.reasons
    )
    return _fresh_summary(review, item_id)


@router.get("/cases/{item_id}/conclusion")
def read_conclusion(opened: Others, item_id: ItemId) -> m.ConclusionOut:
    """The conclusion named by an event, for the service that writes it to NDelius."""
    conclusion_query = text("SELECT * FROM triage.conclusion_for_batch(:item)")
    row = opened.connection.execute(conclusion_query, {"item": item_id}).mappings().first()
    if row is None:
        raise NotFound("There is no such conclusion.")
    opened.audit(AuditEvent("FETCHED_CONCLUSION", "CRN", row["crn"], {"item": item_id}))
    content = {name: row[name] for name in ("crn", "outcome", "groups", "reasons", "at")}
    return m.ConclusionOut(**content, concluded_by=row["name"])


@router.get("/asked")
def list_inquiries(follow_ups: Answering) -> list[m.AskedOut]:
    """What readers asked the calling practitioner about cases, with the answers so far."""
    return [_inquiry_out(one) for one in follow_ups.list_mine()]


@router.get("/asked/{item_id}")
def one_asked(follow_ups: Answering, item_id: ItemId) -> m.AskedOut:
    """What a reader asked the practitioner about one case, with the answers so far."""
    follow_up, _, _ = follow_ups.read_follow_up(item_id)
    return _inquiry_out(follow_up)


@router.post("/asked/{item_id}/answers")
def answer_inquiry(follow_ups: Answering, item_id: ItemId, answer: m.AnswerIn) -> m.AskedOut:
    """Record a practitioner's answer to a reader's request about a case."""
    follow_ups.record_answer(item_id, answer.kind, answer.words, answer.planned_on, clock.today())
    follow_up, _, _ = follow_ups.read_follow_up(item_id)
    return _inquiry_out(follow_up)


@router.get("/events")
def list_events(
    opened: Others,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    size: PageSize = 100,
) -> m.Events:
    """Domain events after a number, oldest first, for the service that publishes them."""
    rows = opened.connection.execute(
        text("SELECT id, body FROM triage.events_after(:after, :size)"),
        {"after": after, "size": size},
    )
    events = [m.Event(id=row.id, body=row.body) for row in rows]
    opened.audit(AuditEvent("FETCHED_EVENTS", "NOT_APPLICABLE", "-", {"sent": len(events)}))
    return m.Events(content=events, last=events[-1].id if events else after)


@router.post("/limits")
def tell_limit(opened: Others, limit: m.LimitIn) -> m.LimitOut:
    """Limit a case at once, as NDelius reports an exclusion or restriction; never lifts one."""
    in_caseload = limited_access.limit_case(
        opened.connection, limit.crn, limit.excluded, limit.restricted_to
    )
    opened.audit(AuditEvent("TOLD_OF_LIMIT", "CRN", limit.crn, {"held": in_caseload}))
    return m.LimitOut(crn=limit.crn, held=in_caseload)


@router.post("/scores")
def score_history(request: Request, opened: Others, history: m.ScoreIn) -> m.ScoreOut:
    """Score one case history with the approved model; only the audit row is stored."""
    opened.audit(AuditEvent("SCORED_ONE", "CRN", history.crn, {"as_of": f"{history.as_of}"}))
    scored = score_one.score(
        opened.connection,
        request.app.state.settings,
        history.crn,
        history.as_of,
        history.tables,
        request.app.state.bundles,
    )
    output = [
        m.GroupScore(
            group=row["group"],
            stratum=row["stratum"],
            recorded=row["level"],
            state=row["level_state"],
            scored=row["scorable"],
            why_not=row["why_not"],
            probability=row["probability"],
        )
        for row in scored.rows
    ]
    return m.ScoreOut(
        crn=history.crn,
        as_of=history.as_of,
        model_version=scored.approval.bundle_id,
        approval=scored.approval.id,
        output=output,
    )


def _plain_levels(levels: Mapping[Any, Any]) -> dict[str, str]:
    return {str(group): str(one) for group, one in levels.items()}


def _page_of(content: Sequence[One], page: int, size: int) -> tuple[Sequence[One], dict[str, int]]:
    about = {
        "page": page,
        "size": size,
        "total_results": len(content),
        "total_pages": math.ceil(len(content) / size),
    }
    return content[page * size : (page + 1) * size], about


def _case_head(item: Item) -> dict[str, Any]:
    head = {"id": item.id, "crn": item.crn, "pdu_code": item.pdu_code, "limited": item.limited}
    if item.limited:
        nothing = dict.fromkeys(("as_of", "due_on", "progress", "held_by"))
        return {**head, **nothing, "recorded": {}}
    return {
        **head,
        "as_of": item.as_of,
        "due_on": item.due_on,
        "progress": item.progress,
        "held_by": item.held_by,
        "recorded": item.recorded_levels,
    }


def _case_summary(item: Item) -> m.CaseSummary:
    return m.CaseSummary(**_case_head(item))


def _fresh_summary(review: Review, item_id: int) -> m.CaseSummary:
    item, _ = review.read_case(item_id, [], "", system=False)
    return _case_summary(item)


def _inquiry_out(one: FollowUp) -> m.AskedOut:
    """A request as the caller may see it; reduced where the case has become limited."""
    answers = [
        m.Answer(
            kind=row["kind"],
            words=row["words"],
            planned_on=row["planned_on"],
            at=row["at"],
            by=row["name"],
        )
        for row in one.answers
    ]
    return m.AskedOut(
        id=one.item_id,
        crn=one.crn,
        limited=one.limited,
        outcome=one.outcome,
        groups=dict(one.groups),
        reasons=one.reasons,
        asked_by=one.asked_by,
        asked_at=one.asked_at,
        due_on=one.due_on,
        state=one.current_state,
        answers=answers,
    )
