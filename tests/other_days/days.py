"""The days beside today on which the suite is run, each counted from today."""

from __future__ import annotations

from datetime import date, timedelta


def days_ahead(today: date) -> dict[str, int]:
    """How many days ahead each lies: a week, the first day of the next month, the next leap day,
    the next change to summer time (the last Sunday of March), and two years.
    """
    ahead = {
        "a week ahead": today + timedelta(days=7),
        "the first day of a month": (today.replace(day=1) + timedelta(days=32)).replace(day=1),
        "a leap day": next_leap_day(today),
        "the change to summer time": next_summer_time(today),
        "two years ahead": today + timedelta(days=730),
    }
    return {name: (day - today).days for name, day in ahead.items()}


def next_leap_day(today: date) -> date:
    """The first 29 February after a day."""
    day = today + timedelta(days=1)
    while (day.month, day.day) != (2, 29):
        day += timedelta(days=1)
    return day


def next_summer_time(today: date) -> date:
    """The first last Sunday of March after a day."""
    day = today + timedelta(days=1)
    while not (day.month == 3 and day.weekday() == 6 and (day + timedelta(days=7)).month == 4):
        day += timedelta(days=1)
    return day
