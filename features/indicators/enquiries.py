"""SE, and enquiries among WI: what was asked of other agencies, and what came of it."""

from __future__ import annotations

import polars as pl

from features.asof import Known
from features.indicators.base import declare
from features.indicators.language import (
    LAST,
    N,
    completed_assessments,
    entries,
    never_followed_by,
    not_followed_by,
    overdue,
    within,
)

CORONER_JANUARY = "Chief Probation Officer's response to a coroner, January 2024"
ACTION_PLAN = "HM Prison and Probation Service action plan, January 2023"

KIND = pl.col("kind")
NOT_REQUESTED = pl.col("requested_on").is_null()


def _missing(known: Known, kind: str) -> pl.LazyFrame:
    """Enquiries needed in the last 365 days, not requested within 15 working days."""
    return entries(
        known, "enquiries", pl.col("kind") == kind, NOT_REQUESTED, within(365), overdue(15)
    )


def _unanswered(known: Known, kind: str) -> pl.LazyFrame:
    """Enquiries requested in the last 365 days and not answered within 20 working days."""
    asked = entries(
        known, "enquiries", pl.col("kind") == kind, ~NOT_REQUESTED, pl.col("returned_on").is_null()
    )
    deadline = pl.col("requested_on").dt.add_business_days(20, roll="forward")
    return asked.with_columns(
        waited=(pl.col("as_of") - pl.col("requested_on")).dt.total_days()
    ).filter(deadline < pl.col("as_of"), within(365))


WAITED = {"n": N, "date": pl.col("requested_on").min(), "d": pl.col("waited").max()}


@declare(
    family="SE",
    kind="process",
    sentence="A domestic abuse enquiry has been needed since {date} and was not requested.",
    feeds=("enquiries",),
    source=f"{CORONER_JANUARY}; {ACTION_PLAN}, recommendation 1",
    groups=("children", "known_adult"),
    words={"n": N, "date": pl.col("occurred_on").min()},
)
def da_enquiry_missing(known: Known) -> pl.LazyFrame:
    """Domestic abuse enquiries needed in the last 365 days, not requested in 15 working days."""
    return _missing(known, "domestic_abuse")


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
    sentence="A child safeguarding enquiry has been needed since {date} and was not requested.",
    feeds=("enquiries",),
    source=f"{CORONER_JANUARY}; {ACTION_PLAN}, recommendation 2",
    groups=("children",),
    words={"n": N, "date": pl.col("occurred_on").min()},
)
def sg_enquiry_missing(known: Known) -> pl.LazyFrame:
    """Child safeguarding enquiries needed in 365 days, not requested within 15 working days."""
    return _missing(known, "child_safeguarding")


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
    return never_followed_by(returned.filter(overdue(15)), completed_assessments(known))


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
    return not_followed_by(received, completed_assessments(known), 20)
