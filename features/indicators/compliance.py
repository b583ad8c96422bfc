"""CE and AT: compliance, enforcement, attendance."""

from __future__ import annotations

import polars as pl

from features.contracts import codes, contact_codes
from features.history.asof import CASE, Histories
from features.indicators.answers import HOSTEL_WARNINGS, LETTERS, answers_to
from features.indicators.base import declare_indicator
from features.indicators.language import (
    LAST,
    N,
    contact_of,
    matching_entries,
    never_followed_by,
    non_compliant,
    not_followed_by,
    one_of,
    within_days,
)
from features.indicators.orders import (
    order_starts,
    orders_and_licences,
    under_supervision,
    while_contact_was_due,
)

REVIEW = "Independent serious further offence review (HM Inspectorate of Probation)"
LETTER_WORDS = {
    **codes.ENFORCEMENT_SCALE_WORDS,
    "decision_not_to_recall": "a letter on the decision not to recall",
    "recall": "a recall",
}


@declare_indicator(
    family="CE",
    kind="behaviour",
    sentence="{n} failure[|s] to comply with the licence, order or approved premises rules [is|are] "
    "recorded since {start}, including minor ones dealt with one at a time.",
    feeds=("contacts", "supervisions"),
    source=f"{REVIEW}, sections 5 and 11d",
    words={"n": N, "start": pl.col("supervised_since").min()},
)
def licence_breach_count_cumulative(histories: Histories) -> pl.LazyFrame:
    """Recorded non-compliance (breach contacts, unacceptable absences, failures to comply), while
    contact was due, since the start of the earliest order or licence in force or ended in the last
    365 days. Where there is none, nothing was to be complied with.
    """
    return while_contact_was_due(
        histories,
        under_supervision(histories, matching_entries(histories, "contacts", non_compliant())),
    )


@declare_indicator(
    family="CE",
    kind="behaviour",
    sentence="Recorded non-compliance is becoming more frequent: {recent} in the last 90 days "
    "against {before} in the 90 days before.",
    feeds=("contacts",),
    source=f"{REVIEW}, section 11d",
    value=pl.max_horizontal(
        (pl.col("days") < 90).sum() - (pl.col("days") >= 90).sum().cast(pl.Int64), 0
    ),
    words={"recent": (pl.col("days") < 90).sum(), "before": (pl.col("days") >= 90).sum()},
    page_only_because="a late entry about an earlier time would make the trend look smaller",
)
def breach_rate_acceleration(histories: Histories) -> pl.LazyFrame:
    """Non-compliance in the last 90 days less that in the 90 days before, not below nought."""
    return while_contact_was_due(
        histories, matching_entries(histories, "contacts", non_compliant(), within_days(180))
    )


@declare_indicator(
    family="CE",
    kind="behaviour",
    sentence="Non-compliance was recorded {day} days after the start of the order or release.",
    feeds=("contacts", "supervisions"),
    source=f"{REVIEW}, section 11d",
    words={"n": N, "day": pl.col("after").min()},
)
def early_breach_after_start(histories: Histories) -> pl.LazyFrame:
    """Non-compliance within 28 days of the start of any order or licence in force or ended in the
    last 365 days.
    """
    rows = matching_entries(histories, "contacts", non_compliant())
    dated = rows.join(order_starts(histories).drop("started_as").unique(), on=CASE, how="inner")
    after = (pl.col("occurred_on") - pl.col("started_on")).dt.total_days()
    early = dated.with_columns(after=after).filter(pl.col("after").is_between(0, 28))
    return early.sort("after").unique([*CASE, "record_id"], keep="first", maintain_order=True)


@declare_indicator(
    family="CE",
    kind="process",
    sentence="{n} instance[|s] of non-compliance [has|have] no enforcement response recorded within 10 "
    "working days.",
    feeds=("contacts",),
    source=f"{REVIEW}, section 11d",
)
def unanswered_noncompliance_count(histories: Histories) -> pl.LazyFrame:
    """Non-compliance in the last 180 days with no enforcement action of its own, or one that is pending,
    and no warning, breach or recall contact, nor oversight of a recall, within 10 working days. A warning
    or caution of approved premises is itself the response.
    """
    undecided = pl.col("enforcement_code").is_null() | one_of("enforcement_code", ["EA12"])
    failures = matching_entries(
        histories,
        "contacts",
        non_compliant(),
        within_days(180),
        undecided,
        ~one_of("type_code", HOSTEL_WARNINGS),
    )
    answered = answers_to(histories, "unanswered_noncompliance_count")
    return not_followed_by(while_contact_was_due(histories, failures), answered, 10)


@declare_indicator(
    family="CE",
    kind="process",
    sentence="{n} decision[|s] not to recall [is|are] recorded since {start}.",
    feeds=("decisions", "supervisions"),
    source=f"{REVIEW}, sections 4 and 12",
    words={"n": N, "start": pl.col("supervised_since").min()},
)
def dntr_count(histories: Histories) -> pl.LazyFrame:
    """Decisions not to recall since the start of the earliest order or licence in force or ended in
    the last 365 days.
    """
    rows = matching_entries(histories, "decisions", pl.col("decided") == "decision_not_to_recall")
    return under_supervision(histories, rows)


@declare_indicator(
    family="CE",
    kind="process",
    sentence="A second or later decision not to recall ({date}) has no endorsement by the head "
    "of the probation delivery unit.",
    feeds=("decisions", "supervisions"),
    source=f"{REVIEW}, section 12: second and later decisions are endorsed by the head of the unit",
    words={"n": N, "date": LAST},
)
def repeat_dntr_without_senior_endorsement(histories: Histories) -> pl.LazyFrame:
    """Second and later decisions not to recall on the licence, not endorsed by the unit head."""
    ordered = (
        dntr_count.entries(histories)
        .sort("occurred_on", "record_id")
        .with_columns(nth=pl.int_range(1, pl.len() + 1).over(CASE))
    )
    endorsed = (pl.col("endorsed_by_grade") == "PDU_HEAD").fill_null(value=False)
    return ordered.filter(pl.col("nth") >= 2, ~endorsed)


@declare_indicator(
    family="CE",
    kind="process",
    sentence="It was decided on {date} to issue {letter}; no such letter is recorded as issued.",
    feeds=("decisions", "contacts"),
    source=f"{REVIEW}, sections 4, 11d and 12",
    words={
        "n": N,
        "date": LAST,
        "letter": pl.col("decided").replace(LETTER_WORDS).last(),
    },
)
def enforcement_decided_not_issued(histories: Histories) -> pl.LazyFrame:
    """Decisions of the last 180 days to warn, send a compliance letter, recall, or not to recall,
    with nothing issued for more than 14 days: neither the decision's own date of issue nor a contact
    of that letter since (a decision not to recall has no such contact).
    """
    rows = matching_entries(
        histories,
        "decisions",
        one_of("decided", ["warning", "compliance_letter", "decision_not_to_recall", "recall"]),
        pl.col("issued_on").is_null(),
        pl.col("days").is_between(15, 179),
    )
    decided = pl.col("decided")
    parts = [
        never_followed_by(rows.filter(decided == kind), letter.rows(histories), since="occurred_on")
        for kind, letter in LETTERS.items()
    ]
    other = rows.filter(~one_of("decided", LETTERS))
    return pl.concat([*parts, other]).sort("occurred_on", "record_id")


@declare_indicator(
    family="CE",
    kind="behaviour",
    sentence="{n} arrest[|s] or charge[|s] [is|are] recorded in the last year, the latest on {date}.",
    feeds=("contacts",),
    source=f"{REVIEW}, sections 4 and 12",
    words={"n": N, "date": LAST},
    disclosure="possible",
    disclosable_sentence="A new arrest or charge is on record.",
    bias_watch=True,
)
def new_arrest_or_charge(histories: Histories) -> pl.LazyFrame:
    """Arrests and notified charges in the last 365 days."""
    return matching_entries(histories, "contacts", contact_of("arrest_or_charge"), within_days(365))


@declare_indicator(
    family="CE",
    kind="behaviour",
    sentence="{n} earlier order[|s] or licence[|s] ended in breach, revocation or recall.",
    feeds=("supervisions",),
    source=f"{REVIEW}, sections 4 and 7",
    bias_watch=True,
)
def prior_orders_breached_count(histories: Histories) -> pl.LazyFrame:
    """Orders and licences that ended in a proven breach, revocation or recall, ever."""
    ended = one_of("end_reason", ["breached", "revoked", "recalled"])
    return orders_and_licences(histories).filter(ended)


COMPLIED = one_of("outcome_code", contact_codes.COMPLIED)


@declare_indicator(
    family="AT",
    kind="behaviour",
    sentence="Attended {a} of {b} appointments in the last 90 days.",
    feeds=("contacts", "supervisions"),
    source=f"{REVIEW}, section 11d",
    value=COMPLIED.mean(),
    words={"a": COMPLIED.sum(), "b": N},
    direction="-",
    none=1.0,
    fires_from=0.75,
    fires_below=True,
)
def attendance_rate_90d(histories: Histories) -> pl.LazyFrame:
    """Of the appointments of the last 90 days, treatment appointments included, that were attended
    and complied with (or the failure was accepted) or missed without an acceptable reason, while
    contact was due: the share attended.

    Acceptable absences (medical, religious, child care, work and the like) and rescheduled ones
    count neither way. Attended without complying counts as non-compliance instead. None due means
    none missed (1).
    """
    counted = matching_entries(
        histories,
        "contacts",
        contact_of("appointment", "treatment"),
        within_days(90),
        one_of("outcome_code", [*contact_codes.COMPLIED, *contact_codes.UNACCEPTABLE_ABSENCE]),
    )
    return while_contact_was_due(histories, counted)


@declare_indicator(
    family="AT",
    kind="behaviour",
    sentence="{n} appointment[|s] [was|were] missed without an acceptable reason since the person last "
    "attended and complied.",
    feeds=("contacts", "supervisions"),
    source="Chief Probation Officer's response to a coroner, October 2024, section 10",
    fires_from=2.0,
)
def consecutive_unacceptable_absences(histories: Histories) -> pl.LazyFrame:
    """Appointments, treatment appointments included, missed without an acceptable reason after the
    last one that was attended and complied with (or the failure was accepted), in the last 365 days,
    while contact was due.
    """
    due = while_contact_was_due(
        histories,
        matching_entries(
            histories, "contacts", contact_of("appointment", "treatment"), within_days(365)
        ),
    )
    complied = (
        due.filter(one_of("outcome_code", contact_codes.COMPLIED))
        .group_by(CASE)
        .agg(complied_on=pl.col("occurred_on").max())
    )
    missed = due.filter(one_of("outcome_code", contact_codes.UNACCEPTABLE_ABSENCE))
    return missed.join(complied, on=CASE, how="left").filter(
        pl.col("complied_on").is_null() | (pl.col("occurred_on") > pl.col("complied_on"))
    )


@declare_indicator(
    family="AT",
    kind="behaviour",
    sentence="An appointment due within two days of release was missed ({date}).",
    feeds=("contacts", "supervisions"),
    source="Inquest reporting; Chief Probation Officer's response to a coroner, October 2024",
    words={"n": N, "date": LAST},
)
def missed_first_release_appointment(histories: Histories) -> pl.LazyFrame:
    """Supervision appointments missed without an acceptable reason on the day of a release or the
    two days after, of licences in force or ended in the last 365 days.
    """
    release = order_starts(histories).filter(pl.col("started_as") == "licence")
    missed = matching_entries(
        histories,
        "contacts",
        contact_of("appointment"),
        one_of("outcome_code", contact_codes.UNACCEPTABLE_ABSENCE),
    ).join(release, on=CASE, how="inner")
    after = (pl.col("occurred_on") - pl.col("started_on")).dt.total_days()
    return missed.filter(after.is_between(0, 2)).unique([*CASE, "record_id"])
