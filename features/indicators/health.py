"""MH and others, continued: mental health on record, severity, area and who holds the case.

Mental health indicators are marked: one decision of the board lets them be scored, or not.
"""

from __future__ import annotations

import polars as pl

from features.history.asof import CASE, Histories, latest_rows
from features.indicators.answers import answers_to
from features.indicators.base import BY_THE_BOARD, declare_indicator
from features.indicators.language import (
    LAST,
    MENTAL_HEALTH,
    SERIOUS_INCIDENTS,
    N,
    by_group,
    in_force,
    matching_entries,
    never_followed_by,
    one_of,
    within_days,
)

REVIEW = "Independent serious further offence review (HM Inspectorate of Probation)"
CORONER_OCTOBER = "Chief Probation Officer's response to a coroner, October 2024"
KIND = pl.col("kind")


@declare_indicator(
    family="MH",
    kind="behaviour",
    sentence="{n} sign[|s] of relapse listed by a clinician [was|were] seen, the last on {date}.",
    feeds=("incidents",),
    source=f"{REVIEW}, sections 4 and 8",
    words={"n": N, "date": LAST},
    disclosure="likely",
    disclosable_sentence="A change in health is on record.",
    protected_link="disability",
    page_only_because=BY_THE_BOARD,
)
def mh_relapse_signs_observed(histories: Histories) -> pl.LazyFrame:
    """Signs that a discharge letter lists as signs of relapse, seen in the last 28 days."""
    return matching_entries(histories, "incidents", KIND == "relapse_sign", within_days(28))


@declare_indicator(
    family="MH",
    kind="process",
    sentence="A psychiatric report of {date} is on file and no assessment since reflects it.",
    feeds=("documents", "assessments"),
    source=f"{REVIEW}, sections 8 and 10",
    words={"n": N, "date": LAST},
    disclosure="likely",
    disclosable_sentence="A report on file is not reflected in the assessment.",
    protected_link="disability",
    page_only_because=BY_THE_BOARD,
)
def mh_information_not_in_assessment(histories: Histories) -> pl.LazyFrame:
    """Psychiatric reports after which every completed assessment says that it does not mention mental
    health, or there is none.
    """
    reports = matching_entries(histories, "documents", KIND == "psychiatric_report")
    return never_followed_by(reports, answers_to(histories, "mh_information_not_in_assessment"))


@declare_indicator(
    family="MH",
    kind="behaviour",
    sentence="Past harm happened while mental health was unstable, and signs of that are recorded "
    "now (last on {date}).",
    feeds=("incidents",),
    source=f"{REVIEW}, sections 5 and 7",
    groups=("public", "known_adult", "staff"),
    words={"n": N, "date": LAST},
    disclosure="likely",
    disclosable_sentence="A change in health is on record.",
    protected_link="disability",
    bias_watch=True,
    page_only_because=BY_THE_BOARD,
)
def violence_when_unwell_history(histories: Histories) -> pl.LazyFrame:
    """Mental health said or seen to be worse, or a sign of relapse, in 90 days, of someone who ever did
    harm while unwell.
    """
    harmed = matching_entries(
        histories, "incidents", one_of("kind", SERIOUS_INCIDENTS), pl.col("while_unwell")
    ).select(CASE)
    signs = matching_entries(histories, "incidents", one_of("kind", MENTAL_HEALTH), within_days(90))
    return signs.join(harmed.unique(), on=CASE, how="semi")


_RECENT, _EARLIER = pl.col("days") < 180, pl.col("days") >= 180
_RISE = pl.col("severity").filter(_RECENT).max() - pl.col("severity").filter(_EARLIER).max()


@declare_indicator(
    family="ES",
    kind="behaviour",
    sentence="Incidents are becoming more serious: up to {before} of 5 in the half year before, up to "
    "{now} of 5 since.",
    feeds=("incidents",),
    source=f"{CORONER_OCTOBER}, section 3; {REVIEW}, section 12",
    groups=("public", "known_adult", "staff"),
    per_group=True,
    value=pl.when(pl.len() >= 3).then(pl.max_horizontal(_RISE.fill_null(0), 0)).otherwise(0),
    words={
        "now": pl.col("severity").filter(_RECENT).max(),
        "before": pl.col("severity").filter(_EARLIER).max(),
    },
    disclosure="possible",
    disclosable_sentence="Incidents are becoming more serious.",
    page_only_because="a late entry about an earlier time would make the trend look smaller",
)
def violence_severity_trend(histories: Histories) -> pl.LazyFrame:
    """Of three or more incidents in 360 days: the worst severity of the last 180 days less that of
    the 180 before, not below nought.
    """
    rated = pl.col("severity").is_not_null()
    return by_group(histories).filter(one_of("kind", SERIOUS_INCIDENTS), rated, within_days(360))


@declare_indicator(
    family="AC",
    kind="process",
    sentence="The person moved to another area on {date} and the case has not been transferred.",
    feeds=("circumstances", "supervisions"),
    source=f"{REVIEW}, section 11d",
    words={"n": N, "date": LAST},
    bias_watch=True,
)
def moved_area_without_transfer(histories: Histories) -> pl.LazyFrame:
    """The latest address in force where somebody lives (not unknown, of no fixed abode or at risk) lies
    in another delivery unit than some order, licence or time in custody in force, for over 28 days. A
    new order in the new area transfers nothing: the old one is to be transferred too.
    """
    lived_in = ~one_of("state", ["unknown", "no_fixed_abode", "at_risk"]).fill_null(value=False)
    address = latest_rows(in_force(histories, "circumstances", KIND == "address", lived_in))
    placed = address.filter(pl.col("pdu_code").is_not_null(), pl.col("days") > 28)
    orders = in_force(histories, "supervisions", pl.col("pdu_code").is_not_null())
    units = orders.select(*CASE, held_in=pl.col("pdu_code"))
    elsewhere = placed.join(units, on=CASE).filter(pl.col("pdu_code") != pl.col("held_in"))
    return elsewhere.unique([*CASE, "record_id"], keep="any")


@declare_indicator(
    family="SC",
    kind="process",
    sentence="The case (tier {tier}) is held by a practitioner for whom guidance says it is unsuitable "
    "({grade}).",
    feeds=("allocations", "supervisions"),
    source=f"{REVIEW}, sections 5 and 8; Chief Probation Officer's response to a coroner, January "
    "2024, section on training",
    words={"n": N, "tier": pl.col("tier").last(), "grade": pl.col("grade").last()},
    page_only_because="the tier follows from the recorded level: it is shown and never scored",
)
def tier_grade_mismatch(histories: Histories) -> pl.LazyFrame:
    """The current practitioner is in training or not a probation officer and the highest tier in force
    is A or B, or is recorded as newly qualified and it is A: the grade says it, however long ago the
    date of qualification.
    """
    allocations = latest_rows(in_force(histories, "allocations"))
    tiered = in_force(histories, "supervisions", pl.col("tier").is_not_null())
    highest = tiered.group_by(CASE).agg(pl.col("tier").min())
    rows = allocations.join(highest, on=CASE, how="inner")
    band = pl.col("tier").str.slice(0, 1)
    learning = one_of("grade", ["PSO", "PQiP"]) & band.is_in(["A", "B"])
    return rows.filter(learning | ((pl.col("grade") == "NQO") & (band == "A")))
