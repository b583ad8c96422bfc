"""NDelius, declared: requirements, licence conditions and what was decided on a breach."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import Mapping, Value, day, end_day, listed
from features.sources.ndelius.rows import case_rows, skip_where, with_code
from features.sources.tables import SourceTables

ENFORCEMENT_DECISIONS = {
    "EA02": "warning",
    "EA03": "warning",
    "EA05": "warning",
    "LCL": "compliance_letter",
    "EA11": "recall",
    "NFA": "none",
}


def _enforcement(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(
        tables,
        "ENFORCEMENT",
        "ENFORCEMENT_ID",
        "ENFORCEMENT_ACTION_ID",
        "ACTION_TAKEN_DATE",
        via=("CONTACT_ID", "CONTACT"),
    )
    rows = with_code(rows, tables, "ENFORCEMENT_ACTION_ID", "R_ENFORCEMENT_ACTION", name="_action")
    unlisted = ~pl.col("_action").is_in(list(ENFORCEMENT_DECISIONS))
    return rows.with_columns(
        skip_where(unlisted, "an enforcement action that is no decision on its own")
    )


DECISIONS = Mapping(
    record="decisions",
    table="ENFORCEMENT",
    rows="enforcement actions that say what was decided",
    prepare=_enforcement,
    day=Value(
        "occurred_on",
        ("ENFORCEMENT.ACTION_TAKEN_DATE",),
        "the day of the action",
        day("ACTION_TAKEN_DATE"),
    ),
    values=(
        Value(
            "kind",
            ("ENFORCEMENT.ENFORCEMENT_ID",),
            "always enforcement",
            pl.lit("enforcement"),
            codes=("enforcement",),
        ),
        *(
            Value(
                column,
                ("ENFORCEMENT.ENFORCEMENT_ACTION_ID", "R_ENFORCEMENT_ACTION.CODE"),
                "a warning (EA02, EA03, EA05), a compliance letter (LCL), recall (EA11) or none (NFA)",
                listed("_action", ENFORCEMENT_DECISIONS),
                codes=tuple(dict.fromkeys(ENFORCEMENT_DECISIONS.values())),
            )
            for column in ("decided", "issued")
        ),
        Value(
            "issued_on",
            ("ENFORCEMENT.ACTION_TAKEN_DATE",),
            "the day of the action",
            day("ACTION_TAKEN_DATE"),
        ),
    ),
    prefix="enforcement-",
)

THEMES = (
    ("substance", "drug|alcohol|substance"),
    ("residence", "resid|accommodat"),
    ("non_contact", "non.?contact|not to (seek|contact|approach)|contact with"),
    ("movement", "movement|exclu|curfew"),
    ("programme", "programme|activity|rehabilitation"),
    ("possession", "possess"),
)
"""What a condition is about, by the words of its category; the first that fits."""


def _conditions(table: str, key: str, main: str, reference: str, sub: str, *more: str) -> Mapping:
    def prepare(tables: SourceTables) -> pl.LazyFrame:
        rows = case_rows(tables, table, key, "START_DATE", "TERMINATION_DATE", main, sub, *more)
        rows = with_code(rows, tables, main, reference, name="_main")
        return with_code(rows, tables, sub, name="_sub")

    words = pl.concat_str(
        pl.col("_main_words").fill_null(""), pl.lit(" "), pl.col("_sub_words").fill_null("")
    )
    theme = pl.coalesce(
        pl.when(pl.col("_main") == "NLC8").then(pl.lit("movement")),
        *[pl.when(words.str.contains(f"(?i){like}")).then(pl.lit(name)) for name, like in THEMES],
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
        ),
        prefix=f"{table.lower()}-",
    )


REQUIREMENTS = _conditions(
    "RQMNT",
    "RQMNT_ID",
    "RQMNT_TYPE_MAIN_CATEGORY_ID",
    "R_RQMNT_TYPE_MAIN_CATEGORY",
    "RQMNT_TYPE_SUB_CATEGORY_ID",
)
CONDITIONS = _conditions(
    "LIC_CONDITION",
    "LIC_CONDITION_ID",
    "LIC_COND_TYPE_MAIN_CAT_ID",
    "R_LIC_COND_TYPE_MAIN_CAT",
    "LIC_COND_TYPE_SUB_CAT_ID",
)

MAPPINGS: tuple[Mapping, ...] = (REQUIREMENTS, CONDITIONS, DECISIONS)
