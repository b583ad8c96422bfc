"""NDelius, declared: time in custody on remand, from one court appearance to a later one."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import ID, Mapping, Value, day
from features.sources.ndelius.rows import case_rows, skip_where, with_code, without_deleted
from features.sources.ndelius.supervisions import UNITS, with_unit
from features.sources.tables import SourceTables


def _appearances(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(
        tables,
        "COURT_APPEARANCE",
        "COURT_APPEARANCE_ID",
        "APPEARANCE_DATE",
        "EVENT_ID",
        "REMAND_STATUS_ID",
    )
    rows = with_code(rows, tables, "REMAND_STATUS_ID", name="_status")
    words = pl.col("_status_words").fill_null("")
    remanded = words.str.contains("(?i)custody") & ~words.str.contains("(?i)bail")
    rows = rows.with_columns(_on=day("APPEARANCE_DATE"), _remanded=remanded)
    before = pl.col("_remanded").shift(1).over("EVENT_ID", order_by=["_on", ID])
    rows = rows.with_columns(_before=before).join(_ends(rows, tables), on=ID, how="left")
    return with_unit(
        rows.with_columns(
            skip_where(~pl.col("_remanded"), "an appearance without a remand in custody")
        ).with_columns(skip_where(pl.col("_before"), "goes on from the appearance before")),
        tables,
    )


def _ends(rows: pl.LazyFrame, tables: SourceTables) -> pl.LazyFrame:
    """For each appearance, the next of its event without a remand, or the sentence if that is earlier."""
    sentences = without_deleted(
        tables.scan("DISPOSAL", "EVENT_ID", "DISPOSAL_DATE", "SOFT_DELETED")
    ).select("EVENT_ID", day("DISPOSAL_DATE").alias("_ended"))
    free = rows.filter(~pl.col("_remanded")).select("EVENT_ID", pl.col("_on").alias("_ended"))
    return (
        rows.select(ID, "EVENT_ID", "_on")
        .join(pl.concat([sentences, free]), on="EVENT_ID")
        .filter(pl.col("_ended") >= pl.col("_on"))
        .group_by(ID)
        .agg(pl.col("_ended").min())
    )


REMANDS = Mapping(
    record="supervisions",
    table="COURT_APPEARANCE",
    rows="remands in custody, several appearances in a row being one",
    prepare=_appearances,
    day=Value(
        "occurred_on",
        ("COURT_APPEARANCE.APPEARANCE_DATE",),
        "the appearance at which it began",
        pl.col("_on"),
    ),
    values=(
        Value(
            "kind",
            ("COURT_APPEARANCE.REMAND_STATUS_ID", "R_STANDARD_REFERENCE_LIST.CODE_DESCRIPTION"),
            "a remand where the words of the status say custody, and not bail",
            pl.lit("remand"),
            codes=("remand",),
        ),
        Value(
            "ended_on",
            ("COURT_APPEARANCE.APPEARANCE_DATE", "DISPOSAL.DISPOSAL_DATE"),
            "the next appearance of the event without a remand, or its sentence if that is earlier",
            pl.col("_ended"),
        ),
        *UNITS,
    ),
    prefix="remand-",
)

MAPPINGS: tuple[Mapping, ...] = (REMANDS,)
