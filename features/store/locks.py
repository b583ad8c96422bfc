"""Holds the lock of a store, so that on one machine only one command at a time changes it."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from features.errors import UserError

PATIENCE = 3.0
"""Seconds for which a command waits: a page holds the lock for a moment while it removes files."""


@contextmanager
def hold_lock(path: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of the store; UserError where another command holds it for longer."""
    until = time.monotonic() + patience
    with (path / "lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() >= until:
                    raise UserError(
                        f"Another load into {path} is under way. Nothing was changed. Wait for it "
                        "to end."
                    ) from error
                time.sleep(0.05)
        yield
