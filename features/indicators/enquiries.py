"""SE, and enquiries among WI: what was asked of other agencies, and what came of it."""

from __future__ import annotations

import polars as pl

from features.asof import CASE, Known
from features.indicators.answers import answers
from features.indicators.base import EVIDENCE, declare
from features.indicators.language import (
    EVER,
    LAST,
    N,
    curfews,
    entries,
    in_force,
    never_followed_by,
    not_followed_by,
    not_near,
    one_of,
    orders_and_licences,
    overdue,
    within,
)
from features.working_days import days_after

CORONER_JANUARY = "Chief Probation Officer's response to a coroner, January 2024"
ACTION_PLAN = "HM Prison and Probation Service action plan, January 2023"

KIND = pl.col("kind")
NOT_REQUESTED = pl.col("requested_on").is_null()
DOMESTIC_ABUSE_REGISTERS = ("ADVP", "REG30")
CHILD_REGISTERS = ("RCCO", "RCPR")


def _needed(known: Known, kind: str) -> pl.LazyFrame:
    """Enquiries entered as needed in the last 365 days, and not requested."""
    rows = entries(known, "enquiries", pl.col("kind") == kind, NOT_REQUESTED, within(365))
    return _because(rows, "entered as needed")


def _because(rows: pl.LazyFrame, why: str) -> pl.LazyFrame:
    """The rows as things that make an enquiry due."""
    return rows.select(*CASE, "as_of", "days", *EVIDENCE, why=pl.lit(why))


def _never_requested(known: Known, indicator: str, due: list[pl.LazyFrame]) -> pl.LazyFrame:
    """What made an enquiry due more than 15 working days ago, with none requested from 28 days
    before it on.
    """
    return not_near(pl.concat(due).filter(overdue(15)), answers(known, indicator), 28, EVER)


def _unanswered(known: Known, kind: str) -> pl.LazyFrame:
    """Enquiries needed in the last 365 days, requested and not answered within 20 working days."""
    asked = entries(
        known, "enquiries", pl.col("kind") == kind, ~NOT_REQUESTED, pl.col("returned_on").is_null()
    )
    waited = (pl.col("as_of") - pl.col("requested_on")).dt.total_days()
    late = days_after("requested_on", 20) < pl.col("as_of")
    return asked.with_columns(waited=waited).filter(late, within(365))


WHY = {"n": N, "date": pl.col("occurred_on").min(), "why": pl.col("why").unique()}
WAITED = {"n": N, "date": pl.col("requested_on").min(), "d": pl.col("waited").max()}


@declare(
    family="SE",
    kind="process",
    sentence="A domestic abuse enquiry has been due since {date} ({why}) and was not requested.",
    feeds=("enquiries", "orders", "incidents", "circumstances", "supervisions", "registrations"),
    source=f"{CORONER_JANUARY}; {ACTION_PLAN}, recommendations 1, 4 and 6",
    groups=("children", "known_adult"),
    value=pl.col("why").n_unique(),
    words=WHY,
)
def da_enquiry_missing(known: Known) -> pl.LazyFrame:
    """How many different things make a domestic abuse enquiry due, more than 15 working days ago, with
    none requested from 28 days before on: one entered as needed, domestic abuse, a new relationship,
    or the start of an order or licence of somebody with a domestic abuse register or domestic abuse
    on record, in the last 365 days; a curfew in force. Nothing asked at all counts.
    """
    abuse = entries(known, "incidents", KIND == "domestic_abuse")
    registered = in_force(known, "registrations", one_of("type_code", DOMESTIC_ABUSE_REGISTERS))
    known_for_it = pl.concat([abuse.select(CASE), registered.select(CASE)]).unique()
    began = orders_and_licences(known).filter(pl.col("ended_on").is_null(), within(365))
    relationship = entries(known, "circumstances", KIND == "relationship", within(365))
    due = [
        _needed(known, "domestic_abuse"),
        _because(abuse.filter(within(365)), "domestic abuse on record"),
        _because(relationship.filter(pl.col("state") == "new"), "a new relationship"),
        _because(began.join(known_for_it, on=CASE, how="semi"), "the start of supervision"),
        _because(curfews(known), "a curfew"),
    ]
    return _never_requested(known, "da_enquiry_missing", due)


@declare(
    family="SE",
    kind="process",
    sentence="A domestic abuse enquiry requested on {date} has had no reply for {d} days.",
    feeds=("enquiries",),
    source=f"{CORONER_JANUARY}; {ACTION_PLAN}, recommendation 1",
    groups=("children", "known_adult"),
    words=WAITED,
)
def da_enquiry_overdue(known: Known) -> pl.LazyFrame:
    """Domestic abuse enquiries of the last 365 days not answered within 20 working days."""
    return _unanswered(known, "domestic_abuse")


@declare(
    family="SE",
    kind="process",
    sentence="A child safeguarding enquiry has been due since {date} ({why}) and was not requested.",
    feeds=("enquiries", "orders", "incidents", "circumstances", "registrations"),
    source=f"{CORONER_JANUARY}; {ACTION_PLAN}, recommendations 2, 4 and 17",
    groups=("children",),
    value=pl.col("why").n_unique(),
    words=WHY,
)
def sg_enquiry_missing(known: Known) -> pl.LazyFrame:
    """How many different things make a child safeguarding enquiry due, more than 15 working days ago,
    with none requested from 28 days before on: one entered as needed or sexual concern about a child
    in the last 365 days; current contact with a child, an active register of child concerns or child
    protection, or a curfew in force. Nothing asked at all counts.
    """
    concern = entries(known, "incidents", KIND == "sexual_concern_child", within(365))
    contact = in_force(known, "circumstances", KIND == "child_contact")
    registered = in_force(known, "registrations", one_of("type_code", CHILD_REGISTERS))
    due = [
        _needed(known, "child_safeguarding"),
        _because(concern, "sexual concern about a child"),
        _because(contact, "contact with a child"),
        _because(registered, "a child register"),
        _because(curfews(known), "a curfew"),
    ]
    return _never_requested(known, "sg_enquiry_missing", due)


@declare(
    family="SE",
    kind="process",
    sentence="A child safeguarding enquiry requested on {date} has had no reply for {d} days.",
    feeds=("enquiries",),
    source=f"{ACTION_PLAN}, recommendations 2 and 3",
    groups=("children",),
    words=WAITED,
)
def sg_enquiry_overdue(known: Known) -> pl.LazyFrame:
    """Child safeguarding enquiries of the last 365 days not answered within 20 working days."""
    return _unanswered(known, "child_safeguarding")


@declare(
    family="SE",
    kind="process",
    sentence="An enquiry returned concerns on {date} that no assessment has taken up since.",
    feeds=("enquiries", "assessments"),
    source=f"{CORONER_JANUARY}; {ACTION_PLAN}, recommendation 3",
    groups=("children", "known_adult"),
    words={"n": N, "date": LAST},
    disclosure="likely",
    disclosable_sentence="Information from another agency has not been taken up.",
)
def enquiry_result_not_reflected(known: Known) -> pl.LazyFrame:
    """Concerns returned more than 15 working days ago with no assessment completed since."""
    returned = entries(
        known, "enquiries", pl.col("result") == "concerns", pl.col("returned_on").is_not_null()
    ).with_columns(occurred_on=pl.col("returned_on"))
    return never_followed_by(
        returned.filter(overdue(15)), answers(known, "enquiry_result_not_reflected")
    )


@declare(
    family="WI",
    kind="process",
    sentence="Police intelligence received on {date} has not led to a review of the assessment.",
    feeds=("incidents", "assessments"),
    source=f"{CORONER_JANUARY}, section on offender records",
    words={"n": N, "date": LAST},
    disclosure="likely",
    disclosable_sentence="Information on record has not been taken up in the assessment.",
    bias_watch=True,
)
def police_intelligence_unassessed(known: Known) -> pl.LazyFrame:
    """Police intelligence of the last 365 days with no assessment completed in 20 working days."""
    received = entries(known, "incidents", KIND == "intelligence", within(365))
    return not_followed_by(received, answers(known, "police_intelligence_unassessed"), 20)
