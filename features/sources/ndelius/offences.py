"""NDelius, declared: offences of sentences; those that say something of harm are incidents too."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import ID, Grading, Mapping, Value, by_words, day
from features.sources.ndelius.rows import case_rows, skip_where
from features.sources.ndelius.supervisions import custody_periods
from features.sources.tables import SourceTables

BY_CLASS = {
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
BY_WORDS = (
    (
        "civil_order_breach",
        2,
        "breach.*(restraining|molestation|protection|prevention|behaviour).*order",
    ),
    ("domestic_abuse", 3, "controlling or coercive|coercive control"),
    (
        "sexual_concern_child",
        3,
        "(indecent|prohibited|abusive) (photograph|image|pseudo)",
    ),
)
"""Kind and seriousness by the words of the offence, which go before its class."""
OFFENCE = Grading(BY_WORDS, BY_CLASS)
TARGETS = (
    ("child", "child|under (13|16|18)|girl|boy|infant|indecent (photograph|image|pseudo)"),
    ("staff", "emergency worker|constable|police officer|prison officer|probation"),
    ("partner", "controlling or coercive|coercive control"),
    ("family", "family member|familial|adult relative"),
    ("public", "public|affray|violent disorder|riot|shop ?worker|retail worker|robbery"),
    ("none", "possess|having (an? )?(offensive|bladed|article)"),
)
"""Who was harmed, by the words of the offence; the first that fits. Age alone is no acquaintance."""
IN_PRISON = "in prison|prison officer|prisoner"
"""Words of an offence that was committed in custody."""


def _offence_rows(tables: SourceTables, table: str, key: str) -> pl.LazyFrame:
    """All offences of a table with their case, and what R_OFFENCE says of them."""
    names = ("OFFENCE_DATE", "OFFENCE_ID", "OFFENCE_COUNT")
    rows = case_rows(tables, table, key, *names, via=("EVENT_ID", "EVENT"))
    offence = tables.scan("R_OFFENCE", "OFFENCE_ID", "CODE", "MAIN_CATEGORY_CODE", "DESCRIPTION")
    return rows.join(offence.unique("OFFENCE_ID", keep="any"), on="OFFENCE_ID", how="left")


def _within_custody(rows: pl.LazyFrame, tables: SourceTables) -> pl.LazyFrame:
    """The offences committed between a sentence and a release, or between a recall and the next."""
    of_day = rows.select(ID, "OFFENDER_ID", day("OFFENCE_DATE").alias("_on"))
    within = of_day.join(custody_periods(tables), on="OFFENDER_ID").filter(
        pl.col("_on") > pl.col("_begin"),
        (pl.col("_on") < pl.col("_end")).fill_null(value=True),
    )
    return within.select(ID, pl.lit(value=True).alias("_inside")).unique(ID, keep="any")


def _offences(table: str, key: str) -> Mapping:
    words = pl.col("DESCRIPTION").fill_null("")
    coded = pl.col("_class")

    def prepare(tables: SourceTables) -> pl.LazyFrame:
        rows = _offence_rows(tables, table, key)
        rows = rows.join(_within_custody(rows, tables), on=ID, how="left")
        main = pl.coalesce("MAIN_CATEGORY_CODE", pl.col("CODE").str.slice(0, 3)).str.zfill(3)
        rows = rows.with_columns(_class=main).with_columns(
            _kind=OFFENCE.kind(words, coded), _severity=OFFENCE.severity(words, coded)
        )
        rows = rows.with_columns(
            skip_where(pl.col("_class").is_null(), "R_OFFENCE does not have its offence")
        )
        return rows.with_columns(
            skip_where(pl.col("_kind").is_null(), "an offence of a kind that no record holds")
        )

    source = (f"{table}.OFFENCE_ID", "R_OFFENCE.MAIN_CATEGORY_CODE", "R_OFFENCE.DESCRIPTION")
    rule = "by the words of the offence, else by its Home Office class"
    return Mapping(
        record="incidents",
        table=table,
        rows="offences of violence, threat, sexual harm, domestic abuse, weapons or breach of a "
        "civil order that somebody was convicted of",
        prepare=prepare,
        day=Value(
            "occurred_on", (f"{table}.OFFENCE_DATE",), "the day of the offence", day("OFFENCE_DATE")
        ),
        values=(
            Value(
                "kind",
                source,
                rule,
                pl.col("_kind"),
                codes=OFFENCE.kinds,
            ),
            Value("severity", source, rule, pl.col("_severity")),
            Value(
                "target",
                ("R_OFFENCE.DESCRIPTION",),
                "by the words of the offence: a child, staff (anybody who works with the person), a "
                "partner, the family, the public, or nobody for possession; null where they do not say",
                by_words(words, [(target, like) for target, like in TARGETS]),
                codes=tuple(target for target, _ in TARGETS),
            ),
            Value(
                "setting",
                ("R_OFFENCE.DESCRIPTION", "DISPOSAL.DISPOSAL_DATE", "RELEASE.ACTUAL_RELEASE_DATE"),
                "custody where the words say so or the day lies in a period in custody under a "
                "sentence, else the community; time on remand is taken for the community",
                pl.when(pl.col("_inside") | words.str.contains(f"(?i){IN_PRISON}"))
                .then(pl.lit("custody"))
                .otherwise(pl.lit("community")),
                codes=("custody", "community"),
            ),
            Value("proven", (f"{table}.{key}",), "always: a conviction", pl.lit(value=True)),
            Value(
                "certainty", (f"{table}.{key}",), "always a fact", pl.lit("fact"), codes=("fact",)
            ),
        ),
        prefix=f"{table.lower()}-",
    )


def _sentenced(table: str, key: str, *, main: bool) -> Mapping:
    def prepare(tables: SourceTables) -> pl.LazyFrame:
        return _offence_rows(tables, table, key)

    unlisted = pl.concat_str(pl.lit("OFFENCE_ID "), pl.col("OFFENCE_ID"))
    return Mapping(
        record="offences",
        table=table,
        rows="every offence of a sentence",
        prepare=prepare,
        day=Value(
            "occurred_on", (f"{table}.OFFENCE_DATE",), "the day of the offence", day("OFFENCE_DATE")
        ),
        values=(
            Value(
                "main",
                (f"{table}.{key}",),
                f"{'yes' if main else 'no'}: it stands in {table}",
                pl.lit(main),
            ),
            Value(
                "code",
                (f"{table}.OFFENCE_ID", "R_OFFENCE.CODE"),
                "the Home Office class and subclass, or the id of one that R_OFFENCE does not have",
                pl.coalesce("CODE", unlisted),
            ),
            Value("description", ("R_OFFENCE.DESCRIPTION",), "its words", pl.col("DESCRIPTION")),
            Value(
                "count",
                (f"{table}.OFFENCE_COUNT",),
                "how many counts; null for what is no whole number",
                pl.col("OFFENCE_COUNT").cast(pl.Int64, strict=False),
            ),
        ),
        prefix=f"{table.lower()}-",
    )


_TABLES = (("MAIN_OFFENCE", "MAIN_OFFENCE_ID"), ("ADDITIONAL_OFFENCE", "ADDITIONAL_OFFENCE_ID"))
MAPPINGS: tuple[Mapping, ...] = (
    *(_offences(table, key) for table, key in _TABLES),
    *(_sentenced(table, key, main=table == "MAIN_OFFENCE") for table, key in _TABLES),
)
