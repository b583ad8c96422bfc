"""Gives each request one transaction in the name of its user, and limits how many come."""
# No postponed annotations: FastAPI needs the roles when the dependency is made.

from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from serving.db.session import AuditEvent, Transaction, transaction
from serving.web.account import Allowed, User
from serving.web.limiter import TooManyTries
from serving.web.oidc import NotLetIn

One = TypeVar("One")


def _same_transaction(opened: Transaction) -> Any:
    return opened


def in_transaction(allowed: Allowed, make: Callable[[Transaction], One] = _same_transaction) -> Any:
    """A dependency that opens a transaction for an allowed user and passes it to `make`."""

    def opening(request: Request, user: Annotated[User, Depends(allowed)]) -> Iterator[One]:
        # Another service may limit many cases at once, and each must take effect.
        if user.role != "batch":
            request.app.state.request_limit.count_try(user.username)
        with transaction(request.app.state.engine, user.username) as opened:
            yield make(opened)

    return Depends(opening, scope="function")


def leave_refusal(request: Request, username: str | None, error: Exception) -> None:
    """Audit a refusal in a transaction of its own, since the refused one is rolled back.

    Anonymous requests leave no row, except a refused sign-in, since otherwise anyone
    could fill the audit.
    """
    if username is None and not isinstance(error, NotLetIn):
        return
    # Whoever asks too often would otherwise fill the audit, and hold up everybody's commits.
    if isinstance(error, TooManyTries):
        return
    path = request.url.path.replace("\0", "?")[:200]
    with transaction(request.app.state.engine, username) as opened:
        opened.audit(AuditEvent("REFUSED", "PATH", path, {"why": type(error).__name__}))
