"""Deletes a person from every load on request, in steps that survive a crash.

Each file that holds the person is written anew beside the old one; the manifest is replaced, and
from then on the store does not know the person; only then are refused rows rewritten and the old
files removed. A command that was killed is finished by running it again. What is kept says when,
and how many rows of which table: never who. The same person comes back with the next extract
unless the supplier has deleted them first.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from features import clock
from features.contracts.table import is_crn
from features.errors import UserError
from features.store import legal_holds, locks, s3_store, staging
from features.store.store import Load, Store, table_of
from features.store.whole_files import write_store_file

LINKS = "links"
"""The record whose rows name another case, in whatever bucket that lies."""


def forget_case(path: Path, crn: str) -> dict[str, int]:
    """Delete every version of a case's records; returns the number of rows by table.

    Raises UserError for what is no CRN, where the case is held for an inquest or review, and where
    the store holds nothing of it.
    """
    if not is_crn(crn):
        raise UserError(f"{crn!r} is no CRN: a letter and six digits, such as A000001.")
    Store.open(path)
    with locks.hold_lock(path):
        # First: an earlier deletion that was killed is finished by this.
        staging.sweep_orphans(path)
        opened = Store.open(path)
        _check_not_held(path, crn)
        counts: dict[str, int] = {}
        loads = [_rewrite_load(path, load, crn, counts, opened.buckets) for load in opened.loads]
        old: list[Path] = []
        opened.loads = [_without_refused(path, load, crn, counts, old) for load in loads]
        if not counts:
            raise UserError(f"The store in {path} holds nothing of that case. Nothing was changed.")
        at = clock.now_as_recorded().isoformat(timespec="seconds")
        opened.forgotten.append({"at": at, "rows": counts})
        # Files that were merged into others hold the person too; who reads them now, reads again.
        opened.superseded = []
        # Again: writing and sending files takes a while, and a hold may have been placed since.
        staging.replace_manifest(opened, lambda: _check_not_held(path, crn))
        for file in old:
            _rewrite_file(file, file, _refused_of(crn))
        staging.sweep_orphans(path)
    return counts


def _check_not_held(path: Path, crn: str) -> None:
    if crn in legal_holds.cases_on_hold(path):
        raise UserError(
            "That case is held for an inspection, an inquest or a review, and may not be deleted. "
            "Nothing was changed. Whoever placed the hold can lift it."
        )


def _rows_of_case(crn: str, table: str = "") -> pl.Expr:
    """A condition that is true for the rows of the case, and for links of other cases to it."""
    columns = ["crn", "linked_crn"] if table == LINKS else ["crn"]
    return pl.any_horizontal((pl.col(name) == crn).fill_null(value=False) for name in columns)


def _refused_of(crn: str) -> pl.Expr:
    """A condition for the refused rows of a case, including those with its CRN misspelt."""
    contains_crn = pl.col("content").str.to_lowercase().str.contains(crn.lower(), literal=True)
    return _rows_of_case(crn) | contains_crn.fill_null(value=False)


def _rewrite_load(path: Path, load: Load, crn: str, counts: dict[str, int], buckets: int) -> Load:
    """The load, with new files written in place of those that contain the case."""
    bucket = f"{int(crn[1:]) % buckets:02d}"
    files = dict(load.files)
    searched = [r for r in files if Path(r).stem == bucket or table_of(r) == LINKS]
    s3_store.fetch_store_files(path, {relative: files[relative] for relative in searched})
    for relative in searched:
        old, table = path / relative, table_of(relative)
        row_count = _add_to_count(old, _rows_of_case(crn, table))
        if not row_count:
            continue
        counts[table] = counts.get(table, 0) + row_count
        new = old.parent / "again" / old.name
        del files[relative]
        files[new.relative_to(path).as_posix()] = _rewrite_file(old, new, _rows_of_case(crn, table))
    return replace(load, files=files)


def _without_refused(
    path: Path, load: Load, crn: str, counts: dict[str, int], unlisted: list[Path]
) -> Load:
    """The load, with new files in place of those whose refused rows mention the case.

    Those of a load from before their digests were kept are put into `unlisted`: they are written
    anew in place, once the manifest is.
    """
    files = dict(load.refused or {})
    s3_store.fetch_store_files(path, files)
    for old in load.refused_files(path):
        row_count = _add_to_count(old, _refused_of(crn))
        if not row_count:
            continue
        counts["refused"] = counts.get("refused", 0) + row_count
        if load.refused is None:
            unlisted.append(old)
            continue
        new = old.parent / "again" / old.name
        del files[old.relative_to(path).as_posix()]
        files[new.relative_to(path).as_posix()] = _rewrite_file(old, new, _refused_of(crn))
    return load if load.refused is None else replace(load, refused=files)


def _add_to_count(path: Path, of: pl.Expr) -> int:
    return int(pl.scan_parquet(path).filter(of).select(pl.len()).collect().item())


def _rewrite_file(old: Path, new: Path, without: pl.Expr) -> str:
    """Write a copy of a file without some rows, atomically; returns its digest."""
    return write_store_file(pl.read_parquet(old).filter(~without), new)
