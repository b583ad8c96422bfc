"""A store narrowed to some files gives the same rows of them, and is small to hand over."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from features.intake.load import load_extract
from features.store.narrowing import narrow_to_bucket, narrow_to_tables
from features.store.store import Store
from tests import factories
from tests.factories import row
from tests.features.intake.histories import first_extract, second_extract

NIGHTS = 20


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two loads with notes and of many more, whose files were merged."""
    folder = tmp_path_factory.mktemp("narrow")
    load_extract(first_extract(folder / "1"), folder / "s", max_refused=1, buckets=4)
    load_extract(second_extract(folder / "2"), folder / "s", max_refused=1, max_vanished=1)
    for day in range(3, NIGHTS):
        incident = row("incidents", "2026-06-02", record_id=f"N{day}", crn=f"A{day:06d}")
        extract = factories.extract(
            folder / str(day), {"incidents": [incident]}, f"2026-07-{day:02d}T02:00:00"
        )
        load_extract(extract, folder / "s")
    return folder / "s"


@pytest.mark.parametrize("up_to", [None, 5], ids=["newest", "as after load 5"])
@pytest.mark.parametrize("bucket", [None, 0, 3])
def test_its_tables_have_the_rows_that_they_have_in_the_store(
    store: Path, up_to: int | None, bucket: int | None
) -> None:
    whole = Store.open(store, up_to=up_to)
    assert (up_to is None) or whole.holders, "load 5 was merged into a later one"
    narrow = narrow_to_tables(whole, {"contacts", "incidents"})
    if bucket is not None:
        narrow = narrow_to_bucket(narrow, bucket)
    for table in ("contacts", "incidents"):
        rows = whole.read_versions(table, bucket)
        assert rows.height > 0
        assert narrow.read_versions(table, bucket).equals(rows)
    assert narrow.read_versions("note_entries", bucket).is_empty()


def test_it_is_smaller_by_the_files_that_it_leaves_out(store: Path) -> None:
    whole = Store.open(store)
    narrow = narrow_to_bucket(narrow_to_tables(whole, {"contacts"}), 3)
    files = [name for load in narrow.loads for name in load.files]
    assert files
    assert all("/contacts/" in name and name.endswith("03.parquet") for name in files)
    assert len(pickle.dumps(narrow)) < 0.6 * len(pickle.dumps(whole))
