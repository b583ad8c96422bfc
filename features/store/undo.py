"""Undoes the newest load of the store, and records that in the manifest."""

from __future__ import annotations

import getpass
from pathlib import Path

from features import clock
from features.errors import UserError
from features.store import locks, staging
from features.store.store import Load, Store

LEAST_REASONS = 20


def undo_load(path: Path, reasons: str) -> Load:
    """Remove the newest load; who did it, when and why stays in the manifest.

    Raises UserError without reasons, and where the store holds no load. What a night read of the
    load stands: its run names the load.
    """
    if len(reasons.strip()) < LEAST_REASONS:
        raise UserError(f"Say why (--reasons), in at least {LEAST_REASONS} characters.")
    Store.open(path)
    with locks.hold_lock(path):
        opened = Store.open(path)
        if not opened.loads:
            raise UserError(f"The store in {path} holds no load. Nothing was changed.")
        if opened.loads[-1].merged_into is not None:
            raise UserError(
                f"The files of load {opened.loads[-1].number} were merged with those of earlier "
                "loads, so it can no longer be taken back. Nothing was changed. Load a corrected "
                "extract instead."
            )
        load = opened.loads.pop()
        opened.undone.append(
            {
                "number": load.number,
                "extracted_at": load.extracted_at.isoformat(),
                "by": getpass.getuser(),
                "at": clock.now_as_recorded().isoformat(timespec="seconds"),
                "reasons": reasons.strip(),
            }
        )
        staging.replace_manifest(opened)
        staging.sweep_orphans(path)
    return load
