"""Loads an extract into the append-only store, all of it or nothing.

A changed row becomes a new version; a row that vanished from a feed declared complete becomes a
withdrawal; a faulty row is refused and stored with its reason; an unknown code is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import polars as pl

from features.contracts import records
from features.contracts.table import Table
from features.errors import TooManyRefused, UserError
from features.intake import extract, note_entries
from features.intake.load_part import LoadPart, PartResult
from features.intake.note_entries import NoteIntake
from features.intake.parts import Parts, TablePart, count_buckets, list_files
from features.intake.reports import Report, TableReport
from features.intake.time_zones import Zones
from features.local_runners import Runner, SerialRunner, choose_runner, process_pool_runner
from features.runners import chosen_runner
from features.store import staging, store

MAX_REFUSED = 0.01
MAX_VANISHED = 0.05


def load_extract(
    place: Path | str,
    store_path: Path,
    *,
    extracted_at: datetime | None = None,
    max_refused: float = MAX_REFUSED,
    max_vanished: float = MAX_VANISHED,
    buckets: int = store.DEFAULT_BUCKETS,
    step: Callable[[str], None] = lambda _: None,
) -> Report:
    """Load an extract into the store; UserError leaves the store as it was.

    The extract is a folder, or stands at an address in S3 and is copied here first. A large table
    is read a bucket of cases at a time (`features.intake.parts`), and only records that differ from
    what is stored are compared column by column.
    """
    with extract.open_extract(place, extracted_at) as about:
        pieces = list_files(about)
        existing = staging.open_or_make(store_path, about.buckets or count_buckets(pieces, buckets))
        _check_order(existing, about)
        about.check_any_table()
        with staging.Staged(store_path, existing.buckets) as staged, chosen_runner() as runner:
            _check_order(staged.store, about)
            parts = Parts(about, pieces, staged.store, staged.scratch)
            reading = _Reading(about, parts, staged, runner)
            for table in records.TABLES.values():
                reading.stage_table(table, step)
            for report in reading.reports.values():
                _stop_if_too_many(report, max_refused)
                _stop_if_too_many_vanished(report, max_vanished)
            committed = reading.commit_load()
    is_unlike = about.buckets not in (None, existing.buckets)
    return Report(
        list(reading.reports.values()),
        committed,
        about.extracted_at,
        about.passed_over,
        reading.unmerged,
        (about.buckets or 0, existing.buckets) if is_unlike else None,
    )


class _Reading:
    """An extract being loaded: the tables read so far and the files staged for the store."""

    def __init__(
        self, about: extract.Extract, parts: Parts, staged: staging.Staged, runner: Runner
    ) -> None:
        self.about, self.existing, self.staged = about, parts.store, staged
        self._parts, self._runner = parts, runner
        self.reports = {
            name: TableReport(name, supplied=bool(about.files.get(name))) for name in records.TABLES
        }
        self.refused: dict[str, list[pl.DataFrame]] = {}
        self.unmerged = ""
        self._zones = Zones()
        earlier = [item for item in parts.store.loads if item.extracted_at < about.extracted_at]
        self._previous = earlier[-1].extracted_at if earlier else None

    def stage_table(self, table: Table, step: Callable[[str], None]) -> None:
        """Read one table part by part, and stage the versions to append."""
        parts = self._parts.list_parts(table)
        with ExitStack() as stack:
            runner = self._runner
            if runner.is_cluster and any(piece.is_split for p in parts for piece in p.pieces):
                # The split files are on this machine's disk, so executors cannot read them.
                runner = stack.enter_context(process_pool_runner())
            self._stage_parts(table, parts, runner, step)

    def _stage_parts(
        self,
        table: Table,
        parts: list[TablePart],
        spread: Runner,
        step: Callable[[str], None],
    ) -> None:
        if not parts:
            return
        # With several parts, parts run in parallel; with one, or few rows, only its notes do.
        rows = self._parts.count_rows(table) if len(parts) > 1 else 0
        runner = choose_runner(rows, spread)
        of_notes = SerialRunner() if runner is spread else spread
        work = LoadPart(self.about, self.staged.folder, self._previous, NoteIntake(of_notes))
        step(f"{table.name}, part 1 of {len(parts)}")
        for number, (_, result) in enumerate(runner.run(work, parts), start=1):
            self._add_result(table, result)
            step(f"{table.name}, part {min(number + 1, len(parts))} of {len(parts)}")

    def _add_result(self, table: Table, result: PartResult) -> None:
        self._zones.add(result.zones)
        self.reports[table.name].add(result.report)
        if result.entries.supplied:
            self.reports[note_entries.TABLE].add(result.entries)
        self.staged.files |= result.files
        if result.refused.height:
            self.refused.setdefault(table.name, []).append(result.refused)

    def commit_load(self) -> int | None:
        """Commit the load; its number, or None if the same extract was loaded before."""
        refused = {name: pl.concat(parts) for name, parts in self.refused.items()}
        reports = list(self.reports.values())
        if not self.staged.files and _nothing_new(self.existing, self.about, reports, refused):
            return None
        for name, rows in refused.items():
            self.staged.add_refused(name, rows)
        self.unmerged = self.staged.commit(_describe_load(self.about, self.staged.number, reports))
        return self.staged.number


def _nothing_new(
    existing: store.Store,
    about: extract.Extract,
    reports: list[TableReport],
    refused: dict[str, pl.DataFrame],
) -> bool:
    """Whether the same extract, with the same refused rows, was loaded before."""
    if not existing.loads or about.extracted_at != existing.loads[-1].extracted_at:
        return False
    refused_before = existing.refused_rows()
    same = ["table", "record_id", "reason", "content"]
    unseen = [
        bad.join(refused_before, on=same, how="anti", nulls_equal=True) for bad in refused.values()
    ]
    supplied = {report.name for report in reports if report.supplied}
    return supplied <= existing.supplied_tables() and not any(bad.height for bad in unseen)


def _check_order(existing: store.Store, about: extract.Extract) -> None:
    if existing.loads and about.extracted_at < existing.loads[-1].extracted_at:
        raise UserError(
            f"This extract was taken at {about.extracted_at:%Y-%m-%d %H:%M}, before the latest "
            f"one in the store ({existing.loads[-1].extracted_at:%Y-%m-%d %H:%M}). Extracts are "
            "loaded in the order they were taken; nothing was changed."
        )
    if existing.loads and existing.made_up != about.made_up:
        raise UserError(
            "Made-up people and real people are never kept in one store. Use another --store "
            "folder; nothing was changed."
        )


def _stop_if_too_many(report: TableReport, max_refused: float) -> None:
    if report.refused_rows <= max_refused * report.read:
        return
    worst = "; ".join(f"{reason} ({n:,})" for reason, n in list(report.refused.items())[:3])
    raise TooManyRefused(
        f"{report.name}: {report.refused_rows:,} of {report.read:,} rows would be refused "
        f"({report.refused_rows / report.read:.1%}; at most {max_refused:.0%} may be): {worst}. "
        f"The first is {report.first_refused}. Nothing was changed. "
        "Put the extract right, or allow more with --max-refused."
    )


def _stop_if_too_many_vanished(report: TableReport, max_vanished: float) -> None:
    if report.withdrawn > max(10, max_vanished * report.live):
        raise UserError(
            f"{report.name}: {report.withdrawn:,} of {report.live:,} records are gone, although "
            "the extract declares this table, or these records, complete (at most "
            f"{max_vanished:.0%} may be gone, or 10). Nothing was changed. Check that the extract "
            "is whole, or allow more with --max-vanished."
        )


def _describe_load(about: extract.Extract, number: int, reports: list[TableReport]) -> store.Load:
    supplied = [report for report in reports if report.supplied]
    counts = {
        r.name: {
            "read": r.read,
            "refused": r.refused_rows,
            "new": r.new,
            "unknown_codes": sum(sum(f.values()) for f in r.unknown_codes.values()),
            "changed": r.changed,
            "withdrawn": r.withdrawn,
            "complete": r.name in about.complete,
        }
        for r in supplied
    }
    feeds = {r.name: about.feeds.get(r.name, about.extracted_at) for r in supplied}
    return store.Load(number, about.extracted_at, about.made_up, counts, feeds, {})
