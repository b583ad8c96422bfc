"""Runs the same work on each of several items, by default in worker processes of this machine.

An item says where its input is, so any process or machine can process it. A `Runner` gives each
item to the next free one. Results come back in the order of the items.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import Protocol, Self, TypeVar

from features.processes import Work, Workers, count_workers, process_pool

SPREAD_FROM_ROWS = 100_000
"""Fewer rows of an extract are read quicker than worker processes are started."""
Result = TypeVar("Result")


class Movable(Protocol):
    """An item of work that can be pickled and worked on another machine."""

    def on_this_machine(self) -> Self:
        """The same item, naming what it reads by where that is on the machine that works it."""
        ...


class StandsAlone:
    """An item that says nowhere where its input is on this machine: the same on any machine."""

    def on_this_machine(self) -> Self:
        """The same item."""
        return self


Item = TypeVar("Item", bound=Movable)


class Runner(Protocol):
    """Does the same work on each item; the work, the items and the results can be pickled."""

    is_cluster: bool
    """Whether the workers may be unable to read this machine's disk."""

    def run(
        self, work: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[Item, Result]]:
        """Each item with the result of the work on it, in the order of the items.

        Worker processes begin at once: one item more than there are workers is worked while the
        caller does something else before it takes the first result. Other runners may begin when
        that is asked for.

        Raises a UserError that the work raised, and RunStopped where a worker was killed. Anything
        else that the work raises comes as it is from this machine's processes, and as RunStopped
        from Spark.
        """
        ...


class SerialRunner:
    """Works one item after the other in the calling process."""

    is_cluster = False

    def run(
        self, work: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[Item, Result]]:
        """Each item with the result of the work on it, in the order of the items."""
        for item in items:
            yield item, work(item)


class ProcessPoolRunner:
    """Works items in a pool of worker processes on this machine, started when first needed."""

    is_cluster = False

    def __init__(self, workers: int, stack: ExitStack) -> None:
        self.workers = workers
        self._stack = stack
        self._pool: Workers | None = None

    def run(
        self, work: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[Item, Result]]:
        """Each item with the result of the work on it, in the order of the items."""
        if self.workers == 1 or len(items) < 2:
            return SerialRunner().run(work, items)
        if self._pool is None:
            self._pool = self._stack.enter_context(process_pool(self.workers))
        pool = self._pool
        works = ((item, pool.submit(work, item)) for item in items)
        waiting: deque[tuple[Item, Work[Result]]] = deque()
        with ExitStack() as failed:
            failed.callback(_give_up, waiting)
            # One more than there are workers, so that none waits while a result is handed on.
            waiting.extend(islice(works, self.workers + 1))
            failed.pop_all()
        return _take_results(waiting, works)


def _take_results(
    waiting: deque[tuple[Item, Work[Result]]], works: Iterator[tuple[Item, Work[Result]]]
) -> Iterator[tuple[Item, Result]]:
    """Each item with its result, in order; for each that is taken the next one is submitted."""
    try:
        while waiting:
            first = _take_first(waiting)
            waiting.extend(islice(works, 1))
            yield first
    finally:
        _give_up(waiting)


def _give_up(waiting: deque[tuple[Item, Work[Result]]]) -> None:
    """Where one failed, the others must not go on writing behind the one who cleans up."""
    for _, work in waiting:
        work.give_up()


def _take_first(waiting: deque[tuple[Item, Work[Result]]]) -> tuple[Item, Result]:
    """The first item with its result, waited for; it leaves the queue when it has ended."""
    item, work = waiting[0]
    result = work.result()
    waiting.popleft()
    return item, result


def choose_runner(rows: int, runner: Runner) -> Runner:
    """The runner; for fewer than SPREAD_FROM_ROWS rows one that works in the calling process."""
    return runner if rows >= SPREAD_FROM_ROWS else SerialRunner()


@contextmanager
def process_pool_runner(workers: int | None = None) -> Iterator[Runner]:
    """A pool of worker processes for the block, by default as many as `count_workers` says."""
    with ExitStack() as stack:
        yield ProcessPoolRunner(count_workers() if workers is None else workers, stack)
