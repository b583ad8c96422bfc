"""SE, and enquiries among WI: what was asked of other agencies, and what came of it."""

from __future__ import annotations

import polars as pl

from features.history.asof import CASE, Histories
from features.indicators.answers import answers_to
from features.indicators.base import EVIDENCE, declare_indicator
from features.indicators.language import (
    EVER,
    LAST,
    NEW_RELATIONSHIP,
    NOT_SAID_TO_HAVE_ENDED,
    SERIOUS_INCIDENTS,
    N,
    counts_on,
    counts_within,
    in_force,
    is_overdue,
    matching_entries,
    never_followed_by,
    not_followed_by,
    not_near,
    one_of,
    within_days,
)
from features.indicators.orders import ORDERS, curfews_in_force
from features.working_days import days_after

CORONER_JANUARY = "Chief Probation Officer's response to a coroner, January 2024"
ACTION_PLAN = "HM Prison and Probation Service action plan, January 2023"

KIND = pl.col("kind")
NOT_REQUESTED = pl.col("requested_on").is_null()
DOMESTIC_ABUSE_REGISTERS = ("ADVP", "REG30", "IMAR")
CHILD_REGISTERS = ("RCCO", "RCPR", "ARSO")
PROTECTION_ORDERS = ("restraining_order", "non_molestation", "stalking_protection")
TO_A_PARTNER = one_of("kind", ["violence", "threat", "sexual"]) & (pl.col("target") == "partner")
TO_A_CHILD = one_of("kind", SERIOUS_INCIDENTS) & (pl.col("target") == "child")


def _needed_enquiries(histories: Histories, kind: str) -> pl.LazyFrame:
    """Enquiries entered as needed in the last 365 days, and not requested."""
    rows = matching_entries(
        histories, "enquiries", pl.col("kind") == kind, NOT_REQUESTED, within_days(365)
    )
    return _due_because(rows, "entered as needed")


def _due_because(rows: pl.LazyFrame, why: str, since: str = "occurred_on") -> pl.LazyFrame:
    """The rows as things that make an enquiry due from the day in the column `since`."""
    return rows.select(*CASE, "as_of", *EVIDENCE, why=pl.lit(why), due_since=pl.col(since))


def _due_at_start(began: pl.LazyFrame, known_for_it: list[pl.LazyFrame]) -> pl.LazyFrame:
    """The start of supervision makes an enquiry due, from the day on which anything that calls for
    one was known.
    """
    calling = pl.concat([rows.select(*CASE, "counts_on") for rows in known_for_it])
    first = calling.group_by(CASE).agg(known_on=pl.col("counts_on").min())
    rows = began.join(first, on=CASE, how="inner")
    since = rows.with_columns(since=pl.max_horizontal("occurred_on", "known_on"))
    return _due_because(since, "the start of supervision", "since")


def _never_requested(histories: Histories, indicator: str, due: list[pl.LazyFrame]) -> pl.LazyFrame:
    """What made an enquiry due more than 15 working days ago, with none requested from 28 days
    before it on; with how many days it has been `due_for`.
    """
    late = pl.concat(due).filter(is_overdue(15, "due_since"))
    rows = not_near(late, answers_to(histories, indicator), 28, EVER, of="due_since")
    return rows.with_columns(due_for=(pl.col("as_of") - pl.col("due_since")).dt.total_days())


def _children_seen(histories: Histories) -> pl.LazyFrame:
    """Children with whom the person lives or has contact, as far as is known."""
    return in_force(histories, "circumstances", KIND == "child_contact", NOT_SAID_TO_HAVE_ENDED)


def _unanswered_enquiries(histories: Histories, kind: str) -> pl.LazyFrame:
    """Enquiries requested in the last 730 days and not answered within 20 working days."""
    enquiries = matching_entries(
        histories,
        "enquiries",
        pl.col("kind") == kind,
        ~NOT_REQUESTED,
        pl.col("returned_on").is_null(),
    )
    waited = (pl.col("as_of") - pl.col("requested_on")).dt.total_days()
    late = days_after("requested_on", 20) < pl.col("as_of")
    return enquiries.with_columns(waited=waited).filter(late, pl.col("waited") < 730)


AT_STAKE = ("a new relationship", "a pregnancy or new child", "a curfew", "contact with a child")
"""What makes an enquiry due where somebody is or will be there to be harmed."""
BESIDE_A_CHILD = "beside a child whom the person meets"
GRADE = (
    pl.col("why").n_unique()
    + pl.col("why").filter(one_of("why", AT_STAKE)).n_unique()
    + (pl.col("due_for") >= 90).any().cast(pl.UInt32)
    + (pl.col("due_for") >= 180).any().cast(pl.UInt32)
)
"""The value of a missing enquiry: by what is at stake and how long it has been due."""
WHY = {"n": N, "date": pl.col("due_since").min(), "why": pl.col("why").unique()}
WAITED = {"n": N, "date": pl.col("requested_on").min(), "d": pl.col("waited").max()}


@declare_indicator(
    family="SE",
    kind="process",
    sentence="A domestic abuse enquiry has been due since {date} ({why}) and was not requested.",
    feeds=("enquiries", "orders", "incidents", "circumstances", "supervisions", "registrations"),
    source=f"{CORONER_JANUARY}; {ACTION_PLAN}, recommendations 1, 4 and 6",
    groups=("children", "known_adult"),
    value=GRADE,
    words=WHY,
)
def da_enquiry_missing(histories: Histories) -> pl.LazyFrame:
    """How many different things make a domestic abuse enquiry due, more than 15 working days ago, with
    none requested from 28 days before on; one more for a new relationship, one for a curfew, one for a
    child whom the person lives with or meets, one once it was due for 90 days and one for 180. In the
    last 365 days, from when it was known: one entered as needed; domestic abuse, or violence, threats or sexual behaviour towards a partner; a new
    relationship; a register of domestic abuse or MARAC. However long ago: the start of an order or
    licence in force of somebody with such an entry or register, ended or not, or with a restraining,
    non-molestation or stalking protection order; a curfew in force. Nothing asked at all counts.
    """
    abuse = matching_entries(histories, "incidents", (KIND == "domestic_abuse") | TO_A_PARTNER)
    registered = matching_entries(
        histories, "registrations", one_of("type_code", DOMESTIC_ABUSE_REGISTERS)
    )
    protected = in_force(histories, "orders", one_of("kind", PROTECTION_ORDERS))
    known_for_it = [abuse, registered, protected]
    began = in_force(histories, "supervisions", one_of("kind", ORDERS))
    relationship = matching_entries(
        histories, "circumstances", NEW_RELATIONSHIP, counts_within(365)
    )
    recently = registered.filter(pl.col("ended_on").is_null(), counts_within(365))
    due = [
        _needed_enquiries(histories, "domestic_abuse"),
        _due_because(abuse.filter(counts_within(365)), "domestic abuse on record", "counts_on"),
        _due_because(relationship, "a new relationship", "counts_on"),
        _due_because(recently, "a register of domestic abuse", "counts_on"),
        _due_at_start(began, known_for_it),
        _due_because(curfews_in_force(histories), "a curfew"),
    ]
    missing = _never_requested(histories, "da_enquiry_missing", due)
    children = _children_seen(histories).join(missing.select(CASE).unique(), on=CASE, how="semi")
    beside = children.select(
        *CASE, "as_of", *EVIDENCE, why=pl.lit(BESIDE_A_CHILD), due_since=None, due_for=None
    )
    return pl.concat([missing, beside], how="vertical_relaxed")


@declare_indicator(
    family="SE",
    kind="process",
    sentence="A domestic abuse enquiry requested on {date} has had no reply for {d} days.",
    feeds=("enquiries",),
    source=f"{CORONER_JANUARY}; {ACTION_PLAN}, recommendation 1",
    groups=("children", "known_adult"),
    words=WAITED,
)
def da_enquiry_overdue(histories: Histories) -> pl.LazyFrame:
    """Domestic abuse enquiries requested in the last 730 days, not answered within 20 working days."""
    return _unanswered_enquiries(histories, "domestic_abuse")


@declare_indicator(
    family="SE",
    kind="process",
    sentence="A child safeguarding enquiry has been due since {date} ({why}) and was not requested.",
    feeds=("enquiries", "orders", "incidents", "circumstances", "registrations", "supervisions"),
    source=f"{CORONER_JANUARY}; {ACTION_PLAN}, recommendations 2, 4 and 17",
    groups=("children",),
    value=GRADE,
    words=WHY,
)
def sg_enquiry_missing(histories: Histories) -> pl.LazyFrame:
    """How many different things make a child safeguarding enquiry due, more than 15 working days ago,
    with none requested from 28 days before on; one more for each of a new relationship, a pregnancy or
    child, a curfew and contact with a child, one once it was due for 90 days and one for 180. In the
    last 365 days, from when it was known: one entered as needed; sexual concern about a child; violence, threats, abuse or sexual behaviour
    towards one; a new relationship, pregnancy or child. However long ago: current contact with a child,
    an active register of child concerns, child protection or a sex offender, and the start of an order
    or licence in force beside either; a curfew in force. Nothing asked at all counts.
    """
    concern = matching_entries(
        histories, "incidents", KIND == "sexual_concern_child", counts_within(365)
    )
    harm = matching_entries(histories, "incidents", TO_A_CHILD, counts_within(365))
    relationship = matching_entries(
        histories, "circumstances", NEW_RELATIONSHIP, counts_within(365)
    )
    child = matching_entries(histories, "circumstances", KIND == "pregnancy", counts_within(365))
    contact = _children_seen(histories)
    registered = in_force(histories, "registrations", one_of("type_code", CHILD_REGISTERS))
    began = in_force(histories, "supervisions", one_of("kind", ORDERS))
    due = [
        _needed_enquiries(histories, "child_safeguarding"),
        _due_because(concern, "sexual concern about a child", "counts_on"),
        _due_because(harm, "harm to a child", "counts_on"),
        _due_because(relationship, "a new relationship", "counts_on"),
        _due_because(child, "a pregnancy or new child", "counts_on"),
        _due_because(contact, "contact with a child", "counts_on"),
        _due_because(registered, "a child register", "counts_on"),
        _due_at_start(began, [contact, registered]),
        _due_because(curfews_in_force(histories), "a curfew"),
    ]
    return _never_requested(histories, "sg_enquiry_missing", due)


@declare_indicator(
    family="SE",
    kind="process",
    sentence="A child safeguarding enquiry requested on {date} has had no reply for {d} days.",
    feeds=("enquiries",),
    source=f"{ACTION_PLAN}, recommendations 2 and 3",
    groups=("children",),
    words=WAITED,
)
def sg_enquiry_overdue(histories: Histories) -> pl.LazyFrame:
    """Child safeguarding enquiries requested in the last 730 days, not answered within 20 working
    days.
    """
    return _unanswered_enquiries(histories, "child_safeguarding")


@declare_indicator(
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
def enquiry_result_not_reflected(histories: Histories) -> pl.LazyFrame:
    """Concerns returned, and on record, more than 15 working days ago with no assessment completed
    since.
    """
    concerns, returned = pl.col("result") == "concerns", pl.col("returned_on")
    rows = matching_entries(histories, "enquiries", concerns, returned.is_not_null())
    rows = rows.with_columns(occurred_on=returned).with_columns(counts_on=counts_on())
    reflected = answers_to(histories, "enquiry_result_not_reflected")
    return never_followed_by(rows.filter(is_overdue(15, "counts_on")), reflected)


@declare_indicator(
    family="WI",
    kind="process",
    sentence="Police intelligence received on {date} did not lead to a review of the assessment within "
    "20 working days.",
    feeds=("incidents", "assessments"),
    source=f"{CORONER_JANUARY}, section on offender records",
    words={"n": N, "date": pl.col("counts_on").max()},
    disclosure="likely",
    disclosable_sentence="Information on record was not taken up in the assessment in time.",
    bias_watch=True,
)
def police_intelligence_unassessed(histories: Histories) -> pl.LazyFrame:
    """Police intelligence that reached the record in the last 365 days, with no assessment completed in
    20 working days.
    """
    received = matching_entries(histories, "incidents", KIND == "intelligence", counts_within(365))
    return not_followed_by(received, answers_to(histories, "police_intelligence_unassessed"), 20)
