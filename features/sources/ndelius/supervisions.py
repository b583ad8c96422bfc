"""NDelius, declared: supervision in the community, in custody and on licence, and recalls."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import Mapping, Value, day, end_day
from features.sources.ndelius.key_dates import (
    EXPECTED_END_OF_LICENCE,
    EXPECTED_END_OF_ORDER,
    EXPECTED_RELEASE,
    LICENCE_ENDS,
    RELEASE_DATES,
    SENTENCE_END,
    TIMES,
    key_dates,
)
from features.sources.ndelius.rows import (
    case_rows,
    current_unit,
    skip_where,
    with_code,
    without_deleted,
)
from features.sources.tables import SourceTables

_UNIT = ("OFFENDER_MANAGER.TEAM_ID", "TEAM.CODE", "DISTRICT.CODE", "BOROUGH.CODE")
UNITS = tuple(
    Value(
        column,
        (*_UNIT, "PROBATION_AREA.CODE"),
        f"the {words} of the current manager",
        pl.col(column),
    )
    for column, words in (
        ("provider_code", "provider"),
        ("pdu_code", "probation delivery unit (BOROUGH)"),
        ("lau_code", "local admin unit (DISTRICT)"),
        ("team_code", "team"),
    )
)
TIER = Value(
    "tier",
    ("MANAGEMENT_TIER.TIER_ID", "R_STANDARD_REFERENCE_LIST.CODE_VALUE"),
    "the tier that was changed last",
    pl.col("_tier"),
)


def with_unit(rows: pl.LazyFrame, tables: SourceTables) -> pl.LazyFrame:
    """Add the unit of the current manager and the newest tier of each OFFENDER_ID."""
    tiers = tables.scan("MANAGEMENT_TIER", "OFFENDER_ID", "TIER_ID", "DATE_CHANGED")
    newest = tiers.sort("DATE_CHANGED").unique("OFFENDER_ID", keep="last", maintain_order=True)
    coded = with_code(newest, tables, "TIER_ID", name="_tier").select("OFFENDER_ID", "_tier")
    return rows.join(current_unit(tables), on="OFFENDER_ID", how="left").join(
        coded, on="OFFENDER_ID", how="left"
    )


def _sentence(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(
        tables,
        "DISPOSAL",
        "DISPOSAL_ID",
        "DISPOSAL_DATE",
        "TERMINATION_DATE",
        "DISPOSAL_TYPE_ID",
        "DISPOSAL_TERMINATION_REASON_ID",
        *SENTENCE_END,
    )
    rows = with_code(rows, tables, "DISPOSAL_TYPE_ID", "R_DISPOSAL_TYPE", name="_type")
    rows = with_code(rows, tables, "DISPOSAL_TERMINATION_REASON_ID", name="_reason")
    custodial = without_deleted(tables.scan("CUSTODY", "DISPOSAL_ID", "SOFT_DELETED"))
    marked = custodial.select("DISPOSAL_ID", pl.lit(value=True).alias("_custodial"))
    rows = rows.join(marked.unique("DISPOSAL_ID", keep="any"), on="DISPOSAL_ID", how="left")
    words = pl.col("_type_words")
    return (
        with_unit(rows, tables)
        .with_columns(
            skip_where(pl.col("_custodial"), "custodial: its times stand in CUSTODY and RELEASE")
        )
        .with_columns(
            skip_where(
                words.str.contains("(?i)fine|discharge|bind over|compensation"),
                "a sentence without supervision",
            )
        )
    )


END_REASON = (
    pl.when(pl.col("_reason_words").str.contains("(?i)breach"))
    .then(pl.lit("breached"))
    .when(pl.col("_reason_words").str.contains("(?i)revok"))
    .then(pl.lit("revoked"))
    .when(pl.col("_reason_words").str.contains("(?i)complet|expir"))
    .then(pl.lit("completed"))
    .otherwise("_reason")
)

ORDERS_OF_COURT = Mapping(
    record="supervisions",
    table="DISPOSAL",
    rows="sentences that are served in the community from the start",
    prepare=_sentence,
    day=Value(
        "occurred_on", ("DISPOSAL.DISPOSAL_DATE",), "the date of sentence", day("DISPOSAL_DATE")
    ),
    values=(
        Value(
            "kind",
            ("DISPOSAL.DISPOSAL_TYPE_ID", "R_DISPOSAL_TYPE.DESCRIPTION"),
            "a suspended sentence where the description says so, else a community order",
            pl.when(pl.col("_type_words").str.contains("(?i)suspended"))
            .then(pl.lit("suspended_sentence"))
            .otherwise(pl.lit("community_order")),
            codes=("suspended_sentence", "community_order"),
        ),
        Value(
            "ended_on", ("DISPOSAL.TERMINATION_DATE",), "when it ended", end_day("TERMINATION_DATE")
        ),
        Value(
            "end_reason",
            ("DISPOSAL.DISPOSAL_TERMINATION_REASON_ID",),
            "breached, revoked or completed by the words of the reason, else its code",
            END_REASON,
            codes=("breached", "revoked", "completed"),
        ),
        *EXPECTED_END_OF_ORDER,
        *UNITS,
        TIER,
    ),
    prefix="disposal-",
)


def _custody(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(tables, "CUSTODY", "CUSTODY_ID", "DISPOSAL_ID")
    sentences = tables.scan("DISPOSAL", "DISPOSAL_ID", "DISPOSAL_DATE", "TERMINATION_DATE")
    releases = without_deleted(
        tables.scan("RELEASE", "CUSTODY_ID", "ACTUAL_RELEASE_DATE", "SOFT_DELETED")
    )
    first = releases.group_by("CUSTODY_ID").agg(pl.col("ACTUAL_RELEASE_DATE").min().alias("_out"))
    rows = rows.join(sentences.unique("DISPOSAL_ID", keep="any"), on="DISPOSAL_ID", how="left")
    rows = rows.join(key_dates(tables, *RELEASE_DATES), on="CUSTODY_ID", how="left")
    return with_unit(rows.join(first, on="CUSTODY_ID", how="left"), tables)


CUSTODY = Mapping(
    record="supervisions",
    table="CUSTODY",
    rows="custody under a sentence, from the sentence to the first release",
    prepare=_custody,
    day=Value(
        "occurred_on", ("DISPOSAL.DISPOSAL_DATE",), "the date of sentence", day("DISPOSAL_DATE")
    ),
    values=(
        Value(
            "kind", ("CUSTODY.CUSTODY_ID",), "always custody", pl.lit("custody"), codes=("custody",)
        ),
        Value(
            "ended_on",
            ("RELEASE.ACTUAL_RELEASE_DATE", "DISPOSAL.TERMINATION_DATE"),
            "the first release, else the end of the sentence",
            pl.coalesce(end_day("_out"), end_day("TERMINATION_DATE")),
        ),
        *EXPECTED_RELEASE,
        *UNITS,
        TIER,
    ),
    prefix="custody-",
)


def _release(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(tables, "RELEASE", "RELEASE_ID", "ACTUAL_RELEASE_DATE", "CUSTODY_ID")
    recalls = without_deleted(tables.scan("RECALL", "RELEASE_ID", "RECALL_DATE", "SOFT_DELETED"))
    first = recalls.group_by("RELEASE_ID").agg(pl.col("RECALL_DATE").min().alias("_recalled"))
    ends = tables.scan("CUSTODY", "CUSTODY_ID", "DISPOSAL_ID").join(
        tables.scan(
            "DISPOSAL",
            "DISPOSAL_ID",
            "TERMINATION_DATE",
            "DISPOSAL_TERMINATION_REASON_ID",
            *SENTENCE_END,
            *TIMES,
        )
        .with_columns(_sentence_set=pl.coalesce(TIMES))
        .drop(TIMES),
        on="DISPOSAL_ID",
        how="left",
    )
    ends = with_code(ends, tables, "DISPOSAL_TERMINATION_REASON_ID", name="_reason")
    rows = rows.join(first, on="RELEASE_ID", how="left")
    rows = rows.join(key_dates(tables, *LICENCE_ENDS), on="CUSTODY_ID", how="left")
    return with_unit(
        rows.join(ends.unique("CUSTODY_ID", keep="any"), on="CUSTODY_ID", how="left"), tables
    )


LICENCES = Mapping(
    record="supervisions",
    table="RELEASE",
    rows="licences, from a release to its recall or to the end of the sentence",
    prepare=_release,
    day=Value(
        "occurred_on",
        ("RELEASE.ACTUAL_RELEASE_DATE",),
        "the date of release",
        day("ACTUAL_RELEASE_DATE"),
    ),
    values=(
        Value(
            "kind",
            ("RELEASE.RELEASE_ID",),
            "always a licence",
            pl.lit("licence"),
            codes=("licence",),
        ),
        Value(
            "ended_on",
            ("RECALL.RECALL_DATE", "DISPOSAL.TERMINATION_DATE"),
            "the recall, else the end of the sentence",
            pl.coalesce(end_day("_recalled"), end_day("TERMINATION_DATE")),
        ),
        Value(
            "end_reason",
            ("RECALL.RECALL_DATE", "DISPOSAL.DISPOSAL_TERMINATION_REASON_ID"),
            "recalled where there was a recall, else by the reason for which the sentence ended",
            pl.when(pl.col("_recalled").is_not_null())
            .then(pl.lit("recalled"))
            .otherwise(END_REASON),
            codes=("recalled", "breached", "revoked", "completed"),
        ),
        *EXPECTED_END_OF_LICENCE,
        *UNITS,
        TIER,
    ),
    prefix="release-",
)


def _recall(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(tables, "RECALL", "RECALL_ID", "RECALL_DATE", "RELEASE_ID")
    of_release = tables.scan("RELEASE", "RELEASE_ID", "CUSTODY_ID").unique("RELEASE_ID", keep="any")
    rows = rows.join(of_release, on="RELEASE_ID", how="left")
    releases = without_deleted(
        tables.scan("RELEASE", "CUSTODY_ID", "ACTUAL_RELEASE_DATE", "SOFT_DELETED")
    ).select("CUSTODY_ID", pl.col("ACTUAL_RELEASE_DATE").alias("_again"))
    later = (
        rows.select("RECALL_ID", "RECALL_DATE", "CUSTODY_ID")
        .join(releases, on="CUSTODY_ID")
        .filter(day("_again") >= day("RECALL_DATE"))
        .group_by("RECALL_ID")
        .agg(pl.col("_again").min())
    )
    sentences = tables.scan("CUSTODY", "CUSTODY_ID", "DISPOSAL_ID").unique("CUSTODY_ID", keep="any")
    ends = tables.scan("DISPOSAL", "DISPOSAL_ID", "TERMINATION_DATE")
    over = sentences.join(ends.unique("DISPOSAL_ID", keep="any"), on="DISPOSAL_ID")
    rows = rows.join(over, on="CUSTODY_ID", how="left").join(later, on="RECALL_ID", how="left")
    return with_unit(rows, tables)


_RETURNED = pl.coalesce(end_day("_again"), end_day("TERMINATION_DATE"))
"""An expression: the end of custody after a recall: the next release, else the end of the sentence."""


def custody_periods(tables: SourceTables) -> pl.LazyFrame:
    """When each OFFENDER_ID was in custody under a sentence: `_begin`, and `_end` where there is one."""
    sentenced = _custody(tables).select(
        "OFFENDER_ID",
        day("DISPOSAL_DATE").alias("_begin"),
        pl.coalesce(end_day("_out"), end_day("TERMINATION_DATE")).alias("_end"),
    )
    recalled = _recall(tables).select(
        "OFFENDER_ID", day("RECALL_DATE").alias("_begin"), _RETURNED.alias("_end")
    )
    return pl.concat([sentenced, recalled])


RETURNS_TO_CUSTODY = Mapping(
    record="supervisions",
    table="RECALL",
    rows="custody after a recall, until the next release or the end of the sentence",
    prepare=_recall,
    day=Value("occurred_on", ("RECALL.RECALL_DATE",), "the date of recall", day("RECALL_DATE")),
    values=(
        Value(
            "kind", ("RECALL.RECALL_ID",), "always custody", pl.lit("custody"), codes=("custody",)
        ),
        Value(
            "ended_on",
            ("RELEASE.ACTUAL_RELEASE_DATE", "DISPOSAL.TERMINATION_DATE"),
            "the next release from the same custody, else the end of the sentence",
            _RETURNED,
        ),
        *UNITS,
        TIER,
    ),
    prefix="recall-",
)
RECALLS = Mapping(
    record="decisions",
    table="RECALL",
    rows="every recall, as a decision that was issued",
    prepare=_recall,
    day=Value("occurred_on", ("RECALL.RECALL_DATE",), "the date of recall", day("RECALL_DATE")),
    values=(
        Value("kind", ("RECALL.RECALL_ID",), "always recall", pl.lit("recall"), codes=("recall",)),
        Value(
            "decided", ("RECALL.RECALL_ID",), "always recall", pl.lit("recall"), codes=("recall",)
        ),
        Value(
            "issued", ("RECALL.RECALL_ID",), "always recall", pl.lit("recall"), codes=("recall",)
        ),
        Value("issued_on", ("RECALL.RECALL_DATE",), "the date of recall", day("RECALL_DATE")),
    ),
    prefix="recall-",
)


MAPPINGS: tuple[Mapping, ...] = (
    ORDERS_OF_COURT,
    CUSTODY,
    LICENCES,
    RETURNS_TO_CUSTODY,
    RECALLS,
)
