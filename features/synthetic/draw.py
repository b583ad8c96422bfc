"""Gives seeded random draws by name, and turns them into rows."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from features.contracts import records

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]
Flags = npt.NDArray[np.bool_]

MONTH = 30
MONTHS = 36
"""The number of months of history; each has 30 days, and the last ends on the as-of date."""
FIRST_DAYS = (MONTHS - 1 - np.arange(MONTHS)) * MONTH
"""How many days before the as-of date each month ends."""


@dataclass(frozen=True)
class Draw:
    """The seed, the as-of date, the bucket, and an independent random generator for each name."""

    seed: int
    as_of: date
    bucket: int = -1

    def stream(self, name: str) -> np.random.Generator:
        """The random stream of a name; a new name changes no other stream."""
        return np.random.default_rng([self.seed, self.bucket + 1, zlib.crc32(name.encode())])

    def day(self, back: Ints) -> pl.Series:
        """Dates the given number of days before the as-of date; negative numbers lie after it."""
        base = np.datetime64(self.as_of, "D")
        return pl.Series(base - np.asarray(back).astype("timedelta64[D]")).cast(pl.Date())

    @property
    def extracted_at(self) -> datetime:
        """When the extract is taken: 22:00 on the as-of date."""
        return datetime.combine(self.as_of, time(22))


@dataclass(frozen=True)
class Events:
    """Made-up events: the case of each, and how many days before the as-of date it was."""

    who: Ints
    back: Ints

    def __len__(self) -> int:
        return len(self.who)

    def keep(self, mask: Flags) -> Events:
        """The made-up events for which the mask is true."""
        return Events(self.who[mask], self.back[mask])

    @property
    def month(self) -> Ints:
        """The month of each event, counted from 0 (oldest)."""
        return month_of(self.back)


def draw_events(rng: np.random.Generator, monthly: Floats) -> Events:
    """Draw events from a rate for each (case, month); month 0 is the oldest."""
    counts = rng.poisson(monthly)
    who, month = np.nonzero(counts)
    repeat = counts[who, month]
    who, month = np.repeat(who, repeat), np.repeat(month, repeat)
    back = (MONTHS - 1 - month) * MONTH + rng.integers(0, MONTH, len(who))
    return Events(who.astype(np.int64), back.astype(np.int64))


def month_of(back: Ints) -> Ints:
    """The month (0 oldest) of a day given in days before the as-of date."""
    return np.clip(MONTHS - 1 - back // MONTH, 0, MONTHS - 1)


def draw_delays(rng: np.random.Generator, size: int, late: float) -> Ints:
    """Days until an event is recorded: mostly up to two, some weeks, a few months."""
    kind = rng.random(size)
    soon, weeks = rng.integers(0, 3, size), rng.integers(3, 15, size)
    months = rng.integers(15, 90, size)
    days = np.where(kind < 0.9 - late, soon, np.where(kind < 1 - late, weeks, months))
    return days.astype(np.int64)


def pick_labels(labels: Sequence[str | None], index: Ints) -> pl.Series:
    """The labels at the given positions of a list, as a Series."""
    return pl.Series(list(labels), dtype=pl.String()).gather(index)


def draw_labels(rng: np.random.Generator, shares: dict[str, float], size: int) -> pl.Series:
    """Draw labels with the given shares, which need not add up to 1."""
    weights = np.array(list(shares.values()), dtype=float)
    bounds = np.cumsum(weights / weights.sum())[:-1]
    return pick_labels(list(shares), np.searchsorted(bounds, rng.random(size)).astype(np.int64))


LATE_TABLES = ("contacts", "incidents", "circumstances")


@dataclass(frozen=True)
class Desk:
    """Turns the events of a bucket into entries, with delays and outages in recording.

    `slow` is how many days late each case's entries always are; `later` how many days more from
    `later_from` days back; in each of `outages` what is recorded about the cases is lost.
    """

    draw: Draw
    crns: pl.Series
    slow: Ints
    later: Ints
    later_from: int
    outages: tuple[tuple[Flags, int, int], ...] = ()

    def recorded_days(self, table: str, at: Events, delay: Ints) -> tuple[Ints, Flags]:
        """For each event: days back when it was recorded, and whether that was in time."""
        back = at.back - delay
        if table not in LATE_TABLES:
            return back, back >= 0
        back = back - self.slow[at.who]
        back = back - np.where(at.back <= self.later_from, self.later[at.who], 0)
        reaches = back >= 0
        for cases, since, until in self.outages:
            reaches &= ~(cases[at.who] & (back < since) & (back >= until))
        return back, reaches

    def table_rows(
        self,
        table: str,
        prefix: str,
        at: Events,
        delay: Ints | int = 0,
        number: Ints | None = None,
        **columns: Any,
    ) -> pl.DataFrame:
        """Rows of a table for events, recorded after a delay; what is not yet recorded is left out.

        A column is a Series or array with a value an event, or an expression over the others. The
        same prefix and number make another version of the same record.
        """
        size = len(at)
        delay = np.broadcast_to(np.asarray(delay, dtype=np.int64), size)
        back, reaches = self.recorded_days(table, at, delay)
        computed = {k: v for k, v in columns.items() if isinstance(v, pl.Expr)}
        supplied = {k: v for k, v in columns.items() if v is not None and k not in computed}
        numbers = np.arange(size) if number is None else number
        frame = pl.DataFrame(
            {
                "crn": self.crns.gather(at.who),
                "occurred_on": self.draw.day(at.back),
                "_recorded_on": self.draw.day(back),
                "_hour": (8 + (at.who * 7 + at.back * 13) % 10).astype(np.int8),
                "_number": pl.Series(numbers).cast(pl.String()).str.zfill(6),
                **supplied,
            }
        ).with_columns(**computed)
        frame = frame.filter(pl.Series(reaches)).with_columns(
            record_id=pl.lit(f"{prefix}{self.draw.bucket:03d}") + pl.col("_number"),
            recorded_at=pl.col("_recorded_on").cast(pl.Datetime("us"))
            + pl.duration(hours=pl.col("_hour")),
        )
        return fit_contract(frame, table)


_DEFAULTS = {
    "source_system": pl.lit("ndelius"),
    "certainty": pl.lit("fact"),
    "disputed": pl.lit(value=False),
    "disclosable": pl.lit(value=True),
    "version": pl.lit(1),
}


def fit_contract(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """The frame with exactly the columns and types of the table's definition."""
    schema = records.find_table(table).schema
    missing = [
        _DEFAULTS.get(name, pl.lit(None)).alias(name)
        for name in schema
        if name not in frame.columns
    ]
    return frame.with_columns(missing).select(
        pl.col(name).cast(dtype) for name, dtype in schema.items()
    )


def blank_where(values: pl.Series, where: Flags) -> pl.Series:
    """The values with null wherever the mask is true."""
    return values.set(pl.Series(where), None)
