"""How many cases of a store have each record, by the system it came from."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from features import __main__ as command
from features.contracts import records
from features.intake.load import load_extract
from tests import factories
from tests.factories import row


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store of three cases in two buckets: contacts of two, incidents from two systems."""
    extract = factories.extract(
        tmp_path / "x",
        {
            "contacts": [
                row("contacts", "2026-06-01", crn=crn, source_system="ndelius")
                for crn in ("A000001", "A000001", "A000002")
            ],
            "incidents": [
                row("incidents", "2026-06-01", crn="A000002", source_system="nomis"),
                row("incidents", "2026-06-01", crn="A000003", source_system="ndelius"),
            ],
        },
    )
    load_extract(extract, tmp_path / "s", buckets=2)
    return tmp_path / "s"


def test_cases_by_record_and_system(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["lineage", "--store", str(store), "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    with_cases = [
        (r["record"], r["system"], r["cases"], r["of"]) for r in rows if r["cases"] != "0"
    ]
    assert with_cases == [
        ("contacts", "ndelius", "2", "3"),
        ("incidents", "ndelius", "1", "3"),
        ("incidents", "nomis", "1", "3"),
    ]
    assert {r["record"] for r in rows} == set(records.TABLES)


def test_a_record_never_supplied_is_said(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["lineage", "--store", str(store)]) == 0
    page = capsys.readouterr().out
    assert "| incidents | nomis | 1 | 33% |" in page
    assert "| assessments | never supplied | 0 | 0% |" in page
    assert command.main(["lineage", "--store", str(store), "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(records.TABLES) + 1
