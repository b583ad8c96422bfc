"""Working days: Monday to Friday, without the bank holidays of England and Wales.

Source: the `holidays` library, subdivision ENG (Wales has the same days). A holiday that is
proclaimed late is a working day here until that library is brought up to date: what waits then goes
up a day early, never late.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import holidays
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from serving.db.tables import bank_holidays

YEARS_AHEAD = 2


@lru_cache(maxsize=64)
def of_year(year: int) -> frozenset[date]:
    """The bank holidays of one year."""
    return frozenset(holidays.country_holidays("GB", subdiv="ENG", years=year))


def is_working_day(day: date) -> bool:
    """Whether a day is neither at a weekend nor a bank holiday."""
    return day.weekday() < 5 and not is_bank_holiday(day)


def is_bank_holiday(day: date) -> bool:
    """Whether a day is a bank holiday, also one at a weekend."""
    return day in of_year(day.year)


def after(start: date, days: int) -> date:
    """The day so many working days after another."""
    day = start
    while days:
        day += timedelta(days=1)
        days -= is_working_day(day)
    return day


def keep(connection: Connection, today: date) -> int:
    """Write the bank holidays from last year on for the database's own rules; how many."""
    years = range(today.year - 1, today.year + YEARS_AHEAD)
    rows = [{"day": day} for year in years for day in sorted(of_year(year))]
    connection.execute(insert(bank_holidays).values(rows).on_conflict_do_nothing())
    return len(rows)
