"""Extensions of the core list that the records support: contact, registers, letters, custody."""

from __future__ import annotations

import polars as pl

from features.contracts import codes, contact_codes
from features.history.asof import CASE, Histories, latest_rows
from features.history.recorded_levels import in_custody
from features.indicators.answers import (
    ATTENDED_AGAIN,
    LETTERS,
    RECALLED,
    RISK_REGISTERS,
    answers_to,
)
from features.indicators.base import declare_indicator
from features.indicators.compliance import attendance_rate_90d
from features.indicators.events import significant_events
from features.indicators.language import (
    LAST,
    SERIOUS_INCIDENTS,
    N,
    contact_of,
    in_force,
    matching_entries,
    never_followed_by,
    next_after,
    one_of,
    within_days,
)
from features.indicators.orders import (
    SUSPENDED,
    during_period,
    on_licence,
    orders_and_licences,
    recent_releases,
    suspended_cases,
    while_contact_was_due,
)

REVIEW = "Independent serious further offence review (HM Inspectorate of Probation)"
CORONER_OCTOBER = "Chief Probation Officer's response to a coroner, October 2024"
CORONER_JANUARY = "Chief Probation Officer's response to a coroner, January 2024, offender records"
INQUEST = "Press reporting of an inquest (recall begun on the fifth day)"
GOOD_ATTENDANCE = 0.8
ECHOES_OF_LEVEL = (*codes.OVERALL_REGISTER, *codes.GROUP_REGISTER)


@declare_indicator(
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
def days_since_face_to_face(histories: Histories) -> pl.LazyFrame:
    """Days since the person was last seen in person: attended a planned office visit, initial
    appointment, home or doorstep visit, whether or not complied. Not known where there is none, or
    while contact is suspended.
    """
    attended = one_of("outcome_code", contact_codes.ATTENDED)
    meetings = matching_entries(
        histories, "contacts", one_of("type_code", contact_codes.IN_PERSON), attended
    )
    return latest_rows(meetings).join(suspended_cases(histories), on=CASE, how="anti")


@declare_indicator(
    family="RG",
    kind="process",
    sentence="{n} register entr[y|ies] [is|are] past the date of review, the oldest due on {date}.",
    feeds=("registrations",),
    source=f"{CORONER_OCTOBER}, section 8",
    words={"n": N, "date": pl.col("next_review_on").min()},
)
def register_review_overdue(histories: Histories) -> pl.LazyFrame:
    """Active registers, other than those of the level itself, past their date of review."""
    active = in_force(histories, "registrations", ~one_of("type_code", ECHOES_OF_LEVEL))
    return active.filter(pl.col("next_review_on") < pl.col("as_of"))


@declare_indicator(
    family="RG",
    kind="process",
    sentence="{n} risk register[|s] [was|were] removed in the last 90 days ({kinds}).",
    feeds=("registrations",),
    source=f"{REVIEW}, section 5; {CORONER_OCTOBER}, section 8",
    words={"n": N, "kinds": pl.col("type_code").replace(codes.REGISTER_TYPES).unique()},
)
def recent_deregistration(histories: Histories) -> pl.LazyFrame:
    """Registers, other than those of the level itself and that of the two-thirds point, ended in the
    last 90 days and not active again.
    """
    since = (pl.col("as_of") - pl.col("ended_on")).dt.total_days()
    risky = ~one_of("type_code", [*ECHOES_OF_LEVEL, SUSPENDED])
    ended = matching_entries(histories, "registrations", risky, since < 90)
    active = in_force(histories, "registrations", risky).select(*CASE, "type_code")
    return ended.join(active, on=[*CASE, "type_code"], how="anti")


@declare_indicator(
    family="AC",
    kind="behaviour",
    sentence="{n} breach[|es] of approved premises rules or curfew [is|are] recorded since {start}.",
    feeds=("contacts", "supervisions"),
    source=f"{REVIEW}, sections 4 and 11d",
    words={"n": N, "start": pl.col("placed_on").min()},
)
def ap_rule_and_curfew_breaches(histories: Histories) -> pl.LazyFrame:
    """Breaches of approved premises rules or curfew on a day of a stay there, whichever stay."""
    stays = matching_entries(histories, "supervisions", pl.col("kind") == "approved_premises")
    placed = stays.select(*CASE, placed_on=pl.col("occurred_on"), left_on=pl.col("ended_on"))
    breaches = ["APBR", "APRS2", "C118", "C119", "C145", "EAP0"]
    rows = matching_entries(histories, "contacts", one_of("type_code", breaches)).join(
        placed, on=CASE
    )
    return (
        rows.filter(during_period("placed_on", "left_on"))
        .sort("placed_on")
        .unique([*CASE, "record_id"], keep="first")
    )


@declare_indicator(
    family="CE",
    kind="process",
    sentence="{n} warning letter[|s] [was|were] used on a licence (last on {date}), where guidance since "
    "October 2021 asks for a compliance letter, a decision not to recall, or recall.",
    feeds=("contacts", "supervisions"),
    source=f"{REVIEW}, section 11d",
    words={"n": N, "date": LAST},
)
def withdrawn_warning_form_used(histories: Histories) -> pl.LazyFrame:
    """First, second and final warning letters of the last 180 days, on a day on which a licence was in
    force, whatever other order ran beside it.
    """
    letters = one_of("type_code", ["AWLI", "AWL2", "AWLF"])
    return while_contact_was_due(
        histories,
        on_licence(histories, matching_entries(histories, "contacts", letters, within_days(180))),
    )


_RECALLED_ON = pl.col("recalled_on").sort_by("waited").last()
_DECISION = (
    pl.when(_RECALLED_ON.is_not_null())
    .then(pl.format("recall was decided on {}", _RECALLED_ON.dt.strftime("%-d %B %Y")))
    .otherwise(pl.lit("no decision to recall is recorded, and the person has not attended since"))
)


@declare_indicator(
    family="CE",
    kind="process",
    sentence="{d} days passed after an appointment missed on licence: {decision}.",
    feeds=("contacts", "decisions", "supervisions"),
    source=f"{CORONER_OCTOBER}, section 10; {INQUEST}",
    value=pl.col("waited").max(),
    words={"d": pl.col("waited").max(), "decision": _DECISION},
    fires_from=3.0,
)
def recall_decision_delay_days(histories: Histories) -> pl.LazyFrame:
    """Appointments missed without an acceptable reason, while contact was due, on a licence that goes on
    or ended in the last 365 days, with the days to the next decision to recall (or the start or
    submission of a recall); of several, the longest. Where none followed, the days so far since one
    missed on a licence in force after which the person has not attended.
    """
    missed = one_of("outcome_code", contact_codes.UNACCEPTABLE_ABSENCE)
    absences = matching_entries(
        histories, "contacts", contact_of("appointment", "treatment"), missed
    )
    lately = pl.col("licence_ended_on").is_null() | (
        (pl.col("as_of") - pl.col("licence_ended_on")).dt.total_days() < 365
    )
    due = while_contact_was_due(histories, absences)
    current = on_licence(histories, due, lately)
    recalled = pl.concat([RECALLED.rows(histories), LETTERS["recall"].rows(histories)])
    rows = next_after(current, recalled).rename({"next_on": "recalled_on"})
    attendances = (
        ATTENDED_AGAIN.rows(histories).group_by(CASE).agg(seen_on=pl.col("occurred_on").max())
    )
    open_ = in_force(histories, "supervisions", pl.col("kind") == "licence").select(CASE).unique()
    open_ = open_.with_columns(on_licence=pl.lit(value=True))
    dated = rows.join(attendances, on=CASE, how="left").join(open_, on=CASE, how="left")
    unseen = pl.col("seen_on").is_null() | (pl.col("seen_on") < pl.col("occurred_on"))
    waiting = unseen & pl.col("on_licence").fill_null(value=False)
    until = pl.coalesce("recalled_on", pl.when(waiting).then(pl.col("as_of")))
    waited = (until - pl.col("occurred_on")).dt.total_days()
    return dated.with_columns(waited=waited).filter(pl.col("waited").is_not_null())


@declare_indicator(
    family="AT",
    kind="process",
    sentence="At least four in five appointments of the last 90 days were attended, but {n} significant events ({kinds}) have led to neither oversight nor "
    "a new assessment.",
    feeds=("contacts", "supervisions", "incidents", "circumstances", "assessments"),
    source=f"{REVIEW}, sections 5, 11d and 15",
    value=pl.when(pl.len() >= 2).then(pl.len()).otherwise(0),
    words={"n": N, "kinds": pl.col("event").unique()},
    fires_from=2.0,
    disclosure="possible",
    disclosable_sentence="Events were not discussed although attendance is good.",
    page_only_because="it disappears if attendance gets worse, and the events behind it are shown anyway",
)
def engagement_masks_risk(histories: Histories) -> pl.LazyFrame:
    """Two or more significant events of the last 90 days with neither management oversight nor a
    completed assessment since, of someone who attended at least four in five appointments.
    """
    attendance = attendance_rate_90d.entries(histories).group_by(CASE)
    share = attendance.agg(share=attendance_rate_90d.value).filter(
        pl.col("share") >= GOOD_ATTENDANCE
    )
    events = significant_events(histories).filter(within_days(90)).join(share, on=CASE, how="semi")
    return never_followed_by(events, answers_to(histories, "engagement_masks_risk"))


@declare_indicator(
    family="WI",
    kind="behaviour",
    sentence="Links to a street gang or organised crime are registered (since {date}).",
    feeds=("registrations",),
    source=f"{REVIEW}, sections 7 and 8",
    groups=("public", "children"),
    words={"n": N, "date": pl.col("occurred_on").min()},
    disclosure="likely",
    disclosable_sentence="Links to other people are on record.",
    bias_watch=True,
    page_only_because="registers of gangs name some communities far more often than others",
)
def gang_or_organised_crime_indicator(histories: Histories) -> pl.LazyFrame:
    """Active registers of street gangs or organised crime."""
    return in_force(histories, "registrations", one_of("type_code", ["STRG", "REG26"]))


_LATE, _EARLY = pl.col("ahead") < 90, pl.col("ahead") >= 90


@declare_indicator(
    family="CU",
    kind="behaviour",
    sentence="Behaviour in custody got worse: {before} then {now} serious incidents, in successive three "
    "months.",
    feeds=("incidents", "supervisions"),
    source=f"{REVIEW}, section 8",
    groups=("staff", "prisoners"),
    value=(_LATE.cast(pl.Int64).sum() - _EARLY.cast(pl.Int64).sum()).clip(0),
    words={"now": _LATE.sum(), "before": _EARLY.sum()},
    fires_from=2.0,
    disclosure="possible",
    disclosable_sentence="Behaviour in custody is on record.",
    page_only_because="a late entry about an earlier time would make the trend look smaller",
)
def custody_behaviour_deterioration(histories: Histories) -> pl.LazyFrame:
    """Serious incidents in custody in the last 180 days before release in the last year (or before the
    date, of someone inside): those of the later 90 days less those of the earlier, not below nought.
    """
    out = latest_rows(recent_releases(histories, 365)).join(
        in_custody(histories), on=CASE, how="anti"
    )
    inside = histories.spine.lazy().join(in_custody(histories), on=CASE, how="semi")
    until = pl.concat(
        [
            out.select(*CASE, until=pl.col("occurred_on")),
            inside.select(*CASE, until=pl.col("as_of")),
        ]
    )
    setting = one_of("setting", ["custody"])
    rows = matching_entries(histories, "incidents", one_of("kind", SERIOUS_INCIDENTS), setting)
    ahead = (pl.col("until") - pl.col("occurred_on")).dt.total_days()
    return rows.join(until, on=CASE).with_columns(ahead=ahead).filter(ahead.is_between(0, 179))


@declare_indicator(
    family="CC",
    kind="process",
    sentence="{n} risk register[|s] of an earlier sentence ({kinds}) [is|are] not on the current record.",
    feeds=("registrations", "supervisions"),
    source=f"{CORONER_JANUARY}; {REVIEW}, section 10",
    value=pl.col("type_code").n_unique(),
    words={
        "n": pl.col("type_code").n_unique(),
        "kinds": pl.col("type_code").replace(codes.REGISTER_TYPES).unique(),
    },
)
def earlier_sentence_risk_not_carried(histories: Histories) -> pl.LazyFrame:
    """Risk registers that ended by the start of the latest order or licence and are not active again."""
    risky = one_of("type_code", RISK_REGISTERS)
    rows = matching_entries(histories, "registrations", risky, pl.col("ended_on").is_not_null())
    began = (
        orders_and_licences(histories).group_by(CASE).agg(started_on=pl.col("occurred_on").max())
    )
    gone = rows.join(began, on=CASE).filter(pl.col("ended_on") <= pl.col("started_on"))
    active = in_force(histories, "registrations", risky).select(*CASE, "type_code")
    return gone.join(active, on=[*CASE, "type_code"], how="anti")
