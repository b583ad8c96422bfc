"""NDelius, declared: requirements, licence conditions and civil orders."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import Mapping, Value, by_words, day, end_day
from features.sources.ndelius.rows import case_rows, skip_where, with_code
from features.sources.tables import SourceTables

THEMES = (
    ("substance", "drug|alcohol|substance"),
    ("residence", "resid|accommodat"),
    ("non_contact", "non.?contact|not to (seek|contact|approach)|contact with"),
    ("movement", "movement|exclu|curfew"),
    ("programme", "programme|activity|rehabilitation"),
    ("possession", "possess"),
)
"""What a condition is about, by the words of its category; the first that fits."""


def _conditions(table: str, key: str, main: str, reference: str, sub: str, reason: str) -> Mapping:
    def prepare(tables: SourceTables) -> pl.LazyFrame:
        rows = case_rows(tables, table, key, "START_DATE", "TERMINATION_DATE", main, sub, reason)
        rows = with_code(rows, tables, reason, name="_reason")
        rows = with_code(rows, tables, main, reference, name="_main")
        return with_code(rows, tables, sub, name="_sub")

    words = pl.concat_str(
        pl.col("_main_words").fill_null(""), pl.lit(" "), pl.col("_sub_words").fill_null("")
    )
    theme = pl.coalesce(
        pl.when(pl.col("_main") == "NLC8").then(pl.lit("movement")),
        by_words(words, THEMES),
    )
    curfew = words.str.contains("(?i)curfew")
    kind = "requirement" if table == "RQMNT" else "licence_condition"
    columns = (f"{table}.{main}", f"{reference}.DESCRIPTION", f"{table}.{sub}")
    return Mapping(
        record="orders",
        table=table,
        rows=f"every {kind.replace('_', ' ')}",
        prepare=prepare,
        day=Value("occurred_on", (f"{table}.START_DATE",), "its start", day("START_DATE")),
        values=(
            Value(
                "kind",
                columns,
                f"a curfew where the words of its category say so, else a {kind.replace('_', ' ')}",
                pl.when(curfew).then(pl.lit("curfew")).otherwise(pl.lit(kind)),
                codes=("curfew", kind),
            ),
            Value(
                "theme",
                columns,
                "by the words of its category (NLC8 is movement)",
                theme,
                codes=tuple(name for name, _ in THEMES),
            ),
            Value(
                "category",
                columns,
                "the codes of main and sub category",
                pl.concat_str("_main", "_sub", separator=".", ignore_nulls=True),
            ),
            Value(
                "monitored",
                columns,
                "electronically monitored, where the words of its category say so",
                pl.when(words.str.contains("(?i)electronic|monitor")).then(True),
            ),
            Value(
                "ended_on", (f"{table}.TERMINATION_DATE",), "its end", end_day("TERMINATION_DATE")
            ),
            Value(
                "relaxed_on",
                (f"{table}.TERMINATION_DATE", f"{table}.{reason}"),
                "its end, where the words of the reason say that it was removed, relaxed or varied",
                pl.when(
                    pl.col("_reason_words").str.contains("(?i)remov|relax|varied|variation|cancel")
                ).then(end_day("TERMINATION_DATE")),
            ),
        ),
        prefix=f"{table.lower()}-",
    )


REQUIREMENTS = _conditions(
    "RQMNT",
    "RQMNT_ID",
    "RQMNT_TYPE_MAIN_CATEGORY_ID",
    "R_RQMNT_TYPE_MAIN_CATEGORY",
    "RQMNT_TYPE_SUB_CATEGORY_ID",
    "RQMNT_TERMINATION_REASON_ID",
)
CONDITIONS = _conditions(
    "LIC_CONDITION",
    "LIC_CONDITION_ID",
    "LIC_COND_TYPE_MAIN_CAT_ID",
    "R_LIC_COND_TYPE_MAIN_CAT",
    "LIC_COND_TYPE_SUB_CAT_ID",
    "LIC_TERMINATION_REASON_ID",
)

CIVIL_ORDERS = (
    ("restraining_order", "restraining"),
    ("shpo", "sexual (harm|offences) prevention"),
    ("stalking_protection", "stalking protection"),
    ("criminal_behaviour", "criminal behaviour|anti.?social behaviour"),
    ("non_molestation", "molestation"),
)
"""Kinds of civil order, by the words of the additional sentence."""


def _additional_sentences(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(
        tables,
        "ADDITIONAL_SENTENCE",
        "ADDITIONAL_SENTENCE_ID",
        "EVENT_ID",
        "ADDITIONAL_SENTENCE_TYPE_ID",
    )
    rows = with_code(rows, tables, "ADDITIONAL_SENTENCE_TYPE_ID", name="_type")
    sentences = tables.scan("DISPOSAL", "EVENT_ID", "DISPOSAL_DATE")
    first = sentences.group_by("EVENT_ID").agg(pl.col("DISPOSAL_DATE").min())
    kind = by_words(pl.col("_type_words"), CIVIL_ORDERS)
    return (
        rows.join(first, on="EVENT_ID", how="left")
        .with_columns(_kind=kind)
        .with_columns(
            skip_where(pl.col("_kind").is_null(), "an additional sentence that is no civil order")
        )
    )


ORDERS_BESIDE_A_SENTENCE = Mapping(
    record="orders",
    table="ADDITIONAL_SENTENCE",
    rows="civil orders that a court made with a sentence",
    prepare=_additional_sentences,
    day=Value(
        "occurred_on", ("DISPOSAL.DISPOSAL_DATE",), "the date of sentence", day("DISPOSAL_DATE")
    ),
    values=(
        Value(
            "kind",
            ("ADDITIONAL_SENTENCE.ADDITIONAL_SENTENCE_TYPE_ID",),
            "by the words of its type",
            pl.col("_kind"),
            codes=tuple(name for name, _ in CIVIL_ORDERS),
        ),
    ),
    prefix="additional-",
)

MAPPINGS: tuple[Mapping, ...] = (REQUIREMENTS, CONDITIONS, ORDERS_BESIDE_A_SENTENCE)
