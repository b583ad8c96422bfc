"""Narrows an opened store to the files that one piece of work reads.

After a year the list of a national store's files takes megabytes, and each piece of work that goes
to another process or machine takes its store along.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from features.store.store import Load, Store, names_of


def narrow_store(store: Store, tables: Collection[str], bucket: int | None) -> Store:
    """The same store with the files of some tables alone, of one bucket or (None) of all.

    `read_versions` of those tables and that bucket gives the same rows. It says nothing about
    feeds, counts and refused rows.
    """
    return replace(
        store,
        loads=[_narrow_load(load, tables, bucket) for load in store.loads],
        holders=[_narrow_load(load, tables, bucket) for load in store.holders],
        superseded=[],
        undone=[],
        forgotten=[],
    )


def _narrow_load(load: Load, tables: Collection[str], bucket: int | None) -> Load:
    buckets = None if bucket is None else {bucket}
    listed = {name for table in tables for name in names_of(load, table, buckets)}
    files = {name: digest for name, digest in load.files.items() if name in listed}
    return replace(load, files=files, tables={}, feeds={}, refused={})
