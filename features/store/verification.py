"""Every file of the store held against the manifest: what `python -m features verify` says."""

from __future__ import annotations

from dataclasses import dataclass

from features.store.digests import digest_of
from features.store.store import Store


@dataclass(frozen=True)
class Verified:
    """What became of every file that the manifest lists, and of those that it does not."""

    files: int
    missing: list[str]
    changed: list[str]
    unknown: list[str]

    @property
    def is_sound(self) -> bool:
        """Every listed file is as it was written, and nothing else lies there."""
        return not (self.missing or self.changed or self.unknown)


def verify_store(store: Store) -> Verified:
    """Hash every file of every load, also those that were read before."""
    listed = {name: digest for load in store.loads for name, digest in load.file_digests.items()}
    there = {
        path.relative_to(store.path).as_posix()
        for folder in ("loads", "refused")
        for path in (store.path / folder).rglob("*.parquet")
    }
    changed = [
        name for name in sorted(there & set(listed)) if digest_of(store.path / name) != listed[name]
    ]
    return Verified(len(listed), sorted(set(listed) - there), changed, sorted(there - set(listed)))
