"""Reads the key dates of a sentence: when a release is expected and when a licence expires.

Codes: `CustodyDateType` of custody-key-dates-and-delius in hmpps-probation-integration-services.
"""

from __future__ import annotations

import polars as pl

from features.sources.mapping import end_day
from features.sources.ndelius.rows import with_code, without_deleted
from features.sources.tables import SourceTables

RELEASE_DATES = ("EXP", "ACR")
"""Key dates of a release: expected, else automatic or conditional release date."""
LICENCE_ENDS = ("LED", "SED")
"""Key dates of the end of a licence: licence expiry, else sentence expiry."""
_TIMES = ("LAST_UPDATED_DATETIME", "CREATED_DATETIME")


def key_dates(tables: SourceTables, *types: str) -> pl.LazyFrame:
    """The key date of each CUSTODY_ID, `_planned`: that of the first of these types that it has.

    `_planned_set` is when it was put on record in its present form.
    """
    columns = ("CUSTODY_ID", "KEY_DATE_TYPE_ID", "KEY_DATE", *_TIMES, "SOFT_DELETED")
    dates = without_deleted(tables.scan("KEY_DATE", *columns))
    coded = with_code(dates, tables, "KEY_DATE_TYPE_ID", name="_key").filter(
        pl.col("_key").is_in(types), end_day("KEY_DATE").is_not_null()
    )
    first = coded.sort(pl.col("_key").replace_strict(types, list(range(len(types)))))
    ordered = first.unique("CUSTODY_ID", keep="first", maintain_order=True)
    return ordered.select("CUSTODY_ID", _planned="KEY_DATE", _planned_set=pl.coalesce(_TIMES))
