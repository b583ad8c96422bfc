"""OASys, declared: people whom it marks as limited."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import (
    CREATED,
    CRN,
    DELETED,
    ID,
    NOTHING,
    UPDATED,
    Mapping,
    Value,
    case_number,
    flag,
    moment,
)
from features.sources.tables import SourceTables

NOT_MARKED = "the person is not marked as limited"


def _limited(tables: SourceTables) -> pl.LazyFrame:
    rows = tables.scan(
        "OFFENDER",
        "OFFENDER_PK",
        "CMS_PROB_NUMBER",
        "LIMITED_ACCESS_OFFENDER",
        "CREATE_DATE",
        "LASTUPD_DATE",
    )
    case = case_number("CMS_PROB_NUMBER").replace(tables.survivors)
    return rows.with_columns(
        case.alias(CRN),
        pl.col("OFFENDER_PK").alias(ID),
        moment("CREATE_DATE").alias(CREATED),
        moment("LASTUPD_DATE").alias(UPDATED),
        pl.lit(value=False).alias(DELETED),
        pl.when(~flag("LIMITED_ACCESS_OFFENDER").fill_null(value=False))
        .then(pl.lit(NOT_MARKED))
        .when(case.is_null())
        .then(pl.lit("a limit whose person has no CRN"))
        .alias(NOTHING),
    )


LIMITS = Mapping(
    record="limits",
    table="OFFENDER",
    rows="people whom OASys marks as limited",
    prepare=_limited,
    day=Value(
        "occurred_on",
        ("OFFENDER.CREATE_DATE",),
        "when the person was entered",
        pl.col(CREATED).dt.date(),
    ),
    values=(
        Value(
            "kind",
            ("OFFENDER.LIMITED_ACCESS_OFFENDER",),
            "a restriction that names nobody: nobody is let in",
            pl.lit("restriction"),
            codes=("restriction",),
        ),
    ),
    prefix="limited-",
    hides_until_changed=False,
    harmless=(NOT_MARKED,),
)

MAPPINGS: tuple[Mapping, ...] = (LIMITS,)
