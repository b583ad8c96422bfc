"""Tables are read from whatever files hold them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from features.errors import MissingInput, UnreadableInput
from features.sources.tables import open_tables

TEXT = 'A,NOTES\n1,"two\nlines"\n2, \n'


def read(folder: Path, *columns: str) -> list[dict[str, str | None]]:
    return open_tables("ndelius", folder).scan("T", *columns).sort(columns[0]).collect().to_dicts()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("T.csv", TEXT.encode()),
        ("t.CSV", TEXT.encode()),
        ("T-1.csv", TEXT.encode()),
        ("T/part-0.csv", TEXT.encode()),
        ("T.csv", b"\xef\xbb\xbf" + TEXT.encode()),
        ("T.csv", TEXT.encode("utf-16")),
    ],
    ids=["plain", "other case", "numbered", "a folder", "byte order mark", "UTF-16"],
)
def test_a_table_is_read(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    assert read(tmp_path, "A", "NOTES") == [
        {"A": "1", "NOTES": "two\nlines"},
        {"A": "2", "NOTES": None},
    ]


def test_parquet_is_read_as_text_in_several_files(tmp_path: Path) -> None:
    (tmp_path / "T").mkdir()
    pl.DataFrame({"a": [1], "b": [True]}).write_parquet(tmp_path / "T" / "1.parquet")
    pl.DataFrame({"a": [2]}).write_parquet(tmp_path / "T" / "2.parquet")
    tables = open_tables("ndelius", tmp_path)
    assert tables.scan("T", "A", "B").sort("A").collect().rows() == [("1", "1"), ("2", None)]
    assert tables.missing_columns == {"T": {"B"}}


def test_an_absent_table_and_column_are_null_and_noted(tmp_path: Path) -> None:
    (tmp_path / "T.csv").write_text("A\n1\n")
    (tmp_path / "readme.txt").write_text("not a table")
    tables = open_tables("ndelius", tmp_path)
    assert tables.scan("T", "A", "B").collect().rows() == [("1", None)]
    assert tables.scan("U", "A").collect().rows() == []
    assert (tables.absent_tables, tables.missing_columns) == ({"U"}, {"T": {"B"}})
    assert tables.passed_over == ("readme.txt",)
    assert not tables.of("oasys").has("T")


def test_a_folder_that_is_not_there_or_has_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="There is no folder"):
        open_tables("oasys", tmp_path / "none")
    with pytest.raises(MissingInput, match="has no table of oasys"):
        open_tables("oasys", tmp_path)


@pytest.mark.parametrize("name", ["T.csv", "T.parquet"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(UnreadableInput, match=rf"{name} cannot be read"):
        read(tmp_path, "A")


def test_utf_16_that_breaks_off_is_named(tmp_path: Path) -> None:
    (tmp_path / "T.csv").write_bytes("A\n1\n".encode("utf-16") + b"\x00")
    with pytest.raises(UnreadableInput, match=r"T\.csv cannot be read"):
        read(tmp_path, "A")
