"""Drug tests of NDelius become incidents where they were positive or use was admitted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.features.sources.systems import import_tables, ndelius_tables, rows_of

NONE = {"a test without a positive result or an admission": 1}


@pytest.mark.parametrize(
    ("results", "counts"),
    [
        ([{"TEST_RESULT": "P"}], True),
        ([{"TEST_RESULT": "positive"}], True),
        ([{"TEST_RESULT": "N"}], False),
        ([{"TEST_RESULT": "N", "ADMITTED_USE": "Y"}], True),
        ([{"TEST_RESULT": "N", "ADMITTED_USE": "N"}, {"TEST_RESULT": "P"}], True),
        ([{"TEST_RESULT": "P", "SOFT_DELETED": "1"}], False),
        ([{"TEST_RESULT": "NOT POSITIVE"}], False),
        ([], False),
    ],
)
def test_a_drug_test(tmp_path: Path, results: list[dict[str, str]], counts: bool) -> None:
    tables = ndelius_tables(
        DRUGS_TEST=[{"DRUGS_TEST_ID": "4", "DATE_OF_TEST": "2026-01-05"}],
        DRUG_TEST_RESULT=[
            {"DRUG_TEST_RESULT_ID": str(number), "DRUGS_TEST_ID": "4", **result}
            for number, result in enumerate(results)
        ],
    )
    extract, report = import_tables(tmp_path, tables)
    (line,) = [line for line in report.tables if line.table == "DRUGS_TEST"]
    rows = [(row["kind"], row["target"]) for row in rows_of(extract, "incidents")]
    assert (rows, line.nothing) == (([("substance_use", "none")], {}) if counts else ([], NONE))
