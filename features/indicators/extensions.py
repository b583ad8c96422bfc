"""Extensions of the core list that the records support: contact in person, registers, letters."""

from __future__ import annotations

import polars as pl

from features import codes
from features.asof import CASE, Known, latest
from features.indicators.base import declare
from features.indicators.language import (
    LAST,
    N,
    entries,
    in_force,
    supervision_start,
    suspended,
    while_contact_was_due,
    within,
)

REVIEW = "Independent serious further offence review (HM Inspectorate of Probation)"
CORONER_OCTOBER = "Chief Probation Officer's response to a coroner, October 2024"
IN_PERSON = ("COAP", "COAI", "CHVS", "CODC")
ECHOES_OF_LEVEL = (*codes.OVERALL_REGISTER, *codes.GROUP_REGISTER)


@declare(
    family="AT",
    kind="context",
    sentence="{d} days since the person was last seen in person.",
    feeds=("contacts", "supervisions"),
    source=f"{REVIEW}, section 2; {CORONER_OCTOBER}, section 1",
    value=pl.col("days").min(),
    words={"d": pl.col("days").min()},
    none=None,
    fires_from=60.0,
    page_only_because="context for the reader: how often someone is seen follows the level",
)
def days_since_face_to_face(known: Known) -> pl.LazyFrame:
    """Days since the latest attended visit to the office, home or doorstep; not known where there
    is none, or while contact is suspended.
    """
    attended = pl.col("outcome_code").is_in(codes.ATTENDED)
    seen = entries(known, "contacts", pl.col("type_code").is_in(IN_PERSON), attended)
    return latest(seen).join(suspended(known), on=CASE, how="anti")


@declare(
    family="RG",
    kind="process",
    sentence="{n} register entr[y|ies] [is|are] past the date of review, the oldest due on {date}.",
    feeds=("registrations",),
    source=f"{CORONER_OCTOBER}, section 8",
    words={"n": N, "date": pl.col("next_review_on").min()},
)
def register_review_overdue(known: Known) -> pl.LazyFrame:
    """Active registers, other than those of the level itself, past their date of review."""
    active = in_force(known, "registrations", ~pl.col("type_code").is_in(ECHOES_OF_LEVEL))
    return active.filter(pl.col("next_review_on") < pl.col("as_of"))


@declare(
    family="RG",
    kind="process",
    sentence="{n} risk register[|s] [was|were] removed in the last 90 days ({kinds}).",
    feeds=("registrations",),
    source=f"{REVIEW}, section 5; {CORONER_OCTOBER}, section 8",
    words={"n": N, "kinds": pl.col("type_code").replace(codes.REGISTER_TYPES).unique()},
)
def recent_deregistration(known: Known) -> pl.LazyFrame:
    """Registers, other than those of the level itself, ended in the last 90 days."""
    since = (pl.col("as_of") - pl.col("ended_on")).dt.total_days()
    return entries(known, "registrations", ~pl.col("type_code").is_in(ECHOES_OF_LEVEL), since < 90)


@declare(
    family="AC",
    kind="behaviour",
    sentence="{n} breach[|es] of approved premises rules or curfew [is|are] recorded since {start}.",
    feeds=("contacts", "supervisions"),
    source=f"{REVIEW}, sections 4 and 11d",
    words={"n": N, "start": pl.col("placed_on").min()},
)
def ap_rule_and_curfew_breaches(known: Known) -> pl.LazyFrame:
    """Breaches of approved premises rules or curfew since the latest stay there began."""
    stays = entries(known, "supervisions", pl.col("kind") == "approved_premises")
    placed = stays.group_by(CASE).agg(placed_on=pl.col("occurred_on").max())
    breaches = ["APBR", "APRS2", "C118", "C119", "C145", "EAP0"]
    rows = entries(known, "contacts", pl.col("type_code").is_in(breaches))
    dated = rows.join(placed, on=CASE, how="inner")
    return dated.filter(pl.col("occurred_on") >= pl.col("placed_on"))


@declare(
    family="CE",
    kind="process",
    sentence="{n} warning letter[|s] [was|were] used on a licence (last on {date}), where guidance since "
    "October 2021 asks for a compliance letter, a decision not to recall, or recall.",
    feeds=("contacts", "supervisions"),
    source=f"{REVIEW}, section 11d",
    words={"n": N, "date": LAST},
)
def withdrawn_warning_form_used(known: Known) -> pl.LazyFrame:
    """First, second and final warning letters of the last 180 days, since the start of a licence."""
    start = supervision_start(known).filter(pl.col("started_as") == "licence")
    letters = pl.col("type_code").is_in(["AWLI", "AWL2", "AWLF"])
    rows = entries(known, "contacts", letters, within(180)).join(start, on=CASE, how="inner")
    return while_contact_was_due(known, rows.filter(pl.col("occurred_on") >= pl.col("started_on")))
