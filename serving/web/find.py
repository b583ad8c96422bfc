"""Serves the page that finds a case of the unit by CRN or by name.

A name is posted and never in an address, which would be written to logs.
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from features.contracts.table import is_crn
from features.store.store import Store
from serving.cases import name_search
from serving.review.policies import Invalid
from serving.review.units import Units
from serving.web import account, pages
from serving.web.requests import in_transaction

router = APIRouter()
LONGEST = 80
LEAST_LETTERS = 2
MOST = 50
"""The most people that one search lists."""
Looking = Annotated[Units, in_transaction(account.of_a_unit, Units.of_transaction)]


@router.get("/people")
def show_find(request: Request, units: Looking) -> Response:
    """Show the form that finds a case of the unit by CRN or by name."""
    units.audit_view("PAGE_VIEW_FIND")
    return pages.render_page(request, "find.html", faults={}, typed="", cases=None)


@router.post("/people", dependencies=[Depends(account.check_signed_form)])
def find_case(request: Request, units: Looking, search: Annotated[str, Form()] = "") -> Response:
    """Redirect to the case of a CRN, or list the cases of the unit with a name."""
    units.audit_view("PAGE_VIEW_FIND")
    try:
        crn, words = parse_search(search)
    except Invalid as error:
        typed = {"typed": search[:LONGEST], "cases": None}
        return pages.render_page(request, "find.html", status=422, faults=error.faults, **typed)
    if crn:
        return RedirectResponse(f"/people/{crn}", status_code=303)
    store = Store.open(request.app.state.settings.store)
    open_cases = units.store.list_open_crns()
    cases = name_search.find_by_name(store, open_cases, words, store.extracted_on)
    units.audit_search(len(cases))
    return pages.render_page(
        request,
        "find.html",
        faults={},
        typed=search[:LONGEST],
        cases=cases[:MOST],
        total=len(cases),
    )


def parse_search(text: str) -> tuple[str, list[str]]:
    """The CRN that was typed, or else the words of a name; raises Invalid for any other text."""
    crn, words = text.strip().upper(), name_search.words_of(text)
    if is_crn(crn):
        return crn, []
    if re.search(r"[0-9]", text) or len("".join(words)) < LEAST_LETTERS:
        raise Invalid({"search": "Enter a CRN, such as X123456, or 2 or more letters of a name"})
    return "", words
