"""CE, ES, PL and MA: how close together, how many kinds, what fell away, and contact with others that lapsed."""

from __future__ import annotations

import polars as pl

from features.history.asof import CASE, Histories
from features.indicators.answers import AGENCIES, HELD, HOSTEL_WARNINGS, MAY_BE_HOME
from features.indicators.base import declare_indicator
from features.indicators.language import (
    LAST,
    N,
    in_force,
    known_within,
    matching_entries,
    non_compliant,
    one_of,
    within_days,
)
from features.indicators.orders import ORDERS, suspended_cases, while_contact_was_due
from features.indicators.severe import entries_concerning_groups

SFO_REVIEW = "Independent serious further offence review (HM Inspectorate of Probation)"
CORONER_OCTOBER = "Chief Probation Officer's response to a coroner, October 2024"
ROSH_GUIDANCE = "HMPPS risk of serious harm guidance"

KIND = pl.col("kind")
CLOSE_TOGETHER = 28
"""Days within which failures to comply are close together."""
NO_RESPONSE = ~one_of("type_code", HOSTEL_WARNINGS)
"""The warning and the caution of approved premises answer a failure, and are no second one."""
DAYS = pl.col("occurred_on").n_unique()


@declare_indicator(
    family="CE",
    kind="behaviour",
    sentence="Failures to comply are recorded on {n} day[|s] within 28 days, from {first} to {date}.",
    feeds=("contacts",),
    source=f"{SFO_REVIEW}, section 11d: failures close together, dealt with one at a time",
    value=DAYS,
    fires_from=3.0,
    words={"n": DAYS, "first": pl.col("occurred_on").min(), "date": LAST},
)
def noncompliance_within_28d(histories: Histories) -> pl.LazyFrame:
    """The most days with a failure to comply (breach contact, unacceptable absence, failure; not the
    warning for one) within any 28 days that end in the last 180, while contact was due. Of several such
    periods the latest counts. Failures of which only the month is known share one day.
    """
    failures = matching_entries(
        histories, "contacts", non_compliant(), NO_RESPONSE, within_days(207)
    )
    rows = while_contact_was_due(histories, failures)
    ends = rows.filter(within_days(180)).select(*CASE, ends_on="occurred_on").unique()
    before = (pl.col("ends_on") - pl.col("occurred_on")).dt.total_days()
    close = rows.join(ends, on=CASE).filter(before.is_between(0, CLOSE_TOGETHER - 1))
    counted = close.with_columns(failing=DAYS.over([*CASE, "ends_on"]))
    fullest = counted.filter(pl.col("failing") == pl.col("failing").max().over(CASE))
    return fullest.filter(pl.col("ends_on") == pl.col("ends_on").max().over(CASE))


@declare_indicator(
    family="ES",
    kind="behaviour",
    sentence="{n} different kinds of harm or concern about this group became known in the last year: "
    "{kinds}.",
    feeds=("incidents",),
    source=f"{CORONER_OCTOBER}, section 3; {SFO_REVIEW}, section 4: seen one at a time, not together",
    per_group=True,
    value=pl.col("what").n_unique(),
    fires_from=2.0,
    words={"n": pl.col("what").n_unique(), "kinds": pl.col("what").unique()},
    disclosure="likely",
    disclosable_sentence="Entries of several kinds of harm or concern are on record.",
    bias_watch=True,
)
def harm_kinds_known_365d(histories: Histories) -> pl.LazyFrame:
    """How many different kinds of harmful incident, and of intelligence or concern that names who, were
    first recorded in the last 365 days whenever they happened, by the group of who was or could be
    harmed.
    """
    return entries_concerning_groups(histories).filter(known_within(365))


@declare_indicator(
    family="PL",
    kind="behaviour",
    sentence="Ended in the last 180 days, with no replacement recorded: {what} (the last on {date}).",
    feeds=("circumstances",),
    source=f"{ROSH_GUIDANCE}: the loss of protective factors; {SFO_REVIEW}, section 12",
    value=pl.col("what").n_unique(),
    words={
        "n": pl.col("what").n_unique(),
        "what": pl.col("what").unique(),
        "date": pl.col("ended_day").max(),
    },
)
def protection_lost_180d(histories: Histories) -> pl.LazyFrame:
    """How many of treatment and a settled home ended in the last 180 days, with none of the kind
    current. A treatment said to have ended ends those begun before. An address that may be a home, or of
    which nobody gave the state, is one. Orders are left out: a new one is no good news, and would count
    as if it were.
    """
    rows = matching_entries(histories, "circumstances", (KIND == "treatment") | MAY_BE_HOME)
    said_ended = pl.col("state").eq_missing("ended")
    named = rows.with_columns(
        what=pl.when(KIND == "address").then(pl.lit("a settled home")).otherwise(KIND),
        ended_day=pl.coalesce("ended_on", pl.when(said_ended).then("occurred_on")),
    )
    kind = [*CASE, "what"]
    statements = named.filter(said_ended).group_by(kind).agg(said_on=pl.col("occurred_on").max())
    open_rows = named.filter(pl.col("ended_day").is_null()).join(statements, on=kind, how="left")
    begun_since = pl.col("said_on").is_null() | (pl.col("occurred_on") > pl.col("said_on"))
    current = open_rows.filter(begun_since).select(kind).unique()
    days = (pl.col("as_of") - pl.col("ended_day")).dt.total_days()
    lost = (KIND == "treatment") | (pl.col("state") == "settled")
    return named.filter(lost, days.is_between(0, 179)).join(current, on=kind, how="anti")


LAPSED_AFTER = 90
"""Days without a contact after which contact with an agency has lapsed."""
USED_TO_BE_MADE, WITHIN = 3, 275
"""Contacts with an agency, and the days up to the last of them, that make it routine."""


def _named_agency() -> pl.Expr:
    """An expression: which agency a routine contact is with, in words; null for all others."""
    named = pl.lit(None, dtype=pl.String())
    for words, is_with in AGENCIES.items():
        named = pl.when(is_with).then(pl.lit(words)).otherwise(named)
    return named


@declare_indicator(
    family="MA",
    kind="process",
    sentence="For 90 days or more there is no routine contact with: {who}. Before, there were at least "
    "three in nine months.",
    feeds=("contacts", "supervisions"),
    source=f"{SFO_REVIEW}, sections 4 and 13: what other agencies knew was not asked for again",
    value=pl.col("who").n_unique(),
    words={"n": N, "who": pl.col("who").unique()},
)
def agency_contact_lapsed(histories: Histories) -> pl.LazyFrame:
    """With how many agencies (the police; children's and adult services; the monitoring provider) the
    last routine contact was 90 to 364 days ago, after at least three in the 275 days up to it, while an
    order or licence is in force and contact is not suspended. What was put off is no contact, and news
    from an agency is no routine one.
    """
    contacts = matching_entries(histories, "contacts", within_days(365 + WITHIN), HELD)
    rows = contacts.with_columns(who=_named_agency()).filter(pl.col("who").is_not_null())
    agency = [*CASE, "who"]
    dated = rows.with_columns(latest=pl.col("days").min().over(agency))
    last_ones = dated.filter(
        pl.col("latest").is_between(LAPSED_AFTER, 364), pl.col("days") - pl.col("latest") < WITHIN
    )
    lapsed = last_ones.filter(pl.len().over(agency) >= USED_TO_BE_MADE)
    supervised = in_force(histories, "supervisions", one_of("kind", ORDERS)).select(CASE).unique()
    supervised_cases = lapsed.join(supervised, on=CASE, how="semi")
    return supervised_cases.join(suspended_cases(histories).select(CASE), on=CASE, how="anti")
