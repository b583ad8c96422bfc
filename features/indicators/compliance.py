"""CE and AT: compliance, enforcement, attendance."""

from __future__ import annotations

import polars as pl

from features import codes
from features.asof import CASE, Known
from features.indicators.base import declare
from features.indicators.language import (
    LAST,
    N,
    contact,
    entries,
    non_compliant,
    not_followed_by,
    one_of,
    since_start,
    supervision_start,
    while_contact_was_due,
    within,
)

REVIEW = "Independent serious further offence review (HM Inspectorate of Probation)"


@declare(
    family="CE",
    kind="behaviour",
    sentence="{n} failure[|s] to comply with the licence, order or approved premises rules [is|are] "
    "recorded since {start}, including minor ones dealt with one at a time.",
    feeds=("contacts", "supervisions"),
    source=f"{REVIEW}, sections 5 and 11d",
    words={"n": N, "start": pl.coalesce(pl.col("started_on"), pl.col("occurred_on")).min()},
)
def licence_breach_count_cumulative(known: Known) -> pl.LazyFrame:
    """Recorded non-compliance (breach contacts, unacceptable absences, failures to comply) since
    the start of the latest order or licence, while contact was due.
    """
    return while_contact_was_due(
        known, since_start(known, entries(known, "contacts", non_compliant()))
    )


@declare(
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
    page_only_because="a trend falls when an earlier entry comes to light",
)
def breach_rate_acceleration(known: Known) -> pl.LazyFrame:
    """Non-compliance in the last 90 days less that in the 90 days before, not below nought."""
    return while_contact_was_due(known, entries(known, "contacts", non_compliant(), within(180)))


@declare(
    family="CE",
    kind="behaviour",
    sentence="Non-compliance was recorded {day} days after the start of the order or release.",
    feeds=("contacts", "supervisions"),
    source=f"{REVIEW}, section 11d",
    words={"n": N, "day": pl.col("after").min()},
)
def early_breach_after_start(known: Known) -> pl.LazyFrame:
    """Non-compliance within 28 days of the start of the latest order or licence."""
    rows = entries(known, "contacts", non_compliant())
    dated = rows.join(supervision_start(known), on=CASE, how="inner").with_columns(
        after=(pl.col("occurred_on") - pl.col("started_on")).dt.total_days()
    )
    return dated.filter(pl.col("after").is_between(0, 28))


@declare(
    family="CE",
    kind="process",
    sentence="{n} instance[|s] of non-compliance [has|have] no enforcement response recorded within 10 "
    "working days.",
    feeds=("contacts",),
    source=f"{REVIEW}, section 11d",
)
def unanswered_noncompliance_count(known: Known) -> pl.LazyFrame:
    """Non-compliance in the last 180 days with no enforcement action of its own and no warning,
    breach or recall contact within 10 working days.
    """
    failures = entries(
        known, "contacts", non_compliant(), within(180), pl.col("enforcement_code").is_null()
    )
    answers = entries(known, "contacts", contact("warning", "recall"))
    return not_followed_by(while_contact_was_due(known, failures), answers, 10)


@declare(
    family="CE",
    kind="process",
    sentence="{n} decision[|s] not to recall [is|are] recorded on this licence.",
    feeds=("decisions", "supervisions"),
    source=f"{REVIEW}, sections 4 and 12",
)
def dntr_count(known: Known) -> pl.LazyFrame:
    """Decisions not to recall since the start of the latest order or licence."""
    rows = entries(known, "decisions", pl.col("decided") == "decision_not_to_recall")
    return since_start(known, rows)


@declare(
    family="CE",
    kind="process",
    sentence="A second or later decision not to recall ({date}) has no endorsement by the head "
    "of the probation delivery unit.",
    feeds=("decisions", "supervisions"),
    source=f"{REVIEW}, section 12: second and later decisions are endorsed by the head of the unit",
    words={"n": N, "date": LAST},
)
def repeat_dntr_without_senior_endorsement(known: Known) -> pl.LazyFrame:
    """Second and later decisions not to recall on the licence, not endorsed by the unit head."""
    ordered = (
        dntr_count.entries(known)
        .sort("occurred_on", "record_id")
        .with_columns(nth=pl.int_range(1, pl.len() + 1).over(CASE))
    )
    endorsed = (pl.col("endorsed_by_grade") == "PDU_HEAD").fill_null(value=False)
    return ordered.filter(pl.col("nth") >= 2, ~endorsed)


@declare(
    family="CE",
    kind="process",
    sentence="It was decided on {date} to issue {letter}; nothing is recorded as issued.",
    feeds=("decisions",),
    source=f"{REVIEW}, sections 4 and 11d",
    words={
        "n": N,
        "date": LAST,
        "letter": pl.col("decided").replace(codes.ENFORCEMENT_SCALE_WORDS).last(),
    },
)
def enforcement_decided_not_issued(known: Known) -> pl.LazyFrame:
    """Decisions of the last 180 days to warn, send a compliance letter or recall with nothing
    issued for more than 14 days.
    """
    return entries(
        known,
        "decisions",
        one_of("decided", ["warning", "compliance_letter", "recall"]),
        pl.col("issued_on").is_null(),
        pl.col("days").is_between(15, 179),
    ).sort("occurred_on")


@declare(
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
def new_arrest_or_charge(known: Known) -> pl.LazyFrame:
    """Arrests and notified charges in the last 365 days."""
    return entries(known, "contacts", one_of("type_code", ["CARR", "CNOC"]), within(365))


@declare(
    family="CE",
    kind="behaviour",
    sentence="{n} earlier order[|s] or licence[|s] ended in breach, revocation or recall.",
    feeds=("supervisions",),
    source=f"{REVIEW}, sections 4 and 7",
    bias_watch=True,
)
def prior_orders_breached_count(known: Known) -> pl.LazyFrame:
    """Orders and licences that ended in a proven breach, revocation or recall, ever."""
    return entries(known, "supervisions", one_of("end_reason", ["breached", "revoked", "recalled"]))


ATTENDED = one_of("outcome_code", codes.ATTENDED)


@declare(
    family="AT",
    kind="behaviour",
    sentence="Attended {a} of {b} appointments in the last 90 days.",
    feeds=("contacts", "supervisions"),
    source=f"{REVIEW}, section 11d",
    value=ATTENDED.mean(),
    words={"a": ATTENDED.sum(), "b": N},
    direction="-",
    none=1.0,
    fires_from=0.75,
    fires_below=True,
)
def attendance_rate_90d(known: Known) -> pl.LazyFrame:
    """The share of appointments of the last 90 days, while contact was due, that were attended.

    Rescheduled ones and those without an outcome are left out, and so are those attended without
    complying: they count as non-compliance instead. None due means none missed (1).
    """
    kept = entries(
        known,
        "contacts",
        contact("appointment", "treatment"),
        within(90),
        pl.col("outcome_code").is_not_null(),
        ~one_of("outcome_code", ["RSSR", "RSOF", "ATSS", "AFTC", "ATSH"]),
    )
    return while_contact_was_due(known, kept)


@declare(
    family="AT",
    kind="behaviour",
    sentence="{n} appointment[|s] [was|were] missed without an acceptable reason since the person last "
    "attended and complied.",
    feeds=("contacts", "supervisions"),
    source="Chief Probation Officer's response to a coroner, October 2024, section 10",
    fires_from=2.0,
)
def consecutive_unacceptable_absences(known: Known) -> pl.LazyFrame:
    """Unacceptable absences after the last appointment that was attended and complied with, in
    the last 365 days, while contact was due.
    """
    due = while_contact_was_due(
        known, entries(known, "contacts", contact("appointment", "treatment"), within(365))
    )
    complied = (
        due.filter(one_of("outcome_code", ["ATTC", "AFDA"]))
        .group_by(CASE)
        .agg(complied_on=pl.col("occurred_on").max())
    )
    missed = due.filter(one_of("outcome_code", codes.UNACCEPTABLE_ABSENCE))
    return missed.join(complied, on=CASE, how="left").filter(
        pl.col("complied_on").is_null() | (pl.col("occurred_on") > pl.col("complied_on"))
    )


@declare(
    family="AT",
    kind="behaviour",
    sentence="An appointment due within two days of release was missed ({date}).",
    feeds=("contacts", "supervisions"),
    source="Inquest reporting; Chief Probation Officer's response to a coroner, October 2024",
    words={"n": N, "date": LAST},
)
def missed_first_release_appointment(known: Known) -> pl.LazyFrame:
    """Unacceptable absences on the day of the latest release or the two days after."""
    release = supervision_start(known).filter(pl.col("started_as") == "licence")
    missed = entries(
        known,
        "contacts",
        contact("appointment"),
        one_of("outcome_code", codes.UNACCEPTABLE_ABSENCE),
    ).join(release, on=CASE, how="inner")
    after = (pl.col("occurred_on") - pl.col("started_on")).dt.total_days()
    return missed.filter(after.is_between(0, 2))
