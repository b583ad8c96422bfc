"""Merges the files of earlier loads, so that a year of nights is read from a few files a bucket.

Eight loads in a row become one set of files, eight such sets one of the next size, and so on. Every
row keeps the number of its load: a store opened as it was after a load reads the same rows as then.
The first load, and the newest, which may be undone, are left as they are.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import polars as pl

from features.store.store import MERGED, Load, Store, store_schema
from features.store.whole_files import write_store_file

AT_ONCE = 8
"""How many sets of files become one."""
APART = 8
"""How many of the newest loads are not merged."""


def merge_loads(opened: Store) -> bool:
    """Merge the files of the loads that are due, and note it in the opened store; whether any was.

    Nothing counts before the manifest is replaced. The files merged from stay until the next load:
    somebody may be reading them.
    """
    merged_any = False
    while group := loads_to_merge(opened.loads):
        merged_any = True
        target = group[-1].number
        files = _write_merged(opened, group)
        numbers = {load.number for load in group}
        opened.superseded += [relative for load in group for relative in load.files]
        opened.loads = [
            replace(load, files=files if load.number == target else {}, merged_into=target)
            if load.number in numbers
            else load
            for load in opened.loads
        ]
    return merged_any


def loads_to_merge(loads: list[Load]) -> list[Load]:
    """The loads whose files become one set: the oldest eight sets of a size, or none."""
    sets = [
        list(own)
        for _, own in groupby(loads[1:-APART], lambda load: load.merged_into or -load.number)
    ]
    for size in sorted({len(own) for own in sets}):
        due = [own for own in sets if len(own) == size]
        if len(due) >= AT_ONCE:
            return [load for own in due[:AT_ONCE] for load in own]
    return []


def _write_merged(opened: Store, group: list[Load]) -> dict[str, str]:
    """Write the files of some loads as one set; returns the path and digest of each file."""
    files: dict[str, str] = {}
    for name in sorted({table for load in group for table in load.tables}):
        for bucket in range(opened.buckets):
            paths = opened.files_of(group, name, [bucket])
            if not paths:
                continue
            target = opened.path / "loads" / f"{group[-1].number:04d}" / MERGED
            target = target / str(len(group)) / name / f"{bucket:02d}.parquet"
            rows = pl.scan_parquet(paths, schema=store_schema(name), missing_columns="insert")
            ordered = rows.sort("crn", "record_id", "version").collect()
            files[target.relative_to(opened.path).as_posix()] = write_store_file(ordered, target)
    return files
