"""RC, AC, MH: relationships and children, accommodation, mental health."""

from __future__ import annotations

import polars as pl

from features.history.asof import CASE, Histories
from features.indicators.answers import answers_to
from features.indicators.base import declare_indicator
from features.indicators.language import (
    LAST,
    NEW_RELATIONSHIP,
    NOT_SAID_TO_HAVE_ENDED,
    N,
    counts_within,
    in_force,
    matching_entries,
    not_followed_by,
    one_of,
    within_days,
)
from features.indicators.ranks import levels_said

SFO_REVIEW = "Independent serious further offence review (HM Inspectorate of Probation)"
CORONER_JANUARY = "Chief Probation Officer's response to a coroner, January 2024"
ACTION_PLAN = "HM Prison and Probation Service action plan, January 2023"

KIND = pl.col("kind")


@declare_indicator(
    family="RC",
    kind="process",
    sentence="A new relationship was disclosed on {date}; no enquiry to police or children's services "
    "followed within 10 working days.",
    feeds=("circumstances", "enquiries"),
    source=f"{SFO_REVIEW}, sections 11d and 13; {ACTION_PLAN}, recommendations 1 and 2",
    groups=("children", "known_adult"),
    words={"n": N, "date": pl.col("counts_on").max()},
    disclosure="possible",
    disclosable_sentence="A change in personal circumstances was not followed up in time.",
)
def new_relationship_no_enquiry(histories: Histories) -> pl.LazyFrame:
    """New relationships that became known in the last 365 days, with no enquiry requested within 10
    working days.
    """
    new = matching_entries(histories, "circumstances", NEW_RELATIONSHIP, counts_within(365))
    return not_followed_by(new, answers_to(histories, "new_relationship_no_enquiry"), 10)


@declare_indicator(
    family="RC",
    kind="process",
    sentence="The person lives with or has contact with a child (since {date}), while the risk to "
    "children is recorded as low.",
    feeds=("circumstances", "assessments"),
    source=f"{ACTION_PLAN}, recommendations 2, 8 and 9",
    groups=("children",),
    words={"n": N, "date": LAST},
    disclosure="possible",
    disclosable_sentence="Contact with children has not been reflected in the assessment.",
)
def child_contact_with_low_child_risk(histories: Histories) -> pl.LazyFrame:
    """Contact with a child that is current while the latest completed assessment that gives a level for
    children says low.
    """
    low = levels_said(histories).filter(pl.col("group") == "children", pl.col("level") == "LOW")
    current = in_force(histories, "circumstances", KIND == "child_contact", NOT_SAID_TO_HAVE_ENDED)
    return current.join(low, on=CASE, how="semi")


@declare_indicator(
    family="RC",
    kind="process",
    sentence="A pregnancy or new child has been known since {date} and was not assessed within 20 working "
    "days.",
    feeds=("circumstances", "assessments"),
    source=f"{ACTION_PLAN}, recommendation 8",
    groups=("children", "known_adult"),
    words={"n": N, "date": pl.col("counts_on").max()},
    disclosure="possible",
    protected_link="pregnancy",
    page_only_because="pregnancy is a protected characteristic: always shown, never scored",
)
def pregnancy_or_new_child_unassessed(histories: Histories) -> pl.LazyFrame:
    """Pregnancies or new children that became known in the last 365 days, without an assessment within
    20 working days.
    """
    pregnancies = matching_entries(
        histories, "circumstances", KIND == "pregnancy", counts_within(365)
    )
    return not_followed_by(
        pregnancies, answers_to(histories, "pregnancy_or_new_child_unassessed"), 20
    )


@declare_indicator(
    family="RC",
    kind="behaviour",
    sentence="Domestic abuse is recorded {n} time[|s] in the last two years, {unproven} of them without "
    "a conviction.",
    feeds=("incidents",),
    source=f"{CORONER_JANUARY}, section on offender records",
    groups=("children", "known_adult"),
    words={"n": N, "unproven": (~pl.col("proven").fill_null(value=False)).sum()},
    disclosure="likely",
    disclosable_sentence="Concern about relationships is on record.",
    bias_watch=True,
)
def da_allegations_without_conviction(histories: Histories) -> pl.LazyFrame:
    """Domestic abuse recorded in the last 730 days, with or without a conviction: one that comes
    later takes nothing away.
    """
    return matching_entries(histories, "incidents", KIND == "domestic_abuse", within_days(730))


@declare_indicator(
    family="RC",
    kind="behaviour",
    sentence="Domestic abuse is recorded against {n} different people.",
    feeds=("incidents",),
    source=f"{CORONER_JANUARY}, section on offender records",
    groups=("known_adult",),
    value=pl.col("victim_ref").n_unique(),
    words={"n": pl.col("victim_ref").n_unique()},
    fires_from=2.0,
    disclosure="likely",
    disclosable_sentence="Concern about relationships is on record.",
)
def repeat_da_victims(histories: Histories) -> pl.LazyFrame:
    """Different people against whom domestic abuse is recorded, ever."""
    return matching_entries(
        histories, "incidents", KIND == "domestic_abuse", pl.col("victim_ref").is_not_null()
    )


@declare_indicator(
    family="RC",
    kind="behaviour",
    sentence="Conflict in a close relationship, or its end, is recorded (last on {date}).",
    feeds=("circumstances",),
    source=f"{CORONER_JANUARY}, section on electronic monitoring",
    groups=("children", "known_adult"),
    words={"n": N, "date": LAST},
    disclosure="possible",
    disclosable_sentence="A change in personal circumstances is on record.",
)
def relationship_conflict_or_breakdown(histories: Histories) -> pl.LazyFrame:
    """Conflict, breakdown or separation in a close relationship in the last 90 days: a conflict
    recorded, or a relationship said to have ended or that did.
    """
    ended = (pl.col("as_of") - pl.col("ended_on")).dt.total_days() < 90
    over = (KIND == "relationship") & ((within_days(90) & (pl.col("state") == "ended")) | ended)
    conflict = (KIND == "relationship_conflict") & within_days(90)
    return matching_entries(histories, "circumstances", conflict | over.fill_null(value=False))


AT_RISK = one_of("state", ["at_risk", "no_fixed_abode"])
MOVED = pl.col("state").ne_missing("at_risk")
"""A move is an address entry, other than one that says that an address is at risk."""


@declare_indicator(
    family="AC",
    kind="behaviour",
    sentence="The tenancy or placement is at risk, or the person has no fixed abode ({date}).",
    feeds=("circumstances",),
    source=f"{SFO_REVIEW}, section 4; 2009 guidance on risk of serious harm",
    groups=("public", "known_adult"),
    words={"n": N, "date": LAST},
    bias_watch=True,
)
def accommodation_loss_risk(histories: Histories) -> pl.LazyFrame:
    """Addresses at risk or no fixed abode that are current, however long ago they began, or that began
    or ended in the last 56 days.
    """
    ended = (pl.col("as_of") - pl.col("ended_on")).dt.total_days()
    recent = pl.col("ended_on").is_null() | within_days(56) | (ended < 56)
    return matching_entries(histories, "circumstances", KIND == "address", AT_RISK, recent)


@declare_indicator(
    family="AC",
    kind="process",
    sentence="The address changed on {date} and risk was not reviewed within 15 working days of its being "
    "known.",
    feeds=("circumstances", "assessments"),
    source=f"{SFO_REVIEW}, section 11d",
    words={"n": N, "date": LAST},
)
def address_change_not_reviewed(histories: Histories) -> pl.LazyFrame:
    """Moves that became known in the last 365 days, with no assessment completed within 15 working days.
    An address that is said to be at risk is no move.
    """
    moves = matching_entries(
        histories, "circumstances", KIND == "address", MOVED, counts_within(365)
    )
    return not_followed_by(moves, answers_to(histories, "address_change_not_reviewed"), 15)


@declare_indicator(
    family="AC",
    kind="context",
    sentence="The person left approved premises {days} days ago.",
    feeds=("supervisions",),
    source=f"{SFO_REVIEW}, section 12: offences within days of leaving",
    value=pl.col("since").min(),
    words={"days": pl.col("since").min()},
    none=None,
    fires_from=0.0,
    direction="-",
    page_only_because="context for the reader: it says when, not what the person did",
)
def recent_ap_departure(histories: Histories) -> pl.LazyFrame:
    """Days since a stay in approved premises ended, within 56 days of it."""
    left = matching_entries(histories, "supervisions", KIND == "approved_premises").with_columns(
        since=(pl.col("as_of") - pl.col("ended_on")).dt.total_days()
    )
    return left.filter(pl.col("since") < 56)


@declare_indicator(
    family="MH",
    kind="process",
    sentence="The person's mental health was said or seen to be worse on {date}; no action or review is "
    "recorded within 10 working days.",
    feeds=("incidents", "contacts", "assessments"),
    source=f"{SFO_REVIEW}, sections 4, 12 and 15",
    words={"n": N, "date": LAST},
    disclosure="possible",
    protected_link="disability",
    page_only_because="mental health is scored only by a signed decision of the board",
)
def mh_decline_disclosed_no_action(histories: Histories) -> pl.LazyFrame:
    """Mental health said or seen to be worse, as became known in the last 180 days, with neither
    management oversight, a treatment appointment neither missed nor failed, a call or message to or
    from somebody else, nor a
    completed assessment within 10 working days.
    """
    disclosures = matching_entries(
        histories, "incidents", KIND == "mental_health_decline", counts_within(180)
    )
    return not_followed_by(disclosures, answers_to(histories, "mh_decline_disclosed_no_action"), 10)
