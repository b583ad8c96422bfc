"""Checks that either all times of an extract carry a time zone, or none does.

A time without a zone is read as UTC. Where one file says the zone and another does not, the second
may be in British time: in summer an hour off, and near midnight a day. We do not guess.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from features.contracts.table import Table
from features.errors import UnreadableInput

_ZONED = r"[T ]\d{2}:\d{2}.*([Zz]|[+-]\d{2}:?\d{2})\s*$"
_PLAIN = r"[T ]\d{2}:\d{2}[^Zz+-]*$"


@dataclass
class Zones:
    """The first time with a time zone and the first without one, over the files read so far."""

    first: dict[bool, str] = field(default_factory=dict)

    def check_times(
        self, source: str, part: pl.DataFrame, table: Table, numbers: pl.Series
    ) -> None:
        """Check every time of a file; UnreadableInput at the first unlike those read before.

        `numbers` are those of the rows in the file, from 0.
        """
        for column in table.columns:
            if column.type != "time" or column.name not in part.columns:
                continue
            for zoned, row in _first_rows(part[column.name]):
                self._add_place(zoned, f"{column.name} in {source}, row {numbers[row] + 1}")

    def add(self, others: Zones) -> None:
        """Add what was read elsewhere; UnreadableInput where the two are unlike."""
        for zoned, place in others.first.items():
            self._add_place(zoned, place)

    def _add_place(self, zoned: bool, place: str) -> None:
        self.first.setdefault(zoned, place)
        if len(self.first) == 2:
            raise UnreadableInput(
                f"{self.first[True]}, has a time zone and {self.first[False]}, has none: "
                "one of them may be an hour off. Nothing was changed. Write every time in "
                "UTC, all of them with Z at the end or none."
            )


def _first_rows(times: pl.Series) -> list[tuple[bool, int]]:
    """The first row (from 0) with a time zone and the first without, for text or typed columns."""
    dtype = times.dtype
    if isinstance(dtype, pl.Datetime):
        first = times.is_not_null().arg_max() if times.null_count() < times.len() else None
        return [] if first is None else [(dtype.time_zone is not None, first)]
    if dtype != pl.String():
        return []
    tests = [(True, times.str.contains(_ZONED)), (False, times.str.contains(_PLAIN))]
    return [(zoned, hit.fill_null(False).arg_max() or 0) for zoned, hit in tests if hit.any()]
