"""Prepares rows of NOMIS tables: the case of each, when probation knew of it, who was harmed."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import (
    CREATED,
    CRN,
    DELETED,
    ID,
    NOTHING,
    UPDATED,
    Value,
    case_number,
    day,
    moment,
)
from features.sources.ndelius.rows import without_deleted
from features.sources.tables import SourceTables

SHARED_WITHIN_DAYS = 3
"""A case note written this many days after an incident is taken to be about it."""


def _cases(tables: SourceTables) -> pl.LazyFrame:
    """The CRN of each booking, by NOMS number; none where two cases share the number."""
    ndelius = tables.of("ndelius").scan("OFFENDER", "OFFENDER_ID", "CRN", "NOMS_NUMBER")
    crn = case_number("CRN").replace(tables.survivors)
    people = (
        ndelius.filter(pl.col("NOMS_NUMBER").is_not_null(), crn.is_not_null())
        .group_by(pl.col("NOMS_NUMBER").str.to_uppercase().alias("_noms"))
        .agg(
            pl.when(crn.n_unique() == 1).then(crn.first()).alias(CRN),
            (crn.n_unique() > 1).alias("_shared_number"),
        )
    )
    bookings = tables.scan("OFFENDER_BOOKINGS", "OFFENDER_BOOK_ID", "OFFENDER_ID")
    names = tables.scan("OFFENDERS", "OFFENDER_ID", "OFFENDER_ID_DISPLAY")
    return (
        bookings.join(names.unique("OFFENDER_ID", keep="any"), on="OFFENDER_ID", how="left")
        .with_columns(_noms=pl.col("OFFENDER_ID_DISPLAY").str.to_uppercase())
        .join(people, on="_noms", how="left")
        .unique("OFFENDER_BOOK_ID", keep="any")
        .select("OFFENDER_BOOK_ID", "_noms", CRN, "_shared_number")
    )


def _shared(tables: SourceTables) -> pl.LazyFrame:
    """When something about custody reached probation: NOMS number, days about, moment.

    A report or contact that was deleted shares nothing.
    """
    ndelius = tables.of("ndelius")
    reports = without_deleted(
        ndelius.scan(
            "INSTITUTIONAL_REPORT",
            "OFFENDER_ID",
            "DATE_COMPLETED",
            "CREATED_DATETIME",
            "SOFT_DELETED",
        )
    ).select(
        pl.col("OFFENDER_ID").alias("_offender"),
        pl.lit(None, pl.Date).alias("_from"),
        day("DATE_COMPLETED").alias("_until"),
        pl.max_horizontal(moment("DATE_COMPLETED"), moment("CREATED_DATETIME")).alias("_shared_at"),
    )
    linked = without_deleted(
        ndelius.scan(
            "CONTACT", "OFFENDER_ID", "NOMIS_CASE_NOTE_ID", "CREATED_DATETIME", "SOFT_DELETED"
        )
    )
    notes = tables.scan("OFFENDER_CASE_NOTES", "CASE_NOTE_ID", "CONTACT_DATE")
    contacts = (
        linked.filter(pl.col("NOMIS_CASE_NOTE_ID").is_not_null())
        .join(notes, left_on="NOMIS_CASE_NOTE_ID", right_on="CASE_NOTE_ID")
        .select(
            pl.col("OFFENDER_ID").alias("_offender"),
            day("CONTACT_DATE").dt.offset_by(f"-{SHARED_WITHIN_DAYS}d").alias("_from"),
            day("CONTACT_DATE").alias("_until"),
            moment("CREATED_DATETIME").alias("_shared_at"),
        )
    )
    people = ndelius.scan("OFFENDER", "OFFENDER_ID", "NOMS_NUMBER").select(
        _offender="OFFENDER_ID", _noms=pl.col("NOMS_NUMBER").str.to_uppercase()
    )
    shared = pl.concat([reports, contacts]).filter(pl.col("_shared_at").is_not_null())
    return shared.join(people.unique("_offender", keep="any"), on="_offender")


def with_case(rows: pl.LazyFrame, tables: SourceTables, on: str) -> pl.LazyFrame:
    """The rows with their case, and CREATED as the moment at which they reached probation."""
    rows = rows.join(_cases(tables), on="OFFENDER_BOOK_ID", how="left").with_columns(_on=day(on))
    sharing = (
        rows.select(ID, "_noms", "_on")
        .join(_shared(tables), on="_noms")
        .filter(
            pl.col("_on") <= pl.col("_until"),
            (pl.col("_on") >= pl.col("_from")).fill_null(value=True),
        )
        .group_by(ID)
        .agg(pl.col("_shared_at").min())
    )
    reason = (
        pl.when(pl.col("_noms").is_null())
        .then(pl.lit("its booking leads to no NOMS number"))
        .when(pl.col("_shared_number"))
        .then(pl.lit("two CRNs have its NOMS number"))
        .when(pl.col(CRN).is_null())
        .then(pl.lit("no case in NDelius has its NOMS number"))
        .when(pl.col("_shared_at").is_null())
        .then(
            pl.lit("not known to probation: no report or linked case note says that it was shared")
        )
    )
    return rows.join(sharing, on=ID, how="left").with_columns(
        pl.col("_shared_at").alias(CREATED),
        pl.lit(None, pl.Datetime("us")).alias(UPDATED),
        pl.lit(value=False).alias(DELETED),
        pl.coalesce(NOTHING, reason).alias(NOTHING),
    )


VICTIM_ROLES = ("V", "VICT", "VICTIM")


def harmed_groups(tables: SourceTables, table: str, key: str, role: str) -> pl.LazyFrame:
    """For each incident with a victim on record: staff where one of them is staff, else a prisoner."""
    parties = tables.scan(table, key, role, "STAFF_ID", "OFFENDER_BOOK_ID")
    victims = parties.filter(pl.col(role).is_in(list(VICTIM_ROLES)))
    return victims.group_by(key).agg(
        pl.when(pl.col("STAFF_ID").is_not_null().any())
        .then(pl.lit("staff"))
        .when(pl.col("OFFENDER_BOOK_ID").is_not_null().any())
        .then(pl.lit("prisoner"))
        .alias("_target")
    )


def harmed_group_value(table: str, role: str, words: str = "") -> Value:
    """The declaration of `target` by the victims of an incident in a table of parties.

    `words` is a column whose words say it where no victim is named.
    """
    otherwise = (
        f"else by the words of {words}; null where they do not say" if words else "else null"
    )
    return Value(
        "target",
        (f"{table}.{role}", f"{table}.STAFF_ID", *([words] if words else [])),
        f"staff where a victim is staff, a prisoner where a victim is one; {otherwise}",
        pl.col("_target"),
        codes=("staff", "prisoner"),
    )
