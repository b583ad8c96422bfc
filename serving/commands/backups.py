"""Runs the commands that write a backup and restore one."""

from __future__ import annotations

import argparse

from features.progress import show_steps
from features.store import working_copy
from serving import settings
from serving.commands.service import check_audit, connect_as, console
from serving.db.server import NIGHT
from serving.night import backups


def write_backup(args: argparse.Namespace) -> None:
    """Write a backup of database, store, bundles, scores and signed heads."""
    chosen = settings.read_settings()
    with show_steps("the backup") as step, connect_as(chosen, NIGHT) as engine:
        backup = backups.write_backup(chosen, engine, args.out, step)
    console.print(
        f"{len(backup.digests):,} files, {backup.size / 1e6:,.0f} MB: {backup.place}. It holds "
        "everything about everybody. Secrets are not in it: keep them apart."
    )


def restore_backup(args: argparse.Namespace) -> None:
    """Restore a backup into an empty place, and verify the audit there."""
    chosen = settings.read_settings()
    with show_steps("the restore") as step, working_copy.folder_of(args.folder) as folder:
        backup = backups.restore_backup(chosen, folder, step)
    console.print(f"{len(backup.digests):,} files restored. {check_audit(chosen)}")
    console.print(
        "Now: python -m serving replay newest. Then delete again who was deleted on request since."
    )
