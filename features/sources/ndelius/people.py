"""NDelius, declared: people, and who may not read a case."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import CREATED, DELETED, NOTHING, Mapping, Value, day, end_day
from features.sources.ndelius.rows import case_rows, is_marked, with_code, without_deleted
from features.sources.tables import SourceTables


def _limits(table: str, key: str, start: str, end: str) -> Mapping:
    def prepare(tables: SourceTables) -> pl.LazyFrame:
        rows = case_rows(tables, table, key, start, end, "USER_ID")
        users = tables.scan("USER_", "USER_ID", "DISTINGUISHED_NAME").unique("USER_ID", keep="any")
        return rows.join(users, on="USER_ID", how="left")

    kind = table.lower()
    return Mapping(
        record="limits",
        table=table,
        rows=f"every {kind}, whether or not it has ended",
        prepare=prepare,
        day=Value("occurred_on", (f"{table}.{start}",), f"the start of the {kind}", day(start)),
        values=(
            Value("kind", (f"{table}.{key}",), f"always {kind}", pl.lit(kind)),
            Value(
                "username",
                (f"{table}.USER_ID", "USER_.DISTINGUISHED_NAME"),
                "the user's name; without one in USER_, the limit names nobody and closes the case",
                pl.col("DISTINGUISHED_NAME").str.to_uppercase(),
            ),
            Value("ended_on", (f"{table}.{end}",), "when it ended", end_day(end)),
        ),
        prefix=f"{kind}-",
        hides_until_changed=False,
    )


EXCLUSIONS = _limits("EXCLUSION", "EXCLUSION_ID", "EXCLUSION_DATE", "EXCLUSION_END_DATE")
RESTRICTIONS = _limits("RESTRICTION", "RESTRICTION_ID", "RESTRICTION_DATE", "RESTRICTION_END_DATE")


NOT_MARKED = "the case is not marked as limited"
IN_OWN_ROWS = "its exclusions or restrictions are rows of their own"


def _flagged(tables: SourceTables) -> pl.LazyFrame:
    """Cases that OFFENDER marks as limited; their own rows may name nobody."""
    rows = case_rows(tables, "OFFENDER", "OFFENDER_ID", "CURRENT_EXCLUSION", "CURRENT_RESTRICTION")
    limited = is_marked("CURRENT_EXCLUSION") | is_marked("CURRENT_RESTRICTION")
    named = pl.concat(
        tables.scan(table, "OFFENDER_ID") for table in ("EXCLUSION", "RESTRICTION")
    ).unique()
    rows = rows.join(named.with_columns(_named=pl.lit(value=True)), on="OFFENDER_ID", how="left")
    return rows.with_columns(
        # A case that was deleted or merged into another is as limited as it was.
        pl.lit(value=False).alias(DELETED),
        pl.when(~limited)
        .then(pl.lit(NOT_MARKED))
        .when(pl.col("_named"))
        .then(pl.lit(IN_OWN_ROWS))
        .otherwise(NOTHING)
        .alias(NOTHING),
    )


MARKED_AS_LIMITED = Mapping(
    record="limits",
    table="OFFENDER",
    rows="cases marked as excluded or restricted without a row that says whom",
    prepare=_flagged,
    day=Value(
        "occurred_on",
        ("OFFENDER.CREATED_DATETIME",),
        "when the case was made",
        pl.col(CREATED).dt.date(),
    ),
    values=(
        Value(
            "kind",
            ("OFFENDER.CURRENT_EXCLUSION", "OFFENDER.CURRENT_RESTRICTION"),
            "a restriction that names nobody: nobody is let in",
            pl.lit("restriction"),
            codes=("restriction",),
        ),
    ),
    prefix="marked-",
    hides_until_changed=False,
    harmless=(NOT_MARKED, IN_OWN_ROWS),
)


def _people(tables: SourceTables) -> pl.LazyFrame:
    rows = case_rows(
        tables,
        "OFFENDER",
        "OFFENDER_ID",
        "FIRST_NAME",
        "SURNAME",
        "DATE_OF_BIRTH_DATE",
        "GENDER_ID",
        "ETHNICITY_ID",
        "RELIGION_ID",
        "NATIONALITY_ID",
        "LANGUAGE_ID",
        "INTERPRETER_REQUIRED",
    )
    for column in ("GENDER_ID", "ETHNICITY_ID", "RELIGION_ID", "NATIONALITY_ID", "LANGUAGE_ID"):
        rows = with_code(rows, tables, column, name=f"_{column}")
    disabled = with_code(
        without_deleted(
            tables.scan("DISABILITY", "OFFENDER_ID", "DISABILITY_TYPE_ID", "SOFT_DELETED")
        ),
        tables,
        "DISABILITY_TYPE_ID",
        name="_disability",
    )
    words = pl.coalesce("_disability_words", "_disability").drop_nulls().unique().sort()
    disability = disabled.group_by("OFFENDER_ID").agg(words.str.join("; ").alias("_disabilities"))
    return rows.join(disability, on="OFFENDER_ID", how="left")


def _words(column: str) -> Value:
    name = {"GENDER_ID": "sex", "ETHNICITY_ID": "ethnicity", "RELIGION_ID": "religion"}
    return Value(
        name.get(column, "nationality"),
        (f"OFFENDER.{column}", "R_STANDARD_REFERENCE_LIST.CODE_DESCRIPTION"),
        "in the words of the list",
        pl.coalesce(f"_{column}_words", f"_{column}"),
    )


PEOPLE = Mapping(
    record="people",
    table="OFFENDER",
    rows="every person",
    prepare=_people,
    day=Value(
        "occurred_on",
        ("OFFENDER.CREATED_DATETIME",),
        "when the case was made",
        pl.col(CREATED).dt.date(),
    ),
    values=(
        Value("given_name", ("OFFENDER.FIRST_NAME",), "first name", pl.col("FIRST_NAME")),
        Value("family_name", ("OFFENDER.SURNAME",), "surname", pl.col("SURNAME")),
        Value(
            "born_on", ("OFFENDER.DATE_OF_BIRTH_DATE",), "date of birth", day("DATE_OF_BIRTH_DATE")
        ),
        _words("GENDER_ID"),
        _words("ETHNICITY_ID"),
        _words("RELIGION_ID"),
        _words("NATIONALITY_ID"),
        Value(
            "disability",
            ("DISABILITY.DISABILITY_TYPE_ID",),
            "the disabilities on record, in the words of the list",
            pl.col("_disabilities"),
        ),
        Value(
            "interpreter_language",
            ("OFFENDER.LANGUAGE_ID", "OFFENDER.INTERPRETER_REQUIRED"),
            "the language, where an interpreter is required",
            pl.when(pl.col("INTERPRETER_REQUIRED") == "Y").then(
                pl.coalesce("_LANGUAGE_ID_words", "_LANGUAGE_ID")
            ),
        ),
    ),
)

MAPPINGS: tuple[Mapping, ...] = (PEOPLE, EXCLUSIONS, RESTRICTIONS, MARKED_AS_LIMITED)
"""Limits stand before what they close."""
