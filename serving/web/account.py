"""Gives the signed-in user with role and unit, and the token that forms carry."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Form, Request
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from features.errors import UserError
from serving.db.session import transaction
from serving.review.policies import Refused
from serving.web import drafts
from serving.web import signed_in as sessions

HOMES = {
    "spo": "/queue",
    "head": "/unit",
    "practitioner": "/asked",
    "board": "/board",
    "analyst": "/board",
    "inspector": "/account",
    "batch": "/notice",
}
"""The page that each role starts on."""

_UNIT = (
    ("/unit", "The unit"),
    ("/unit/checklist", "Checklist"),
    ("/unit/limited", "Limited access"),
    ("/unit/week", "For supervision"),
    ("/people", "Find a case"),
    ("/acute", "To act on"),
)
_BOARD = (
    ("/board", "Model monitoring"),
    ("/board/approvals", "Approvals"),
    ("/board/runs", "Runs"),
    ("/board/notes", "Notes"),
    ("/board/incidents", "Incidents"),
)
NAVIGATION: dict[str, tuple[tuple[str, str], ...]] = {
    "spo": (("/queue", "Cases to read"), ("/reviews", "My reviews"), *_UNIT),
    "head": (("/queue", "Cases to read"), *_UNIT, ("/unit/cover", "Standing in")),
    "practitioner": (("/asked", "What was asked"), ("/acute", "To act on")),
    "board": _BOARD,
    "analyst": _BOARD,
    "inspector": (("/account", "After the event"),),
    "batch": (),
}
"""The pages that each role is led to."""


class NotSignedIn(UserError):
    """The request needs a signed-in user and has none."""


@dataclass(frozen=True)
class User:
    """A signed-in user with role and unit."""

    username: str
    name: str
    role: str
    pdu_code: str | None

    @property
    def home_page(self) -> str:
        """The page that this user starts on."""
        return HOMES[self.role]


def signed_in(request: Request) -> User | None:
    """The signed-in user of this request, as an earlier check stored it, or None."""
    user: User | None = getattr(request.state, "user", None)
    return user


def signed_in_name(request: Request) -> str | None:
    """The username of the signed-in user, or None, whatever the cookie contains."""
    user = signed_in(request)
    return user.username if user else None


def form_token(request: Request) -> str:
    """The token against forged forms, kept in the session and sent back by every form."""
    if "token" not in request.session:
        request.session["token"] = secrets.token_urlsafe(24)
    return str(request.session["token"])


def check_form(request: Request, csrf: Annotated[str, Form()] = "") -> None:
    """Refuse a form that did not come from a page of this session."""
    if not _is_our_token(request, csrf):
        raise Refused("This form is out of date. Go back, load the page again and send it again.")


def _is_our_token(request: Request, token: str) -> bool:
    session_token = str(request.session.get("token", ""))
    return bool(token) and hmac.compare_digest(token.encode(), session_token.encode())


async def require_user(request: Request) -> User:
    """The signed-in user; raises NotSignedIn, which leads to the sign-in page.

    What was typed into a form whose session has expired is stored as a draft.
    """
    session = await _known_session(request)
    if session is None:
        raise NotSignedIn("Sign in first.")
    if not session.live:
        if request.method == "POST":
            form = await request.form()
            pairs = drafts.form_pairs(request.url.path, form)
            if pairs is not None and _is_our_token(request, str(form.get("csrf", ""))):
                engine = request.app.state.engine
                await run_in_threadpool(
                    _keep_draft, engine, session.username, request.url.path, pairs
                )
        raise NotSignedIn("Sign in again.")
    return _let_in(request, session)


async def user_or_none(request: Request) -> User | None:
    """The signed-in user, or None, for a page that anyone may see."""
    session = await _known_session(request)
    return _let_in(request, session) if session is not None and session.live else None


async def _known_session(request: Request) -> sessions.SessionUser | None:
    """The user of the cookie's session, even if the session has expired."""
    number = request.session.get("session")
    if not number:
        return None
    return await run_in_threadpool(sessions.session_user, request.app.state.engine, str(number))


def _let_in(request: Request, session: sessions.SessionUser) -> User:
    user = User(session.username, session.name, session.role, session.pdu_code)
    request.state.user = user
    return user


def _keep_draft(engine: Engine, name: str, path: str, pairs: list[list[str]]) -> None:
    with transaction(engine, name) as opened:
        drafts.keep_draft(opened, path, pairs)


def check_signed_form(
    request: Request,
    _user: Annotated[User, Depends(require_user)],
    csrf: Annotated[str, Form()] = "",
) -> None:
    """Refuse a form that did not come from a page of this person's session."""
    check_form(request, csrf)


@dataclass(frozen=True)
class Allowed:
    """A route's dependency that admits some roles; the table of access is made from it."""

    roles: frozenset[str]
    why: str

    def __call__(self, user: Annotated[User, Depends(require_user)]) -> User:
        """The signed-in user, if the role is permitted; otherwise raises."""
        if user.role not in self.roles:
            raise Refused(self.why)
        return user


reader = Allowed(
    frozenset({"spo", "head"}),
    "Only a senior probation officer or the head of a unit can read cases.",
)
practitioner = Allowed(
    frozenset({"practitioner"}),
    "Only a practitioner answers what was asked about the own cases.",
)
of_a_unit = Allowed(
    frozenset({"spo", "head"}), "This page is for senior probation officers and heads of units."
)
head = Allowed(frozenset({"head"}), "Only the head of the unit settles who stands in.")
with_cases = Allowed(
    frozenset({"spo", "head", "practitioner"}), "Only those who answer for cases see a person here."
)
board_member = Allowed(
    frozenset({"board", "analyst"}),
    "This page is for the model governance board and its analysts.",
)
decider = Allowed(frozenset({"board"}), "Only a member of the board decides that.")
inspector = Allowed(
    frozenset({"inspector"}), "Only who was asked to look into a case afterwards can do that."
)
