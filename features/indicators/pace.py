"""CE, ES, PL and MA: how close together, how many kinds, what fell away, and contact with others that lapsed."""

from __future__ import annotations

import polars as pl

from features.history.asof import CASE, Histories
from features.indicators.answers import AGENCIES
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


@declare_indicator(
    family="CE",
    kind="behaviour",
    sentence="{n} failure[|s] to comply [is|are] recorded within 28 days, from {first} to {date}.",
    feeds=("contacts",),
    source=f"{SFO_REVIEW}, section 11d: failures close together, dealt with one at a time",
    fires_from=3.0,
    words={"n": N, "first": pl.col("occurred_on").min(), "date": LAST},
)
def noncompliance_within_28d(histories: Histories) -> pl.LazyFrame:
    """The most failures to comply (breach contacts, unacceptable absences, failures) on any 28 days that
    end in the last 180, while contact was due. Of several such periods the latest counts.
    """
    rows = while_contact_was_due(
        histories, matching_entries(histories, "contacts", non_compliant(), within_days(207))
    )
    ends = rows.filter(within_days(180)).select(*CASE, ends_on="occurred_on").unique()
    before = (pl.col("ends_on") - pl.col("occurred_on")).dt.total_days()
    close = rows.join(ends, on=CASE).filter(before.is_between(0, CLOSE_TOGETHER - 1))
    period = [*CASE, "ends_on"]
    counted = close.with_columns(entries=pl.len().over(period))
    fullest = counted.filter(pl.col("entries") == pl.col("entries").max().over(CASE))
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
    sentence="What may have protected others fell away in the last 180 days: {what} (the last on {date}).",
    feeds=("circumstances",),
    source=f"{ROSH_GUIDANCE}: the loss of protective factors; {SFO_REVIEW}, section 12",
    value=pl.col("what").n_unique(),
    words={
        "n": pl.col("what").n_unique(),
        "what": pl.col("what").unique(),
        "date": pl.col("fell_away_on").max(),
    },
)
def protection_lost_180d(histories: Histories) -> pl.LazyFrame:
    """How many of treatment and a settled home ended in the last 180 days, with none of the kind
    current. Orders are left out: a new one is no good news, and would count as if it were.
    """
    settled = (KIND == "address") & (pl.col("state") == "settled")
    what = pl.when(settled).then(pl.lit("a settled home")).otherwise(KIND)
    says_ended = pl.col("state") == "ended"
    ended_on = pl.coalesce("ended_on", pl.when(says_ended).then("occurred_on"))
    rows = matching_entries(histories, "circumstances", (KIND == "treatment") | settled)
    named = rows.with_columns(what=what, fell_away_on=ended_on)
    current = named.filter(pl.col("fell_away_on").is_null()).select(*CASE, "what").unique()
    days = (pl.col("as_of") - pl.col("fell_away_on")).dt.total_days()
    return named.filter(days.is_between(0, 179)).join(current, on=[*CASE, "what"], how="anti")


LAPSED_AFTER = 90
"""Days without a contact after which contact with an agency has lapsed."""
USED_TO_BE_MADE = 3
"""Contacts with an agency in a year that make it one with which there used to be contact."""


def _named_agency() -> pl.Expr:
    """An expression: which agency a routine contact is with, in words; null for all others."""
    named = pl.lit(None, dtype=pl.String())
    for words, is_with in AGENCIES.items():
        named = pl.when(is_with).then(pl.lit(words)).otherwise(named)
    return named


@declare_indicator(
    family="MA",
    kind="process",
    sentence="No routine contact with {who} is recorded since {date}, after {n} within a year.",
    feeds=("contacts", "supervisions"),
    source=f"{SFO_REVIEW}, sections 4 and 13: what other agencies knew was not asked for again",
    value=pl.col("who").n_unique(),
    words={"n": N, "who": pl.col("who").unique(), "date": LAST},
)
def agency_contact_lapsed(histories: Histories) -> pl.LazyFrame:
    """With how many agencies (the police; children's and adult services; the monitoring provider) there
    were at least three routine contacts in the last 365 days and none in the last 90, while an order or
    licence is in force and contact is not suspended. Bad news that comes from one is no routine contact.
    """
    contacts = matching_entries(histories, "contacts", within_days(365))
    rows = contacts.with_columns(who=_named_agency()).filter(pl.col("who").is_not_null())
    agency = [*CASE, "who"]
    dated = rows.with_columns(
        entries=pl.len().over(agency), latest=pl.col("days").min().over(agency)
    )
    lapsed = dated.filter(pl.col("entries") >= USED_TO_BE_MADE, pl.col("latest") >= LAPSED_AFTER)
    supervised = in_force(histories, "supervisions", one_of("kind", ORDERS)).select(CASE).unique()
    supervised_cases = lapsed.join(supervised, on=CASE, how="semi")
    return supervised_cases.join(suspended_cases(histories).select(CASE), on=CASE, how="anti")
