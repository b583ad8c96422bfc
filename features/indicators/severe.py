"""ES and AQ, continued: how grave what is on record is: at any time, lately, since the assessment."""

from __future__ import annotations

import polars as pl

from features.contracts import codes
from features.history.asof import CASE, Histories
from features.indicators.answers import answers_to
from features.indicators.base import declare_indicator
from features.indicators.language import (
    LAST,
    N,
    by_group,
    concerning_groups,
    known_within,
    one_of,
)
from features.working_days import days_after

CORONER_OCTOBER = "Chief Probation Officer's response to a coroner, October 2024"
CORONER_JANUARY = "Chief Probation Officer's response to a coroner, January 2024"
SFO_REVIEW = "Independent serious further offence review (HM Inspectorate of Probation)"
KIND = pl.col("kind")
GRAVE = 4
"""The seriousness from which a threat (one to kill), violence or sexual behaviour is grave."""

NOT_SAID = 3
"""The seriousness of an entry that says none: the middle of 1 to 5."""
SERIOUSNESS = pl.col("severity").fill_null(NOT_SAID).sum()

_TO_STAFF = one_of("kind", ["violence", "threat"]) & (pl.col("target") == "staff")
_TO_THEM = one_of("target", ["partner", "child"])
_GRAVE = pl.col("severity") >= GRAVE
_GRAVE_SEXUAL = (KIND == "sexual") & ((pl.col("severity") >= GRAVE) | (pl.col("target") == "child"))
_WHAT = (
    pl.when(_TO_STAFF)
    .then(pl.lit("violence or a threat to staff"))
    .when((KIND == "threat") & _TO_THEM)
    .then(pl.lit("a threat to a partner or child"))
    .when((KIND == "violence") & _TO_THEM)
    .then(pl.lit("violence to a partner or child"))
    .when((KIND == "threat") & _GRAVE)
    .then(pl.lit("a threat of seriousness 4 or 5"))
    .when((KIND == "violence") & _GRAVE)
    .then(pl.lit("violence of seriousness 4 or 5"))
    .when(
        one_of("kind", ["weapon", "domestic_abuse", "sexual_concern_child", "civil_order_breach"])
        | _GRAVE_SEXUAL.fill_null(value=False)
    )
    .then(KIND.replace(codes.INCIDENT_KINDS))
)


def _severe_incidents(histories: Histories) -> pl.LazyFrame:
    """Incidents of the gravest kinds, whenever they happened, with what each is and its group."""
    rows = by_group(histories).with_columns(what=_WHAT)
    return rows.filter(pl.col("what").is_not_null(), pl.col("group").is_not_null())


@declare_indicator(
    family="ES",
    kind="behaviour",
    sentence="{n} entr[y|ies] of the gravest kinds concerning this group [is|are] on record, at whatever time: {kinds} "
    "(the last on {date}).",
    feeds=("incidents",),
    source=f"{CORONER_OCTOBER}, sections 3 and 11; {CORONER_JANUARY}; {SFO_REVIEW}, sections 4 and 7",
    per_group=True,
    words={"n": N, "date": LAST, "kinds": pl.col("what").unique()},
    disclosure="likely",
    disclosable_sentence="Serious entries from the past are on record.",
    bias_watch=True,
)
def severe_incidents_ever(histories: Histories) -> pl.LazyFrame:
    """Weapons, domestic abuse, sexual concern about a child, a breach of a court order, violence or threats to staff, violence or
    threats to a partner or child or of seriousness 4 or 5, and sexual behaviour towards a child or of
    seriousness 4 or 5, at any time, by the group of who was or could be harmed. Where that is nobody in
    particular or not said, domestic abuse and a breach of a court order count for known adults, sexual concern about a child for
    children, the rest for the public.
    """
    return _severe_incidents(histories)


@declare_indicator(
    family="AQ",
    kind="process",
    sentence="{n} entr[y|ies] of the gravest kinds ({kinds}), known since {date}, [has|have] been in no assessment since.",
    feeds=("incidents", "assessments"),
    source=f"{CORONER_JANUARY}, section on offender records; {SFO_REVIEW}, sections 5, 10 and 13",
    per_group=True,
    words={"n": N, "date": pl.col("known_on").min(), "kinds": pl.col("what").unique()},
    disclosure="likely",
    disclosable_sentence="Earlier information has not been considered.",
    bias_watch=True,
)
def severe_information_unassessed(histories: Histories) -> pl.LazyFrame:
    """The same kinds, whenever they happened, that first reached the record more than 15 working days
    ago, after the latest completed assessment or without any.
    """
    known_on = pl.col("first_recorded_at").dt.date()
    assessed = answers_to(histories, "severe_information_unassessed").group_by(CASE)
    last = assessed.agg(done_on=pl.col("occurred_on").max())
    rows = (
        _severe_incidents(histories).with_columns(known_on=known_on).join(last, on=CASE, how="left")
    )
    unused = pl.col("done_on").is_null() | (pl.col("done_on") < pl.col("known_on"))
    return rows.filter(unused, days_after("known_on", 15) < pl.col("as_of"))


def entries_concerning_groups(histories: Histories) -> pl.LazyFrame:
    """Harmful incidents and named concerns, with their group and what each is."""
    rows = concerning_groups(histories).filter(pl.col("group").is_not_null())
    return rows.with_columns(what=KIND.replace(codes.INCIDENT_KINDS))


@declare_indicator(
    family="ES",
    kind="behaviour",
    sentence="{n} entr[y|ies] of harm or concern about this group became known in the last 30 days: "
    "{kinds} (the last on {date}).",
    feeds=("incidents",),
    source=f"{CORONER_OCTOBER}, section 3: what happens quickly; {SFO_REVIEW}, section 4",
    per_group=True,
    value=SERIOUSNESS,
    fires_from=2.0,
    words={"n": N, "date": LAST, "kinds": pl.col("what").unique()},
    disclosure="likely",
    disclosable_sentence="Recent entries of harm or concern are on record.",
    bias_watch=True,
)
def seriousness_known_30d(histories: Histories) -> pl.LazyFrame:
    """The seriousness, added up, of harmful incidents and of intelligence or concern that names who,
    first recorded in the last 30 days whenever they happened, by the group of who was or could be
    harmed. An entry that does not say how serious it is counts as 3 of 5.
    """
    return entries_concerning_groups(histories).filter(known_within(30))


@declare_indicator(
    family="AQ",
    kind="process",
    sentence="{n} entr[y|ies] of harm or concern about this group became known since the last assessment: "
    "{kinds} (the last on {date}).",
    feeds=("incidents", "assessments"),
    source=f"{SFO_REVIEW}, sections 5, 10 and 13; {CORONER_OCTOBER}, section 3",
    per_group=True,
    value=SERIOUSNESS,
    fires_from=2.0,
    words={"n": N, "date": LAST, "kinds": pl.col("what").unique()},
    disclosure="likely",
    disclosable_sentence="Entries since the last assessment have not been considered.",
    bias_watch=True,
)
def seriousness_since_assessment(histories: Histories) -> pl.LazyFrame:
    """The seriousness, added up, of the same entries first recorded after the latest completed
    assessment, or at any time without one. An entry that does not say how serious it is counts as 3.
    """
    assessed = answers_to(histories, "seriousness_since_assessment").group_by(CASE)
    last = assessed.agg(done_on=pl.col("occurred_on").max())
    rows = entries_concerning_groups(histories).join(last, on=CASE, how="left")
    known_on = pl.col("first_recorded_at").dt.date()
    return rows.filter(pl.col("done_on").is_null() | (pl.col("done_on") < known_on))
