"""After a year of nights a store is read from a few files a bucket, and says what it said."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from features.errors import UserError
from features.intake.load import load_extract
from features.store import forget, merging, staging, undo, verification
from features.store.store import Load, Store, table_of
from tests import factories
from tests.factories import row

NIGHTS = 23
"""The first load, eight that are merged, six that are not due yet, the newest eight."""
CASES = ("A000001", "A000002", "A000009")


def night(folder: Path, number: int) -> Path:
    """The extract of a night: an entry of each case, and one that changes each night."""
    rows = [row("incidents", "2026-06-01", record_id=f"I{number}-{crn}", crn=crn) for crn in CASES]
    rows.append(row("incidents", "2026-06-01", record_id="C", severity=1 + number % 5))
    at = f"2026-07-{number:02d}T02:00:00"
    return factories.extract(folder / str(number), {"incidents": rows}, at)


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[pl.DataFrame]]:
    """A store of many nights, and what it held after each."""
    folder = tmp_path_factory.mktemp("nights")
    held = []
    for number in range(1, NIGHTS + 1):
        load_extract(night(folder, number), folder / "s", buckets=2)
        held.append(versions(Store.open(folder / "s")))
    return folder / "s", held


@pytest.fixture
def path(merged: tuple[Path, list[pl.DataFrame]], tmp_path: Path) -> Path:
    """A copy of the store, to be changed."""
    return Path(shutil.copytree(merged[0], tmp_path / "s"))


def versions(store: Store) -> pl.DataFrame:
    return store.read_versions("incidents").sort("record_id", "version")


def file_counts(path: Path) -> list[int]:
    """How many files each load holds."""
    return [len(load.files) for load in Store.open(path).loads]


def test_eight_loads_become_one_set_of_files(path: Path) -> None:
    assert file_counts(path) == [2, *[0] * 7, 2, *[2] * 14]
    assert {load.merged_into for load in Store.open(path).loads[1:9]} == {9}


@pytest.mark.parametrize("up_to", [1, 2, 5, 9, 10, NIGHTS])
def test_every_load_still_shows_what_it_held(
    merged: tuple[Path, list[pl.DataFrame]], up_to: int
) -> None:
    path, held = merged
    assert versions(Store.open(path, up_to=up_to)).equals(held[up_to - 1])
    whole = Store.open(path, up_to=up_to)
    assert pl.concat([whole.read_versions("incidents", bucket) for bucket in (0, 1)]).height == (
        held[up_to - 1].height
    )


def test_the_store_is_sound_before_and_after_the_files_merged_from_are_removed(
    path: Path, tmp_path: Path
) -> None:
    for number in (NIGHTS + 1, NIGHTS + 2, NIGHTS + 3):
        assert verification.verify_store(Store.open(path)).is_sound
        load_extract(night(tmp_path, number), path)
    assert verification.verify_store(Store.open(path)).is_sound
    there = {p.relative_to(path).as_posix() for p in (path / "loads").rglob("*.parquet")}
    opened = Store.open(path)
    assert there == {name for load in opened.loads for name in load.files}


def test_a_person_is_forgotten_in_merged_files_too(path: Path) -> None:
    counts = forget.forget_case(path, "A000009")
    assert counts == {"incidents": NIGHTS}
    left = [
        p
        for p in (path / "loads").rglob("*.parquet")
        if "A000009" in str(pl.read_parquet(p)["crn"].to_list())
    ]
    assert left == []
    assert set(versions(Store.open(path, up_to=5))["crn"]) == {"A000001", "A000002"}


def test_a_merged_load_can_no_longer_be_undone(path: Path) -> None:
    reasons = "tried in a test of merged loads"
    for _ in range(NIGHTS - 9):
        undo.undo_load(path, reasons)
    with pytest.raises(UserError, match="load 9 were merged with those of earlier loads"):
        undo.undo_load(path, reasons)


def test_a_load_killed_while_it_merges_changes_nothing(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_extract(night(tmp_path, NIGHTS + 1), path)
    before = versions(Store.open(path))
    monkeypatch.setattr(staging, "replace_manifest", fail)
    with pytest.raises(KeyboardInterrupt):
        load_extract(night(tmp_path, NIGHTS + 2), path)
    assert versions(Store.open(path)).equals(before)
    staging.sweep_orphans(path)
    assert verification.verify_store(Store.open(path)).is_sound


def fail(_: Store) -> None:
    raise KeyboardInterrupt


def test_a_full_disk_while_merging_does_not_undo_the_load(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_extract(night(tmp_path, NIGHTS + 1), path)

    def no_space(_: pl.DataFrame, __: Path) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(merging, "write_store_file", no_space)
        report = load_extract(night(tmp_path, NIGHTS + 2), path)
    assert (report.load, report.unmerged) == (NIGHTS + 2, "No space left on device")
    assert verification.verify_store(Store.open(path)).is_sound
    assert {load.merged_into for load in Store.open(path).loads[9:]} == {None}
    assert load_extract(night(tmp_path, NIGHTS + 3), path).unmerged == ""
    assert {load.merged_into for load in Store.open(path).loads[9:17]} == {17}


def test_who_reads_while_files_are_merged_reads_to_the_end(path: Path, tmp_path: Path) -> None:
    load_extract(night(tmp_path, NIGHTS + 1), path)
    reader = Store.open(path)
    before = versions(reader)
    load_extract(night(tmp_path, NIGHTS + 2), path)
    assert Store.open(path).superseded
    with pytest.raises(UserError, match="holds nothing of that case"):
        forget.forget_case(path, "B999999")
    undo.undo_load(path, "tried in a test of merged loads")
    assert versions(reader).equals(before)


def loads(sizes: list[int]) -> Iterator[Load]:
    """Loads of which so many in a row are merged, after the first and before the newest eight."""
    at = datetime(2026, 7, 1)
    number = 1
    for size in [1, *sizes, *[1] * merging.APART]:
        last = number + size - 1
        for one in range(number, last + 1):
            yield Load(one, at, False, {}, {}, {}, merged_into=last if size > 1 else None)
        number = last + 1


@pytest.mark.parametrize(
    ("sizes", "due"),
    [
        ([1] * 7, []),
        ([1] * 8, list(range(2, 10))),
        ([1] * 9, list(range(2, 10))),
        ([8, *[1] * 8], list(range(10, 18))),
        ([8] * 7, []),
        ([8] * 8, list(range(2, 66))),
        ([64, *[8] * 7, *[1] * 7], []),
    ],
)
def test_which_loads_are_merged(sizes: list[int], due: list[int]) -> None:
    assert [load.number for load in merging.loads_to_merge(list(loads(sizes)))] == due


@pytest.mark.parametrize(
    ("relative", "table"),
    [
        ("loads/0001/contacts/03.parquet", "contacts"),
        ("loads/0001/contacts/again/03.parquet", "contacts"),
        ("loads/0001/contacts/moved/03.parquet", "contacts"),
        ("loads/0009/merged/8/people/03.parquet", "people"),
        ("loads/0009/merged/8/people/again/03.parquet", "people"),
    ],
)
def test_the_table_of_a_file(relative: str, table: str) -> None:
    assert table_of(relative) == table
