"""Reads the key dates of a sentence: when a release is expected and when a licence expires.

Codes: `CustodyDateType` of custody-key-dates-and-delius in hmpps-probation-integration-services.
"""

from __future__ import annotations

import polars as pl

from features.sources.mapping import Value, day, end_day
from features.sources.ndelius.rows import with_code, without_deleted
from features.sources.tables import SourceTables

RELEASE_DATES = ("EXP", "ACR")
"""Key dates of a release: expected, else automatic or conditional release date."""
LICENCE_ENDS = ("LED", "SED")
"""Key dates of the end of a licence: licence expiry, else sentence expiry."""

SENTENCE_END = ("ENTERED_NOTIONAL_END_DATE", "NOTIONAL_END_DATE")
"""Columns of DISPOSAL: the end that somebody entered, else the one that NDelius works out."""
TIMES = ("LAST_UPDATED_DATETIME", "CREATED_DATETIME")
_EXPECTED_END = pl.coalesce(*(end_day(column) for column in SENTENCE_END))
EXPECTED_END_OF_ORDER = (
    Value(
        "expected_end_on",
        tuple(f"DISPOSAL.{column}" for column in SENTENCE_END),
        "the end that was entered, else the one that NDelius works out",
        _EXPECTED_END,
    ),
    Value(
        "expected_end_set_on",
        tuple(f"DISPOSAL.{column}" for column in TIMES),
        "when the sentence was changed last, else when it was recorded",
        pl.coalesce(*(day(column) for column in TIMES)),
    ),
)
"""Values of a sentence that is served in the community."""
EXPECTED_RELEASE = (
    Value(
        "expected_end_on",
        ("KEY_DATE.KEY_DATE",),
        "the expected release date (EXP), else the conditional one (ACR)",
        end_day("_planned"),
    ),
    Value(
        "expected_end_set_on",
        tuple(f"KEY_DATE.{column}" for column in TIMES),
        "when the key date was changed last, else when it was recorded",
        day("_planned_set"),
    ),
)
"""Values of custody under a sentence."""
EXPECTED_END_OF_LICENCE = (
    Value(
        "expected_end_on",
        ("KEY_DATE.KEY_DATE", *(f"DISPOSAL.{column}" for column in SENTENCE_END)),
        "the licence expiry date (LED), else the sentence expiry date (SED), else the end of the sentence",
        pl.coalesce(end_day("_planned"), _EXPECTED_END),
    ),
    Value(
        "expected_end_set_on",
        tuple(f"{table}.{column}" for table in ("KEY_DATE", "DISPOSAL") for column in TIMES),
        "when the date that counts was changed last, else when it was recorded",
        pl.when(pl.col("_planned").is_not_null())
        .then(day("_planned_set"))
        .otherwise(day("_sentence_set")),
    ),
)
"""Values of a licence."""


def key_dates(tables: SourceTables, *types: str) -> pl.LazyFrame:
    """The key date of each CUSTODY_ID, `_planned`: that of the first of these types that it has.

    `_planned_set` is when it was put on record in its present form.
    """
    columns = ("CUSTODY_ID", "KEY_DATE_TYPE_ID", "KEY_DATE", *TIMES, "SOFT_DELETED")
    dates = without_deleted(tables.scan("KEY_DATE", *columns))
    coded = with_code(dates, tables, "KEY_DATE_TYPE_ID", name="_key").filter(
        pl.col("_key").is_in(types), end_day("KEY_DATE").is_not_null()
    )
    first = coded.sort(pl.col("_key").replace_strict(types, list(range(len(types)))))
    ordered = first.unique("CUSTODY_ID", keep="first", maintain_order=True)
    return ordered.select("CUSTODY_ID", _planned="KEY_DATE", _planned_set=pl.coalesce(TIMES))
