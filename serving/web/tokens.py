"""Identifies API callers by bearer token and the table of users."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import select

from serving.db.tables import users
from serving.review.policies import Refused
from serving.web.account import Allowed, NotSignedIn, User
from serving.web.oidc import Claims, NotLetIn, Provider

scheme = HTTPBearer(auto_error=False, description="A token of HMPPS Auth")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(scheme)]


def token_claims(request: Request, credentials: Credentials) -> Claims:
    """The claims of the caller's token; raises NotSignedIn where it is missing or not valid."""
    provider: Provider | None = request.app.state.provider
    if credentials is None or provider is None:
        raise NotSignedIn("A bearer token is needed.")
    try:
        return provider.read_bearer(credentials.credentials)
    except NotLetIn as error:
        raise NotSignedIn(str(error)) from error


def token_user(request: Request, claims: Annotated[Claims, Depends(token_claims)]) -> User:
    """The token's user; a role counts only where token and table both grant it."""
    with request.app.state.engine.connect() as connection:
        rows = select(users).where(users.c.username == claims.username, users.c.ended_at.is_(None))
        row = connection.execute(rows).mappings().first()
    if row is None or not claims.grants_role(row["role"]):
        raise Refused("The token grants no role here.")
    if row["made_up"] and not request.app.state.settings.demo:
        raise Refused("Made-up users exist in a demo alone.")
    user = User(row["username"], row["name"], row["role"], row["pdu_code"])
    request.state.user = user
    return user


class AllowedToken(Allowed):
    """A route's dependency that admits some roles, by token instead of session."""

    def __call__(self, user: Annotated[User, Depends(token_user)]) -> User:
        """The calling user, if the role is permitted; otherwise raises."""
        if user.role not in self.roles:
            raise Refused(self.why)
        return user


reader = AllowedToken(frozenset({"spo", "head"}), "Only a reader of cases may ask for that.")
practitioner = AllowedToken(frozenset({"practitioner"}), "Only a practitioner may ask for that.")
batch = AllowedToken(frozenset({"batch"}), "Only another service of ours may ask for that.")
"""The roles of services: the writer to NDelius, and the caller that wants one score."""
