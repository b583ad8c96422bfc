"""NDelius, declared: stays in approved premises."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import Mapping, Value, day, end_day
from features.sources.ndelius.rows import case_rows, with_code
from features.sources.ndelius.supervisions import UNITS, with_unit
from features.sources.tables import SourceTables


def _residence(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(
        tables,
        "APPROVED_PREMISES_RESIDENCE",
        "APPROVED_PREMISES_RESIDENCE_ID",
        "ARRIVAL_DATE",
        "DEPARTURE_DATE",
        "DEPARTURE_REASON_ID",
    )
    return with_unit(with_code(rows, tables, "DEPARTURE_REASON_ID", name="_reason"), tables)


STAYS = Mapping(
    record="supervisions",
    table="APPROVED_PREMISES_RESIDENCE",
    rows="every stay in approved premises",
    prepare=_residence,
    day=Value(
        "occurred_on",
        ("APPROVED_PREMISES_RESIDENCE.ARRIVAL_DATE",),
        "the arrival",
        day("ARRIVAL_DATE"),
    ),
    values=(
        Value(
            "kind",
            ("APPROVED_PREMISES_RESIDENCE.APPROVED_PREMISES_RESIDENCE_ID",),
            "always approved premises",
            pl.lit("approved_premises"),
            codes=("approved_premises",),
        ),
        Value(
            "ended_on",
            ("APPROVED_PREMISES_RESIDENCE.DEPARTURE_DATE",),
            "the departure",
            end_day("DEPARTURE_DATE"),
        ),
        Value(
            "end_reason",
            ("APPROVED_PREMISES_RESIDENCE.DEPARTURE_REASON_ID",),
            "recalled or completed by the words of the reason for leaving, else its code",
            pl.when(pl.col("_reason_words").str.contains("(?i)recall"))
            .then(pl.lit("recalled"))
            .when(pl.col("_reason_words").str.contains("(?i)complet|planned|expir"))
            .then(pl.lit("completed"))
            .otherwise("_reason"),
            codes=("recalled", "completed"),
        ),
        *UNITS,
    ),
    prefix="premises-",
)

MAPPINGS: tuple[Mapping, ...] = (STAYS,)
