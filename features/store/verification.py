"""Checks every file of the store against the manifest (`python -m features verify`)."""

from __future__ import annotations

from dataclasses import dataclass

from features.store import s3_store
from features.store.digests import digest_of
from features.store.store import Store


@dataclass(frozen=True)
class Verified:
    """The result of a check: files that are intact, changed, missing, or not in the manifest."""

    files: int
    missing: list[str]
    changed: list[str]
    unknown: list[str]

    @property
    def is_sound(self) -> bool:
        """Whether every file of the store is intact and there are no unlisted ones."""
        return not (self.missing or self.changed or self.unknown)


def verify_store(store: Store) -> Verified:
    """Hash every file of every load, also those already hashed in this process."""
    in_s3 = s3_store.missing_objects(store.path)
    if in_s3:
        listed_number = sum(len(load.file_digests) for load in store.loads)
        return Verified(listed_number, in_s3, [], [])
    for load in store.loads:
        s3_store.fetch_store_files(store.path, load.file_digests)
    listed = {name: digest for load in store.loads for name, digest in load.file_digests.items()}
    there = {
        path.relative_to(store.path).as_posix()
        for folder in ("loads", "refused")
        for path in (store.path / folder).rglob("*.parquet")
        # What a load under way is writing does not exist yet.
        if path.relative_to(store.path / folder).parts[0].isdigit()
    }
    changed = [
        name for name in sorted(there & set(listed)) if digest_of(store.path / name) != listed[name]
    ]
    unknown = there - set(listed) - set(store.superseded)
    return Verified(len(listed), sorted(set(listed) - there), changed, sorted(unknown))
