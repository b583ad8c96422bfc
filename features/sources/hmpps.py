"""Turns a folder of HMPPS API responses into an extract, saying what came from which file."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from features import clock, records
from features.errors import MissingInput, UserError
from features.sources.shapes import SHAPES

_CRN = re.compile(r"[A-Z]\d{6}")


@dataclass(frozen=True)
class Line:
    """So many rows of a table came from a file, read as a shape."""

    file: str
    shape: str
    table: str
    rows: int


@dataclass
class Report:
    """What came from which file, and which files were not read and why."""

    lines: list[Line] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)


def convert(folder: Path, out: Path, *, extracted_at: datetime | None = None) -> Report:
    """Read every JSON file under a folder and write an extract; the same entry twice is one row.

    `extracted_at` (UTC) is now where it is not given. Feeds are never declared complete: an API
    answers for the cases that were asked about.
    """
    if not folder.is_dir():
        raise MissingInput(f"There is no folder {folder} of API responses.")
    report, rows = Report(), dict[tuple[str, str], dict[str, Any]]()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".json", ".csv"):
            _read_file(path, str(path.relative_to(folder)), rows, report)
    if not rows:
        raise UserError(f"None of the files in {folder} has a shape that is known. {report.unread}")
    _write(out, rows, extracted_at or clock.now_as_recorded().replace(microsecond=0))
    return report


def _read_file(
    path: Path, name: str, rows: dict[tuple[str, str], dict[str, Any]], report: Report
) -> None:
    if path.suffix == ".csv":
        report.unread[name] = _reference_list(path)
        return
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        report.unread[name] = f"not JSON: {error}"
        return
    counts: Counter[tuple[str, str]] = Counter()
    skipped: list[str] = []
    for body, crn in _bodies(content, path):
        shape = next((shape for shape in SHAPES if shape.fits(body)), None)
        if shape is None:
            skipped.append(f"no shape that is known ({_keys(body)})")
            continue
        for table, row in shape.read(body, crn):
            if row["crn"] is None:
                skipped.append(f"{shape.name}: it names no CRN, and neither does the file's name")
            elif row["occurred_on"] is None or row["recorded_at"] is None:
                skipped.append(f"{shape.name}: an entry without a date")
            else:
                _merge(rows, table, row)
                counts[shape.name, table] += 1
    report.lines += [Line(name, shape, table, n) for (shape, table), n in counts.items()]
    if skipped:
        report.unread[name] = "; ".join(sorted(set(skipped)))


def _bodies(content: Any, path: Path) -> Iterator[tuple[Any, str | None]]:
    """The response bodies in a file (a stub file holds several), each with the CRN it is about."""
    named = _CRN.search(path.stem)
    crn = named[0] if named else None
    if isinstance(content, dict) and "mappings" in content:
        for item in content["mappings"]:
            request = item.get("request", {})
            url = " ".join(str(request.get(k, "")) for k in ("url", "urlPattern", "urlPathPattern"))
            found = _CRN.search(url)
            yield item.get("response", {}).get("jsonBody"), found[0] if found else crn
    else:
        yield content, crn


def _merge(rows: dict[tuple[str, str], dict[str, Any]], table: str, row: dict[str, Any]) -> None:
    """One record may be told by several files: what one does not say, another may."""
    kept = rows.setdefault((table, row["record_id"]), row)
    for name, value in row.items():
        if kept.get(name) is None:
            kept[name] = value


def _write(out: Path, rows: dict[tuple[str, str], dict[str, Any]], at: datetime) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name, table in records.TABLES.items():
        own = [row for (kind, _), row in rows.items() if kind == name]
        if own:
            frame = pl.DataFrame(own, schema_overrides=table.schema, infer_schema_length=None)
            frame.sort("crn", "occurred_on", "record_id").write_parquet(out / f"{name}.parquet")
    latest = max(row["recorded_at"] for row in rows.values())
    content = {"extracted_at": max(at, latest).isoformat(), "complete": []}
    (out / "extract.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


def _reference_list(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as handle:
        rows = sum(1 for _ in csv.reader(handle)) - 1
    return f"a reference list of {rows} rows, about no case"


def _keys(body: Any) -> str:
    if isinstance(body, dict):
        return "keys: " + ", ".join(list(body)[:4])
    return type(body).__name__
