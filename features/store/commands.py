"""Runs the commands about the whole store: verify it, undo its newest load."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from features.errors import UnreadableInput
from features.store import undo, verification
from features.store.store import Store

console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(width=140)


def undo_load(args: argparse.Namespace) -> None:
    """Undo the newest load, and print what that does not undo."""
    load = undo.undo_load(args.store, args.reasons)
    console.print(
        f"Load {load.number} (taken {load.extracted_at:%Y-%m-%d %H:%M}) is taken back; the "
        "manifest says by whom and why. Nights that read it stand: score again to bring the queue "
        "up to date."
    )


def verify_store(args: argparse.Namespace) -> None:
    """Check every file of the store against its digest, and name those that differ."""
    verification_result = verification.verify_store(Store.open(args.store))
    for what, names in (
        ("missing", verification_result.missing),
        ("not the one that was written", verification_result.changed),
        ("not in the manifest", verification_result.unknown),
    ):
        for name in names:
            console.print(f"  {name}: {what}", highlight=False)
    if not verification_result.is_sound:
        raise UnreadableInput(
            f"The store in {args.store} is not what was written. Restore it from a backup, or load "
            "its extracts again into a new store."
        )
    console.print(f"{verification_result.files:,} files, each as it was written.")
