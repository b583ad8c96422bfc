"""Writes the bank holidays by which the database's rules count working days."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from features.working_days import is_bank_holiday, is_working_day, of_year, working_day_after
from serving.db.tables import bank_holidays

__all__ = ["working_day_after", "is_bank_holiday", "is_working_day", "write_bank_holidays"]
YEARS_AHEAD = 2


def write_bank_holidays(connection: Connection, today: date) -> int:
    """Write the bank holidays from last year on; returns how many."""
    years = range(today.year - 1, today.year + YEARS_AHEAD)
    rows = [{"day": day} for year in years for day in sorted(of_year(year))]
    connection.execute(insert(bank_holidays).values(rows).on_conflict_do_nothing())
    return len(rows)
