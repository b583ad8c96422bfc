"""The demo's sign-in with made-up users, and signing out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select

from serving.db.session import AuditEvent, unit
from serving.db.tables import users
from serving.web import account, pages

router = APIRouter()


@router.get("/")
def start(user: Annotated[account.User, Depends(account.required)]) -> Response:
    """The page that this person starts on."""
    return RedirectResponse(user.home, status_code=303)


@router.get("/sign-in")
def sign_in_page(request: Request) -> Response:
    """The demo's made-up users."""
    with unit(request.app.state.engine, None) as opened:
        found = opened.connection.execute(
            select(users).where(users.c.made_up).order_by(users.c.role.desc(), users.c.username)
        )
        people = list(found.mappings())
        opened.audit(AuditEvent("PAGE_VIEW_SIGN_IN", "NOT_APPLICABLE", "-"))
    return pages.render(request, "sign-in.html", people=people, error=None)


@router.post("/sign-in", dependencies=[Depends(account.check_form)])
def sign_in(request: Request, name: Annotated[str, Form(alias="username")] = "") -> Response:
    """Sign in as a made-up user."""
    with unit(request.app.state.engine, None) as opened:
        known = select(users.c.username).where(users.c.username == name, users.c.made_up)
        found = opened.connection.execute(known).scalar()
        opened.audit(AuditEvent("SIGNED_IN" if found else "SIGN_IN_REFUSED", "USER", name[:40]))
    if found is None:
        return RedirectResponse("/sign-in", status_code=303)
    request.session.clear()
    request.session["username"] = name
    return RedirectResponse("/", status_code=303)


@router.post("/sign-out", dependencies=[Depends(account.check_form)])
def sign_out(request: Request) -> Response:
    """Sign out."""
    with unit(request.app.state.engine, account.username(request)) as opened:
        opened.audit(AuditEvent("SIGNED_OUT", "USER", account.username(request) or "-"))
    request.session.clear()
    return RedirectResponse("/sign-in", status_code=303)
