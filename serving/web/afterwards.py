"""Serves the account of a case on a day, for inspectors, and its legal hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from features.errors import UserError
from features.store.store import Store
from serving.cases import account as accounts
from serving.cases import legal_holds
from serving.cases.account import Account
from serving.db.session import AuditEvent, Transaction
from serving.review.policies import Invalid, too_short
from serving.web import account, pages
from serving.web.account_story import story_of
from serving.web.requests import in_transaction
from serving.web.typed_days import NOT_A_DAY, parse_day

router = APIRouter()


Asking = Annotated[Transaction, in_transaction(account.inspector)]


@router.get("/account")
def ask_for_account(request: Request, opened: Asking) -> Response:
    """Show an inspector the form for a case's account: a CRN and a day."""
    opened.audit(AuditEvent("PAGE_VIEW_ACCOUNT", "NOT_APPLICABLE", "-"))
    return _account_page(request, {}, {})


@router.post("/account", dependencies=[Depends(account.check_signed_form)])
def show_account(
    request: Request,
    opened: Asking,
    crn: Annotated[str, Form()] = "",
    on: Annotated[str, Form()] = "",
) -> Response:
    """Show the account of a case on a day; the CRN is posted, never part of an address."""
    return _answer_account(
        request,
        opened,
        {"crn": crn, "on": on},
        lambda account: pages.render_page(
            request, "account-of.html", account=account, story=story_of(account)
        ),
    )


@router.post("/account/file", dependencies=[Depends(account.check_signed_form)])
def download_account(
    request: Request,
    opened: Asking,
    crn: Annotated[str, Form()] = "",
    on: Annotated[str, Form()] = "",
) -> Response:
    """Download the account of a case on a day as JSON, for a file of evidence."""

    def as_file(account: Account) -> Response:
        opened.audit(AuditEvent("DOWNLOADED_ACCOUNT", "CRN", account.crn, {"on": on}))
        return Response(
            json.dumps(accounts.as_json(account), default=str, indent=1),
            media_type="application/json",
            headers={"Content-Disposition": 'attachment; filename="account.json"'},
        )

    return _answer_account(request, opened, {"crn": crn, "on": on}, as_file)


def _answer_account(
    request: Request,
    opened: Transaction,
    question: dict[str, str],
    answer: Callable[[Account], Response],
) -> Response:
    """The answer made of the account that was asked for, or the form with what is wrong."""
    typed = {**question, "crn": question["crn"].strip().upper()[:20]}
    try:
        return answer(_read_account(request, opened, typed))
    except Invalid as error:
        opened.audit(AuditEvent("PAGE_VIEW_ACCOUNT", "NOT_APPLICABLE", "-"))
        return _account_page(request, typed, error.faults)


def _read_account(request: Request, opened: Transaction, typed: dict[str, str]) -> Account:
    """The account that was asked for; raises Invalid with what is wrong with the question."""
    day = parse_day(typed["on"])
    if day is None:
        raise Invalid({"on": NOT_A_DAY})
    settings = request.app.state.settings
    try:
        return accounts.account_of_case(
            opened, Store.open(settings.store), settings.scores, typed["crn"], day
        )
    except UserError as error:
        raise Invalid({"crn": str(error)}) from error


@router.post("/account/hold", dependencies=[Depends(account.check_signed_form)])
def change_hold(
    request: Request,
    opened: Asking,
    crn: Annotated[str, Form()] = "",
    placed: Annotated[str, Form()] = "",
    reasons: Annotated[str, Form()] = "",
) -> Response:
    """Place or lift a legal hold on the case."""
    typed = {"crn": crn.strip().upper()[:20], "on": ""}
    try:
        if fault := too_short(reasons):
            raise UserError(fault)
        if placed not in ("yes", "no"):
            raise UserError("Select whether the case is to be kept or let go.")
        store = Store.open(request.app.state.settings.store)
        legal_holds.record_hold(opened, store, typed["crn"], reasons, placed=placed == "yes")
    except UserError as error:
        opened.audit(AuditEvent("PAGE_VIEW_ACCOUNT", "NOT_APPLICABLE", "-"))
        return _account_page(request, typed, {"reasons": str(error)})
    words = (
        "It is kept from deletion."
        if placed == "yes"
        else "The hold is lifted. It counts from the next night."
    )
    return _account_page(request, typed, {}, f"CRN {typed['crn']}: {words}")


def _account_page(
    request: Request, typed: dict[str, Any], faults: dict[str, str], notice: str = ""
) -> Response:
    return pages.render_page(
        request,
        "account.html",
        status=422 if faults else 200,
        typed=typed,
        faults=faults,
        done=notice,
    )
