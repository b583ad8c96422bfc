"""CU, MA, WI and CC, continued: custody, release, and what was known before."""

from __future__ import annotations

import polars as pl

from features.history.asof import CASE, Histories
from features.indicators.answers import A_PRACTITIONER, A_SENTENCE, answers_to
from features.indicators.base import declare_indicator
from features.indicators.language import (
    LAST,
    N,
    in_force,
    known_within,
    matching_entries,
    not_near,
    one_of,
    within_days,
)
from features.indicators.orders import recent_releases
from features.indicators.ranks import overall_now, overall_ranks

SFO_REVIEW = "Independent serious further offence review (HM Inspectorate of Probation)"
CORONER_OCTOBER = "Chief Probation Officer's response to a coroner, October 2024"
CORONER_JANUARY = "Chief Probation Officer's response to a coroner, January 2024"
KIND = pl.col("kind")
IN_CUSTODY = pl.col("setting") == "custody"
ALLOCATION_DAYS = 28
REFERRAL_WEEKS = 26
REFERRED_REGISTERS = ("MAPP", "ARSO", "SOPS")
HIGH = 3
"""The rank of the level from which a referral is due whatever is registered."""


def _days_before(days: pl.Expr) -> pl.Expr:
    """An expression: how long before release somebody was allocated, in words."""
    return (
        pl.when(days > 0)
        .then(pl.format("{} days before release", days))
        .otherwise(pl.lit("not before the day of release, or not at all"))
    )


def _weeks_before(weeks: pl.Expr) -> pl.Expr:
    """An expression: how long before release a referral was made, in words."""
    return (
        pl.when(weeks > 0)
        .then(pl.format("{} weeks before release", weeks))
        .otherwise(pl.lit("in the last week before release, or not at all"))
    )


@declare_indicator(
    family="CU",
    kind="behaviour",
    sentence="{n} proven adjudication[|s] for violence or threats in the last 12 months.",
    feeds=("incidents",),
    source=f"{CORONER_OCTOBER}, section 11; {SFO_REVIEW}, section 8",
    groups=("staff", "prisoners"),
    bias_watch=True,
)
def adjudications_violence_12m(histories: Histories) -> pl.LazyFrame:
    """Violence or threats in custody, proven at adjudication, in the last 365 days."""
    proven = pl.col("proven").fill_null(value=False)
    kinds = one_of("kind", ["violence", "threat"])
    return matching_entries(histories, "incidents", kinds, IN_CUSTODY, proven, within_days(365))


@declare_indicator(
    family="CU",
    kind="behaviour",
    sentence="A weapon or a serious assault in custody is recorded (last on {date}).",
    feeds=("incidents",),
    source=f"{CORONER_OCTOBER}, section 11",
    groups=("public", "staff", "prisoners"),
    words={"n": N, "date": LAST},
    disclosure="possible",
    disclosable_sentence="Behaviour in custody is on record.",
)
def custody_weapon_or_serious_assault(histories: Histories) -> pl.LazyFrame:
    """Weapons, or violence or sexual behaviour of severity 4 or 5, in custody in the last 730 days."""
    assault = one_of("kind", ["violence", "sexual"]) & (pl.col("severity") >= 4)
    serious = (KIND == "weapon") | assault
    return matching_entries(histories, "incidents", IN_CUSTODY, serious, within_days(730))


@declare_indicator(
    family="WI",
    kind="process",
    sentence="{n} piece[|s] of prison intelligence reached this record more than four weeks late.",
    feeds=("incidents",),
    source=f"{CORONER_OCTOBER}, sections 11 and 15; {SFO_REVIEW}, section 4",
    groups=("public", "staff", "prisoners"),
    disclosure="likely",
    disclosable_sentence="Information reached the record late.",
    bias_watch=True,
)
def custody_intelligence_not_shared(histories: Histories) -> pl.LazyFrame:
    """Prison intelligence that first reached the record in the last 365 days, more than 28 days after
    it arose, however long ago that was.
    """
    waited = (pl.col("first_recorded_at").dt.date() - pl.col("occurred_on")).dt.total_days()
    return matching_entries(
        histories, "incidents", KIND == "custody_intelligence", waited > 28, known_within(365)
    )


@declare_indicator(
    family="CU",
    kind="process",
    sentence="No information sharing form or handover from prison is recorded around the release of "
    "{date}.",
    feeds=("supervisions", "documents"),
    source=f"{CORONER_OCTOBER}, sections 11 and 15",
    words={"n": N, "date": LAST},
)
def custody_information_form_missing(histories: Histories) -> pl.LazyFrame:
    """Releases of the last 180 days, more than 5 days ago, with neither form nor handover from 28
    days before to 5 days after.
    """
    sent = answers_to(histories, "custody_information_form_missing")
    return not_near(recent_releases(histories, 180).filter(pl.col("days") > 5), sent, 28, 5)


@declare_indicator(
    family="CU",
    kind="process",
    sentence="The sentence ended on {date} while the person was on remand, and no handover is "
    "recorded.",
    feeds=("supervisions", "documents"),
    source=f"{CORONER_OCTOBER}, sections 12 and 13",
    words={"n": N, "date": pl.col("ended_on").max()},
)
def sentence_ended_while_remanded(histories: Histories) -> pl.LazyFrame:
    """Orders, licences and custodial sentences that ended, in the last 365 days, after a remand began
    that is still in force, with no handover since.
    """
    remand = in_force(histories, "supervisions", KIND == "remand")
    since = remand.group_by(CASE).agg(remanded_on=pl.col("occurred_on").min())
    ended = matching_entries(
        histories, "supervisions", A_SENTENCE, pl.col("ended_on").is_not_null()
    )
    gone = (pl.col("as_of") - pl.col("ended_on")).dt.total_days() < 365
    rows = ended.filter(gone).join(since, on=CASE, how="inner")
    rows = rows.filter(pl.col("ended_on") >= pl.col("remanded_on"))
    handed = answers_to(histories, "sentence_ended_while_remanded").group_by(CASE)
    last = handed.agg(handed_on=pl.col("occurred_on").max())
    dated = rows.join(last, on=CASE, how="left")
    return dated.filter(pl.col("handed_on").is_null() | (pl.col("handed_on") < pl.col("ended_on")))


@declare_indicator(
    family="SC",
    kind="process",
    sentence="A community practitioner was allocated {when}; four weeks before release are expected.",
    feeds=("supervisions", "allocations"),
    source="Press reporting of an inquest (nine days); inspectorate's blog, February 2023",
    value=(pl.lit(ALLOCATION_DAYS) - pl.col("notice").min()).max(),
    words={"when": _days_before(pl.col("notice").min())},
)
def late_allocation_before_release(histories: Histories) -> pl.LazyFrame:
    """How many days short of 28 before a release of the last 365 days the first practitioner was
    allocated, of those who held the case at some time in these 28 days; all 28 where nobody did. Of
    several releases the one with the least notice. A staff code that stands for nobody is nobody.
    """
    allocations = matching_entries(histories, "allocations", A_PRACTITIONER)
    spells = allocations.select(*CASE, held_on="occurred_on", held_until="ended_on")
    out = recent_releases(histories, 365)
    earliest = pl.col("occurred_on") - pl.duration(days=ALLOCATION_DAYS)
    before = pl.col("held_until").is_null() | (pl.col("held_until") > earliest)
    ours = out.join(spells, on=CASE).filter(before, pl.col("held_on") <= pl.col("occurred_on"))
    first = ours.group_by([*CASE, "record_id"]).agg(held_on=pl.col("held_on").min())
    notice = (pl.col("occurred_on") - pl.col("held_on")).dt.total_days().fill_null(0)
    dated = out.join(first, on=[*CASE, "record_id"], how="left").with_columns(notice=notice)
    return dated.filter(pl.col("notice") < ALLOCATION_DAYS)


@declare_indicator(
    family="MA",
    kind="process",
    sentence="The referral to MAPPA or approved premises was made {when}; six months before release "
    "are expected.",
    feeds=("supervisions", "documents", "registrations", "assessments"),
    source=f"{SFO_REVIEW}, sections 5 and 9",
    value=(pl.lit(REFERRAL_WEEKS) - pl.col("weeks").min()).max(),
    words={"when": _weeks_before(pl.col("weeks").min())},
)
def mappa_or_ap_referral_late(histories: Histories) -> pl.LazyFrame:
    """How many weeks short of 26 before a release of the last 365 days the first referral of the two
    years before it was made; all 26 where none was made. A referral is due of somebody who has a
    register of MAPPA, of a sex offender or of a sexual harm prevention order, who came to live in
    approved premises within 28 days of release, or whose latest assessment, or any completed in the
    two years before a release, says high or very high.
    """
    rows = recent_releases(histories, 365).join(_referral_due(histories), on=CASE, how="semi")
    referrals = answers_to(histories, "mappa_or_ap_referral_late").rename(
        {"occurred_on": "made_on"}
    )
    ahead = (pl.col("occurred_on") - pl.col("made_on")).dt.total_days()
    timely = (
        rows.join(referrals, on=CASE).with_columns(ahead=ahead).filter(ahead.is_between(0, 730))
    )
    first = timely.group_by([*CASE, "record_id"]).agg(weeks=pl.col("ahead").max() // 7)
    dated = rows.join(first, on=[*CASE, "record_id"], how="left")
    return dated.with_columns(pl.col("weeks").fill_null(0)).filter(pl.col("weeks") < REFERRAL_WEEKS)


def _referral_due(histories: Histories) -> pl.LazyFrame:
    """The cases of which a referral to MAPPA or approved premises is due before release."""
    registered = matching_entries(
        histories, "registrations", one_of("type_code", REFERRED_REGISTERS)
    )
    stays = matching_entries(histories, "supervisions", KIND == "approved_premises")
    out = recent_releases(histories, 365).select(*CASE, released_on=pl.col("occurred_on"))
    arrived = out.join(stays.select(*CASE, arrived_on=pl.col("occurred_on")), on=CASE)
    after = (pl.col("arrived_on") - pl.col("released_on")).dt.total_days()
    rated = overall_ranks(histories).filter(pl.col("overall") >= HIGH).select(*CASE, "completed_on")
    ahead = (pl.col("released_on") - pl.col("completed_on")).dt.total_days()
    then = out.join(rated, on=CASE).filter(ahead.is_between(0, 730))
    high = overall_now(histories).filter(pl.col("now") >= HIGH)
    parts = [registered, arrived.filter(after.is_between(0, 28)), high, then]
    return pl.concat([rows.select(CASE) for rows in parts]).unique()


@declare_indicator(
    family="MA",
    kind="process",
    sentence="{n} action[|s] set by MAPPA [is|are] outstanding, the oldest for {d} days.",
    feeds=("actions",),
    source=f"{SFO_REVIEW}, sections 4 and 13",
    words={"n": N, "d": pl.col("days").max()},
    disclosure="possible",
    disclosable_sentence="Actions that agencies agreed are outstanding.",
)
def mappa_actions_outstanding(histories: Histories) -> pl.LazyFrame:
    """Actions set by MAPPA, not done and past their date; one without a date was due at once."""
    undone = matching_entries(
        histories, "actions", KIND == "mappa_action", pl.col("done_on").is_null()
    )
    return undone.filter(pl.coalesce("due_on", "occurred_on") < pl.col("as_of"))


@declare_indicator(
    family="MA",
    kind="process",
    sentence="The case left MAPPA management on {date} with {n} action[|s] open.",
    feeds=("actions",),
    source=f"{SFO_REVIEW}, sections 4 and 13",
    words={"n": N, "date": pl.col("left_on").max()},
    disclosure="possible",
    disclosable_sentence="Actions that agencies agreed were left open.",
)
def mappa_exit_with_open_actions(histories: Histories) -> pl.LazyFrame:
    """Actions set by MAPPA before an exit of the last 90 days and not done by then."""
    left = matching_entries(histories, "actions", KIND == "mappa_exit", within_days(90))
    exits = left.select(*CASE, left_on=pl.col("occurred_on")).unique()
    rows = matching_entries(histories, "actions", KIND == "mappa_action").join(
        exits, on=CASE, how="inner"
    )
    undone = pl.col("done_on").is_null() | (pl.col("done_on") > pl.col("left_on"))
    open_then = rows.filter(pl.col("occurred_on") <= pl.col("left_on"), undone).sort("left_on")
    return open_then.unique([*CASE, "record_id"], keep="last", maintain_order=True)
