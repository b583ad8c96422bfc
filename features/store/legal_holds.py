"""Cases that may not be deleted: an inspection or inquest asked for them to be kept."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile

from features.errors import UnreadableInput

FILE = "holds.json"


def write_held_cases(path: Path, crns: Iterable[str]) -> None:
    """Write down, whole, which cases of the store in `path` are held now."""
    with NamedTemporaryFile("w", encoding="utf-8", dir=path, prefix=FILE, delete=False) as file:
        json.dump(sorted(crns), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path / FILE)


def cases_on_hold(path: Path) -> frozenset[str]:
    """The cases that are held; UnreadableInput where the list is damaged, so nothing is deleted."""
    file = path / FILE
    if not file.exists():
        return frozenset()
    try:
        return frozenset(str(crn) for crn in json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise UnreadableInput(
            f"{file} is damaged, so it cannot be told which cases are held. Nothing is deleted "
            "until it is restored: python -m serving holds"
        ) from error
