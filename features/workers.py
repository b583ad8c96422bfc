"""Buckets of cases on every core: processes of one thread each, started afresh."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

WORKERS = min(2, os.cpu_count() or 1)
THREADS = "POLARS_MAX_THREADS"


@contextmanager
def pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes. A worker starts afresh: Polars does not survive a fork."""
    before = os.environ.get(THREADS)
    # Polars reads it when a worker starts: two pools of threads on two cores hold each other up.
    os.environ[THREADS] = "1"
    try:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as made:
            yield made
    finally:
        del os.environ[THREADS]
        if before is not None:
            os.environ[THREADS] = before
