"""Runs what a schedule starts: the whole night, and the check that it ran."""

from __future__ import annotations

import argparse

from rich.table import Table

from features import clock
from features.errors import RunStopped
from features.progress import show_steps
from serving import settings
from serving.commands.night_log import logged_steps
from serving.commands.service import connect_as, console
from serving.db.last_night import read_last_night
from serving.db.server import NIGHT
from serving.night import nightly
from serving.night.nightly import FinishedNight
from serving.night.publishing import publish_all


def run_nightly(args: argparse.Namespace) -> None:
    """Load the day's extract, run the night, and end with a summary; a message where it fails."""
    chosen = settings.read_settings(needed=settings.NIGHT_SECRETS)
    with (
        nightly.reported_if_it_fails(chosen.alerts, args.as_of, console.print),
        show_steps("the night") as show,
        logged_steps(chosen, args.as_of, show) as (step, log),
        connect_as(chosen, NIGHT) as engine,
    ):
        night = nightly.run_nightly(chosen, engine, args.as_of, args.extract, step)
        log.info(
            "night_finished",
            run_id=night.run.run_id,
            is_new=night.run.is_new,
            cases=night.run.counts["cases"],
            seconds=round(night.seconds, 1),
        )
    console.print(_summary_table(night))


def check_night(_: argparse.Namespace) -> None:
    """Say about which day the last night was; a message and RunStopped where one is missing."""
    chosen = settings.read_settings(needed=settings.CHECK_SECRETS)
    with connect_as(chosen, NIGHT) as engine, engine.connect() as connection:
        last = read_last_night(connection, clock.now(), chosen.night_due)
    if last.is_late:
        message = nightly.message_of_late_night(last)
        nightly.tell(chosen.alerts, message, console.print)
        raise RunStopped(message.text)
    console.print(f"The last night was about {last.as_of}: none is missing.")


def publish(_: argparse.Namespace) -> None:
    """Send the events and audit rows that were not sent yet, and say how many."""
    chosen = settings.read_settings(needed=settings.CHECK_SECRETS)
    with connect_as(chosen, NIGHT) as engine:
        published = publish_all(chosen, engine)
    for name, count in (("events", published.events), ("audit rows", published.audit)):
        console.print(f"{name}: {'not published' if count is None else f'{count:,} sent'}")


def _summary_table(night: FinishedNight) -> Table:
    table = Table(title=f"Night {night.run.run_id}", show_header=False)
    if night.load is not None:
        number = night.load.load
        table.add_row("load", "nothing new" if number is None else f"number {number}")
    for name in ("cases", "cases_scored", "cases_limited"):
        table.add_row(name.replace("_", " "), f"{night.run.counts[name]:,}")
    table.add_row("run", "written" if night.run.is_new else "stands already: nothing was changed")
    if night.missed:
        days = ", ".join(f"{day}" for day in night.missed)
        table.add_row(
            "no night had run about", f"{days} (what was recorded then counts in this one)"
        )
    table.add_row("seconds", f"{night.seconds:.0f}")
    return table
