"""Turns a folder of HMPPS API responses into an extract, with a report by file."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from features import clock
from features.contracts import records
from features.contracts.table import Table, is_crn
from features.errors import MissingInput, UserError
from features.sources.api_cases import SKIPPED
from features.sources.api_limits import CRN, read_limits, stop_for_unreadable_limits
from features.sources.api_merges import MERGES, WHOLE, Tellings, join_cases
from features.sources.api_shapes import SHAPES
from features.sources.api_versions import BESIDE, CHANGED, join_assessments, to_versions
from features.sources.mapping import recorded_from_its_day


@dataclass(frozen=True)
class Line:
    """How many rows of one table came from one file of API responses, and by which reader."""

    file: str
    shape: str
    table: str
    rows: int


@dataclass
class Report:
    """The rows that each file gave, and the files that were not read, with the reason."""

    lines: list[Line] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    """The case that lives on, by the CRN of each case that was merged into it."""
    merge_cycles: tuple[str, ...] = ()
    whole: list[str] = field(default_factory=list)
    """Beginnings of the record numbers of contacts of which a response has all of its case."""


def convert_responses(folder: Path, out: Path, *, extracted_at: datetime | None = None) -> Report:
    """Read every JSON file in a folder and write an extract; what is said of one record is one record.

    `extracted_at` (UTC) is now where it is not given. Feeds are never declared complete: an API
    answers for the cases that were asked about. Raises what `read_responses` does.
    """
    at = extracted_at or clock.now_as_recorded().replace(microsecond=0)
    report, frames = read_responses(folder, at)
    out.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        order = ("crn", "occurred_on", "record_id", "version")
        own = frame.drop(BESIDE)
        own.sort(order).write_parquet(out / f"{name}.parquet")
    content = {"extracted_at": at.isoformat(), "complete": [], "whole": {"contacts": report.whole}}
    (out / "extract.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    return report


def read_responses(
    folder: Path, at: datetime, merged: Mapping[str, str] = MappingProxyType({})
) -> tuple[Report, dict[str, pl.DataFrame]]:
    """Read every JSON file in a folder: the report, and the rows of each record that it tells of.

    `at` (UTC) is when the responses were fetched; `merged` has the case that lives on, by the CRN of
    each that was merged. Rows have IS_GUESSED and CHANGED beside their own columns. Raises MissingInput where there is no folder,
    UserError where no file has a shape that is known, UnreadableInput where limited access is
    spoken of and cannot be tied to a case.
    """
    if not folder.is_dir():
        raise MissingInput(f"There is no folder {folder} of API responses.")
    report, rows = Report(), Tellings()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".json", ".csv"):
            _read_file(path, str(path.relative_to(folder)), rows, report)
    if not rows:
        raise UserError(f"None of the files in {folder} has a shape that is known. {report.unread}")
    own, merges = join_cases(rows, merged)
    report.merged, report.merge_cycles = merges.survivors, merges.cycles
    report.whole = sorted(number for table, number in rows if table == WHOLE)
    return report, _frames_of(own, at)


def _read_file(path: Path, name: str, rows: Tellings, report: Report) -> None:
    if path.suffix == ".csv":
        report.unread[name] = _reference_list(path)
        return
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        stop_for_unreadable_limits(name, path.read_text(encoding="utf-8", errors="replace"))
        report.unread[name] = f"not JSON ({type(error).__name__})"
        return
    counts: Counter[tuple[str, str]] = Counter()
    skipped: list[str] = []
    for body, crn in _response_bodies(content, path):
        limits = [("limited access", *row) for row in read_limits(name, body, crn)]
        entries, reason = _read_body(body, crn)
        if reason and not limits:
            skipped.append(reason)
        own = [*limits, *entries]
        faults = {place: _reason_against(table, row) for place, (_, table, row) in enumerate(own)}
        for place, (shape, table, row) in enumerate(own):
            if faults[place]:
                skipped.append(f"{shape}: {faults[place]}")
            elif table != WHOLE or not any(faults.values()):
                # A list of which an item was refused is not whole.
                rows.setdefault((table, row["record_id"]), []).append(row)
                counts[shape, table] += table != WHOLE
    report.lines += [Line(name, shape, table, n) for (shape, table), n in counts.items() if n]
    if skipped:
        report.unread[name] = "; ".join(sorted(set(skipped)))


def _read_body(body: Any, crn: str | None) -> tuple[list[tuple[str, str, dict[str, Any]]], str]:
    """The rows of a response body as (shape, table, row), or no rows and the reason why."""
    if not body or (isinstance(body, dict) and "error" in body):
        return [], f"nothing told ({_keys_of(body)})"
    try:
        shape = next((shape for shape in SHAPES if shape.fits(body)), None)
        # A body is used whole or not at all: half a response would look like a complete one.
        rows = [] if shape is None else list(shape.read(body, crn))
    except DAMAGED as error:
        return [], f"damaged ({type(error).__name__}; {_keys_of(body)})"
    if shape is None:
        return [], f"no shape that is known ({_keys_of(body)})"
    return [(shape.name, table, row) for table, row in rows], ""


DAMAGED = (
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)
"""How a response shows that it is not of the shape that it looks like."""
_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "code": (str,),
    "date": (date,),
    "time": (datetime,),
    "int": (int,),
    "number": (int, float),
    "flag": (bool,),
}


def _reason_against(name: str, row: dict[str, Any]) -> str:
    """The reason for refusing an entry, or an empty text; its CRN is put into capitals."""
    if name == SKIPPED:
        return str(row["reason"])
    if row["crn"] is None:
        return "it names no CRN, and neither does the file's name"
    row["crn"] = str(row["crn"]).strip().upper()
    if not is_crn(row["crn"]):
        return "its CRN is not a letter and six digits"
    if name in (MERGES, WHOLE):
        return ""
    if row["occurred_on"] is None or row["recorded_at"] is None:
        return "an entry without a date"
    for column in records.find_table(name).columns:
        value = row.get(column.name)
        if value is not None and not isinstance(value, _TYPES[column.type]):
            return f"an entry whose {column.name} is no {column.type}"
    return ""


def _response_bodies(content: Any, path: Path) -> Iterator[tuple[Any, str | None]]:
    """The response bodies in a file (a stub file has several), each with the CRN of its address."""
    named = CRN.search(path.stem)
    crn = named[0] if named else None
    if isinstance(content, dict) and isinstance(content.get("mappings"), list):
        for item in content["mappings"]:
            if not isinstance(item, dict) or not isinstance(item.get("request", {}), dict):
                yield item, crn
                continue
            request = item.get("request", {})
            url = " ".join(str(request.get(k, "")) for k in ("url", "urlPattern", "urlPathPattern"))
            match = CRN.search(url)
            response = item.get("response")
            body = response.get("jsonBody") if isinstance(response, dict) else response
            yield body, match[0] if match else crn
    else:
        yield content, crn


def _frames_of(rows: Tellings, at: datetime) -> dict[str, pl.DataFrame]:
    for (name, _), tellings in rows.items():
        for row in tellings:
            # An entry was on record at the latest when the response was fetched.
            row["recorded_at"] = min(row["recorded_at"], at)
            if row.get(CHANGED):
                row[CHANGED] = min(row[CHANGED], at)
            if name in ("limits", "people"):
                # A response says of a limit or a name that it is so, and never since when.
                row["occurred_on"] = min(row["occurred_on"], at.date())
    frames = {}
    for name, table in records.TABLES.items():
        own = {
            number: to_versions(tellings)
            for (kind, number), tellings in rows.items()
            if kind == name
        }
        if name == "assessments":
            own = join_assessments(own)
        if own:
            versions = [row for versions in own.values() for row in versions]
            frames[name] = _frame_of(versions, table)
    return frames


def _frame_of(versions: list[dict[str, Any]], table: Table) -> pl.DataFrame:
    """The rows of a record, with BESIDE; what is not of OASys is of NDelius, whoever answered."""
    frame = pl.DataFrame(versions, schema_overrides=table.schema, infer_schema_length=None)
    needed = {"source_system": pl.String(), **BESIDE}
    absent = [pl.lit(None, dtype).alias(n) for n, dtype in needed.items() if n not in frame.columns]
    frame = frame.with_columns(absent).with_columns(
        pl.col("source_system").fill_null("ndelius"),
        *[pl.col(column).cast(dtype) for column, dtype in BESIDE.items()],
    )
    return frame.with_columns(recorded_at=recorded_from_its_day(table))


def _reference_list(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as handle:
        rows = sum(1 for _ in csv.reader(handle)) - 1
    return f"a reference list of {rows} rows, about no case"


def _keys_of(body: Any) -> str:
    if isinstance(body, dict):
        return "keys: " + ", ".join(list(body)[:4])
    return type(body).__name__
