"""Reads an extract against the contracts into the append-only store, all of it or nothing.

A changed row becomes a new version; a row that vanished from a feed declared complete becomes a
withdrawal; a bad row is refused with its reason and kept; an unknown code is counted and named.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl

from features import extract, records, refusals, store, versions
from features.contracts import Table
from features.errors import TooManyRefused, UserError

MAX_REFUSED = 0.01
MAX_VANISHED = 0.05


@dataclass
class TableReport:
    """What became of one table of an extract, in counts."""

    name: str
    supplied: bool = False
    read: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    new: int = 0
    changed: int = 0
    withdrawn: int = 0
    unknown_codes: dict[str, dict[str, int]] = field(default_factory=dict)
    absent_columns: list[str] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)

    @property
    def refused_rows(self) -> int:
        """Rows refused for any reason."""
        return sum(self.refused.values())


@dataclass
class Report:
    """What became of an extract: a report a table, and the load it became, if any."""

    tables: list[TableReport]
    load: int | None
    extracted_at: datetime


def load(
    folder: Path,
    store_path: Path,
    *,
    extracted_at: datetime | None = None,
    max_refused: float = MAX_REFUSED,
    max_vanished: float = MAX_VANISHED,
    buckets: int = store.DEFAULT_BUCKETS,
) -> Report:
    """Load an extract folder into the store; UserError leaves the store as it was."""
    about = extract.describe(folder, extracted_at)
    existing = _existing(store_path, buckets)
    _check_order(existing, about)
    earlier = [item for item in existing.loads if item.extracted_at < about.extracted_at]
    previous = earlier[-1].extracted_at if earlier else None
    reports, rows, refused = [], {}, {}
    for table in records.TABLES.values():
        raw = extract.read_table(about, table)
        report = TableReport(table.name, supplied=raw is not None)
        reports.append(report)
        if raw is None:
            continue
        good, bad = _sift(raw, table, about.extracted_at, report)
        _stop_if_too_many(report, max_refused)
        kept = existing.read(table.name)
        fresh = versions.appended(kept, good, about.extracted_at, previous)
        seen = pl.col("record_id").is_in(kept["record_id"].unique().to_list())
        report.changed = fresh.filter(seen).height
        report.new = fresh.height - report.changed
        if table.name in about.complete:
            gone = versions.withdrawn(kept, good, bad, about.extracted_at)
            _stop_if_too_many_vanished(report, gone.height, kept, max_vanished)
            report.withdrawn = gone.height
            fresh = pl.concat([fresh, gone])
        if fresh.height:
            rows[table.name] = fresh
        if bad.height:
            refused[table.name] = bad
    number = _commit_if_new(store_path, existing, about, reports, rows, refused)
    return Report(reports, number, about.extracted_at)


def _nothing_new(
    existing: store.Store,
    about: extract.Extract,
    reports: list[TableReport],
    refused: dict[str, pl.DataFrame],
) -> bool:
    """Whether the same extract was loaded before, its tables and its refused rows included."""
    if not existing.loads or about.extracted_at != existing.loads[-1].extracted_at:
        return False
    kept = existing.refused()
    same = ["table", "record_id", "reason", "content"]
    unseen = [bad.join(kept, on=same, how="anti", nulls_equal=True) for bad in refused.values()]
    supplied = {report.name for report in reports if report.supplied}
    return supplied <= existing.supplied() and not any(bad.height for bad in unseen)


def _existing(path: Path, buckets: int) -> store.Store:
    if (path / "manifest.json").exists():
        return store.Store.open(path)
    return store.Store(path, buckets)


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


def _sift(
    raw: pl.DataFrame, table: Table, extracted_at: datetime, report: TableReport
) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows = refusals.typed(raw, table)
    reason = refusals.reasons(raw, rows, table, extracted_at)
    bad = reason.is_not_null()
    content = pl.DataFrame(
        {
            "table": pl.repeat(table.name, int(bad.sum()), eager=True),
            "row": pl.int_range(1, raw.height + 1, eager=True).filter(bad),
            "record_id": rows["record_id"].filter(bad),
            "crn": rows["crn"].filter(bad),
            "reason": reason.filter(bad),
            "content": raw.filter(bad).select(_content()).to_series(),
            "load": pl.repeat(0, int(bad.sum()), dtype=pl.Int32(), eager=True),
        },
        schema=store.REFUSED,
    )
    counts = content["reason"].value_counts(sort=True)
    report.read = raw.height
    report.refused = dict(zip(counts["reason"], counts["count"], strict=True))
    good = rows.filter(~bad)
    report.unknown_codes = _unknown_codes(good, table)
    report.absent_columns = [c.name for c in table.columns if c.name not in raw.columns]
    report.ignored_columns = [name for name in raw.columns if name not in table.schema]
    return good, content


def _content() -> pl.Expr:
    return pl.struct(pl.all()).struct.json_encode()


def _unknown_codes(rows: pl.DataFrame, table: Table) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for column in table.columns:
        if column.codes is None:
            continue
        strange = rows.filter(
            pl.col(column.name).is_not_null() & ~pl.col(column.name).is_in(list(column.codes))
        )
        if strange.height:
            counts = strange[column.name].value_counts(sort=True)
            found[column.name] = dict(zip(counts[column.name], counts["count"], strict=True))
    return found


def _stop_if_too_many(report: TableReport, max_refused: float) -> None:
    if report.refused_rows <= max_refused * report.read:
        return
    worst = "; ".join(f"{reason} ({n:,})" for reason, n in list(report.refused.items())[:3])
    raise TooManyRefused(
        f"{report.name}: {report.refused_rows:,} of {report.read:,} rows would be refused "
        f"({report.refused_rows / report.read:.1%}; at most {max_refused:.0%} may be): {worst}. "
        "Nothing was changed. Put the extract right, or allow more with --max-refused."
    )


def _stop_if_too_many_vanished(
    report: TableReport, gone: int, kept: pl.DataFrame, max_vanished: float
) -> None:
    live = versions.live(kept).height
    if gone > max(10, max_vanished * live):
        raise UserError(
            f"{report.name}: {gone:,} of {live:,} records are gone from a feed declared complete "
            f"(at most {max_vanished:.0%} may be). Nothing was changed. Check that the extract is "
            "whole, or allow more with --max-vanished."
        )


def _commit_if_new(
    path: Path,
    existing: store.Store,
    about: extract.Extract,
    reports: list[TableReport],
    rows: dict[str, pl.DataFrame],
    refused: dict[str, pl.DataFrame],
) -> int | None:
    if not rows and _nothing_new(existing, about, reports, refused):
        return None
    if not any(report.supplied for report in reports):
        raise UserError(f"{about.folder} holds none of the tables: {', '.join(records.TABLES)}.")
    number = existing.loads[-1].number + 1 if existing.loads else 1
    numbered = {
        name: frame.with_columns(load=pl.lit(number, dtype=pl.Int32()))
        for name, frame in rows.items()
    }
    noted = {
        name: frame.with_columns(load=pl.lit(number, dtype=pl.Int32()))
        for name, frame in refused.items()
    }
    counts = {
        r.name: {"read": r.read, "refused": r.refused_rows, "new": r.new,
                 "changed": r.changed, "withdrawn": r.withdrawn}
        for r in reports if r.supplied
    }  # fmt: skip
    feeds = {r.name: about.feeds.get(r.name, about.extracted_at) for r in reports if r.supplied}
    item = store.Load(number, about.extracted_at, about.made_up, counts, feeds, {})
    path.mkdir(parents=True, exist_ok=True)
    store.commit(path, existing.buckets, item, numbered, noted)
    return number
