"""Serves the SPO's pages of one case: record, own view, findings, conclusion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from features import clock
from features.contracts import codes
from features.contracts.note_columns import KINDS
from serving.cases.caseload import facts_of_case
from serving.review import lines
from serving.review.follow_up import FollowUps
from serving.review.policies import Invalid, View, can_take
from serving.review.service import Review
from serving.review.states import FINDINGS_OPEN, VERDICTS, Progress, Step
from serving.review.store import Item
from serving.web import account, drafts, formatters, pages
from serving.web.requests import in_transaction
from serving.web.typed_days import parse_days

ItemId = Annotated[int, Path(ge=1, lt=2**63)]

NOTHING_SAID = View({}, {}, (), "")

router = APIRouter(dependencies=[Depends(account.reader)])


Reading = Annotated[Review, in_transaction(account.reader, Review.of_transaction)]


@router.get("/cases/{item_id}")
def show_case(
    request: Request,
    review: Reading,
    item_id: ItemId,
    table: Annotated[list[str] | None, Query()] = None,
    words: str = "",
    since: str = "",
    until: str = "",
    system: bool = False,
    whole: bool = False,
    kind: str = "",
) -> Response:
    """Show a case: person, recorded levels, what is missing, the record, and the form.

    It first shows what was recorded since the last assessment, grouped into lines.
    """
    view = CaseView(
        tuple(table or ()),
        words.replace("\0", ""),
        system=system,
        whole=whole,
        since=since,
        until=until,
        kind=kind if kind in KINDS else "",
    )
    return _case_page(request, review, item_id, view)


async def given_view(request: Request) -> View:
    """The view in the posted form: verdict by group, ticked entries, words.

    The button "all others" answers "about right" for every group without an answer.
    """
    return view_of(await request.form())


def view_of(form: FormData) -> View:
    """The view in a form: verdict by group, ticked entries, words."""
    verdicts, levels = {}, {}
    others = "about_right" if form.get("others") else ""
    for group in codes.COMMUNITY_GROUPS:
        answer = str(form.get(f"verdict-{group}") or others)
        verdict, _, level = answer.partition(":")
        if verdict in VERDICTS:
            verdicts[group] = verdict
        if level:
            levels[group] = level
    ticked = formatters.ticked_entries(str(one) for one in form.getlist("entry"))
    return View(verdicts, levels, ticked, str(form.get("reasons") or ""))


async def given_groups(request: Request) -> dict[str, str]:
    """The groups for which the posted form asks a reassessment: too low or too high."""
    return groups_of(await request.form())


def groups_of(form: FormData) -> dict[str, str]:
    """The groups that a form names, each with its verdict."""
    requests = {group: str(form.get(f"ask-{group}") or "") for group in codes.COMMUNITY_GROUPS}
    return {group: request for group, request in requests.items() if request}


@router.post("/cases/{item_id}/claim", dependencies=[Depends(account.check_signed_form)])
def claim_case(review: Reading, item_id: ItemId) -> Response:
    """Claim the case for this reader for a time, and show it again."""
    review.claim_case(item_id)
    return RedirectResponse(f"/cases/{item_id}", status_code=303)


@router.post("/cases/{item_id}/return", dependencies=[Depends(account.check_signed_form)])
def give_back(review: Reading, item_id: ItemId) -> Response:
    """Return the case to the queue, unread."""
    review.give_back(item_id)
    return RedirectResponse("/queue", status_code=303)


@router.post("/cases/{item_id}/view", dependencies=[Depends(account.check_signed_form)])
def record_view(
    request: Request,
    review: Reading,
    item_id: ItemId,
    view: Annotated[View, Depends(given_view)],
) -> Response:
    """Record the reader's own view, then redirect to the findings."""
    try:
        item = review.record_view(item_id, view)
    except Invalid as error:
        # The whole record, so that no ticked entry is missing from what is sent again.
        return _case_page(request, review, item_id, WHOLE, faults=error.faults, filled=view)
    drafts.forget_draft(review.opened, f"/cases/{item_id}/view")
    page = "again" if item.progress is Progress.TO_REPEAT else "findings"
    return RedirectResponse(f"/cases/{item_id}/{page}", status_code=303)


@router.get("/cases/{item_id}/again")
def compare_views(request: Request, review: Reading, item_id: ItemId) -> Response:
    """Show a reader what they thought of one record twice, half a year apart."""
    item, first, repeat = review.compare_repeat_view(item_id)
    return pages.render_page(request, "again.html", item=item, first=first, repeat=repeat)


@router.get("/cases/{item_id}/findings")
def show_findings(request: Request, review: Reading, item_id: ItemId) -> Response:
    """Show the findings with the entries behind each, and the form for the conclusion."""
    return _findings_page(request, review, item_id)


@router.post("/cases/{item_id}/notes", dependencies=[Depends(account.check_signed_form)])
def answer_note(
    review: Reading,
    item_id: ItemId,
    entry: Annotated[str, Form()] = "",
    answer: Annotated[str, Form()] = "",
) -> Response:
    """Record whether a note says what was read from it, and show the entry again."""
    review.answer_note(item_id, entry, answer)
    place = quote(f"entry-{entry}", safe="")
    return RedirectResponse(f"/cases/{item_id}/findings#{place}", status_code=303)


@router.post("/cases/{item_id}/conclusion", dependencies=[Depends(account.check_signed_form)])
def conclude_case(
    request: Request,
    review: Reading,
    item_id: ItemId,
    groups: Annotated[dict[str, str], Depends(given_groups)],
    outcome: Annotated[str, Form()] = "",
    reasons: Annotated[str, Form()] = "",
) -> Response:
    """Record the reader's conclusion with own reasons."""
    try:
        review.conclude_case(item_id, outcome, groups, reasons)
    except Invalid as error:
        filled = {"outcome": outcome, "reasons": reasons, "groups": groups}
        return _findings_page(request, review, item_id, faults=error.faults, filled=filled)
    drafts.forget_draft(review.opened, f"/cases/{item_id}/conclusion")
    return RedirectResponse(f"/cases/{item_id}/findings", status_code=303)


@dataclass(frozen=True)
class CaseView:
    """The part of a record that a reader asked for; by default entries since the assessment."""

    tables: tuple[str, ...] = ()
    words: str = ""
    since: str = ""
    until: str = ""
    """The first and the last day, as typed."""
    system: bool = False
    whole: bool = False
    kind: str = ""
    """A kind of entry that is read in notes, once the findings were seen."""

    @property
    def is_brief(self) -> bool:
        """Whether the reader set no filter, so that the page groups entries into few lines."""
        return self == CaseView()


WHOLE = CaseView(system=True, whole=True)


def _case_page(
    request: Request,
    review: Review,
    item_id: int,
    view: CaseView,
    *,
    faults: dict[str, str] | None = None,
    filled: View = NOTHING_SAID,
) -> Response:
    typed = (
        drafts.read_draft(review.opened, f"/cases/{item_id}/view")
        if filled is NOTHING_SAID
        else None
    )
    if typed is not None:
        filled, view = view_of(typed), WHOLE
    days, wrong_days = parse_days({"since": view.since, "until": view.until})
    faults = {**(faults or {}), **wrong_days}
    item, timeline = review.read_case(
        item_id, view.tables, view.words, system=view.system, kind=view.kind, **days
    )
    brief = view.is_brief and not item.limited
    begun = lines.last_assessed(item.person) if brief else None
    recent = lines.entries_since(timeline, begun) if brief else []
    return pages.render_page(
        request,
        "limited.html" if item.limited else "case.html",
        status=422 if faults else 200,
        item=item,
        timeline=timeline,
        brief=brief,
        begun=begun,
        parts=lines.parts_since(timeline, begun, item.as_of) if brief else [],
        recent_count=len(recent),
        earlier=len(timeline) - len(recent),
        chosen=view,
        checklist=_facts_of_today(review, item),
        note_kinds=KINDS if item.progress in FINDINGS_OPEN else {},
        findings_open=item.progress in FINDINGS_OPEN,
        own=review.store.own_view(item_id),
        may_view=can_take(item.progress, Step.RECORD_VIEW),
        may_see=can_take(item.progress, Step.SEE_FINDINGS),
        faults=faults,
        may_claim=item.progress is Progress.TO_READ,
        may_return=can_take(item.progress, Step.RETURN),
        filled=filled,
        given_back=typed is not None,
    )


def _facts_of_today(review: Review, item: Item) -> list[Any]:
    """What the checklist says of a case by now; nothing of a case that is read as it stood once."""
    if item.limited or item.progress is Progress.TO_REPEAT:
        return []
    return facts_of_case(review.opened.connection, item.crn)


def _findings_page(
    request: Request,
    review: Review,
    item_id: int,
    *,
    faults: dict[str, str] | None = None,
    filled: dict[str, Any] | None = None,
) -> Response:
    item, findings = review.see_findings(item_id)
    timeline = review.store.read_timeline(item_id, [], "", system=True)
    by_id = {(entry["source_table"], entry["record_id"]): entry for entry in timeline}
    fresh = review.store.read_item(item_id) or item
    follow_ups = FollowUps.of_transaction(review.opened)
    typed = None if filled else drafts.read_draft(review.opened, f"/cases/{item_id}/conclusion")
    if typed is not None:
        filled = {
            "outcome": str(typed.get("outcome") or ""),
            "groups": groups_of(typed),
            "reasons": str(typed.get("reasons") or ""),
        }
    return pages.render_page(
        request,
        "findings.html",
        followed=follow_ups.of_one(item_id),
        earlier=follow_ups.earlier_requests(item.crn, item_id),
        today=clock.today(),
        status=422 if faults else 200,
        item=fresh,
        findings=findings,
        by_id=by_id,
        own=review.store.own_view(item_id),
        others=review.store.other_views(item_id),
        note_answers=review.store.note_answers(item_id),
        may_answer=fresh.progress in FINDINGS_OPEN,
        own_safety=formatters.speaks_of_mental_health(findings),
        conclusion=review.store.read_conclusion(item_id),
        may_conclude=can_take(fresh.progress, Step.CONCLUDE),
        next_case=review.next_case(item_id) if fresh.progress is Progress.CONCLUDED else None,
        faults=faults or {},
        filled=filled or {"outcome": "", "reasons": "", "groups": {}},
        given_back=typed is not None,
    )
