"""A time zone said in one place and not in another stops with where both stand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from features.errors import UnreadableInput
from features.intake.load import load_extract
from tests import factories
from tests.factories import row

HEADER = "record_id,crn,occurred_on,recorded_at,type_code\n"


def lines(*times: str) -> str:
    """A CSV of contacts recorded at the given times."""
    rows = [f"C{n},A000001,2026-06-01,{at},COAP\n" for n, at in enumerate(times)]
    return HEADER + "".join(rows)


def folder_of(tmp_path: Path, files: dict[str, str]) -> Path:
    """An extract of CSV files."""
    folder = factories.extract(tmp_path / "x", {})
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "times",
    [
        ("2026-06-01T12:00:00Z", "2026-06-01T12:00:00+00:00", "2026-06-01T13:00:00+01:00"),
        ("2026-06-01T12:00:00", "2026-06-01 12:00:00.000", "2026-06-01"),
        ("2026-06-01T12:00:00Z", "2026-06-01", ""),
    ],
)
def test_zones_that_agree_are_read(tmp_path: Path, times: tuple[str, ...]) -> None:
    folder = folder_of(tmp_path, {"contacts.csv": lines(*times)})
    load_extract(folder, tmp_path / "s", max_refused=1.0)


def test_one_column_with_and_without(tmp_path: Path) -> None:
    text = lines("2026-06-01T12:00:00", "2026-06-01", "2026-06-01T12:00:00Z")
    sentence = (
        r"recorded_at in .*contacts\.csv, row 3, has a time zone and "
        r"recorded_at in .*contacts\.csv, row 1, has none.*Write every time in UTC"
    )
    with pytest.raises(UnreadableInput, match=sentence):
        load_extract(folder_of(tmp_path, {"contacts.csv": text}), tmp_path / "s")
    assert not (tmp_path / "s").exists(), "nothing half-written"


def test_one_table_with_and_another_without(tmp_path: Path) -> None:
    incidents = factories.frame("incidents", [row("incidents", "2026-06-01")]).with_columns(
        pl.col("recorded_at").dt.replace_time_zone("Europe/London")
    )
    folder = factories.extract(tmp_path / "x", {"contacts": [row("contacts", "2026-06-01")]})
    incidents.write_parquet(folder / "incidents.parquet")
    sentence = r"recorded_at in .*incidents\.parquet, row 1, has a .* in .*contacts\.parquet, row 1"
    with pytest.raises(UnreadableInput, match=sentence):
        load_extract(folder, tmp_path / "s")
    assert not (tmp_path / "s").exists(), "nothing half-written"


def test_a_column_of_no_times_says_nothing(tmp_path: Path) -> None:
    rows = factories.frame("contacts", [row("contacts", "2026-06-01")]).with_columns(
        withdrawn_at=pl.lit(None, dtype=pl.Datetime("us", "UTC"))
    )
    folder = factories.extract(tmp_path / "x", {})
    rows.write_parquet(folder / "contacts.parquet")
    load_extract(folder, tmp_path / "s")
