"""Reads the examples of a spec table, and evaluates them where some of their entries are missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import polars as pl

from features.contracts import records
from features.frame import build
from features.history.asof import Histories, make_spine
from features.indicators.base import Indicator

AS_OF = date(2026, 6, 30)
"""The day on which every spec example is evaluated (the first line of each table says it)."""
_REMARK = re.compile(r"\(.*\)")
_READERS: dict[str, Callable[[str], Any]] = {
    "date": date.fromisoformat,
    "time": datetime.fromisoformat,
    "int": int,
    "number": float,
    "flag": lambda word: word == "true",
}


@dataclass(frozen=True)
class Entry:
    """An entry of an example: its record, its day, and the text of each column that is given."""

    record: str
    day: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Example:
    """A spec example: its entries, and whether the indicator fires in it for some group."""

    entries: tuple[Entry, ...]
    fires: bool


def read_examples(text: str, item: Indicator) -> list[Example]:
    """The examples of an indicator in the text of its spec table."""
    examples: list[Example] = []
    entries: list[Entry] = []
    for line in text.splitlines():
        if line.startswith("  => "):
            numbers = [part.split()[-1] for part in line[5:].split(", ")]
            values = [float(number) for number in numbers if number != "null"]
            examples.append(Example(tuple(entries), _fires(item, values)))
        elif line.startswith("  "):
            record, day, *fields = _REMARK.sub("", line).split()
            entries.append(Entry(record, day, dict(field.split("=", 1) for field in fields)))
        else:
            entries = []
    return examples


def _fires(item: Indicator, values: Iterable[float | None]) -> bool:
    """Whether some value fires; of indicators that only grade, any value above nought counts."""
    return any(value is not None and (item.fires(value) or value > 0) for value in values)


def evaluate_examples(examples: Sequence[tuple[Indicator, Sequence[Entry]]]) -> list[bool]:
    """Whether each indicator fires on its entries, with every feed supplied: one frame for all."""
    crns = [f"E{number:06d}" for number in range(len(examples))]
    rows: dict[str, list[dict[str, Any]]] = {}
    for crn, (_, entries) in zip(crns, examples, strict=True):
        for number, entry in enumerate(entries):
            rows.setdefault(entry.record, []).append(_row(entry, crn, number))
    tables = {
        name: pl.DataFrame(entries, schema=records.find_table(name).schema)
        for name, entries in rows.items()
    }
    feeds = {name: [(date.min, AS_OF)] for name in records.TABLES}
    frame = build.build_frame(Histories(make_spine(crns, AS_OF), tables, feeds))
    by_case = frame.partition_by("crn", as_dict=True)
    return [
        _fires(item, by_case[crn,][item.id]) for crn, (item, _) in zip(crns, examples, strict=True)
    ]


def _row(entry: Entry, crn: str, number: int) -> dict[str, Any]:
    table, day = records.find_table(entry.record), date.fromisoformat(entry.day)
    values = {
        name: _READERS.get(table.column(name).type, str)(text)
        for name, text in entry.values.items()
    }
    common = {
        "record_id": f"{crn}-{number}",
        "version": 1,
        "crn": crn,
        "occurred_on": day,
        "recorded_at": datetime.combine(day, time(12)),
    }
    return dict.fromkeys(table.schema) | common | values
