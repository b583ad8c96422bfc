"""Runs the command `reread`: read the notes of a store again."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from features.intake.reread import reread_notes
from features.progress import show_steps

console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(width=140)


def reread_store(args: argparse.Namespace) -> None:
    """Read the notes of a store again, and say what is read otherwise than before."""
    with show_steps("reading notes again") as step:
        reread = reread_notes(args.store, step)
    console.print("1 note was read." if reread.notes == 1 else f"{reread.notes:,} notes were read.")
    if reread.load is None:
        console.print("All say what they said before. Nothing was stored.")
        return
    console.print(
        f"{reread.new:,} entries are new and {reread.changed:,} changed or ended, from now on: "
        f"load {reread.load}. To take it back: python -m features undo"
    )
