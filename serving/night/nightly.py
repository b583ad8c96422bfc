"""Runs a whole night by itself: the day's load, scores, queue and figures; tells who runs it.

Nights that were missed need no night of their own: the load brings what was recorded meanwhile, and
acute entries are looked for since the last night (`serving.cases.acute_entries`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import Engine

from features import clock
from features.errors import UserError
from features.intake.load import load_extract
from features.intake.reports import Report
from serving.db.last_night import LastNight, read_last_night
from serving.night.messages import Message, send_message
from serving.night.run import FinishedRun, run_night
from serving.settings import Alerts, Settings

UNFORESEEN = "Something went wrong that nobody foresaw. The end of the log says where in the code."


@dataclass(frozen=True)
class FinishedNight:
    """What a whole night did: its load, its run, the nights that it stands for, and how long."""

    load: Report | None
    run: FinishedRun
    missed: tuple[date, ...]
    """Days before this one of which no night ran."""
    seconds: float


def run_nightly(
    settings: Settings,
    engine: Engine,
    as_of: date,
    extract: Path | str | None,
    step: Callable[[str], None] = lambda _: None,
) -> FinishedNight:
    """Load an extract if there is one, and run the night as of a day.

    Raises what the load and the night raise (`load_extract`, `run_night`).
    """
    began = time.monotonic()
    with engine.connect() as connection:
        before = read_last_night(connection, clock.now(), settings.night_due)
    load = None if extract is None else load_extract(extract, settings.store, step=step)
    finished = run_night(settings, engine, as_of, step)
    missed = tuple(day for day in before.missed if day < as_of)
    return FinishedNight(load, finished, missed, time.monotonic() - began)


@contextmanager
def reported_if_it_fails(
    alerts: Alerts | None, as_of: date, warn: Callable[[str], None]
) -> Iterator[None]:
    """Within the block, send a message where it does not come to its end, whatever the reason.

    The reason itself goes on to the caller. What cannot be sent is handed to `warn`.
    """
    why: str | None = UNFORESEEN
    try:
        yield
        why = None
    except UserError as error:
        why = str(error)
        raise
    finally:
        if why is not None:
            text = f"The night about {as_of} did not finish. {why}"
            tell(alerts, Message(f"Risk level triage: no night for {as_of}", text), warn)


def tell(alerts: Alerts | None, message: Message, warn: Callable[[str], None]) -> None:
    """Send a message, or say why nobody was told."""
    if alerts is None:
        warn("Nobody was told: ROSH_ALERT_TO is not set.")
        return
    try:
        send_message(alerts, message)
    except UserError as error:
        warn(str(error))


def message_of_late_night(last: LastNight) -> Message:
    """What is sent where a night has not run in time."""
    if last.as_of is None:
        return Message("Risk level triage: no night has run", "There has been no night yet.")
    days = ", ".join(f"{day}" for day in last.missed)
    return Message(
        f"Risk level triage: no night since {last.as_of}",
        f"The last night was about {last.as_of}. No night has run about: {days}. The queue has "
        "nothing of what was recorded since. Look at the log of the schedule, and start "
        "`python -m serving nightly` again: one night takes in what was missed.",
    )
