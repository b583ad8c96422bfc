"""NDelius, declared: offences that somebody was convicted of."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import Mapping, Value, day, listed
from features.sources.ndelius.rows import case_rows, skip_where
from features.sources.tables import SourceTables

OFFENCE_KINDS = {
    **dict.fromkeys(("001", "002", "004"), ("violence", 5)),
    **dict.fromkeys(("005", "036"), ("violence", 4)),
    **dict.fromkeys(("008", "034"), ("violence", 3)),
    **dict.fromkeys(("104", "105"), ("violence", 2)),
    "003": ("threat", 4),
    "195": ("threat", 2),
    **dict.fromkeys(("016", "017", "019", "020", "021", "022", "023", "070", "071"), ("sexual", 4)),
    **dict.fromkeys(("072", "073", "074", "088"), ("sexual", 3)),
    **dict.fromkeys(("010", "081"), ("weapon", 3)),
}
"""Kind and seriousness by the first three digits of the Home Office offence class."""


def _offences(table: str, key: str) -> Mapping:
    def prepare(tables: SourceTables) -> pl.LazyFrame:
        rows = case_rows(
            tables, table, key, "OFFENCE_DATE", "OFFENCE_ID", via=("EVENT_ID", "EVENT")
        )
        offence = tables.scan("R_OFFENCE", "OFFENCE_ID", "CODE", "MAIN_CATEGORY_CODE")
        rows = rows.join(offence.unique("OFFENCE_ID", keep="any"), on="OFFENCE_ID", how="left")
        main = pl.coalesce("MAIN_CATEGORY_CODE", pl.col("CODE").str.slice(0, 3)).str.zfill(3)
        rows = rows.with_columns(_class=main)
        return rows.with_columns(
            skip_where(pl.col("_class").is_null(), "R_OFFENCE does not have its offence")
        ).with_columns(
            skip_where(
                ~pl.col("_class").is_in(list(OFFENCE_KINDS)),
                "an offence class that is not violence, threat, sexual or weapon",
            )
        )

    source = (f"{table}.OFFENCE_ID", "R_OFFENCE.MAIN_CATEGORY_CODE")
    kinds = {name: kind for name, (kind, _) in OFFENCE_KINDS.items()}
    grades = {name: severity for name, (_, severity) in OFFENCE_KINDS.items()}
    return Mapping(
        record="incidents",
        table=table,
        rows="offences of violence, threat, sexual harm or weapons that somebody was convicted of",
        prepare=prepare,
        day=Value(
            "occurred_on", (f"{table}.OFFENCE_DATE",), "the day of the offence", day("OFFENCE_DATE")
        ),
        values=(
            Value(
                "kind",
                source,
                "by the Home Office class of the offence",
                listed("_class", kinds),
                codes=tuple(dict.fromkeys(kinds.values())),
            ),
            Value(
                "severity",
                source,
                "by the Home Office class of the offence",
                pl.col("_class").replace_strict(grades, default=None, return_dtype=pl.Int64),
            ),
            Value("proven", (f"{table}.{key}",), "always: a conviction", pl.lit(value=True)),
            Value(
                "certainty", (f"{table}.{key}",), "always a fact", pl.lit("fact"), codes=("fact",)
            ),
        ),
        prefix=f"{table.lower()}-",
    )


MAPPINGS: tuple[Mapping, ...] = (
    _offences("MAIN_OFFENCE", "MAIN_OFFENCE_ID"),
    _offences("ADDITIONAL_OFFENCE", "ADDITIONAL_OFFENCE_ID"),
)
