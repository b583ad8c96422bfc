"""Runs the commands about what was recorded: replay a run."""

from __future__ import annotations

import argparse

from features.errors import RunStopped
from features.progress import show_steps
from serving import settings
from serving.commands.service import connect_as, console
from serving.db.server import NIGHT
from serving.night import replay_run


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
