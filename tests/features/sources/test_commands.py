"""The command `import`, as somebody runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from features import __main__ as command
from tests.features.sources.systems import CREATED, OFFENDER, ndelius_tables, write_tables


def test_import_prints_what_became_of_the_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = ndelius_tables(
        CONTACT=[
            {"CONTACT_ID": "1", "CONTACT_DATE": "2026-01-05", "CONTACT_TYPE_ID": "5"},
            {"CONTACT_ID": "1", "CONTACT_DATE": "2026-01-05", "CONTACT_TYPE_ID": "5"},
            {"CONTACT_ID": "2", "CONTACT_DATE": "2026-02-31", "CONTACT_TYPE_ID": "5"},
        ],
        DEREGISTRATION=[],
    )
    tables["MYSTERY"] = [{"A": "1"}]
    tables["OFFENDER"].append({**CREATED, **OFFENDER, "OFFENDER_ID": "2", "CRN": "X700002"})
    folder = write_tables(tmp_path / "ndelius", tables)
    assert command.main(["import", "--ndelius", str(folder), "--out", str(tmp_path / "e")]) == 0
    output = " ".join(capsys.readouterr().out.split())
    assert "ndelius CONTACT │ contacts │ 3 │ 2 │ 1 │ 1 it has no date" in output
    assert "2 people, 0 of them limited; 2 without any supervision, which are not scored." in output
    assert "contacts: rows that stand there more than once, and count once: 1" in output
    assert "ndelius: no table DISPOSAL" in output
    assert "ndelius: no column CONTACT.NOTES; no indicator reads it" in output
    assert "ndelius: no column CONTACT.CONTACT_OUTCOME_TYPE_ID; read by" in output
    assert "ndelius: not used: MYSTERY" in output
    assert "oasys: not supplied. What it alone says is missing and would read as nothing" in output
    assert "contacts.type_code: codes not known: CONTACT_TYPE_ID 5 (1 case)" in output


def test_import_without_ndelius_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["import", "--out", str(tmp_path / "e")]) != 0
    assert "Supply the tables of NDelius (--ndelius)" in capsys.readouterr().err
