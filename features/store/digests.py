"""Checks that a file of the store still has the SHA-256 in the manifest."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from features.errors import UnreadableInput


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def flush_and_digest(path: Path) -> str:
    """Force a file to disk and return its SHA-256."""
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())
    return digest_of(path)


def check_digest(path: Path, expected: str, store: Path) -> None:
    """Raise UnreadableInput unless the file exists and has the digest in the manifest.

    A file is hashed once a process, and again where its size, time or place on disk changed.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise UnreadableInput(_wrong_file_message(path, store, "is missing")) from error
    if _digest_at(path, status.st_size, status.st_mtime_ns, status.st_ino) != expected:
        raise UnreadableInput(_wrong_file_message(path, store, "is not the one that was written"))


def is_file(path: Path, expected: str) -> bool:
    """Whether a file is there and has the digest; hashed as rarely as by `check_digest`."""
    try:
        status = path.stat()
    except OSError:
        return False
    return _digest_at(path, status.st_size, status.st_mtime_ns, status.st_ino) == expected


@lru_cache(maxsize=100_000)
def _digest_at(path: Path, _size: int, _changed: int, _place: int) -> str:
    return digest_of(path)


def _wrong_file_message(path: Path, store: Path, what: str) -> str:
    return (
        f"{path.relative_to(store)} of the store in {store} {what}. Nothing was read from it. "
        f"See what else differs (python -m features verify --store {store}) and restore the store "
        "from a backup."
    )
