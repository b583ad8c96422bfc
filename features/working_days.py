"""Counts working days: Monday to Friday, except bank holidays in England and Wales.

Counted from any day, at a weekend too, the first working day after it is one. Source: the
`holidays` library, subdivision ENG (Wales has the same days). A holiday that is proclaimed late is
a working day here until that library is brought up to date.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache, lru_cache

import holidays
import polars as pl

YEARS = range(1990, 2051)
"""The years whose bank holidays are known to the engine."""


@lru_cache(maxsize=128)
def of_year(year: int) -> frozenset[date]:
    """The bank holidays of England and Wales in one year."""
    return frozenset(holidays.country_holidays("GB", subdiv="ENG", years=year))


def is_bank_holiday(day: date) -> bool:
    """Whether a day is a bank holiday, including one at a weekend."""
    return day in of_year(day.year)


def is_working_day(day: date) -> bool:
    """Whether a day is neither at a weekend nor a bank holiday."""
    return day.weekday() < 5 and not is_bank_holiday(day)


@lru_cache(maxsize=4096)
def working_day_after(start: date, days: int) -> date:
    """The day that lies the given number of working days after another."""
    day = start
    while days:
        day += timedelta(days=1)
        days -= is_working_day(day)
    return day


@cache
def days_after(column: str, count: int) -> pl.Expr:
    """An expression: the date the given number of working days after a column's day."""
    # From a weekend the working day before it is the start: the first one after it is one.
    return pl.col(column).dt.add_business_days(count, holidays=_all_holidays(), roll="backward")


@cache
def _all_holidays() -> tuple[date, ...]:
    return tuple(sorted(day for year in YEARS for day in of_year(year)))
