"""CE and AT, continued: what was decided and issued, what was not told, where the person is."""

from __future__ import annotations

import polars as pl

from features.contracts import codes, contact_codes
from features.history.asof import CASE, Histories
from features.indicators.answers import AN_ADDRESS, ATTENDED_AGAIN, HOUSED, LIVED_AT, answers_to
from features.indicators.base import declare_indicator
from features.indicators.language import (
    LAST,
    N,
    contact_of,
    counts_within,
    in_force,
    matching_entries,
    not_followed_by,
    not_near,
    one_of,
    within_days,
)
from features.indicators.orders import suspended_cases, while_contact_was_due
from features.indicators.ranks import rank_of

REVIEW = "Independent serious further offence review (HM Inspectorate of Probation)"
CORONER_OCTOBER = "Chief Probation Officer's response to a coroner, October 2024"
KIND = pl.col("kind")
LOWER = rank_of("issued", codes.ENFORCEMENT_SCALE) < rank_of("decided", codes.ENFORCEMENT_SCALE)


@declare_indicator(
    family="CE",
    kind="process",
    sentence="What was issued ({issued}) is a lower level of enforcement than what was decided "
    "({decided}, {date}).",
    feeds=("decisions",),
    source=f"{REVIEW}, sections 4 and 12",
    words={
        "n": N,
        "date": LAST,
        "issued": pl.col("issued").replace(codes.ENFORCEMENT_SCALE_WORDS).last(),
        "decided": pl.col("decided").replace(codes.ENFORCEMENT_SCALE_WORDS).last(),
    },
)
def enforcement_letter_lower_than_decided(histories: Histories) -> pl.LazyFrame:
    """Decisions of the last 365 days of which something lower on the scale was issued: no action,
    warning, compliance letter, decision not to recall, recall.
    """
    rows = matching_entries(histories, "decisions", within_days(365), LOWER)
    return rows.sort("occurred_on", "record_id")


@declare_indicator(
    family="CE",
    kind="process",
    sentence="{n} arrest[|s] or charge[|s], violent or not, led to no new assessment of risk within "
    "15 working days.",
    feeds=("contacts", "assessments"),
    source=f"{REVIEW}, section 12: offences that are not violent may still be escalation",
)
def new_offence_treated_as_nonviolent(histories: Histories) -> pl.LazyFrame:
    """Arrests or charges that became known in the last 365 days, whatever for, with no assessment
    completed within 15 working days.
    """
    arrests = matching_entries(
        histories, "contacts", contact_of("arrest_or_charge"), counts_within(365)
    )
    return not_followed_by(arrests, answers_to(histories, "new_offence_treated_as_nonviolent"), 15)


@declare_indicator(
    family="CE",
    kind="process",
    sentence="A breach of a court order was noted on {date} and no report to police is recorded within 5 "
    "working days.",
    feeds=("incidents", "contacts"),
    source=f"{REVIEW}, sections 4, 11d and 15",
    groups=("public", "known_adult"),
    words={"n": N, "date": pl.col("counts_on").max()},
)
def civil_order_breach_not_reported(histories: Histories) -> pl.LazyFrame:
    """Breaches of a court order that became known in the last 365 days without a police liaison
    contact within 5 working days. An arrest or a police check is no report by probation.
    """
    breaches = matching_entries(
        histories, "incidents", KIND == "civil_order_breach", counts_within(365)
    )
    return not_followed_by(breaches, answers_to(histories, "civil_order_breach_not_reported"), 5)


@declare_indicator(
    family="CE",
    kind="behaviour",
    sentence="{n} failure[|s] to tell probation about something required became known in "
    "the last 180 days (last on {date}).",
    feeds=("incidents",),
    source=f"{REVIEW}, sections 4 and 11d",
    words={"n": N, "date": pl.col("counts_on").max()},
)
def undisclosed_circumstance(histories: Histories) -> pl.LazyFrame:
    """Vehicle, address, telephone, job or relationship not told as required, that became known in the
    last 180 days.
    """
    return matching_entries(histories, "incidents", KIND == "non_disclosure", counts_within(180))


@declare_indicator(
    family="CE",
    kind="process",
    sentence="{n} restriction[|s] [was|were] removed or relaxed (last on {date}) without recorded "
    "agreement of a manager or MAPPA.",
    feeds=("orders", "contacts"),
    source=f"{REVIEW}, sections 9 and 11d",
    words={"n": N, "date": pl.col("relaxed_on").max()},
)
def restriction_relaxed_without_oversight(histories: Histories) -> pl.LazyFrame:
    """Conditions, requirements and curfews relaxed in the last 90 days, more than 7 days ago, with
    no management oversight (its MAPPA type included) from 7 days before to 7 days after. That MAPPA
    met does not say that it agreed.
    """
    relaxed = matching_entries(histories, "orders", pl.col("relaxed_on").is_not_null())
    since = (pl.col("as_of") - pl.col("relaxed_on")).dt.total_days()
    dated = relaxed.filter(since < 90, since > 7).with_columns(occurred_on=pl.col("relaxed_on"))
    return not_near(dated, answers_to(histories, "restriction_relaxed_without_oversight"), 7, 7)


@declare_indicator(
    family="AT",
    kind="behaviour",
    sentence="For {d} days the person has neither had a known and checked address nor been seen.",
    feeds=("circumstances", "contacts", "supervisions"),
    source=f"{CORONER_OCTOBER}, section 14; inquest reporting",
    groups=("public", "known_adult"),
    value=pl.col("unseen").max(),
    words={"d": pl.col("unseen").max()},
    fires_from=28.0,
)
def whereabouts_unknown(histories: Histories) -> pl.LazyFrame:
    """Days since the later of two: the last attended appointment, and the day from which no address is
    known: the first that is unknown, unchecked or of no fixed abode after the last known one, or the
    end of that. An address at risk is the same address. Not while contact is suspended, nor of somebody
    in custody or approved premises.
    """
    lost = _without_address(histories)
    attended = ATTENDED_AGAIN.rows(histories)
    attendances = attended.group_by(CASE).agg(seen_on=pl.col("occurred_on").max())
    since = pl.max_horizontal("seen_on", "gone_on")
    dated = lost.join(attendances, on=CASE, how="left")
    dated = dated.with_columns(unseen=(pl.col("as_of") - since).dt.total_days())
    inside = in_force(histories, "supervisions", HOUSED).select(CASE)
    away = pl.concat([suspended_cases(histories).select(CASE), inside.unique()])
    return dated.join(away, on=CASE, how="anti")


def _without_address(histories: Histories) -> pl.LazyFrame:
    """The last address entry of each case whose address is not known, with the day `gone_on`."""
    is_of_address = AN_ADDRESS | one_of("state", ["unknown", "no_fixed_abode"])
    addresses = matching_entries(histories, "circumstances", KIND == "address", is_of_address)
    began = addresses.with_columns(gone=~LIVED_AT)
    left = addresses.filter(LIVED_AT, pl.col("ended_on").is_not_null())
    left = left.with_columns(occurred_on=pl.col("ended_on"), gone=pl.lit(value=True))
    # On one day the address that somebody has outweighs the one that somebody left.
    events = pl.concat([began, left]).sort("occurred_on", ~pl.col("gone"), "record_id")
    numbered = events.with_columns(spell=(~pl.col("gone")).cum_sum().over(CASE))
    spells = numbered.with_columns(
        gone_on=pl.col("occurred_on").filter("gone").first().over(*CASE, "spell")
    )
    return spells.unique(CASE, keep="last", maintain_order=True).filter("gone")


@declare_indicator(
    family="AT",
    kind="behaviour",
    sentence="{n} treatment appointment[|s] [was|were] missed in the last 180 days.",
    feeds=("contacts", "supervisions"),
    source="Chief Probation Officer's response to a coroner, January 2024, section on missed "
    "substance misuse appointments",
    disclosure="possible",
    disclosable_sentence="Treatment appointments were missed.",
)
def treatment_nonattendance_count(histories: Histories) -> pl.LazyFrame:
    """Treatment appointments missed without acceptable reason in 180 days, while contact was due."""
    rows = matching_entries(
        histories,
        "contacts",
        contact_of("treatment"),
        one_of("outcome_code", contact_codes.UNACCEPTABLE_ABSENCE),
        within_days(180),
    )
    return while_contact_was_due(histories, rows)


@declare_indicator(
    family="MA",
    kind="process",
    sentence="A recall was decided on {date}; no risk information to the police is recorded within "
    "5 working days.",
    feeds=("decisions", "documents", "contacts"),
    source=f"{CORONER_OCTOBER}, section 14",
    groups=("public", "known_adult"),
    words={"n": N, "date": LAST},
)
def recall_information_not_sent_to_police(histories: Histories) -> pl.LazyFrame:
    """Recalls decided in the last 180 days with neither recall information sent nor a police liaison
    contact within 5 working days.
    """
    recalls = matching_entries(
        histories, "decisions", pl.col("decided") == "recall", within_days(180)
    )
    sent = answers_to(histories, "recall_information_not_sent_to_police")
    return not_followed_by(recalls, sent, 5, since="occurred_on")
