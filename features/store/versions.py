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
    present = [*good["record_id"].to_list(), *bad["record_id"].drop_nulls().to_list()]
    missing = live_versions(stored).filter(~pl.col("record_id").is_in(present))
    return _with_version_numbers(stored, _make_withdrawals(missing, extracted_at))


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
