"""Serves the unit's pages: checklist, case by CRN, limited cases, deputy, past reviews."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from features import clock
from features.store.store import Store
from serving.cases import limited_access, summary
from serving.cases.caseload import CHECKLIST, facts_of_case
from serving.db.silent_feeds import with_silent_feeds
from serving.review import lines
from serving.review.asked_store import AskedStore
from serving.review.policies import Invalid
from serving.review.units import Units
from serving.web import account, drafts, pages
from serving.web.account import User
from serving.web.requests import in_transaction

router = APIRouter()
Head = Annotated[User, Depends(account.head)]


Looking = Annotated[Units, in_transaction(account.of_a_unit, Units.of_transaction)]
Settling = Annotated[Units, in_transaction(account.head, Units.of_transaction)]


@router.get("/reviews")
def show_reviews(request: Request, units: Looking) -> Response:
    """Show the reviews that this reader concluded, with the practitioners' answers."""
    return pages.render_page(request, "reviews.html", past=units.list_past())


@router.get("/unit/checklist")
def show_checklist(request: Request, units: Looking) -> Response:
    """Show facts about all cases of the unit, by practitioner, without scores."""
    facts = units.list_checklist()
    return pages.render_page(
        request,
        "checklist.html",
        facts=facts,
        facts_in_words=CHECKLIST,
        held=units.store.count_cases(),
    )


@router.get("/unit/week")
def show_week(request: Request, units: Looking) -> Response:
    """Show one page for supervision meetings: requests and open work by practitioner."""
    named, facts = units.summarise_week()
    holders: list[tuple[str, int | None]] = [*named]
    follow_ups = AskedStore(units.opened.connection, units.store.username).list_follow_ups()
    facts_of: dict[str, list[Any]] = {}
    if any(row["practitioner_code"] is None for rows in facts.values() for row in rows) or any(
        one.practitioner_code is None for one in follow_ups
    ):
        holders.append(("", None))
    for name, rows in facts.items():
        for row in rows:
            facts_of.setdefault(row["practitioner_code"] or "", []).append((name, row["crn"]))
    return pages.render_page(
        request,
        "week.html",
        holders=holders,
        facts=facts_of,
        follow_ups=follow_ups,
        facts_in_words=CHECKLIST,
        today=clock.today(),
    )


@router.get("/people/{crn}")
def show_person(request: Request, units: Looking, crn: str, whole: bool = False) -> Response:
    """Show the record of any case that the unit holds, without findings or score."""
    holding = units.open_case(crn, clock.today())
    store = Store.open(request.app.state.settings.store)
    as_of = store.extracted_on
    # The store is checked too: a limit holds from its load, before the next night.
    if holding["limited"] or limited_access.is_limited(units.opened.connection, store, crn, as_of):
        return pages.render_page(request, "limited.html", item={"crn": crn})
    who, entries = summary.one_case(store, crn, as_of)
    who = with_silent_feeds(units.opened.connection, who, holding["pdu_code"], as_of)
    shown_entries = [entry for entry in entries if not entry["system"]]
    begun = None if whole else lines.last_assessed(who)
    recent = lines.entries_since(shown_entries, begun)
    item = {"crn": crn, "person": who, "pdu_code": holding["pdu_code"], "as_of": as_of}
    return pages.render_page(
        request,
        "person.html",
        item=item,
        whole=whole,
        begun=begun,
        timeline=shown_entries,
        parts=lines.parts_since(shown_entries, begun, as_of),
        checklist=facts_of_case(units.opened.connection, crn),
        earlier=len(shown_entries) - len(recent),
    )


@router.get("/unit/limited")
def show_limited(request: Request, units: Looking) -> Response:
    """Show the limited cases, which must be checked by hand every ninety days."""
    typed = drafts.kept_on(units.opened, "/unit/limited")
    filled = {crn: str(form.get("words") or "") for crn, form in typed.items()}
    return pages.render_page(
        request,
        "unit-limited.html",
        cases=units.list_limited(),
        today=clock.today(),
        faults={},
        filled=filled,
        given_back=filled,
    )


@router.post("/unit/limited/{crn}/check", dependencies=[Depends(account.check_signed_form)])
def check_limited(
    request: Request, units: Looking, crn: str, words: Annotated[str, Form()] = ""
) -> Response:
    """Record that the user checked a limited case by hand."""
    try:
        units.check_limited(crn, words)
    except Invalid as error:
        return pages.render_page(
            request,
            "unit-limited.html",
            status=422,
            cases=units.list_limited(),
            today=clock.today(),
            faults=error.faults,
            filled={crn: words},
            given_back={},
        )
    drafts.forget_draft(units.opened, f"/unit/limited/{crn}/check")
    return RedirectResponse("/unit/limited", status_code=303)


@router.get("/unit/cover")
def show_cover(request: Request, units: Settling) -> Response:
    """Show the unit's deputy and its maximum of flagged cases."""
    return _cover_page(request, units, {}, None)


@router.post("/unit/cover", dependencies=[Depends(account.check_signed_form)])
def set_cover(
    request: Request,
    units: Settling,
    user: Head,
    deputy: Annotated[str, Form()] = "",
    most: Annotated[str, Form()] = "",
) -> Response:
    """Store the unit's new deputy and its maximum of flagged cases."""
    try:
        units.set_cover(user.pdu_code or "", deputy, most.strip())
    except Invalid as error:
        return _cover_page(request, units, error.faults, {"deputy": deputy, "most": most})
    return RedirectResponse("/unit/cover", status_code=303)


def _cover_page(
    request: Request, units: Units, faults: dict[str, str], filled: dict[str, str] | None
) -> Response:
    now, could = units.read_cover()
    stored = {"deputy": now["deputy"] or "", "most": now["reviews_at_once"]} if now else {}
    values = filled or {
        "deputy": "",
        "most": "",
        **{k: v for k, v in stored.items() if v is not None},
    }
    return pages.render_page(
        request,
        "cover.html",
        status=422 if faults else 200,
        now=now,
        could=could,
        faults=faults,
        filled=values,
    )
