"""Reads the spec tables: an indicator, an example in words, its entries, the value expected."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from features.contracts import records
from tests import factories

TABLES = Path(__file__).with_name("tables")


@dataclass(frozen=True)
class Example:
    """One example: the entries of a case and what the indicator makes of them, group by group."""

    indicator: str
    says: str
    rows: dict[str, list[dict[str, Any]]]
    expected: dict[str, float | None]

    def __str__(self) -> str:
        return f"{self.indicator}: {self.says}"


def examples() -> Iterator[Example]:
    """Every example of every table."""
    for path in sorted(TABLES.glob("*.txt")):
        yield from _examples(path.read_text(encoding="utf-8").splitlines()[1:])


def _examples(lines: list[str]) -> Iterator[Example]:
    indicator, says, rows = "", "", dict[str, list[dict[str, Any]]]()
    for line in lines:
        if line.startswith("# "):
            indicator = line[2:].strip()
        elif line.startswith("  => "):
            yield Example(indicator, says, rows, _expected(line[5:]))
        elif line.startswith("  "):
            table, values = _row(line)
            rows.setdefault(table, []).append(values)
        elif line.strip():
            says, rows = line.strip(), {}


def _row(line: str) -> tuple[str, dict[str, Any]]:
    table, day, *fields = re.sub(r"\(.*\)", "", line).split()
    values = dict(part.split("=", 1) for part in fields)
    typed = {name: _typed(table, name, text) for name, text in values.items()}
    return table, factories.row(table, day, **typed)


def _typed(table: str, name: str, text: str) -> Any:
    kind = records.find_table(table).column(name).type
    read = {
        "date": date.fromisoformat,
        "time": datetime.fromisoformat,
        "int": int,
        "number": float,
        "flag": lambda word: {"true": True, "false": False}[word],
    }.get(kind, str)
    return read(text)  # type: ignore[operator]


def _expected(text: str) -> dict[str, float | None]:
    parts = text.split(", ")
    if len(parts) == 1:
        community = dict.fromkeys(("children", "public", "known_adult", "staff"), _number(text))
        return community | {"prisoners": None}
    expected = {name: _number(value) for name, value in (part.split() for part in parts)}
    return {"prisoners": None} | expected


def _number(text: str) -> float | None:
    return None if text.strip() == "null" else float(text)
