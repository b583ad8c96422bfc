"""The clock: the only place that reads the time of the machine.

Two dates are never mixed. The *as-of date* is the day that a thing is about: it is an argument,
and nothing here supplies it but `last_full_day`, the default of a command. *Now* is the moment at
which something is done: deadlines, sessions, approvals and audit rows go by it.
"""

from __future__ import annotations

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
    """The present moment, in UTC with its zone."""
    return _read()


def now_as_recorded() -> datetime:
    """The present moment as the records write it: UTC, without a zone."""
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
    """The calendar day in England and Wales now."""
    return day_of(now())


def last_full_day() -> date:
    """Yesterday: the newest day of which a night can have the whole record."""
    return today() - timedelta(days=1)


def as_of_date(text: str) -> date:
    """An as-of date as a command takes it: an ISO date, or `yesterday`.

    Raises ValueError for anything else, which argparse turns into a sentence.
    """
    return last_full_day() if text == "yesterday" else date.fromisoformat(text)


@contextmanager
def read_by(read: Callable[[], datetime]) -> Iterator[None]:
    """Read the time by another function, of this whole process, for what runs inside.

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
    """Stand the clock still at a moment with a time zone, for what runs inside."""
    if moment.tzinfo is None:
        raise ValueError("The clock is set to a moment with a time zone.")
    with read_by(lambda: moment):
        yield


@contextmanager
def ahead_by(shift: timedelta) -> Iterator[None]:
    """Let the clock run ahead of what it reads now, or behind, for what runs inside."""
    base = _read
    with read_by(lambda: base() + shift):
        yield


if __name__ == "__main__":
    print(last_full_day())  # noqa: T201 - the Makefile asks for the day of the demo
