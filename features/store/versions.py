"""Decides which versions of records a new extract appends; stored versions never change."""

from __future__ import annotations

from datetime import datetime

import polars as pl


def live_versions(versions: pl.DataFrame) -> pl.DataFrame:
    """The newest stored version of each record that is not withdrawn."""
    newest = versions.sort("record_id", "version").unique(
        "record_id", keep="last", maintain_order=True
    )
    return newest.filter(pl.col("withdrawn_at").is_null())


def drop_unchanged(stored: pl.DataFrame, good: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The supplied rows of records of which something differs, and the stored rows of those.

    A record is unchanged where all its rows are stored and its newest stored version is what the
    extract says last of it. Rows are compared by a hash of 64 bits, which is ten times quicker than
    columns: a changed row is missed with a probability of rows in its bucket / 2^64.
    """
    if stored.is_empty() or good.is_empty():
        return good, stored.clear()
    content = [name for name in good.columns if name != "version"]
    supplied = pl.col("version").fill_null(0)
    rows = good.select(*content, supplied_version=supplied)
    row, stored_row = (
        frame.select(*content, "supplied_version").hash_rows() for frame in (rows, stored)
    )
    record, stored_record = good["record_id"].hash(), stored["record_id"].hash()
    last = is_newest(record, rows["supplied_version"])
    newest = stored.select(content).filter(is_newest(stored_record, stored["version"]))
    is_last = good.select(content).filter(last).hash_rows().is_in(newest.hash_rows().implode())
    changed = [
        record.filter(~row.is_in(stored_row.implode())),
        record.filter(last).filter(~is_last),
    ]
    touched = pl.concat(changed).unique().implode()
    return good.filter(record.is_in(touched)), stored.filter(stored_record.is_in(touched))


def is_newest(record: pl.Series, version: pl.Series) -> pl.Series:
    """Whether each row has the highest version of its record, given the hashes of the records."""
    rows = pl.DataFrame({"record": record, "version": version})
    return rows.select(pl.col("version") == pl.col("version").max().over("record"))["version"]


def new_versions(
    stored: pl.DataFrame, good: pl.DataFrame, extracted_at: datetime, previous: datetime | None
) -> pl.DataFrame:
    """The versions to append: records that are new, changed, or back after a withdrawal.

    Where, after appending, a record's newest version is not what the extract says last of it (an
    old text came back, or only an earlier version was corrected), that is appended again. A record
    that moved to another CRN is first withdrawn from the old one. `previous` is when the extract
    before was taken: a row that reached us late could not be known before the one that brought it.
    """
    stored = stored.sort("record_id", "version")
    numbered = good.with_columns(supplied_version=pl.col("version").fill_null(0)).sort(
        "record_id", "supplied_version"
    )
    content = [name for name in good.columns if name != "version"]
    fresh = numbered.join(stored, on=[*content, "supplied_version"], how="anti", nulls_equal=True)
    last = numbered.unique("record_id", keep="last", maintain_order=True)
    newest = pl.concat([stored.select(content), fresh.select(content)]).unique(
        "record_id", keep="last", maintain_order=True
    )
    again = last.join(newest, on=content, how="anti", nulls_equal=True)
    known_from = pl.col("recorded_at")
    if previous is not None:
        known_from = pl.when(known_from > previous).then(known_from).otherwise(pl.lit(extracted_at))
    told_now = pl.concat([fresh, again]).with_columns(known_from=known_from.cast(pl.Datetime("us")))
    left = _make_withdrawals(_moved_records(stored, last), extracted_at)
    return _with_version_numbers(
        stored, pl.concat([left, _handed_over(told_now).select(left.columns)])
    )


def withdrawals(
    stored: pl.DataFrame, good: pl.DataFrame, bad: pl.DataFrame, extracted_at: datetime
) -> pl.DataFrame:
    """A withdrawal for each live record that is missing from a feed declared complete.

    A record whose row was refused has not vanished: nothing is withdrawn because of a bad row.
    """
    present = pl.concat([good["record_id"], bad["record_id"].drop_nulls()]).hash()
    absent = stored.filter(~stored["record_id"].hash().is_in(present.implode()))
    return _with_version_numbers(absent, _make_withdrawals(live_versions(absent), extracted_at))


def count_live(stored: pl.DataFrame) -> int:
    """How many stored records are not withdrawn."""
    newest = is_newest(stored["record_id"].hash(), stored["version"])
    return int((newest & stored["withdrawn_at"].is_null()).sum())


def _handed_over(numbered: pl.DataFrame) -> pl.DataFrame:
    """The versions, with a withdrawal before each that moves its record to another CRN."""
    if numbered["record_id"].is_unique().all():
        return numbered
    rows = numbered.sort("record_id", "supplied_version", maintain_order=True).with_row_index("_at")
    after = {name: pl.col(name).shift(-1) for name in ("record_id", "crn", "known_from")}
    moved = (after["record_id"] == pl.col("record_id")) & (after["crn"] != pl.col("crn"))
    since = pl.max_horizontal(after["known_from"], "known_from")
    moved_rows = rows.with_columns(_moved=moved, _since=since).filter("_moved")
    moved_rows = moved_rows.with_columns(withdrawn_at=pl.col("_since"), known_from=pl.col("_since"))
    return (
        pl.concat([rows, moved_rows.select(rows.columns)])
        .sort("_at", maintain_order=True)
        .drop("_at")
    )


def _moved_records(stored: pl.DataFrame, last: pl.DataFrame) -> pl.DataFrame:
    """The newest stored version of each live record that the extract gives another CRN."""
    now = last.select("record_id", now=pl.col("crn"))
    moved = live_versions(stored).join(now, on="record_id", how="inner")
    return moved.filter(pl.col("crn") != pl.col("now")).drop("now")


def _make_withdrawals(rows: pl.DataFrame, extracted_at: datetime) -> pl.DataFrame:
    at = pl.lit(extracted_at).cast(pl.Datetime("us"))
    return rows.with_columns(withdrawn_at=at, known_from=at).drop("load")


def _with_version_numbers(stored: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows numbered onwards from the newest stored version of their record."""
    top = stored.group_by("record_id").agg(_top=pl.col("version").max())
    numbered = rows.join(top, on="record_id", how="left", maintain_order="left").with_columns(
        version=pl.col("_top").fill_null(0) + pl.int_range(1, pl.len() + 1).over("record_id"),
        load=pl.lit(0, dtype=pl.Int32()),
    )
    return numbered.select(stored.columns)
