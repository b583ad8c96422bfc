"""Counts what a load does with each table: rows read, refused, new, changed and withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class TableReport:
    """The counts of one table's rows in a load: read, refused, new, changed, withdrawn."""

    name: str
    supplied: bool = False
    read: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    new: int = 0
    changed: int = 0
    withdrawn: int = 0
    live: int = 0
    """Records that a feed declared complete had before."""
    unknown_codes: dict[str, dict[str, int]] = field(default_factory=dict)
    absent_columns: list[str] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)
    first_refused: str = ""
    """The file and row of the first row refused."""

    def add(self, part: TableReport) -> None:
        """Add the counts of the next part of the same table.

        A column is absent where every part with rows lacks it.
        """
        absent = part.absent_columns
        if self.read:
            absent = [name for name in self.absent_columns if name in absent]
        self.absent_columns = absent
        self.ignored_columns = list(dict.fromkeys([*self.ignored_columns, *part.ignored_columns]))
        self.supplied = self.supplied or part.supplied
        self.read += part.read
        self.new += part.new
        self.changed += part.changed
        self.withdrawn += part.withdrawn
        self.live += part.live
        self.first_refused = self.first_refused or part.first_refused
        _add_counts(self.refused, part.refused)
        for column, counts in part.unknown_codes.items():
            _add_counts(self.unknown_codes.setdefault(column, {}), counts)

    @property
    def refused_rows(self) -> int:
        """How many rows were refused, for whatever reason."""
        return sum(self.refused.values())


@dataclass
class Report:
    """The result of a load: a report a table, and the number of the load if one was made."""

    tables: list[TableReport]
    load: int | None
    extracted_at: datetime
    passed_over: tuple[str, ...] = ()
    unmerged: str = ""
    """Why the files of earlier loads could not be merged; the load is committed all the same."""
    other_buckets: tuple[int, int] | None = None
    """The buckets of the extract and of the store, where the extract has another number of them."""


def _add_counts(total: dict[str, int], counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        total[name] = total.get(name, 0) + count
