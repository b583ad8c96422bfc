"""Deletes what has been kept as long as the retention schedule says: reviews and scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
from sqlalchemy import Connection, select, text

from features.errors import UserError
from features.store import working_copy
from serving.cases.legal_holds import held_cases
from serving.db.night_lock import no_night_meanwhile
from serving.db.server import as_owner
from serving.db.session import AuditEvent, append_admin_audit
from serving.db.tables import runs
from serving.settings import Settings

MONTHS = 24
"""The months for which reviews and scores are kept after they ended, where nothing else is said."""
LEAST_MONTHS = 12
"""Repeat readings and the figures of readers need a year."""


@dataclass(frozen=True)
class Purge:
    """What was deleted: rows of the database by table, and files of scores."""

    before: date
    rows: dict[str, int]
    files: int


def purge_records(
    settings: Settings, today: date, months: int, step: Callable[[str], None]
) -> Purge:
    """Delete what ended more than `months` ago; cases on hold and whatever is open stay.

    Raises UserError for fewer than LEAST_MONTHS. The audit names each deleted row and stays; so do
    the rows of runs, whose files of scores go.
    """
    if months < LEAST_MONTHS:
        raise UserError(f"Keep at least {LEAST_MONTHS} months: figures of readers need a year.")
    with no_night_meanwhile(settings):
        return _purge(settings, months_before(today, months), step)


def _purge(settings: Settings, before: date, step: Callable[[str], None]) -> Purge:
    step("the database")
    with as_owner(settings) as connection:
        deleted = connection.execute(
            text("SELECT * FROM triage.erase_before(:day)"), {"day": before}
        )
        rows = {str(row.of_table): int(row.deleted) for row in deleted}
        paths = _old_files(connection, settings, before)
        details = {"before": before.isoformat(), "files": len(paths)}
        event = AuditEvent("PURGED_RECORDS", "NOT_APPLICABLE", "-", details)
        append_admin_audit(connection, event)
    for path in paths:
        step(path.name)
        working_copy.remove_file(path)
    return Purge(before, rows, len(paths))


def months_before(day: date, months: int) -> date:
    """The first of the month so many months ago: everything of an older month goes."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _old_files(connection: Connection, settings: Settings, before: date) -> list[Path]:
    """Files of scores of old runs and old replays, but those that hold somebody who is on hold."""
    rows = select(runs.c.scores_file).where(runs.c.as_of < before).order_by(runs.c.as_of)
    of_runs = [settings.scores / name for name in connection.execute(rows).scalars()]
    replays = working_copy.list_paths(settings.replays)
    old_replays = [path for path in replays if path.name[:10] < before.isoformat()]
    held = pl.col("crn").is_in(held_cases(connection))
    fetched = working_copy.fetch_files([*of_runs, *old_replays])
    paths = [path for path in fetched if path.exists()]
    return [p for p in paths if not pl.scan_parquet(p).select(held.any()).collect().item()]
