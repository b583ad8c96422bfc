"""ES, WI, SM, EM: escalation, weapons and intelligence, substance misuse, monitoring."""

from __future__ import annotations

import polars as pl

from features.contracts import codes, contact_codes
from features.history.asof import CASE, Histories
from features.indicators.base import EVIDENCE, declare_indicator
from features.indicators.events import WORSE, significant_events
from features.indicators.language import (
    FIRST,
    LAST,
    N,
    by_group,
    contact_of,
    matching_entries,
    non_compliant,
    one_of,
    within_days,
)

SFO_REVIEW = "Independent serious further offence review (HM Inspectorate of Probation)"
CORONER_OCTOBER = "Chief Probation Officer's response to a coroner, October 2024"
CORONER_JANUARY = "Chief Probation Officer's response to a coroner, January 2024"

KIND = pl.col("kind")


def _incidents_within(histories: Histories, kinds: list[str], days: int) -> pl.LazyFrame:
    return by_group(histories).filter(one_of("kind", kinds), within_days(days))


GROUP_KNOWN = pl.col("group").is_not_null()


@declare_indicator(
    family="ES",
    kind="behaviour",
    sentence="{n} incident[|s] of violence or aggression concerning this group [is|are] recorded in the "
    "last year, in any setting.",
    feeds=("incidents",),
    source=f"{CORONER_OCTOBER}, section 3: rising frequency of lower-level violence",
    per_group=True,
    disclosure="possible",
    disclosable_sentence="Incidents of violence or aggression are on record.",
)
def violence_incident_count(histories: Histories) -> pl.LazyFrame:
    """Violence, weapon use or domestic abuse in the last 365 days, by the group of its target."""
    return _incidents_within(histories, ["violence", "weapon", "domestic_abuse"], 365).filter(
        GROUP_KNOWN
    )


@declare_indicator(
    family="ES",
    kind="behaviour",
    sentence="Violence is becoming more frequent: {before} then {recent} incidents in "
    "successive six months.",
    feeds=("incidents",),
    source=f"{CORONER_OCTOBER}, section 3",
    value=pl.max_horizontal(
        (pl.col("days") < 180).sum().cast(pl.Int64) - (pl.col("days") >= 180).sum().cast(pl.Int64),
        0,
    ),
    words={"recent": (pl.col("days") < 180).sum(), "before": (pl.col("days") >= 180).sum()},
    fires_from=2.0,
    disclosure="possible",
    disclosable_sentence="Incidents of violence are becoming more frequent.",
    page_only_because="a late entry about an earlier time would make the trend look smaller",
)
def violence_frequency_trend(histories: Histories) -> pl.LazyFrame:
    """Violence in the last 180 days less that in the 180 days before, not below nought."""
    return _incidents_within(histories, ["violence", "domestic_abuse"], 360)


@declare_indicator(
    family="ES",
    kind="behaviour",
    sentence="{n} threat[|s] concerning this group [is|are] recorded since {date}.",
    feeds=("incidents",),
    source=f"{SFO_REVIEW}, sections 4 and 7; {CORONER_OCTOBER}, section 11",
    per_group=True,
    words={"n": N, "date": FIRST},
    disclosure="possible",
    disclosable_sentence="Threats to others are on record.",
)
def threats_count(histories: Histories) -> pl.LazyFrame:
    """Threats in the last 365 days, by the group of the person threatened."""
    return _incidents_within(histories, ["threat"], 365).filter(GROUP_KNOWN)


@declare_indicator(
    family="ES",
    kind="behaviour",
    sentence="A threat to harm a partner or child is recorded ({date}), even if said as a remark.",
    feeds=("incidents",),
    source=f"{CORONER_JANUARY}, section on electronic monitoring",
    groups=("children", "known_adult"),
    words={"n": N, "date": LAST},
    disclosure="likely",
    disclosable_sentence="Concern about the safety of other people is on record.",
)
def conditional_threat_to_partner_or_child(histories: Histories) -> pl.LazyFrame:
    """Threats to a partner, former partner or child, from any source, in the last 730 days."""
    return _incidents_within(histories, ["threat"], 730).filter(
        one_of("target", ["partner", "child"])
    )


@declare_indicator(
    family="ES",
    kind="behaviour",
    sentence="Aggression is recorded in {n} different settings: {settings}.",
    feeds=("incidents",),
    source=f"{SFO_REVIEW}, sections 7 and 10",
    value=pl.col("setting").n_unique(),
    words={
        "n": pl.col("setting").n_unique(),
        "settings": pl.col("setting").replace(codes.SETTINGS).unique(),
    },
    fires_from=2.0,
    disclosure="possible",
    disclosable_sentence="Aggression is on record in more than one setting.",
)
def aggression_across_settings(histories: Histories) -> pl.LazyFrame:
    """Different settings of violence, threats or domestic abuse in the last 730 days."""
    incidents = _incidents_within(histories, ["violence", "threat", "domestic_abuse"], 730)
    return incidents.filter(one_of("setting", codes.SETTINGS))


@declare_indicator(
    family="ES",
    kind="behaviour",
    sentence="Landlord, neighbours or family reported {n} complaint[|s] in the last 90 days.",
    feeds=("contacts",),
    source=f"{SFO_REVIEW}, sections 4, 11d and 15",
    groups=("public", "known_adult"),
    disclosure="possible",
    disclosable_sentence="Complaints about behaviour are on record.",
    bias_watch=True,
)
def third_party_complaints(histories: Histories) -> pl.LazyFrame:
    """Reports from a landlord, neighbour or family member in the last 90 days."""
    return matching_entries(histories, "contacts", contact_of("third_party"), within_days(90))


@declare_indicator(
    family="ES",
    kind="behaviour",
    sentence="{n} different kinds of significant event happened within 30 days: {kinds}.",
    feeds=("contacts", "incidents", "circumstances"),
    source=f"{SFO_REVIEW}, sections 1 and 5",
    value=pl.col("event").n_unique(),
    words={"n": pl.col("event").n_unique(), "kinds": pl.col("event").unique()},
    fires_from=2.0,
    disclosure="possible",
    disclosable_sentence="Several significant events happened within 30 days.",
)
def significant_event_types_30d(histories: Histories) -> pl.LazyFrame:
    """Different kinds of significant event in the last 30 days, mental health apart: how it is scored
    is the board's to decide.
    """
    return significant_events(histories).filter(pl.col("event") != WORSE, within_days(30))


@declare_indicator(
    family="WI",
    kind="behaviour",
    sentence="A weapon was carried or used {n} time[|s], the last on {date}.",
    feeds=("incidents",),
    source=f"{CORONER_OCTOBER}, sections 3 and 11; {SFO_REVIEW}, section 4",
    words={"n": N, "date": LAST},
    disclosure="possible",
    disclosable_sentence="Possession or use of a weapon is on record.",
    bias_watch=True,
)
def weapon_events_count(histories: Histories) -> pl.LazyFrame:
    """A weapon carried or used, in the last 730 days."""
    return _incidents_within(histories, ["weapon"], 730)


@declare_indicator(
    family="WI",
    kind="behaviour",
    sentence="Concern about sexual risk to a child is on record ({n} entr[y|ies], the last of {date}).",
    feeds=("incidents",),
    source=f"{CORONER_JANUARY}, section on offender records",
    groups=("children",),
    words={"n": N, "date": LAST},
    disclosure="likely",
    disclosable_sentence="Concern about the safety of children is on record.",
    bias_watch=True,
)
def child_sexual_risk_intelligence(histories: Histories) -> pl.LazyFrame:
    """Information of sexual concern about a child, or sexual behaviour towards one, ever."""
    towards = (KIND == "sexual") & (pl.col("target") == "child")
    return matching_entries(histories, "incidents", (KIND == "sexual_concern_child") | towards)


@declare_indicator(
    family="SM",
    kind="behaviour",
    sentence="Drug or heavy alcohol use was disclosed or seen {n} time[|s] in the last 90 days.",
    feeds=("incidents", "contacts"),
    source=f"{SFO_REVIEW}, section 4",
)
def substance_use_disclosures(histories: Histories) -> pl.LazyFrame:
    """Disclosures or observations of drug or heavy alcohol use, and positive tests, in the last 90
    days.
    """
    columns = [*CASE, "as_of", "days", *EVIDENCE]
    positive = matching_entries(
        histories, "contacts", pl.col("outcome_code") == "TPOS", within_days(90)
    )
    used = _incidents_within(histories, ["substance_use"], 90)
    return pl.concat([used.select(columns), positive.select(columns)])


@declare_indicator(
    family="SM",
    kind="behaviour",
    sentence="{n} required drug or alcohol test[|s] [was|were] refused or missed in the last 90 days.",
    feeds=("contacts",),
    source=f"{SFO_REVIEW}, section 11b",
)
def drug_test_refused_or_missed(histories: Histories) -> pl.LazyFrame:
    """Tests refused, failed or missed in the last 90 days, also where that was deemed acceptable."""
    return matching_entries(
        histories,
        "contacts",
        contact_of("test"),
        one_of("outcome_code", ["TREF", "AFTC", "AFDA", *contact_codes.UNACCEPTABLE_ABSENCE]),
        within_days(90),
    )


@declare_indicator(
    family="EM",
    kind="behaviour",
    sentence="{n} curfew, exclusion zone, alcohol or tamper report[|s] in the last 90 days.",
    feeds=("contacts",),
    source=f"{CORONER_JANUARY}, section on electronic monitoring; NDelius contact codes",
    groups=("public", "known_adult"),
    bias_watch=True,
)
def em_violations_90d(histories: Histories) -> pl.LazyFrame:
    """Curfew violations, exclusion zone violations, tampers and alcohol detections in 90 days that were
    not excused.
    """
    violations = one_of("type_code", ["C145", "EM01", "EM02", "AAM3", "AAM4"])
    return matching_entries(histories, "contacts", violations, non_compliant(), within_days(90))


@declare_indicator(
    family="EM",
    kind="behaviour",
    sentence="The monitoring provider reported worrying comments or behaviour on {date}.",
    feeds=("incidents",),
    source=f"{CORONER_JANUARY}, section on electronic monitoring",
    groups=("children", "known_adult", "staff"),
    words={"n": N, "date": LAST},
    disclosure="likely",
    disclosable_sentence="A concern raised by another agency is on record.",
)
def em_provider_concern_reported(histories: Histories) -> pl.LazyFrame:
    """Concerns reported by the electronic monitoring provider in the last 365 days."""
    return _incidents_within(histories, ["provider_concern"], 365)
