"""Splits cases into parts of whole buckets and runs the same function on each, by default locally.

A case depends on no other case, so work on a part needs the store and the part and nothing else.
That is the seam to other machines: a `Runner` hands each part to whoever is free. Results come back
in the order of the parts, whoever worked them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import polars as pl

from features.processes import Work, Workers, count_workers, process_pool
from features.store.store import Store, bucket_of

Result = TypeVar("Result")
CASES_AT_ONCE = 10_000
"""The most rows of a spine in one part, which bounds a worker's memory; a bucket is never split."""


@dataclass(frozen=True)
class Part:
    """Some cases of a store, each with its as-of date, and the buckets in which they are."""

    store: Store
    spine: pl.DataFrame
    buckets: tuple[int, ...]

    @property
    def last_bucket(self) -> int:
        """The last bucket of the part, by which progress is shown."""
        return self.buckets[-1]


class Runner(Protocol):
    """Does the same work on each part; the work and its result can be pickled."""

    def run(
        self, work: Callable[[Part], Result], parts: Sequence[Part]
    ) -> Iterator[tuple[Part, Result]]:
        """Each part with the result of the work on it, in the order of the parts.

        Raises what the work raises, and RunStopped where a worker was killed.
        """
        ...


class SerialRunner:
    """Runs one part after the other in the calling process."""

    def run(
        self, work: Callable[[Part], Result], parts: Sequence[Part]
    ) -> Iterator[tuple[Part, Result]]:
        """Each part with the result of the work on it, in the order of the parts."""
        for part in parts:
            yield part, work(part)


class ProcessPoolRunner:
    """Runs parts in a pool of worker processes on this machine, started when first needed."""

    def __init__(self, workers: int, stack: ExitStack) -> None:
        self.workers = workers
        self._stack = stack
        self._pool: Workers | None = None

    def run(
        self, work: Callable[[Part], Result], parts: Sequence[Part]
    ) -> Iterator[tuple[Part, Result]]:
        """Each part with the result of the work on it, in the order of the parts."""
        if self.workers == 1 or len(parts) < 2:
            yield from SerialRunner().run(work, parts)
            return
        if self._pool is None:
            self._pool = self._stack.enter_context(process_pool(self.workers))
        waiting: deque[tuple[Part, Work[Result]]] = deque()
        for part in parts:
            waiting.append((part, self._pool.submit(work, part)))
            # One part is handed on while the workers are busy with the next ones.
            if len(waiting) > self.workers:
                first, worked = waiting.popleft()
                yield first, worked.result()
        while waiting:
            first, worked = waiting.popleft()
            yield first, worked.result()


@contextmanager
def process_pool_runner(workers: int | None = None) -> Iterator[Runner]:
    """A pool of worker processes for the block, by default as many as `count_workers` says."""
    with ExitStack() as stack:
        yield ProcessPoolRunner(count_workers() if workers is None else workers, stack)


def split_spine(store: Store, on: pl.DataFrame, at_once: int | None = None) -> list[Part]:
    """The cases of a spine in parts of consecutive buckets, of at most `at_once` cases each.

    By default CASES_AT_ONCE; a larger bucket is a part on its own.
    """
    most = CASES_AT_ONCE if at_once is None else at_once
    numbered = on.with_columns(bucket_of(store.buckets).alias("_bucket"))
    sizes = dict(sorted(numbered.group_by("_bucket").len().iter_rows()))
    return [
        Part(
            store,
            numbered.filter(pl.col("_bucket").is_in(buckets)).drop("_bucket"),
            tuple(buckets),
        )
        for buckets in _split_buckets(sizes, most)
    ]


def _split_buckets(sizes: Mapping[int, int], at_once: int) -> Iterator[list[int]]:
    """Group consecutive buckets so that no group holds more than `at_once` cases."""
    together: list[int] = []
    for bucket, size in sizes.items():
        if together and sum(sizes[b] for b in together) + size > at_once:
            yield together
            together = []
        together.append(bucket)
    if together:
        yield together
