"""Reads days as people type them: 27/3/2026, as the MOJ date picker writes them, or 2026-03-27."""

from __future__ import annotations

import re
from datetime import date

NOT_A_DAY = "Enter a real date, such as 27/3/2026"
YEARS = range(1, 3000)
"""A later year is a slip of the hand, and the last ones have no day after them."""
_BY_DAY = re.compile(r"(\d{1,2})[/. -](\d{1,2})[/. -](\d{4})")


def parse_day(text: str) -> date | None:
    """The date that was typed, day first; None for anything that is not a date of YEARS."""
    parts = _BY_DAY.fullmatch(text.strip())
    try:
        if parts:
            day, month, year = (int(part) for part in parts.groups())
            typed = date(year, month, day)
        else:
            typed = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return typed if typed.year in YEARS else None


def parse_days(typed: dict[str, str]) -> tuple[dict[str, date | None], dict[str, str]]:
    """The date of each field, None where it is empty, and a fault for each that is not a date."""
    days = {name: parse_day(text) for name, text in typed.items()}
    wrong = [name for name, text in typed.items() if text.strip() and days[name] is None]
    return days, dict.fromkeys(wrong, NOT_A_DAY)
