"""Says which tables no longer arrive from the region of a case, as the nightly runs found it.

A table that arrives from elsewhere and not from one region is no stopped feed; but what happened
there since is not on record, and that is not known, not nothing (promise 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from serving.db.tables import runs

SILENT = "silent since "
"""The beginning of the state of such a table; an ISO day follows."""
REGION = 3
"""The length of a provider code, with which the code of a unit begins."""


def silent_feeds(connection: Connection, pdu_code: str | None, as_of: date) -> dict[str, str]:
    """The state of each silent table of a unit's region, by the newest run up to a day."""
    newest = (
        select(runs.c.counts)
        .where(runs.c.as_of <= as_of)
        .order_by(runs.c.as_of.desc(), runs.c.at.desc())
        .limit(1)
    )
    counts = connection.execute(newest).scalar() or {}
    region = counts.get("silent", {}).get((pdu_code or "")[:REGION], {})
    return {table: SILENT + day for table, day in sorted(region.get("tables", {}).items())}


def with_silent_feeds(
    connection: Connection, person: Mapping[str, Any], pdu_code: str | None, as_of: date
) -> dict[str, Any]:
    """The header of a case whose feeds say what no longer arrives from its region."""
    feeds = silent_feeds(connection, pdu_code, as_of) | dict(person.get("feeds") or {})
    return {**person, "feeds": feeds}
