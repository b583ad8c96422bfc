"""Lets the whole suite run on another day: `ROSH_TEST_AHEAD` says how many days ahead.

A run that would go on over midnight is one of the next day from its start: what was done
"yesterday" in its first test must be yesterday in its last.

The service's clock is read ahead, and PostgreSQL is started under libfaketime, which shifts its own.
Libraries that read the machine's time by themselves (signed tokens) are left alone.

    python -m tests.another_day MODULE …

runs a command of the service on the same day, in a process of its own.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, time, timedelta
from pathlib import Path

from features import clock

VARIABLE = "ROSH_TEST_AHEAD"
LIBRARIES = ("usr/lib/*/faketime/libfaketime.so.1", "usr/lib64/faketime/libfaketime.so.1")
TO_NEXT_DAY = "ROSH_TEST_TO_NEXT_DAY"
"""Seconds by which a late run is ahead, set by the process that begins it for those it starts."""
LONGEST_RUN = timedelta(minutes=75)
_whole_run = ExitStack()


def to_next_day(now: datetime) -> timedelta:
    """How far ahead a run that begins now is: nothing, or to five past one on the next day.

    At that time the day is the same in UTC too, in winter and in summer.
    """
    day = clock.day_of(now)
    if clock.day_of(now + LONGEST_RUN) == day:
        return timedelta(0)
    next_day = datetime.combine(day + timedelta(days=1), time(1, 5), clock.LOCAL)
    return next_day - now


def _ahead() -> timedelta:
    seconds = to_next_day(clock.now()).total_seconds() if library() is not None else 0
    late = os.environ.setdefault(TO_NEXT_DAY, str(round(seconds)))
    return timedelta(days=int(os.environ.get(VARIABLE, "0")), seconds=int(late))


def library() -> Path | None:
    """The shared library that shifts the time of a program; None where it is not installed."""
    paths = (path for pattern in LIBRARIES for path in Path("/").glob(pattern))
    return next(paths, None)


AHEAD = _ahead()
"""How far ahead of the machine's clock this run is."""


def begin() -> None:
    """Let the service's clock run ahead from now on, where a run on another day was asked for."""
    if AHEAD:
        if library() is None:
            raise RuntimeError(f"{VARIABLE} needs libfaketime. Install the package libfaketime.")
        _whole_run.enter_context(clock.ahead_by(AHEAD))


def _environment_of_the_database() -> dict[str, str]:
    """What PostgreSQL is to be started with, so that its days are those of the run."""
    if not AHEAD:
        return {}
    return {
        "LD_PRELOAD": str(library()),
        "FAKETIME": f"{round(AHEAD.total_seconds()):+d}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def command_on_the_day(module: str, *arguments: str) -> list[str]:
    """How to start `python -m MODULE …` so that its day is that of the run."""
    on_the_day = ["tests.another_day"] if AHEAD else []
    return [sys.executable, "-m", *on_the_day, module, *arguments]


@contextmanager
def database_started_on_the_day() -> Iterator[None]:
    """PostgreSQL alone is started under libfaketime: Python's own waits fail under it."""
    before = dict(os.environ)
    os.environ.update(_environment_of_the_database())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def main() -> None:
    """Run another module as a command, on the day of the run."""
    from serving.db import server  # the clock is shifted first

    start = server._start_server

    def start_on_the_day(folder: Path) -> object:
        with database_started_on_the_day():
            return start(folder)

    server._start_server = start_on_the_day
    begin()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
