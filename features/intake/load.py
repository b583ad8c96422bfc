"""Loads an extract into the append-only store, all of it or nothing.

A changed row becomes a new version; a row that vanished from a feed declared complete becomes a
withdrawal; a faulty row is refused and stored with its reason; an unknown code is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl

from features.contracts import records
from features.contracts.codes import NOT_YET_KNOWN
from features.contracts.table import Table
from features.errors import TooManyRefused, UnreadableInput, UserError
from features.intake import extract, note_entries, refusals
from features.intake.files import Supplied
from features.intake.note_entries import NoteIntake
from features.intake.parts import Part, Parts, begins_with, bucket_count, list_files
from features.store import staging, store, versions, working_copy

MAX_REFUSED = 0.01
MAX_VANISHED = 0.05


@dataclass
class TableReport:
    """The counts of one table's rows in a load: read, refused, new, changed, withdrawn."""

    name: str
    supplied: bool = False
    read: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    new: int = 0
    changed: int = 0
    withdrawn: int = 0
    live: int = 0
    """Records that a feed declared complete had before."""
    unknown_codes: dict[str, dict[str, int]] = field(default_factory=dict)
    absent_columns: list[str] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)
    first_refused: str = ""
    """The file and row of the first row refused."""

    @property
    def refused_rows(self) -> int:
        """How many rows were refused, for whatever reason."""
        return sum(self.refused.values())


@dataclass
class Report:
    """The result of a load: a report a table, and the number of the load if one was made."""

    tables: list[TableReport]
    load: int | None
    extracted_at: datetime
    passed_over: tuple[str, ...] = ()
    unmerged: str = ""
    """Why the files of earlier loads could not be merged; the load is committed all the same."""


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
    with working_copy.folder_of(place) as folder:
        about = extract.describe_extract(folder, extracted_at)
        pieces = list_files(about)
        existing = staging.open_or_make(store_path, about.buckets or bucket_count(pieces, buckets))
        _check_order(existing, about)
        _check_any_table(about)
        with staging.Staged(store_path, existing.buckets) as staged, NoteIntake() as notes:
            _check_order(staged.store, about)
            parts = Parts(about, pieces, staged.store, staged.scratch)
            reading = _Reading(about, parts, staged, notes)
            for table in records.TABLES.values():
                reading.stage_table(table, step)
            for report in reading.reports.values():
                _stop_if_too_many(report, max_refused)
                _stop_if_too_many_vanished(report, max_vanished)
            committed = reading.commit_load()
    tables = list(reading.reports.values())
    return Report(tables, committed, about.extracted_at, about.passed_over, reading.unmerged)


def _check_any_table(about: extract.Extract) -> None:
    if not about.files:
        left = f" Passed over: {', '.join(about.passed_over)}." if about.passed_over else ""
        tables = ", ".join(records.TABLES)
        raise UserError(f"{about.folder} holds none of the tables: {tables}.{left}")


class _Reading:
    """An extract being loaded: the tables read so far and the files staged for the store."""

    def __init__(
        self, about: extract.Extract, parts: Parts, staged: staging.Staged, notes: NoteIntake
    ) -> None:
        self.about, self.existing, self.staged = about, parts.store, staged
        self._notes = notes
        self._parts = parts
        self.reports = {
            name: TableReport(name, supplied=bool(about.files.get(name))) for name in records.TABLES
        }
        self.refused: dict[str, list[pl.DataFrame]] = {}
        self.unmerged = ""
        earlier = [item for item in parts.store.loads if item.extracted_at < about.extracted_at]
        self._previous = earlier[-1].extracted_at if earlier else None

    def stage_table(self, table: Table, step: Callable[[str], None]) -> None:
        """Read one table part by part, and stage the versions to append."""
        parts = self._parts.of_table(table)
        for number, part in enumerate(parts):
            step(f"{table.name}, part {number + 1} of {len(parts)}")
            self._stage_part(part)

    def _stage_part(self, part: Part) -> None:
        table, report = part.table, self.reports[part.table.name]
        supplied = self._parts.read_supplied(part)
        good, bad = _split_refused(supplied, table, self.about.extracted_at, report)
        if bad.height and not report.first_refused:
            report.first_refused = supplied.place(bad["row"][0] - 1)
        if part.bucket is not None:
            self._check_bucket(supplied, good, bad, part.bucket)
        stored = self._parts.read_stored(part, supplied)
        differing, before = versions.drop_unchanged(stored, good)
        fresh = versions.new_versions(before, differing, self.about.extracted_at, self._previous)
        is_stored = pl.col("record_id").is_in(before["record_id"].unique().implode())
        changed = fresh.filter(is_stored).height
        report.changed += changed
        report.new += fresh.height - changed
        if table.name in self.about.complete:
            gone = versions.withdrawals(stored, good, bad, self.about.extracted_at)
            report.withdrawn += gone.height
            report.live += versions.count_live(stored)
            fresh = pl.concat([fresh, gone])
        elif table.name in self.about.whole and part.only is None:
            listed = stored.filter(begins_with(self.about.whole[table.name]))
            gone = versions.withdrawals(listed, good, bad, self.about.extracted_at)
            report.withdrawn += gone.height
            report.live += versions.count_live(listed)
            fresh = pl.concat([fresh, gone])
        if fresh.height:
            self.staged.add(table.name, fresh, part.folder)
            if table.name == "contacts" and not self.about.files.get(note_entries.TABLE):
                self._stage_note_entries(fresh, part)
        if bad.height:
            self.refused.setdefault(table.name, []).append(bad)

    def _stage_note_entries(self, contacts: pl.DataFrame, part: Part) -> None:
        """Read the notes of new versions of contacts; an extract that has the entries is believed.

        Contacts are staged with the time from which each version was known.
        """
        report = self.reports[note_entries.TABLE]
        ours = pl.col("contact_id").is_in(contacts["record_id"].unique().implode())
        stored = self.existing.read_versions(note_entries.TABLE, part.bucket, ours)
        rows = self._notes.derive_rows(contacts, stored)
        report.supplied = True
        report.read += rows.height
        # What a note no longer says is a change of the note: no feed has lost it.
        report.changed += int((rows["version"] > 1).sum())
        report.new += int((rows["version"] == 1).sum())
        if rows.height:
            self.staged.add(note_entries.TABLE, rows, part.folder)

    def _check_bucket(
        self, supplied: Supplied, good: pl.DataFrame, bad: pl.DataFrame, bucket: int
    ) -> None:
        is_stray = good.select(store.bucket_of(self.existing.buckets) != bucket).to_series()
        strays = good.filter(is_stray)
        if strays.height:
            numbers = supplied.numbers.filter(~supplied.numbers.is_in((bad["row"] - 1).implode()))
            place = supplied.place(numbers.filter(is_stray)[0])
            raise UnreadableInput(
                f"{place}: the case belongs to another bucket, and so do "
                f"{strays.height - 1:,} more rows (the number of a CRN modulo the buckets is its "
                'bucket). Nothing was changed. Take "buckets" out of '
                f"{extract.ABOUT} to have every file read as it comes."
            )

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


def _split_refused(
    supplied: Supplied, table: Table, extracted_at: datetime, report: TableReport
) -> tuple[pl.DataFrame, pl.DataFrame]:
    raw = supplied.rows
    checked = refusals.check_rows(raw, table, extracted_at).collect()
    rows, reason = checked.drop(refusals.REASON), checked[refusals.REASON]
    bad = reason.is_not_null()
    content = pl.DataFrame(
        {
            "table": pl.repeat(table.name, int(bad.sum()), eager=True),
            "row": supplied.numbers.filter(bad) + 1,
            "record_id": rows["record_id"].filter(bad),
            "crn": rows["crn"].filter(bad),
            "reason": reason.filter(bad),
            "content": raw.filter(bad).select(_row_content()).to_series(),
            "load": pl.repeat(0, int(bad.sum()), dtype=pl.Int32(), eager=True),
        },
        schema=store.REFUSED,
    )
    counts = content["reason"].value_counts(sort=True)
    report.read += raw.height
    _add_counts(report.refused, dict(zip(counts["reason"], counts["count"], strict=True)))
    good = rows.filter(~bad) if content.height else rows
    for column, code_counts in _unknown_codes(good, table).items():
        _add_counts(report.unknown_codes.setdefault(column, {}), code_counts)
    absent = [c.name for c in table.columns if c.name not in raw.columns]
    first = report.read == raw.height
    report.absent_columns = [n for n in absent if first or n in report.absent_columns]
    ignored = [name for name in raw.columns if name not in table.schema]
    report.ignored_columns += [name for name in ignored if name not in report.ignored_columns]
    return good, content


def _add_counts(total: dict[str, int], counts: dict[str, int]) -> None:
    for name, count in counts.items():
        total[name] = total.get(name, 0) + count


def _row_content() -> pl.Expr:
    # Bytes cannot be written as JSON, and no column of ours holds any.
    return pl.struct(pl.all().exclude(pl.Binary)).struct.json_encode()


def _unknown_codes(rows: pl.DataFrame, table: Table) -> dict[str, dict[str, int]]:
    unknown: dict[str, dict[str, int]] = {}
    for column in table.columns:
        if column.codes is None:
            continue
        known_codes = [*column.codes, NOT_YET_KNOWN]
        strange = rows.filter(
            pl.col(column.name).is_not_null() & ~pl.col(column.name).is_in(known_codes)
        )
        if strange.height:
            counts = strange[column.name].value_counts(sort=True)
            unknown[column.name] = dict(zip(counts[column.name], counts["count"], strict=True))
    return unknown


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
            f"{report.name}: {report.withdrawn:,} of {report.live:,} records are gone from a feed "
            f"declared complete (at most {max_vanished:.0%} may be). Nothing was changed. Check "
            "that the extract is whole, or allow more with --max-vanished."
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
