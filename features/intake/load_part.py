"""Compares a part of a table with what is stored of it, and writes the versions to append.

A part needs its files and the store, and nothing of another part: parts of one load are worked by
whichever process or machine is free.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from features.contracts.codes import NOT_YET_KNOWN
from features.contracts.table import Table
from features.errors import UnreadableInput
from features.intake import extract, note_entries, refusals
from features.intake.files import Supplied
from features.intake.note_entries import NoteIntake
from features.intake.parts import TablePart, begins_with
from features.intake.reports import TableReport
from features.intake.time_zones import Zones
from features.store import store, versions
from features.store.load_folder import LoadFolder


@dataclass(frozen=True)
class PartResult:
    """What a part of a table yields: counts, refused rows, and the files that were written."""

    report: TableReport
    entries: TableReport
    """The counts of the entries that its notes hold."""
    refused: pl.DataFrame
    files: dict[str, str]
    zones: Zones


@dataclass(frozen=True)
class LoadPart:
    """Work on one part of a table of an extract."""

    about: extract.Extract
    target: LoadFolder
    previous: datetime | None
    """When the extract before this one was taken; None before the first."""
    notes: NoteIntake

    def __call__(self, part: TablePart) -> PartResult:
        """Write the versions to append, and those of the entries in their notes.

        Raises UnreadableInput where a file cannot be used.
        """
        table, taken_at = part.table, self.about.extracted_at
        zones = Zones()
        with part.fetch_files(self.about) as here:
            supplied = here.read_supplied(zones)
        good, refused, report = _split_refused(supplied, table, taken_at)
        if part.bucket is not None:
            self._check_bucket(supplied, good, refused, part)
        stored = part.read_stored(supplied, self.about)
        differing, before = versions.drop_unchanged(stored, good)
        fresh = versions.new_versions(before, differing, taken_at, self.previous)
        is_stored = pl.col("record_id").is_in(before["record_id"].unique().implode())
        report.changed = fresh.filter(is_stored).height
        report.new = fresh.height - report.changed
        gone = self._withdrawals(part, stored, good, refused, report)
        entries, files = self._write(part, pl.concat([fresh, gone]))
        return PartResult(report, entries, refused, files, zones)

    def _withdrawals(
        self,
        part: TablePart,
        stored: pl.DataFrame,
        good: pl.DataFrame,
        refused: pl.DataFrame,
        report: TableReport,
    ) -> pl.DataFrame:
        """Withdrawals of what is gone from what the extract declares complete: a table, or some
        of its records; none of anything else.
        """
        name = part.table.name
        if name in self.about.complete:
            listed = stored
        elif name in self.about.whole and part.only is None:
            listed = stored.filter(begins_with(self.about.whole[name]))
        else:
            return stored.clear()
        gone = versions.withdrawals(listed, good, refused, self.about.extracted_at)
        report.withdrawn = gone.height
        report.live = versions.count_live(listed)
        return gone

    def _write(self, part: TablePart, fresh: pl.DataFrame) -> tuple[TableReport, dict[str, str]]:
        """Write the versions to append; returns the counts of their note entries, and the files."""
        name, entries = part.table.name, TableReport(note_entries.TABLE)
        if fresh.is_empty():
            return entries, {}
        files = self.target.write_rows(name, fresh, part.folder)
        # An extract that supplies the entries itself has its own counted.
        if name == "contacts" and not self.about.files.get(note_entries.TABLE):
            rows = self._derive_note_entries(part, fresh)
            # What a note no longer says counts as changed, not as withdrawn.
            entries.supplied, entries.read = True, rows.height
            entries.changed = int((rows["version"] > 1).sum())
            entries.new = rows.height - entries.changed
            if rows.height:
                files |= self.target.write_rows(note_entries.TABLE, rows, part.folder)
        return entries, files

    def _derive_note_entries(self, part: TablePart, contacts: pl.DataFrame) -> pl.DataFrame:
        """The entries in the notes of new versions of contacts, beside those that are stored."""
        ours = pl.col("contact_id").is_in(contacts["record_id"].unique().implode())
        stored = part.store.read_versions(note_entries.TABLE, part.bucket, ours)
        return self.notes.derive_rows(contacts, stored)

    def _check_bucket(
        self, supplied: Supplied, good: pl.DataFrame, bad: pl.DataFrame, part: TablePart
    ) -> None:
        is_stray = good.select(store.bucket_of(part.store.buckets) != part.bucket).to_series()
        strays = good.filter(is_stray)
        if strays.height:
            numbers = supplied.numbers.filter(~supplied.numbers.is_in((bad["row"] - 1).implode()))
            place = supplied.place(numbers.filter(is_stray)[0])
            raise UnreadableInput(
                f"{place}: the case belongs to another bucket than {part.bucket}, and so do "
                f"{strays.height - 1:,} more rows of the file (the digits of a CRN modulo the "
                "buckets are its bucket). Nothing was changed. Run python -m features bucket on "
                f'the original extract, or take "buckets" out of {extract.ABOUT}.'
            )


def _split_refused(
    supplied: Supplied, table: Table, extracted_at: datetime
) -> tuple[pl.DataFrame, pl.DataFrame, TableReport]:
    """The rows that can be used, the refused ones with their reasons, and the counts of both."""
    raw = supplied.rows
    checked = refusals.check_rows(raw, table, extracted_at).collect()
    rows, reason = checked.drop(refusals.REASON), checked[refusals.REASON]
    bad = reason.is_not_null()
    refused = pl.DataFrame(
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
    good = rows.filter(~bad) if refused.height else rows
    counts = refused["reason"].value_counts(sort=True)
    report = TableReport(
        table.name,
        supplied=True,
        read=raw.height,
        refused=dict(zip(counts["reason"], counts["count"], strict=True)),
        unknown_codes=_unknown_codes(good, table),
        absent_columns=[c.name for c in table.columns if c.name not in raw.columns],
        ignored_columns=[name for name in raw.columns if name not in table.schema],
        first_refused=supplied.place(refused["row"][0] - 1) if refused.height else "",
    )
    return good, refused, report


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
