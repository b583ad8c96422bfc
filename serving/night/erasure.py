"""Deletes a person on request from store, database and scores, and says what it cannot reach.

In steps that can be done again: the store first, then the database in one transaction, then files
of scores, which are written anew beside the old ones. A command that was killed is run again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from sqlalchemy import Connection, insert, text

from features.errors import UserError
from features.store import locks, staging, working_copy
from features.store.forget import forget_case
from features.store.store import Store
from features.store.whole_files import write_whole
from serving.cases.legal_holds import check_crn, is_held
from serving.db.night_lock import no_night_meanwhile
from serving.db.server import as_owner
from serving.db.session import AuditEvent, append_admin_audit
from serving.db.tables import rewritten_scores
from serving.settings import Settings


@dataclass(frozen=True)
class Erasure:
    """What was deleted of a person: rows of the store and of the database by table, and files."""

    store_rows: dict[str, int]
    database_rows: dict[str, int]
    files: int
    """The files of scores and of replays that were written anew without the person."""
    audit_rows: int
    """The rows of the audit that name the person, which stay."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the person was anywhere."""
        return not (self.store_rows or any(self.database_rows.values()) or self.files)


def erase_person(
    settings: Settings, crn: str, reference: str, step: Callable[[str], None]
) -> Erasure:
    """Delete every record of a person; `reference` is that of the request, for the audit.

    Raises UserError for what is no CRN, a request without a reference, a case on hold, and where
    nothing of the person is anywhere, or while a night runs; then nothing is changed.
    """
    check_crn(crn)
    if not reference.strip():
        raise UserError("Name the request that asks for this (--reference).")
    with as_owner(settings) as connection:
        if is_held(connection, crn):
            raise UserError(
                "That case is held for an inspection, an inquest or a review, and may not be "
                "deleted. Nothing was changed. Whoever placed the hold can lift it."
            )
    # A night would write back what it has read already.
    with no_night_meanwhile(settings):
        return _erase_everywhere(settings, crn, reference, step)


def _erase_everywhere(
    settings: Settings, crn: str, reference: str, step: Callable[[str], None]
) -> Erasure:
    step("the store")
    in_store = Store.open(settings.store).knows_case(crn)
    store_rows = forget_case(settings.store, crn) if in_store else {}
    if not in_store:
        # What a deletion that was killed after its commit left is removed by this.
        with locks.hold_lock(settings.store):
            staging.sweep_orphans(settings.store)
    # Files first: the audit is locked from the first deletion to the end of the transaction.
    files = _files_with(settings, crn)
    digests = {}
    for path in files:
        step(path.name)
        rows = pl.read_parquet(path).filter(pl.col("crn") != crn)
        digests[path] = write_whole(rows, _beside(path))
    step("the database")
    with as_owner(settings) as connection:
        database_rows = _erase_from_database(connection, crn)
        for path, digest in digests.items():
            if path.parent == settings.scores:
                values = {"run_id": path.stem, "scores_sha256": digest}
                connection.execute(insert(rewritten_scores).values(**values))
        erasure = Erasure(store_rows, database_rows, len(files), _count_audit_rows(connection, crn))
        if erasure.is_empty:
            raise UserError("Nothing of that person is here. Nothing was changed.")
        details = {"reference": reference.strip(), "files": len(files)}
        append_admin_audit(connection, AuditEvent("ERASED_PERSON", "CRN", crn, details))
    for path in files:
        working_copy.replace_file(path, _beside(path))
    return erasure


def _erase_from_database(connection: Connection, crn: str) -> dict[str, int]:
    rows = connection.execute(text("SELECT * FROM triage.erase_case(:crn)"), {"crn": crn})
    return {str(row.of_table): int(row.deleted) for row in rows}


def _files_with(settings: Settings, crn: str) -> list[Path]:
    """The files of scores and replays that have a row of the person."""
    folders = (settings.scores, settings.replays)
    listed = [path for folder in folders for path in working_copy.list_paths(folder)]
    paths = working_copy.fetch_files(path for path in listed if path.suffix == ".parquet")
    has_case = pl.col("crn") == crn
    return [p for p in paths if pl.scan_parquet(p).select(has_case.any()).collect().item()]


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.rewritten")


def _count_audit_rows(connection: Connection, crn: str) -> int:
    rows = text(
        "SELECT count(*) FROM triage.audit WHERE position(:crn IN subject_id || details::text) > 0"
    )
    return int(connection.execute(rows, {"crn": crn}).scalar_one())


def newest_digest(connection: Connection, run_id: str, original: str) -> str:
    """The SHA-256 that a run's file has now: its first, or that of the newest rewriting."""
    rows = text(
        "SELECT scores_sha256 FROM triage.rewritten_scores WHERE run_id = :run"
        " ORDER BY id DESC LIMIT 1"
    )
    return str(connection.execute(rows, {"run": run_id}).scalar() or original)
