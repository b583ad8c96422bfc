"""Narrows an opened store to the files that one piece of work reads.

After a year the list of a national store's files takes megabytes, and each piece of work that goes
to another process or machine takes its store along. `read_versions` of what is left gives the same
rows; a narrowed store says nothing about feeds, counts and refused rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from features.store.store import Load, Store, table_of


def narrow_to_tables(store: Store, tables: Collection[str]) -> Store:
    """The same store with the files of some tables alone."""
    return _narrow(store, lambda name: table_of(name) in tables)


def narrow_to_bucket(store: Store, bucket: int) -> Store:
    """The same store with the files of one bucket of cases alone."""
    end = f"/{bucket:02d}.parquet"
    return _narrow(store, lambda name: name.endswith(end))


def _narrow(store: Store, is_left: Callable[[str], bool]) -> Store:
    def narrow_load(load: Load) -> Load:
        files = {name: digest for name, digest in load.files.items() if is_left(name)}
        return replace(load, files=files, tables={}, feeds={}, refused={})

    return replace(
        store,
        loads=[narrow_load(load) for load in store.loads],
        holders=[narrow_load(load) for load in store.holders],
        superseded=[],
        undone=[],
        forgotten=[],
    )
