"""Lists the cases that may not be deleted because an inspection or inquest needs them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile

from features.errors import UnreadableInput
from features.store import working_copy

FILE = "holds.json"


def write_held_cases(path: Path, crns: Iterable[str]) -> None:
    """Write the list of cases now on hold beside the store, replacing the earlier list."""
    path.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", encoding="utf-8", dir=path, prefix=FILE, delete=False) as file:
        json.dump(sorted(crns), file)
        file.flush()
        os.fsync(file.fileno())
    working_copy.replace_file(path / FILE, Path(file.name))


def cases_on_hold(path: Path) -> frozenset[str]:
    """The cases on hold; raises UnreadableInput for a damaged list, so that nothing is deleted."""
    file = working_copy.fetch_file(path / FILE)
    if not file.exists():
        return frozenset()
    try:
        return frozenset(str(crn) for crn in json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise UnreadableInput(
            f"{file} is damaged, so it cannot be told which cases are held. Nothing is deleted "
            "until it is restored: python -m serving holds"
        ) from error
