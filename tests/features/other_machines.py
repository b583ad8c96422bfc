"""Works items as a cluster does whose machines share no folder with the one that began."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from features.local_runners import Item, Result, Runner
from features.store.working_copy import CACHE


class OtherMachines:
    """Works each item without the folders of the machine that began, and with an empty cache."""

    is_cluster = True

    def __init__(self, cache: Path, hidden: Sequence[Path] = ()) -> None:
        self.cache, self.hidden = cache, list(hidden)
        self.has_extract = False
        """Whether the extract is at the same path on every machine."""
        self.items = 0

    def run(
        self, work: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[Item, Result]]:
        """Each item with the result of the work on it, both handed over as pickles."""
        about = None if self.has_extract else getattr(work, "about", None)
        own = [*self.hidden, *([about.folder] if about else [])]
        for number, item in enumerate(items):
            handed = pickle.dumps((work, item))
            with away(own), pytest.MonkeyPatch.context() as patch:
                patch.setenv(CACHE, str(self.cache / str(number)))
                there, one = pickle.loads(handed)  # noqa: S301 - pickled above
                result = pickle.dumps(there(one.on_this_machine()))
            self.items += 1
            yield item, pickle.loads(result)  # noqa: S301 - pickled above


@contextmanager
def away(folders: Sequence[Path]) -> Iterator[None]:
    """For the block, some folders are not where they are."""
    moved = [(folder, folder.with_name(f"{folder.name}.away")) for folder in folders]
    for folder, elsewhere in moved:
        folder.rename(elsewhere)
    try:
        yield
    finally:
        for folder, elsewhere in moved:
            assert not folder.exists(), f"{folder} was made anew on another machine"
            elsewhere.rename(folder)


class AlreadyRunning:
    """A runner that runs, as a context."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def __enter__(self) -> Runner:
        return self._runner

    def __exit__(self, *_: object) -> None:
        return None
