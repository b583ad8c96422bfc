"""Who is signed in, in which role, and the token that forms carry."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Form, Request
from sqlalchemy import select

from features.errors import UserError
from serving.db.tables import users
from serving.review.policies import Refused

HOMES = {"spo": "/queue", "head": "/unit", "practitioner": "/asked", "board": "/board"}
"""The page that each role starts on."""


class NotSignedIn(UserError):
    """No one is signed in."""


@dataclass(frozen=True)
class User:
    """Who is signed in, in which role, for which unit."""

    username: str
    name: str
    role: str
    pdu_code: str | None

    @property
    def home(self) -> str:
        """The page that this person starts on."""
        return HOMES[self.role]


def username(request: Request) -> str | None:
    """The name in the session, if anyone is signed in."""
    found = request.session.get("username")
    return str(found) if found else None


def signed_in(request: Request) -> User | None:
    """Who is signed in, as last read in this request."""
    found: User | None = getattr(request.state, "user", None)
    return found


def form_token(request: Request) -> str:
    """A token kept in the session and sent back by every form."""
    if "token" not in request.session:
        request.session["token"] = secrets.token_urlsafe(24)
    return str(request.session["token"])


def check_form(request: Request, csrf: Annotated[str, Form()] = "") -> None:
    """Refuse a form that did not come from a page of this session."""
    kept = str(request.session.get("token", ""))
    if not csrf or not hmac.compare_digest(csrf.encode(), kept.encode()):
        raise Refused("This form is out of date. Go back, load the page again and send it again.")


def required(request: Request) -> User:
    """The signed-in user; NotSignedIn leads to the sign-in page."""
    name = username(request)
    if name is None:
        raise NotSignedIn("Sign in first.")
    with request.app.state.engine.connect() as connection:
        row = connection.execute(select(users).where(users.c.username == name)).mappings().first()
    if row is None:
        raise NotSignedIn("Sign in again.")
    user = User(row["username"], row["name"], row["role"], row["pdu_code"])
    request.state.user = user
    return user


def spo(user: Annotated[User, Depends(required)]) -> User:
    """A signed-in SPO."""
    if user.role != "spo":
        raise Refused("Only a senior probation officer can read cases.")
    return user


def practitioner(user: Annotated[User, Depends(required)]) -> User:
    """A signed-in practitioner."""
    if user.role != "practitioner":
        raise Refused("Only a practitioner answers what was asked about the own cases.")
    return user


def of_a_unit(user: Annotated[User, Depends(required)]) -> User:
    """A signed-in SPO, or the head of a unit."""
    if user.role not in ("spo", "head"):
        raise Refused("This page is for senior probation officers and heads of units.")
    return user


def with_cases(user: Annotated[User, Depends(required)]) -> User:
    """Anyone signed in who answers for cases: a practitioner, an SPO, the head of a unit."""
    if user.role == "board":
        raise Refused("A member of the board sees no person.")
    return user


def board_member(user: Annotated[User, Depends(required)]) -> User:
    """A signed-in member of the governance board."""
    if user.role != "board":
        raise Refused("This page is for members of the model governance board.")
    return user
