"""NDelius, declared: drug tests with a positive result or an admission become incidents."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import Mapping, Value, day, flag
from features.sources.ndelius.rows import case_rows, skip_where, without_deleted
from features.sources.tables import SourceTables

POSITIVE = "(?i)^(P|POS|POSITIVE|Y)$"
"""How a positive result is written; another value is taken for none."""


def _results(tables: SourceTables) -> pl.LazyFrame:
    """Each test that was positive, or at which use was admitted."""
    results = without_deleted(
        tables.scan(
            "DRUG_TEST_RESULT", "DRUGS_TEST_ID", "TEST_RESULT", "ADMITTED_USE", "SOFT_DELETED"
        )
    )
    positive = pl.col("TEST_RESULT").str.contains(POSITIVE).fill_null(value=False)
    admitted = flag("ADMITTED_USE").fill_null(value=False)
    return results.group_by("DRUGS_TEST_ID").agg((positive | admitted).any().alias("_used"))


def _tests(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(tables, "DRUGS_TEST", "DRUGS_TEST_ID", "DATE_OF_TEST")
    rows = rows.join(_results(tables), on="DRUGS_TEST_ID", how="left")
    return rows.with_columns(
        skip_where(
            ~pl.col("_used").fill_null(value=False),
            "a test without a positive result or an admission",
        )
    )


DRUG_TESTS = Mapping(
    record="incidents",
    table="DRUGS_TEST",
    rows="drug tests with a positive result, or at which use was admitted",
    prepare=_tests,
    day=Value(
        "occurred_on", ("DRUGS_TEST.DATE_OF_TEST",), "the day of the test", day("DATE_OF_TEST")
    ),
    values=(
        Value(
            "kind",
            ("DRUG_TEST_RESULT.TEST_RESULT", "DRUG_TEST_RESULT.ADMITTED_USE"),
            "always use of drugs",
            pl.lit("substance_use"),
            codes=("substance_use",),
        ),
        Value(
            "target",
            ("DRUGS_TEST.DRUGS_TEST_ID",),
            "always nobody",
            pl.lit("none"),
            codes=("none",),
        ),
        Value(
            "certainty",
            ("DRUGS_TEST.DRUGS_TEST_ID",),
            "always a fact",
            pl.lit("fact"),
            codes=("fact",),
        ),
    ),
    prefix="drug-test-",
)

MAPPINGS: tuple[Mapping, ...] = (DRUG_TESTS,)
