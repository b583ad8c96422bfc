"""Signs users in and out: through the provider, or as a made-up user of a demo."""

from __future__ import annotations

import hmac
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select

from serving.db.session import AuditEvent, Transaction, transaction
from serving.db.tables import users
from serving.web import account, drafts, pages, signed_in
from serving.web.oidc import NotLetIn, Provider

router = APIRouter()


def limit_tries(request: Request) -> None:
    """Limit sign-in attempts from one address."""
    request.app.state.sign_in_limit.count_try(request.client.host if request.client else "-")


@router.get("/")
def show_start(user: Annotated[account.User, Depends(account.require_user)]) -> Response:
    """Redirect to the page that this user starts on."""
    return RedirectResponse(user.home_page, status_code=303)


@router.get("/sign-in")
def sign_in_page(request: Request) -> Response:
    """Show the demo's made-up users, or the link to the provider."""
    if request.app.state.provider is not None:
        return pages.render_page(request, "sign-in-provider.html")
    with transaction(request.app.state.engine, None) as opened:
        opened.audit(AuditEvent("PAGE_VIEW_SIGN_IN", "NOT_APPLICABLE", "-"))
        made_up_users = opened.connection.execute(
            select(users)
            .where(users.c.made_up, users.c.ended_at.is_(None), users.c.role != "batch")
            .order_by(users.c.role.desc(), users.c.username)
        )
        people = list(made_up_users.mappings())
    return pages.render_page(request, "sign-in.html", people=people, error=None)


@router.post("/sign-in", dependencies=[Depends(limit_tries), Depends(account.check_form)])
def sign_in(request: Request, name: Annotated[str, Form(alias="username")] = "") -> Response:
    """Sign in as a made-up user of a demo."""
    if request.app.state.provider is not None:
        raise NotLetIn("Sign in with your HMPPS account.")
    with transaction(request.app.state.engine, None) as opened:
        user_query = select(users.c.username).where(
            users.c.username == name, users.c.made_up, users.c.ended_at.is_(None)
        )
        matching_username = opened.connection.execute(user_query).scalar()
        opened.audit(
            AuditEvent("SIGNED_IN" if matching_username else "SIGN_IN_REFUSED", "USER", name[:40])
        )
        if matching_username is not None:
            _begin_session(request, opened, name)
    if matching_username is None:
        return RedirectResponse("/sign-in", status_code=303)
    return _go_on(request, name)


@router.get("/sign-in/provider", dependencies=[Depends(limit_tries)])
def to_provider(request: Request) -> Response:
    """Redirect to the provider's sign-in page."""
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise NotLetIn("A demonstration has no provider of sign-in. Choose a made-up user.")
    values = {name: secrets.token_urlsafe(48) for name in ("state", "nonce", "verifier")}
    request.session["asked"] = values
    return RedirectResponse(provider.sign_in_address(**values), status_code=303)


@router.get("/sign-in/callback", dependencies=[Depends(limit_tries)])
def end_sign_in(request: Request, code: str = "", state: str = "") -> Response:
    """Complete a sign-in when the provider redirects back with a code."""
    provider: Provider | None = request.app.state.provider
    expected = request.session.pop("asked", None)
    if (
        provider is None
        or not expected
        or not hmac.compare_digest(expected["state"].encode(), state.encode())
    ):
        raise NotLetIn("This way in has run out. Sign in again.")
    claims = provider.signed_in(code, expected["nonce"], expected["verifier"])
    with transaction(request.app.state.engine, None) as opened:
        row = opened.connection.execute(
            select(users.c.role).where(
                users.c.username == claims.username, users.c.ended_at.is_(None), ~users.c.made_up
            )
        ).first()
        granted = claims.person and row is not None and claims.grants_role(row.role)
        what = "SIGNED_IN" if granted else "SIGN_IN_REFUSED"
        opened.audit(AuditEvent(what, "USER", claims.username[:40]))
        if granted:
            _begin_session(request, opened, claims.username)
    if not granted:
        raise NotLetIn(
            "You are signed in to HMPPS, and you have no access here. Ask for the role that you "
            "need, and for your unit to be entered."
        )
    return _go_on(request, claims.username)


@router.post("/sign-out", dependencies=[Depends(account.check_form)])
def sign_out(
    request: Request, user: Annotated[account.User | None, Depends(account.user_or_none)]
) -> Response:
    """End the session in the database, so that no copy of its cookie is valid."""
    if user is not None:
        with transaction(request.app.state.engine, user.username) as opened:
            opened.audit(AuditEvent("SIGNED_OUT", "USER", user.username))
            signed_in.end_session(opened.connection, str(request.session.get("session", "")))
    request.session.clear()
    return RedirectResponse("/sign-in", status_code=303)


def _begin_session(request: Request, opened: Transaction, name: str) -> None:
    """Begin a new session and end the one before; the same user's open forms stay valid."""
    same = request.session.get("username") == name
    forms = {"token": request.session["token"]} if same and "token" in request.session else {}
    signed_in.end_session(opened.connection, str(request.session.get("session", "")))
    number = signed_in.begin_session(opened.connection, name)
    request.session.clear()
    request.session.update(username=name, session=number, **forms)


def _go_on(request: Request, name: str) -> Response:
    """Redirect to the restored draft's page, or to the start page."""
    with transaction(request.app.state.engine, name) as opened:
        opened.audit(AuditEvent("LOOKED_FOR_DRAFT", "USER", name))
        page = drafts.newest_page(opened)
    return RedirectResponse(page or "/", status_code=303)
