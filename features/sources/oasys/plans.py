"""OASys, declared: risk management plans become documents."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import CREATED, NOTHING, Mapping, Value
from features.sources.oasys.assessments import assessment_sets
from features.sources.tables import SourceTables


def _plans(tables: SourceTables) -> pl.LazyFrame:
    rows = assessment_sets(tables)
    written = pl.col("_plan").cast(pl.Datetime("us"))
    return rows.with_columns(
        # Not before it was written, and not before the assessment was on record.
        pl.max_horizontal(CREATED, written).alias(CREATED),
        pl.coalesce(
            NOTHING, pl.when(pl.col("_plan").is_null()).then(pl.lit("a set without a plan (RMP)"))
        ).alias(NOTHING),
    )


PLANS = Mapping(
    record="documents",
    table="OASYS_SET",
    rows="sets with an answer in the risk management plan (RMP)",
    prepare=_plans,
    day=Value(
        "occurred_on",
        ("OASYS_QUESTION.LASTUPD_DATE", "OASYS_SECTION.REF_SECTION_CODE"),
        "the last change of an answer of the plan",
        pl.col("_plan"),
    ),
    values=(
        Value(
            "kind",
            ("OASYS_SECTION.REF_SECTION_CODE",),
            "always a risk management plan",
            pl.lit("plan"),
            codes=("plan",),
        ),
    ),
    prefix="plan-",
    hides_until_changed=False,
)

MAPPINGS: tuple[Mapping, ...] = (PLANS,)
