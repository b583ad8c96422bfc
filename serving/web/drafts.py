"""What was typed when a session ran out: kept for its writer alone, given back after sign-in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from starlette.datastructures import FormData

from serving.db.session import AuditEvent, Unit
from serving.db.unit_tables import drafts

KEPT_FOR = timedelta(days=1)
MOST = 200
_PAGES = (
    (r"/cases/(\d+)/view", r"/cases/\1"),
    (r"/cases/(\d+)/conclusion", r"/cases/\1/findings"),
    (r"/asked/(\d+)/answer", r"/asked/\1"),
)
"""The forms worth keeping, and the page that each stands on."""


def page_of(path: str) -> str | None:
    """The page on which a form stands; None for a form that is not kept."""
    for form, page in _PAGES:
        if re.fullmatch(form, path):
            return re.sub(form, page, path)
    return None


def keep(unit: Unit, path: str, form: FormData) -> None:
    """Keep what was typed, without the form's token; the newest of a form replaces the one before.

    Raises nothing where the form is not worth keeping.
    """
    pairs = [[k, str(v)] for k, v in form.multi_items() if k != "csrf"][:MOST]
    unit.audit(AuditEvent("KEPT_DRAFT", "PATH", path))
    if page_of(path) is None or "\0" in str(pairs):
        return
    row = {"username": unit.username, "path": path, "form": pairs}
    statement = insert(drafts).values(**row)
    unit.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["username", "path"], set_={"form": pairs, "at": func.now()}
        )
    )


def kept(unit: Unit, path: str) -> FormData | None:
    """What this person typed into a form before the session ran out; None where nothing is kept."""
    rows = select(drafts.c.form).where(drafts.c.path == path, drafts.c.at > _oldest())
    found = unit.connection.execute(rows).scalar()
    return FormData([(k, v) for k, v in found]) if found else None


def newest(unit: Unit) -> str | None:
    """The page to go back to after signing in again."""
    rows = select(drafts.c.path).where(drafts.c.at > _oldest()).order_by(drafts.c.at.desc())
    path = unit.connection.execute(rows).scalars().first()
    return page_of(path) if path else None


def done(unit: Unit, path: str) -> None:
    """Forget it: the form was sent."""
    unit.connection.execute(delete(drafts).where(drafts.c.path == path))


def _oldest() -> datetime:
    return datetime.now(UTC) - KEPT_FOR
