"""Keeps what was typed when a session expired, and restores it to its writer after sign-in."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from starlette.datastructures import FormData

from features import clock
from serving.db.session import AuditEvent, Transaction
from serving.db.tables import items
from serving.db.unit_tables import drafts
from serving.night.retention import DRAFTS_FOR

MOST = 2000
_PAGES = (
    (r"/cases/(\d+)/view", r"/cases/\1"),
    (r"/cases/(\d+)/conclusion", r"/cases/\1/findings"),
    (r"/asked/(\d+)/answer", r"/asked/\1"),
    (r"/acute/(\d+)/acknowledge", "/acute"),
    (r"/unit/limited/([A-Z]\d{6})/check", "/unit/limited"),
    (r"/unit/asked/(\d+)/reply", "/unit"),
)
"""The forms whose drafts are stored, each with its page."""


def page_of(path: str) -> str | None:
    """The page that contains a form, or None for a form whose drafts are not stored."""
    for form, page in _PAGES:
        if re.fullmatch(form, path):
            return re.sub(form, page, path)
    return None


def form_pairs(path: str, form: FormData) -> list[list[str]] | None:
    """The fields of a posted form without its token; None if its drafts are not stored."""
    pairs = [[k, str(v)] for k, v in form.multi_items() if k != "csrf"]
    if page_of(path) is None or len(pairs) > MOST or any("\0" in text for p in pairs for text in p):
        return None
    return pairs


def keep_draft(opened: Transaction, path: str, pairs: list[list[str]]) -> None:
    """Store what was typed, replacing an earlier draft of the same form."""
    opened.audit(AuditEvent("KEPT_DRAFT", "PATH", path))
    row = {"username": opened.username, "path": path, "form": pairs}
    statement = insert(drafts).values(**row)
    opened.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["username", "path"], set_={"form": pairs, "at": func.triage.now()}
        )
    )


def read_draft(opened: Transaction, path: str) -> FormData | None:
    """What this user typed into a form before the session expired, or None."""
    rows = select(drafts.c.form).where(drafts.c.path == path, drafts.c.at > _oldest_kept())
    pairs = opened.connection.execute(rows).scalar()
    return FormData([(k, v) for k, v in pairs]) if pairs else None


def kept_on(opened: Transaction, page: str) -> dict[str, FormData]:
    """A user's drafts for the forms of one page, by the case that each is about."""
    rows = select(drafts.c.path, drafts.c.form).where(drafts.c.at > _oldest_kept())
    return {
        path.split("/")[-2]: FormData([(k, v) for k, v in form])
        for path, form in opened.connection.execute(rows)
        if page_of(path) == page
    }


def newest_page(opened: Transaction) -> str | None:
    """The page to return to after signing in again, if the user may still see its case."""
    rows = select(drafts.c.path).where(drafts.c.at > _oldest_kept()).order_by(drafts.c.at.desc())
    for path in opened.connection.execute(rows).scalars():
        page = page_of(path)
        if page and not re.search(r"\d", page):
            return page
        number = int(re.findall(r"\d+", path)[0])
        visible = select(items.c.id).where(items.c.id == min(number, 2**63 - 1), ~items.c.limited)
        if page and opened.connection.execute(visible).scalar() is not None:
            return page
    return None


def forget_draft(opened: Transaction, path: str) -> None:
    """Delete the draft of a form that has been sent."""
    opened.connection.execute(delete(drafts).where(drafts.c.path == path))


def _oldest_kept() -> datetime:
    return clock.now() - DRAFTS_FOR
