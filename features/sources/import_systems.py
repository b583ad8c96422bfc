"""Imports NDelius, OASys and NOMIS: their tables become an extract of our records, with a report.

Every row of a table that is read is accounted for: it became a record, or it is counted with the
reason why not. The import stops where limited access is not supplied, or a limit has no case.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from collections.abc import Mapping as CollectionMapping
from datetime import datetime
from pathlib import Path

import polars as pl

from features import clock
from features.contracts import records
from features.errors import MissingInput, UserError
from features.sources import ndelius, nomis, oasys
from features.sources.combining import PARTS, combine_parts, write_responses
from features.sources.hmpps_api import read_responses
from features.sources.import_report import ImportReport, MappedTable, describe_records
from features.sources.mapping import NO_DATE, NOTHING, STANDS_FOR, Mapping, to_records, to_versions
from features.sources.ndelius.merges import find_merges
from features.sources.tables import SourceTables, open_tables
from features.store.store import bucket_of

MAPPINGS: dict[str, tuple[Mapping, ...]] = {
    ndelius.SYSTEM: ndelius.MAPPINGS,
    oasys.SYSTEM: oasys.MAPPINGS,
    nomis.SYSTEM: nomis.MAPPINGS,
}
"""Every mapping, by system."""
LEADING = {"assessments": "oasys"}
"""Records that are not covered without a system, although another yields some rows of them.

NDelius has scores of predictors alone: with these a case would read as never assessed.
"""
NEVER = "2000-01-01T00:00:00"
"""Until when a record is covered of which the leading system is absent."""
LIMIT_TABLES = ("EXCLUSION", "RESTRICTION")
CASES_A_BUCKET = 5_000
MOST_BUCKETS = 48
ROWS_AT_ONCE = 4_000
JOIN_LIMIT = "POLARS_JOIN_SAMPLE_LIMIT"
ROWS_OF_A_JOIN = 100_000
"""So many rows of a side Polars holds while it chooses which side of a join to keep in memory.

Its own choice is ten million, for each join: six times the memory, and no quicker (decision 0085).
"""


def import_systems(
    folders: CollectionMapping[str, Path | str],
    out: Path,
    extracted_at: datetime | None = None,
    step: Callable[[str], None] = lambda _: None,
    cases_a_bucket: int = CASES_A_BUCKET,
    *,
    changed_rows: bool = False,
    responses: Path | None = None,
) -> ImportReport:
    """Write an extract from the folders of the systems, by system name; any but NDelius may be absent.

    A folder is a path, or the address of one in S3 (`s3://bucket/prefix`).
    `extracted_at` (UTC) is now where it is not given; a row that says that it was recorded later is
    an error of a clock and counts from then. With `changed_rows` the tables have only what changed
    since an earlier import (beside whole lists of people and codes), so that nothing is withdrawn
    because it is missing. `responses` is a folder of HMPPS API responses, which add to what the
    tables say (decision 0089). Raises UserError where `out` holds something or a limit
    leads to no case, MissingInput where limits are not supplied, UnreadableInput for a file that
    cannot be read. Nothing is written unless all of it is.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is not empty. Name a new folder for the extract.")
    # Read at import by Polars, so that setting it in the environment alone would do nothing.
    pl.Config.load(json.dumps({"environment": {JOIN_LIMIT: str(ROWS_OF_A_JOIN)}}))
    systems = {name: open_tables(name, folder) for name, folder in folders.items()}
    _check_limits(systems)
    merges = find_merges(systems[ndelius.SYSTEM])
    at = extracted_at or clock.now_as_recorded()
    of_responses, frames = (
        read_responses(responses, at, merges.survivors) if responses else (None, {})
    )
    limited = frozenset(frames["limits"]["crn"]) if "limits" in frames else frozenset()
    for tables in systems.values():
        tables.others, tables.survivors, tables.limited = systems, merges.survivors, limited
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        report = _write_extract(
            systems,
            partial,
            at,
            step,
            cases_a_bucket,
            changed_rows=changed_rows,
            responses=frames,
        )
        report.responses = of_responses
        complete = [] if changed_rows else _complete_records(partial, systems)
        _describe_extract(partial, at, systems, report.buckets, complete)
        report.merged, report.merge_cycles = len(merges.survivors), merges.cycles
        if out.exists():
            out.rmdir()
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return report


def _check_limits(systems: dict[str, SourceTables]) -> None:
    tables = systems.get(ndelius.SYSTEM)
    if tables is None:
        raise MissingInput(
            "Supply the tables of NDelius (--ndelius): without them there is no case."
        )
    missing = [table for table in ("OFFENDER", *LIMIT_TABLES) if not tables.has(table)]
    if missing:
        raise MissingInput(
            f"NDelius comes without {' and '.join(missing)}, so nobody can say whose access is "
            "limited. Nothing was written. Supply the table, even if it is empty."
        )


def _write_extract(
    systems: dict[str, SourceTables],
    out: Path,
    at: datetime,
    step: Callable[[str], None],
    cases_a_bucket: int,
    *,
    changed_rows: bool,
    responses: dict[str, pl.DataFrame],
) -> ImportReport:
    people = systems[ndelius.SYSTEM].scan("OFFENDER", "CRN").select(pl.col("CRN").n_unique())
    count = int(people.collect().item())
    report = ImportReport(people=count)
    report.buckets = max(1, min(MOST_BUCKETS, count // cases_a_bucket))
    left_out = frozenset({"links"}) if changed_rows else frozenset()
    for number, (tables, mapping) in enumerate(_supplied_mappings(systems, left_out)):
        step(f"{tables.system} {mapping.table} as {mapping.record}")
        report.tables.append(
            _write_part(tables, mapping, out / PARTS / mapping.record / str(number), at, report)
        )
    write_responses(out, responses, report.buckets)
    for record in sorted({item.record for item in report.tables} | {"limits"} | set(responses)):
        step(f"putting together {record}")
        report.told_twice[record] = combine_parts(out, record, report.buckets)
    shutil.rmtree(out / PARTS, ignore_errors=True)
    for name, tables in systems.items():
        report.note_absences(name, tables)
    describe_records(report, out)
    return report


def _supplied_mappings(
    systems: dict[str, SourceTables], left_out: frozenset[str]
) -> Iterator[tuple[SourceTables, Mapping]]:
    for system, mappings in MAPPINGS.items():
        for mapping in mappings if system in systems else ():
            if mapping.record in left_out:
                continue
            if systems[system].has(mapping.table):
                yield systems[system], mapping
            else:
                systems[system].absent_tables.add(mapping.table)


def _write_part(
    tables: SourceTables, mapping: Mapping, folder: Path, at: datetime, report: ImportReport
) -> MappedTable:
    rows = to_records(mapping, tables, tables.system)
    no_dates = [name for name in rows.collect_schema() if name.startswith(NO_DATE)]
    counted = rows.group_by(NOTHING).agg(pl.col(STANDS_FOR).sum(), pl.col(no_dates).sum())
    by_reason = counted.collect(engine="streaming")
    counts = dict(by_reason.select(NOTHING, STANDS_FOR).iter_rows())
    unreadable = {
        name.removeprefix(NO_DATE): count
        for name in no_dates
        if (count := int(by_reason[name].sum() or 0))
    }
    mapped = counts.pop(None, 0)
    _stop_for_lost_limits(mapping, counts)
    if mapped:
        frame = to_versions(mapping, rows).with_columns(
            # A clock that runs ahead must not put an entry on record after the extract.
            pl.min_horizontal("recorded_at", pl.lit(at)).alias("recorded_at"),
            bucket_of(report.buckets).alias("_bucket"),
        )
        frame.sink_parquet(
            pl.PartitionBy(folder, key="_bucket", include_key=False),
            mkdir=True,
            engine="streaming",
            # Every bucket holds a group of rows in memory until it is full.
            row_group_size=ROWS_AT_ONCE,
            maintain_order=False,
        )
    return MappedTable(tables.system, mapping.table, mapping.record, mapped, counts, unreadable)


def _stop_for_lost_limits(mapping: Mapping, reasons: dict[str, int]) -> None:
    if mapping.record != "limits":
        return
    lost = {reason: n for reason, n in reasons.items() if reason not in mapping.harmless}
    if lost:
        why = "; ".join(f"{count:,}: {reason}" for reason, count in lost.items())
        raise UserError(
            f"{sum(lost.values()):,} limits of access in {mapping.table} lead to no case ({why}). "
            "Nothing was written, because somebody's access would be lost. Supply the rows that "
            "they refer to."
        )


def _describe_extract(
    out: Path,
    at: datetime,
    systems: dict[str, SourceTables],
    buckets: int,
    complete: list[str],
) -> None:
    content: dict[str, object] = {"extracted_at": at.isoformat(), "complete": complete}
    lists = _lists_of_limits(systems)
    if complete and "limits" not in complete and lists:
        content["whole"] = {"limits": lists}
    if buckets > 1:
        content["buckets"] = buckets
    uncovered = [
        name for name, system in LEADING.items() if system not in systems and (out / name).exists()
    ]
    if uncovered:
        content["feeds"] = dict.fromkeys(uncovered, NEVER)
    (out / "extract.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


def _complete_records(out: Path, systems: dict[str, SourceTables]) -> list[str]:
    return [
        name for name in records.TABLES if (out / name).exists() and _has_all_tables(name, systems)
    ]


def _lists_of_limits(systems: dict[str, SourceTables]) -> list[str]:
    """How the record numbers of limits begin of each system that came with all its tables of them."""
    lists = []
    for system, tables in systems.items():
        of_limits = [mapping for mapping in MAPPINGS[system] if mapping.record == "limits"]
        if of_limits and all(tables.has(mapping.table) for mapping in of_limits):
            lists.append(f"{system}-")
    return lists


def _has_all_tables(record: str, systems: dict[str, SourceTables]) -> bool:
    """Whether every table of the record is there; of limits, of every system that has any.

    A night without OASys must not lift the limits that OASys told of.
    """
    needed = MAPPINGS if record == "limits" else systems
    return all(
        system in systems and systems[system].has(mapping.table)
        for system in needed
        for mapping in MAPPINGS[system]
        if mapping.record == record
    )
