"""Tables that are cut by cases are read as whole ones are, and what is wrong is said as of those."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.errors import UnreadableInput, UserError
from features.intake import files, parts
from features.intake.load import load_extract
from features.store import staging, verification
from features.store.store import Store
from tests import factories
from tests.factories import row

ONE = row("incidents", "2026-06-01", record_id="R1", crn="A000001")
TWO = row("incidents", "2026-06-01", record_id="R2", crn="A000002")
Rows = list[dict[str, Any]]


@pytest.fixture(params=["whole", "cut"])
def cut(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Once as a whole table and once cut by buckets of cases."""
    if request.param == "cut":
        monkeypatch.setattr(parts, "MOST_ROWS", 1)
    return str(request.param)


def write(folder: Path, rows: Rows, *changes: pl.Expr, day: int = 1) -> Path:
    """An extract of incidents as Parquet, some columns changed."""
    extract = factories.extract(folder, {}, f"2026-07-{day:02d}T02:00:00")
    frame = factories.frame("incidents", rows).with_columns(*changes)
    frame.write_parquet(extract / "incidents.parquet")
    return extract


def test_a_record_number_as_a_category_is_the_same_record(cut: str, tmp_path: Path) -> None:
    spaced = (pl.col("record_id") + " ").cast(pl.Categorical)
    for day in (1, 2):
        load_extract(write(tmp_path / str(day), [ONE, TWO], spaced, day=day), tmp_path / "s")
    moved = ONE | {"crn": "A000003"}
    load_extract(write(tmp_path / "3", [moved, TWO], spaced, day=3), tmp_path / "s")
    rows = Store.open(tmp_path / "s").read_versions("incidents").sort("record_id", "version")
    assert rows.select("record_id", "crn", "version", "load").rows() == [
        ("R1", "A000001", 1, 1),
        ("R1", "A000001", 2, 3),
        ("R1", "A000003", 3, 3),
        ("R2", "A000002", 1, 1),
    ]


@pytest.mark.parametrize("columns", [["_row"], ["_bucket"], ["_row", "_bucket"]])
def test_a_column_named_like_ours_changes_nothing(
    cut: str, tmp_path: Path, columns: list[str]
) -> None:
    rows = [ONE, ONE | {"severity": 2}, TWO]
    strange = [pl.Series(name, ["2", "1", "x"]).alias(name) for name in columns]
    load_extract(write(tmp_path / "x", rows, *strange), tmp_path / "s", max_refused=1)
    store = Store.open(tmp_path / "s")
    assert store.refused_rows().select("record_id", "row").rows() == [("R1", 2)]
    assert store.read_versions("incidents").sort("record_id")["severity"].to_list() == [None, None]


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("record_id", pl.concat_list("record_id")),
        ("record_id", pl.lit(b"\xff")),
        ("record_id", pl.duration(days=1)),
        ("crn", pl.concat_list("crn")),
        ("crn", pl.lit(b"\xff")),
    ],
)
def test_a_column_that_is_no_text_is_named(
    cut: str, tmp_path: Path, column: str, change: pl.Expr
) -> None:
    extract = write(tmp_path / "x", [ONE, TWO], change.alias(column))
    with pytest.raises(UnreadableInput, match=f"the column '{column}' is .*, not a text"):
        load_extract(extract, tmp_path / "s")


def test_bytes_in_a_column_that_is_not_ours_are_passed_over(cut: str, tmp_path: Path) -> None:
    rows = [ONE, TWO | {"crn": "no CRN"}]
    extract = write(tmp_path / "x", rows, pl.lit(b"\xff").alias("seal"))
    load_extract(extract, tmp_path / "s", max_refused=1)
    assert Store.open(tmp_path / "s").refused_rows()["record_id"].to_list() == ["R2"]


def test_the_first_refused_row_is_in_the_file_that_has_it(cut: str, tmp_path: Path) -> None:
    extract = factories.extract(tmp_path / "x", {})
    frame = factories.frame("incidents", [ONE, TWO | {"crn": "no CRN"}])
    frame.head(0).write_csv(extract / "incidents-1.csv")
    frame.write_csv(extract / "incidents-2.csv")
    with pytest.raises(UserError, match=r"incidents-2\.csv, row 2\. Nothing was changed"):
        load_extract(extract, tmp_path / "s")


def test_of_a_last_part_only_its_rows_are_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MOST_ROWS", 20)
    heights: list[int] = []
    read_pieces = files.read_pieces

    def read(*args: Any) -> files.Supplied:
        supplied = read_pieces(*args)
        heights.append(supplied.rows.height)
        return supplied

    monkeypatch.setattr(files, "read_pieces", read)
    rows = [row("incidents", "2026-06-01", crn=f"A{number:06d}") for number in range(40)]
    load_extract(write(tmp_path / "1", rows), tmp_path / "s", buckets=4)
    heights.clear()
    moved = [rows[0] | {"crn": "A000001"}, *rows[1:]]
    load_extract(write(tmp_path / "2", moved, day=2), tmp_path / "s")
    assert heights == [9, 10, 10, 10, 1]


def test_a_load_under_way_is_nothing_yet_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    load_extract(write(tmp_path / "1", [ONE, TWO]), tmp_path / "s")
    with staging.Staged(tmp_path / "s", 8) as under_way:
        assert under_way.number == 2
        under_way.add("incidents", Store.open(tmp_path / "s").read_versions("incidents"))
        assert verification.verify_store(Store.open(tmp_path / "s")).is_sound
    left = tmp_path / "s" / "loads" / "0001" / "incidents" / "again" / "03.tmp"
    left.parent.mkdir()
    left.write_bytes(b"half a file of other people")
    staging.sweep_orphans(tmp_path / "s")
    assert not left.exists()
