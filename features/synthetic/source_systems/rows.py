"""Turns versions of our records into rows as a source system keeps them: the newest alone."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from features import clock

Tables = dict[str, pl.DataFrame]
"""Rows by table of a source system; every value is text, as in an extract."""
CREATED, UPDATED, DELETED = "CREATED_DATETIME", "LAST_UPDATED_DATETIME", "SOFT_DELETED"


def newest_rows(versions: pl.DataFrame) -> pl.DataFrame:
    """The newest version of each record, with `_created` and `_updated` (UTC) and `_number`.

    A system keeps the present form of a row, when it was made and when it was changed last.
    """
    ordered = versions.sort("record_id", "version")
    first = ordered.group_by("record_id").agg(pl.col("recorded_at").min().alias("_created"))
    last = ordered.unique("record_id", keep="last", maintain_order=True)
    changed = pl.max_horizontal("recorded_at", "withdrawn_at")
    return last.join(first, on="record_id", maintain_order="left").with_columns(
        changed.alias("_updated"), _number=pl.col("record_id").str.replace_all("[^0-9]", "")
    )


def local_time(column: str) -> pl.Expr:
    """An expression: a time in UTC as the clock in England showed it, to the second."""
    zoned = pl.col(column).dt.replace_time_zone("UTC").dt.convert_time_zone(clock.LOCAL.key)
    return zoned.dt.strftime("%Y-%m-%d %H:%M:%S")


def iso_day(column: str) -> pl.Expr:
    """An expression: a date as text."""
    return pl.col(column).dt.strftime("%Y-%m-%d")


def offender_id() -> pl.Expr:
    """An expression: the internal number of a person, by the digits of the CRN."""
    return pl.concat_str(pl.lit("25"), pl.col("crn").str.slice(1))


def case_table(rows: pl.DataFrame, **columns: pl.Expr) -> pl.DataFrame:
    """A table of NDelius about people: its own columns, whose row it is, and when it was made."""
    own = {name: value.cast(pl.String) for name, value in columns.items()}
    return rows.select(
        **own,
        OFFENDER_ID=offender_id(),
        **{
            CREATED: local_time("_created"),
            UPDATED: local_time("_updated"),
            DELETED: pl.col("withdrawn_at").is_not_null().cast(pl.Int8).cast(pl.String),
        },
    )


def code_list(codes: Mapping[str, str], key: str, code: str, words: str) -> pl.DataFrame:
    """A reference list whose ids are its codes."""
    rows = {key: list(codes), code: list(codes), words: list(codes.values())}
    return pl.DataFrame(rows, schema=dict.fromkeys(rows, pl.String))


STANDARD = {
    "G-M": ("M", "Male"),
    "G-F": ("F", "Female"),
    "AD-SETTLED": ("A07B", "Friends/Family (settled)"),
    "AD-TRANSIENT": ("A07A", "Friends/Family (transient)"),
    "AD-MAIN": ("M", "Main"),
    "RL-PARTNER": ("RT08", "Partner"),
    "RL-CHILD": ("RT02", "Child"),
    "EN-DONE": ("101", "Completed - expiry reached"),
    "EN-BREACH": ("102", "Terminated - breach proven"),
    "EN-REVOKED": ("103", "Revoked by the court"),
    "KD-LED": ("LED", "Licence expiry date"),
    "KD-EXP": ("EXP", "Expected release date"),
    "EN-RELAXED": ("104", "Condition removed by variation"),
    "LV-M": ("RSKM", "Medium"),
    "LV-H": ("RSKH", "High"),
    "LV-V": ("RSKV", "Very high"),
    "DR-MOVED": ("DR1", "Planned move, residence completed"),
    "CR-COURT": ("CJF", "Pre-sentence report"),
    "CR-PSYCHIATRIC": ("PSY", "Psychiatric report"),
    "GR-PO": ("PSM", "Probation Officer"),
    "GR-PSO": ("PSQ", "Probation Services Officer"),
    "GR-PQiP": ("PSP", "Trainee"),
    "GR-NQO": ("NQO", "Newly qualified officer"),
    **{f"TI-{tier}": (tier, f"Tier {tier}") for tier in "ABCDEFG"},
}
"""The rows of the standard reference list that the made-up tables refer to, by id."""


def standard_list() -> pl.DataFrame:
    """R_STANDARD_REFERENCE_LIST."""
    return pl.DataFrame(
        {
            "STANDARD_REFERENCE_LIST_ID": list(STANDARD),
            "CODE_VALUE": [code for code, _ in STANDARD.values()],
            "CODE_DESCRIPTION": [words for _, words in STANDARD.values()],
        }
    )
