"""Runs the commands about what was recorded: replay a run, delete a person or what is old."""

from __future__ import annotations

import argparse

from rich.table import Table

from features import clock
from features.errors import RunStopped
from features.progress import show_steps
from serving import settings
from serving.commands.service import connect_as, console
from serving.db.server import NIGHT
from serving.night import replay_run
from serving.night.erasure import erase_person
from serving.night.purge import purge_records


def replay_a_run(args: argparse.Namespace) -> None:
    """Compute a run's scores again; RunStopped where they are not the same bit for bit."""
    chosen = settings.read_settings()
    with show_steps("the replay") as step, connect_as(chosen, NIGHT) as engine:
        comparison = replay_run.replay_run(chosen, engine, args.run_id, step)
    missing = comparison.missing
    deleted = f" {missing:,} rows are of people deleted since." if missing else ""
    if not comparison.is_same:
        raise RunStopped(
            f"Run {comparison.run_id}: {comparison.different:,} of {comparison.rows:,} rows are "
            f"not the same when computed again.{deleted} Nothing was changed."
        )
    console.print(
        f"Run {comparison.run_id}: {comparison.rows - missing:,} rows are the same bit "
        f"for bit.{deleted} Nothing was changed."
    )


def forget_person(args: argparse.Namespace) -> None:
    """Delete a person from store, database and scores, and say what is left of them where."""
    chosen = settings.read_settings()
    with show_steps("the deletion") as step:
        erasure = erase_person(chosen, args.crn, args.reference, step)
    table = Table("where", "rows deleted", title="Deleted on request")
    for name, count in erasure.store_rows.items():
        table.add_row(f"store, {name}", f"{count:,}")
    for name, count in erasure.database_rows.items():
        if count:
            table.add_row(f"database, {name}", f"{count:,}")
    table.add_row("files of scores written anew", f"{erasure.files:,}")
    console.print(table)
    console.print(
        f"Not reached: {erasure.audit_rows:,} rows of the audit, which say who did what and hold "
        "no record; holds that were lifted; words of others that name the person; backups, "
        "extract folders and reports of errors, to be deleted by hand; models, which learned from "
        "many and hold no one's record. The person comes back with the next extract unless the "
        "supplier deleted them first."
    )


def purge(args: argparse.Namespace) -> None:
    """Delete what has been kept as long as the retention schedule says."""
    chosen = settings.read_settings()
    with show_steps("the purge") as step:
        purged = purge_records(chosen, clock.today(), args.months, step)
    rows = ", ".join(f"{count:,} of {name}" for name, count in purged.rows.items() if count)
    console.print(
        f"What ended before {purged.before}: {rows or 'no row'}; {purged.files:,} files of scores. "
        "Cases on hold stay, and so does the audit."
    )
