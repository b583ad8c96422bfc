"""Runs work on buckets of cases in one single-threaded process a core.

Nothing of a run outlives it, however it ends: what workers hand on is case histories.

Work and results pass through files, never through the pool's own pipes: where a worker was killed
while its pool wrote more than a pipe holds, the pool of Python before 3.11.5 waits for ever
(python/cpython issue 94777).
"""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from multiprocessing import current_process, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any, Generic, TypeVar

from features.errors import RunStopped, SetupProblem, UserError

Result = TypeVar("Result")

WORKERS = "ROSH_WORKERS"
"""The environment variable that says how many workers a run may have."""
THREADS = "POLARS_MAX_THREADS"
PREFIX = "rosh-frames-"
FOLDER = "ROSH_WORKERS_FOLDER"
"""The environment variable by which a worker finds the folder of its pool."""
UNGUARDED = "unguarded"
"""The file by which a worker says that the main script has no main guard."""
JUST_MADE = 60
"""Seconds within which a folder may be another run's that has not locked it yet."""


def count_workers() -> int:
    """How many workers a run has: ROSH_WORKERS, else one for each core that it may use.

    Raises SetupProblem where the setting is no number of at least one.
    """
    text = os.environ.get(WORKERS, "")
    if not text:
        # Only Linux says which cores a process may use.
        usable = getattr(os, "sched_getaffinity", None)
        return len(usable(0)) if usable else os.cpu_count() or 1
    if not text.isdigit() or int(text) < 1:
        raise SetupProblem(f"{WORKERS} is {text!r}; it must be a number of at least 1.")
    return int(text)


@dataclass(frozen=True)
class Work(Generic[Result]):
    """Work that was handed to a worker, and the file in which its result will be."""

    future: Future[None]
    path: Path

    def result(self) -> Result:
        """Wait for the result and take it; raises what the work raised.

        Raises RunStopped where a worker was killed.
        """
        with _killed_workers_reported(self.path.parent):
            self.future.result()
        result: Result = _read_pickle(self.path)
        return result

    def give_up(self) -> None:
        """Have the work not begun, or wait until it has ended; its result is let go."""
        # What a worker has not begun yet it does not find any more.
        self.path.unlink(missing_ok=True)
        if not self.future.cancel():
            wait([self.future])


class Workers:
    """Worker processes, and the folder through which work and results pass."""

    def __init__(self, executor: ProcessPoolExecutor, folder: Path) -> None:
        self._executor = executor
        self._numbers = count()
        self.folder = folder

    def submit(self, work: Callable[..., Result], *arguments: Any) -> Work[Result]:
        """Hand work to the next worker that is free."""
        path = self.folder / f"work-{next(self._numbers)}.pickle"
        path.write_bytes(pickle.dumps((work, arguments)))
        with _killed_workers_reported(self.folder):
            return Work(self._executor.submit(_do_work, path), path)


@contextmanager
def _killed_workers_reported(folder: Path) -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        if (folder / UNGUARDED).exists():
            raise UserError(
                "The script that was started has no main guard, so every worker began it anew. Put "
                'what it does under: if __name__ == "__main__":'
            ) from error
        raise RunStopped(
            "A worker of the run was killed, perhaps because memory ran out. Nothing was kept. "
            f"Free some memory or set {WORKERS} lower, and start the run again."
        ) from error


def _do_work(path: Path) -> None:
    """In a worker: do the work in a file, and write its result in the place of it.

    Nothing, where the file is gone: the work was given up before it was begun.
    """
    try:
        work, arguments = _read_pickle(path)
    except FileNotFoundError:
        return
    writing = path.with_suffix(".tmp")
    writing.write_bytes(pickle.dumps(work(*arguments)))
    writing.rename(path)


def _read_pickle(path: Path) -> Any:
    content = pickle.loads(path.read_bytes())  # noqa: S301 - written by this run
    path.unlink()
    return content


@contextmanager
def process_pool(workers: int) -> Iterator[Workers]:
    """Worker processes, each with one Polars thread, and the folder that they share.

    A worker starts afresh: Polars does not survive a fork.

    A worker whose parent was killed ends, and removes the folder.
    """
    _refuse_in_imported_script()
    _check_main_script()
    with shared_folder() as folder, _executor(workers, folder) as executor:
        try:
            yield Workers(executor, folder)
        finally:
            # What nobody took is not begun any more.
            for path in folder.glob("work-*.pickle"):
                path.unlink(missing_ok=True)


def _check_main_script() -> None:
    """Raise UserError where the program that was started is no file: no worker could begin it."""
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    if getattr(main, "__spec__", None) is None and path is not None and not Path(path).exists():
        raise UserError(
            f"The program that was started is no file ({path}), and worker processes begin from "
            "it. Save it as a file, and put what it does under: "
            'if __name__ == "__main__":'
        )


def _refuse_in_imported_script() -> None:
    """End a worker that runs the main script instead of importing it; its parent says why.

    A spawned process imports the script that was started. Without a main guard the script does its
    work there, and multiprocessing lets no process start others while it imports.
    """
    if getattr(current_process(), "_inheriting", False):
        (Path(os.environ[FOLDER]) / UNGUARDED).touch()
        raise SystemExit(1)


@contextmanager
def _executor(workers: int, folder: Path) -> Iterator[ProcessPoolExecutor]:
    os.environ[FOLDER] = str(folder)
    try:
        with (
            one_polars_thread(),
            ProcessPoolExecutor(
                workers,
                mp_context=get_context("spawn"),
                initializer=_watch_parent,
                initargs=(folder,),
            ) as processes,
        ):
            yield processes
    finally:
        del os.environ[FOLDER]


@contextmanager
def one_polars_thread() -> Iterator[None]:
    """For the block, processes that are started have one Polars thread each.

    Polars reads it when a process starts: two pools of threads on two cores hold each other up.
    """
    before = os.environ.get(THREADS)
    os.environ[THREADS] = "1"
    try:
        yield
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


def _watch_parent(folder: Path) -> None:
    Thread(target=_end_after_parent, args=(folder,), daemon=True).start()


def _end_after_parent(folder: Path) -> None:
    """In a worker: end when the process that started it ends, and remove the shared folder.

    Without this a worker waits for work for ever: it holds both ends of the queue itself.
    """
    parent = parent_process()
    if parent is not None:
        parent.join()
    # Another worker may be writing its part into the folder meanwhile.
    for _ in range(10):
        if folder.exists():
            shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)
