"""Reads the time for the whole project; no other module may read it.

Two dates are never mixed. The *as-of date* is the day that a thing is about: it is an argument,
and nothing here supplies it but `last_full_day`, the default of a command. *Now* is the moment at
which something is done: deadlines, sessions, approvals and audit rows go by it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("Europe/London")
"""Days are those of the wall calendar in England and Wales; moments are UTC."""


def _read_machine_clock() -> datetime:
    return datetime.now(UTC)


_read: Callable[[], datetime] = _read_machine_clock


def now() -> datetime:
    """The present moment, in UTC, with a time zone."""
    return _read()


def now_as_recorded() -> datetime:
    """The present moment in UTC without a time zone, as records store their times."""
    return now().replace(tzinfo=None)


def day_of(moment: datetime) -> date:
    """The calendar day in England and Wales on which a moment falls."""
    return moment.astimezone(LOCAL).date()


def start_of(day: date) -> datetime:
    """The moment, in UTC, at which a calendar day in England and Wales begins."""
    return datetime.combine(day, time.min, LOCAL).astimezone(UTC)


def end_of(day: date) -> datetime:
    """The moment, in UTC, at which a calendar day in England and Wales ends."""
    return start_of(day + timedelta(days=1))


def today() -> date:
    """The present calendar day in England and Wales."""
    return day_of(now())


def last_full_day() -> date:
    """Yesterday in England and Wales: the newest day whose entries are all on record."""
    return today() - timedelta(days=1)


def as_of_date(text: str) -> date:
    """Parse the as-of date of a command: an ISO date, or `yesterday`.

    Raises ValueError for anything else, which argparse turns into a sentence.
    """
    return last_full_day() if text == "yesterday" else date.fromisoformat(text)


@contextmanager
def read_by(read: Callable[[], datetime]) -> Iterator[None]:
    """Within the block, take the time from another function, in this whole process.

    A database keeps its own time.
    """
    global _read
    before, _read = _read, read
    try:
        yield
    finally:
        _read = before


@contextmanager
def set_to(moment: datetime) -> Iterator[None]:
    """Within the block, hold the clock at one moment, which has a time zone."""
    if moment.tzinfo is None:
        raise ValueError("The clock is set to a moment with a time zone.")
    with read_by(lambda: moment):
        yield


@contextmanager
def ahead_by(shift: timedelta) -> Iterator[None]:
    """Within the block, let the clock run ahead of the real time by a period, or behind it."""
    base = _read
    with read_by(lambda: base() + shift):
        yield


def _print_day(arguments: list[str]) -> None:
    """Print yesterday, or the day so many weeks before a day: `python -m features.clock DAY WEEKS`.

    The Makefile asks for the days of the demo.
    """
    day = as_of_date(arguments[0]) if arguments else last_full_day()
    weeks = int(arguments[1]) if arguments[1:] else 0
    print(day - timedelta(weeks=weeks))  # noqa: T201 - it is the answer


if __name__ == "__main__":
    _print_day(sys.argv[1:])
