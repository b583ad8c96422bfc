"""Runs work on buckets of cases in one single-threaded process a core.

Nothing of a run outlives it, however it ends: what workers hand on is case histories.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread

WORKERS = min(2, os.cpu_count() or 1)
THREADS = "POLARS_MAX_THREADS"
PREFIX = "rosh-frames-"
JUST_MADE = 60
"""Seconds within which a folder may be another run's that has not locked it yet."""


@contextmanager
def process_pool(workers: int, folder: Path | None = None) -> Iterator[ProcessPoolExecutor]:
    """A pool of worker processes, each with one Polars thread.

    A worker starts afresh: Polars does not survive a fork.

    A worker whose parent was killed ends, and removes the folder that they share, if there is one.
    """
    before = os.environ.get(THREADS)
    # Polars reads it when a worker starts: two pools of threads on two cores hold each other up.
    os.environ[THREADS] = "1"
    try:
        with ProcessPoolExecutor(
            workers, mp_context=get_context("spawn"), initializer=_watch_parent, initargs=(folder,)
        ) as processes:
            yield processes
    finally:
        del os.environ[THREADS]
        if before is not None:
            os.environ[THREADS] = before


@contextmanager
def shared_folder() -> Iterator[Path]:
    """A temporary folder for the workers' files; folders left by killed runs are removed first."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        _remove_abandoned(Path(folder).stat().st_mtime - JUST_MADE)
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield Path(folder)
        finally:
            os.close(lock)


def _remove_abandoned(before: float) -> None:
    """Remove older folders that no living process holds a lock on."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            if folder.stat().st_mtime < before:
                _remove_if_unlocked(folder)
        except OSError:
            # Another user's, or gone by now.
            continue


def _remove_if_unlocked(folder: Path) -> None:
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    finally:
        os.close(lock)


def _watch_parent(folder: Path | None) -> None:
    Thread(target=_end_after_parent, args=(folder,), daemon=True).start()


def _end_after_parent(folder: Path | None) -> None:
    """In a worker: end when the process that started it ends, and remove the shared folder.

    Without this a worker waits for work for ever: it holds both ends of the queue itself.
    """
    parent = parent_process()
    if parent is not None:
        parent.join()
    # Another worker may be writing its part into the folder meanwhile.
    for _ in range(10):
        if folder is not None and folder.exists():
            shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)
