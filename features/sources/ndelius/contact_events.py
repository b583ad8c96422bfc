"""NDelius, declared: contacts whose type says that something happened, besides the contact itself."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from features.sources.mapping import ID, Mapping, Value, day, flag
from features.sources.ndelius.rows import (
    chosen_contacts,
    skip_where,
    with_code,
    with_other_contacts,
    without_deleted,
)
from features.sources.tables import SourceTables

MENTAL_HEALTH = "APMH"
"""A concern about mental health, recorded in approved premises."""
INTELLIGENCE = "C515"
"""Police intelligence was received."""
NO_CONCERNS = "NOCO"
HOMELESSNESS = "TWH1"
"""Somebody is threatened with homelessness."""
HANDOVER = "POM1"
"""The handover from the prison offender manager to the community offender manager."""
_TYPE = ("CONTACT.CONTACT_TYPE_ID", "R_CONTACT_TYPE.CODE")
_DAY = Value(
    "occurred_on", ("CONTACT.CONTACT_DATE",), "the date of the contact", day("CONTACT_DATE")
)


By = tuple[str, tuple[str, ...]]


def _by_type(code: str) -> By:
    return ("CONTACT_TYPE_ID", (code,))


def _contacts_of(code: str) -> Callable[[SourceTables], pl.LazyFrame]:
    def prepare(tables: SourceTables) -> pl.LazyFrame:
        rows = chosen_contacts(tables, *_by_type(code))
        return with_other_contacts(rows, tables, *_by_type(code))

    return prepare


def _always(column: str, code: str, words: str) -> Value:
    return Value(column, _TYPE, f"always {words}", pl.lit(code), codes=(code,))


MENTAL_HEALTH_CONCERNS = Mapping(
    record="incidents",
    table="CONTACT",
    rows="contacts of the type APMH, a concern about mental health in approved premises",
    prepare=_contacts_of(MENTAL_HEALTH),
    day=_DAY,
    values=(
        _always("kind", "mental_health_decline", "mental health said or seen to be worse"),
        _always("target", "none", "nobody"),
        _always("setting", "approved_premises", "approved premises"),
        _always("certainty", "opinion", "an opinion: of whoever recorded it"),
        Value(
            "disclosable",
            ("CONTACT.SENSITIVE",),
            "not where the contact is marked as sensitive; null where it does not say",
            ~flag("SENSITIVE"),
        ),
    ),
    prefix="mental-health-",
)


def _intelligence(tables: SourceTables) -> pl.LazyFrame:
    by_type = _by_type(INTELLIGENCE)
    rows = chosen_contacts(tables, *by_type)
    rows = with_code(
        rows, tables, "CONTACT_OUTCOME_TYPE_ID", "R_CONTACT_OUTCOME_TYPE", name="_outcome"
    )
    rows = rows.with_columns(
        skip_where(pl.col("_outcome") == NO_CONCERNS, "police intelligence without concerns (NOCO)")
    )
    return with_other_contacts(rows, tables, *by_type)


POLICE_INTELLIGENCE = Mapping(
    record="incidents",
    table="CONTACT",
    rows="contacts of the type C515, police intelligence received, but with the outcome NOCO",
    prepare=_intelligence,
    day=_DAY,
    values=(
        _always("kind", "intelligence", "police intelligence"),
        _always("certainty", "intelligence", "intelligence"),
        Value("disclosable", _TYPE, "never", pl.lit(value=False)),
    ),
    prefix="intelligence-",
)


def _threats_of_homelessness(tables: SourceTables) -> pl.LazyFrame:
    by_type = _by_type(HOMELESSNESS)
    rows = chosen_contacts(tables, *by_type).with_columns(_on=day("CONTACT_DATE"))
    addresses = without_deleted(
        tables.scan("OFFENDER_ADDRESS", "OFFENDER_ID", "START_DATE", "SOFT_DELETED")
    ).select("OFFENDER_ID", day("START_DATE").alias("_moved"))
    later = (
        rows.select(ID, "OFFENDER_ID", "_on")
        .join(addresses, on="OFFENDER_ID")
        .filter(pl.col("_moved") >= pl.col("_on"))
        .group_by(ID)
        .agg(pl.col("_moved").min())
    )
    rows = rows.join(later, on=ID, how="left")
    return with_other_contacts(rows, tables, *by_type)


THREATS_OF_HOMELESSNESS = Mapping(
    record="circumstances",
    table="CONTACT",
    rows="contacts of the type TWH1, threatened with homelessness",
    prepare=_threats_of_homelessness,
    day=_DAY,
    values=(
        _always("kind", "address", "an address"),
        _always("state", "at_risk", "at risk of losing it"),
        Value(
            "ended_on",
            ("OFFENDER_ADDRESS.START_DATE",),
            "the first move to an address on that day or later",
            pl.col("_moved"),
        ),
    ),
    prefix="homelessness-",
)

HANDOVERS = Mapping(
    record="documents",
    table="CONTACT",
    rows="contacts of the type POM1, a handover from prison",
    prepare=_contacts_of(HANDOVER),
    day=_DAY,
    values=(_always("kind", "handover", "a handover"),),
    prefix="handover-",
)

MAPPINGS: tuple[Mapping, ...] = (
    MENTAL_HEALTH_CONCERNS,
    POLICE_INTELLIGENCE,
    THREATS_OF_HOMELESSNESS,
    HANDOVERS,
)
