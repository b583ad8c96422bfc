"""SM, SE and EM, continued: conditions, treatment, curfews and the checks they need."""

from __future__ import annotations

import polars as pl

from features.history.asof import CASE, Histories, latest_rows
from features.indicators.answers import answers_to, enquiry_made
from features.indicators.base import declare_indicator
from features.indicators.language import (
    EVER,
    LAST,
    SERIOUS_INCIDENTS,
    N,
    in_force,
    matching_entries,
    not_near,
    one_of,
    within_days,
)
from features.indicators.orders import curfews_in_force

REVIEW = "Independent serious further offence review (HM Inspectorate of Probation)"
CORONER_JANUARY = "Chief Probation Officer's response to a coroner, January 2024"
ACTION_PLAN = "HM Prison and Probation Service action plan, January 2023"
KIND = pl.col("kind")
SUBSTANCE = pl.col("theme") == "substance"
HOUSEHOLD_CHECKS = {
    "domestic abuse": enquiry_made("the check returned", "domestic_abuse", day="returned_on"),
    "child safeguarding": enquiry_made(
        "the check returned", "child_safeguarding", day="returned_on"
    ),
}


@declare_indicator(
    family="AT",
    kind="process",
    sentence="No report has come from the treatment provider for {d} days although treatment is "
    "required.",
    feeds=("orders", "documents"),
    source=f"{CORONER_JANUARY}, section on missed substance misuse appointments",
    value=pl.col("silent").max(),
    words={"d": pl.col("silent").max()},
    fires_from=56.0,
)
def treatment_attendance_reports_missing(histories: Histories) -> pl.LazyFrame:
    """Days since the last report of the treatment provider, or since the condition began, while a
    drug or alcohol condition is in force.
    """
    required = in_force(histories, "orders", SUBSTANCE)
    reports = answers_to(histories, "treatment_attendance_reports_missing")
    last = reports.group_by(CASE).agg(told_on=pl.col("occurred_on").max())
    dated = required.join(last, on=CASE, how="left")
    since = pl.max_horizontal("told_on", "occurred_on")
    return dated.with_columns(silent=(pl.col("as_of") - since).dt.total_days())


@declare_indicator(
    family="SM",
    kind="process",
    sentence="The licence or order requires drug or alcohol work since {date}; no referral is "
    "recorded.",
    feeds=("orders", "documents", "contacts"),
    source=f"{REVIEW}, sections 5 and 11a",
    words={"n": N, "date": pl.col("occurred_on").min()},
)
def substance_condition_without_referral(histories: Histories) -> pl.LazyFrame:
    """Drug or alcohol conditions in force for more than 28 days with no referral, and no treatment
    appointment neither missed nor failed, from 28 days before they began.
    """
    required = in_force(histories, "orders", SUBSTANCE, ~within_days(29))
    return not_near(
        required, answers_to(histories, "substance_condition_without_referral"), 28, EVER
    )


@declare_indicator(
    family="SM",
    kind="behaviour",
    sentence="Substance use was linked to past harm, and was disclosed or seen {n} time[|s] in the "
    "last 90 days.",
    feeds=("incidents",),
    source=f"{REVIEW}, section 5; {CORONER_JANUARY}",
    disclosure="possible",
    disclosable_sentence="Substance use is active again.",
)
def substance_linked_to_past_harm_active(histories: Histories) -> pl.LazyFrame:
    """Use in the last 90 days of someone who ever did harm under the influence."""
    linked = matching_entries(
        histories, "incidents", one_of("kind", SERIOUS_INCIDENTS), pl.col("while_using")
    ).select(CASE)
    using = matching_entries(histories, "incidents", KIND == "substance_use", within_days(90))
    return using.join(linked.unique(), on=CASE, how="semi")


@declare_indicator(
    family="SM",
    kind="behaviour",
    sentence="Reported use has risen: {before} of 5 half a year ago, {now} of 5 in the last 90 days.",
    feeds=("incidents",),
    source=f"{REVIEW}, section 4",
    value=pl.max_horizontal(
        (
            pl.col("severity").filter(pl.col("days") < 90).max()
            - pl.col("severity").filter(pl.col("days") >= 90).max()
        ).fill_null(0),
        0,
    ),
    words={
        "now": pl.col("severity").filter(pl.col("days") < 90).max(),
        "before": pl.col("severity").filter(pl.col("days") >= 90).max(),
    },
    page_only_because="a late entry about an earlier time would make the trend look smaller",
)
def substance_use_rising(histories: Histories) -> pl.LazyFrame:
    """The most serious use rated in 90 days less that in the 90 days before, not below nought; nothing
    where either is unrated.
    """
    rated = pl.col("severity").is_not_null()
    return matching_entries(
        histories, "incidents", KIND == "substance_use", rated, within_days(180)
    )


@declare_indicator(
    family="SE",
    kind="process",
    sentence="A curfew is in force since {date} without recorded consent of the main occupier.",
    feeds=("orders", "enquiries"),
    source=f"{CORONER_JANUARY}; {ACTION_PLAN}, recommendation 6",
    groups=("children", "known_adult"),
    words={"n": N, "date": LAST},
)
def curfew_without_main_occupier_consent(histories: Histories) -> pl.LazyFrame:
    """Curfews in force, relaxed or not, with no main-occupier enquiry returned without concerns from 90
    days before they began, or of which the latest answer raises concerns. Nobody asked, no reply and a
    reply that nobody can read are no consent.
    """
    consented = answers_to(histories, "curfew_without_main_occupier_consent")
    unasked = not_near(curfews_in_force(histories), consented, 90, EVER)
    answered = matching_entries(
        histories, "enquiries", KIND == "main_occupier", pl.col("result").is_not_null()
    )
    taken_back = latest_rows(answered, by="returned_on").filter(pl.col("result") == "concerns")
    again = curfews_in_force(histories).join(taken_back, on=CASE, how="semi")
    return pl.concat([unasked, again]).unique([*CASE, "record_id"])


@declare_indicator(
    family="SE",
    kind="process",
    sentence="A curfew is in force without an answer to [the check|both checks] on the household: {checks}.",
    feeds=("orders", "enquiries"),
    source=f"{CORONER_JANUARY}, section on court reports; {ACTION_PLAN}, recommendations 4 and 17",
    groups=("children", "known_adult"),
    value=pl.col("check").n_unique(),
    words={"n": pl.col("check").n_unique(), "checks": pl.col("check").unique()},
)
def curfew_household_unchecked(histories: Histories) -> pl.LazyFrame:
    """Of the two checks that a curfew address needs, domestic abuse and child safeguarding: those with
    no enquiry returned from 90 days before some curfew in force began. Nobody asked counts as not
    answered.
    """
    parts = [
        not_near(curfews_in_force(histories), check.rows(histories), 90, EVER).with_columns(
            check=pl.lit(words)
        )
        for words, check in HOUSEHOLD_CHECKS.items()
    ]
    return pl.concat(parts)


@declare_indicator(
    family="SE",
    kind="process",
    sentence="A report to court of {date} says that checks were done; no request is recorded.",
    feeds=("documents", "enquiries"),
    source=f"{CORONER_JANUARY}, section on court reports",
    groups=("children", "known_adult"),
    words={"n": N, "date": LAST},
)
def checks_claimed_without_evidence(histories: Histories) -> pl.LazyFrame:
    """Court reports of the last 365 days that claim checks, with no enquiry requested from 28 days
    before to the day of the report.
    """
    claimed = matching_entries(
        histories, "documents", KIND == "court_report", pl.col("claims_checks"), within_days(365)
    )
    return not_near(claimed, answers_to(histories, "checks_claimed_without_evidence"), 28, 0)


@declare_indicator(
    family="SE",
    kind="process",
    sentence="{n} current circumstances rest on the person's own account only.",
    feeds=("circumstances",),
    source=f"{ACTION_PLAN}, recommendation 3; {REVIEW}, section 11d",
    fires_from=3.0,
)
def self_report_only(histories: Histories) -> pl.LazyFrame:
    """Current circumstances of the last 730 days that are recorded as not checked."""
    unchecked = pl.col("verified") == pl.lit(value=False)
    return in_force(histories, "circumstances", unchecked, within_days(730))


@declare_indicator(
    family="EM",
    kind="process",
    sentence="A curfew is in force since {date} and nobody is recorded as monitoring it.",
    feeds=("orders", "contacts"),
    source=f"{REVIEW}, section 11d",
    words={"n": N, "date": LAST},
)
def curfew_not_monitored(histories: Histories) -> pl.LazyFrame:
    """Curfews in force, relaxed or not, that are not recorded as electronically monitored, with no
    police liaison contact in 90 days. An arrest is no watch over a curfew.
    """
    recent = pl.col("occurred_on") > pl.col("as_of") - pl.duration(days=90)
    watch_entries = answers_to(histories, "curfew_not_monitored").join(
        histories.spine.lazy(), on=CASE
    )
    watched = watch_entries.filter(recent).select(CASE).unique()
    untagged = ~pl.col("monitored").fill_null(value=False)
    return curfews_in_force(histories).filter(untagged).join(watched, on=CASE, how="anti")


@declare_indicator(
    family="RC",
    kind="process",
    sentence="The risk management plan of {date} names a person, and no contact with anyone close "
    "is recorded since.",
    feeds=("documents", "contacts"),
    source=f"{ACTION_PLAN}, recommendation 10",
    groups=("children", "known_adult"),
    words={"n": N, "date": LAST},
    disclosure="possible",
    disclosable_sentence="Someone named in the plan has not been consulted.",
)
def named_person_not_consulted(histories: Histories) -> pl.LazyFrame:
    """Plans of the last 365 days, over 28 days old, that name a person, with no call or message to or
    from anyone other than the person under supervision since. A complaint that somebody made is no
    consultation, and a newer plan is none.
    """
    plans = matching_entries(histories, "documents", KIND == "plan", within_days(365))
    named = plans.filter(pl.col("names_person"), pl.col("days") > 28)
    return not_near(named, answers_to(histories, "named_person_not_consulted"), 0, EVER)
