"""Seeded draws by name, and the rows they become: the same seed gives the same caseload."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from features import records

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]
Flags = npt.NDArray[np.bool_]

MONTH = 30
MONTHS = 36
"""The history is told in 36 months of 30 days, the last one ending on the as-of date."""


@dataclass(frozen=True)
class Draw:
    """The seed, the as-of date, and one independent random stream a name."""

    seed: int
    as_of: date

    def stream(self, name: str) -> np.random.Generator:
        """The random stream of a name; adding one leaves all the others as they were."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    def day(self, back: Ints) -> pl.Series:
        """Dates so many days before the as-of date."""
        base = np.datetime64(self.as_of, "D")
        return pl.Series(base - back.astype("timedelta64[D]")).cast(pl.Date())

    @property
    def extracted_at(self) -> datetime:
        """The extract is taken at 22:00 on the as-of date."""
        return datetime.combine(self.as_of, time(22))


@dataclass(frozen=True)
class Events:
    """Which case each event belongs to and how many days before the as-of date it happened."""

    who: Ints
    back: Ints

    def __len__(self) -> int:
        return len(self.who)

    def keep(self, mask: Flags) -> Events:
        """The events where the mask holds."""
        return Events(self.who[mask], self.back[mask])


def events(rng: np.random.Generator, monthly: Floats) -> Events:
    """Events drawn from a rate for each (case, month); month 0 is the oldest."""
    counts = rng.poisson(np.broadcast_to(monthly, (monthly.shape[0], MONTHS)))
    who, month = np.nonzero(counts)
    repeat = counts[who, month]
    who, month = np.repeat(who, repeat), np.repeat(month, repeat)
    back = (MONTHS - 1 - month) * MONTH + rng.integers(0, MONTH, len(who))
    return Events(who.astype(np.int64), back.astype(np.int64))


def month_of(back: Ints) -> Ints:
    """The month (0 oldest) that a day so many days back lies in."""
    return np.clip(MONTHS - 1 - back // MONTH, 0, MONTHS - 1)


def delays(rng: np.random.Generator, size: int, late: float = 0.1) -> Ints:
    """Days until an event is put on record: most within two, some in weeks, a few in months."""
    kind = rng.random(size)
    days = np.where(
        kind < 0.9 - late + 0.1,
        rng.integers(0, 3, size),
        rng.integers(3, 15, size),
    )
    return np.where(kind > 1 - late / 2, rng.integers(15, 90, size), days).astype(np.int64)


def rows(
    draw: Draw,
    table: str,
    prefix: str,
    crns: pl.Series,
    at: Events,
    delay: Ints,
    **columns: Any,
) -> pl.DataFrame:
    """Rows of a table for events, recorded after a delay; what is not yet recorded is left out."""
    recorded_back = at.back - delay
    computed = {k: v for k, v in columns.items() if isinstance(v, pl.Expr)}
    given = {k: v for k, v in columns.items() if v is not None and k not in computed}
    hours = 8 + (at.who * 7 + at.back * 13) % 10
    base = pl.DataFrame(
        {
            "record_id": [f"{prefix}{i:08d}" for i in range(len(at))],
            "crn": crns.gather(at.who),
            "occurred_on": draw.day(at.back),
            "_recorded_on": draw.day(recorded_back),
            "_hour": hours,
            **given,
        }
    ).with_columns(
        **computed,
        version=pl.lit(1, dtype=pl.Int64()),
        recorded_at=pl.col("_recorded_on").cast(pl.Datetime("us"))
        + pl.duration(hours=pl.col("_hour")),
    )
    base = base.filter(pl.Series(recorded_back >= 0)).drop("_recorded_on", "_hour")
    return fit(base, table)


def fit(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """The frame with exactly the contract's columns and types."""
    schema = records.table(table).schema
    defaults = {
        "source_system": pl.lit("ndelius"),
        "certainty": pl.lit("fact"),
        "disputed": pl.lit(value=False),
        "disclosable": pl.lit(value=True),
        "version": pl.lit(1),
    }
    missing = [
        defaults.get(name, pl.lit(None)).alias(name) for name in schema if name not in frame.columns
    ]
    return frame.with_columns(missing).select(
        pl.col(name).cast(dtype) for name, dtype in schema.items()
    )
