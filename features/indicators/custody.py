"""CU, MA, WI and CC, continued: custody, release, and what was known before."""

from __future__ import annotations

import polars as pl

from features.asof import CASE, Known, latest
from features.indicators.base import declare
from features.indicators.language import (
    LAST,
    ORDERS,
    N,
    completed_assessments,
    entries,
    in_force,
    never_followed_by,
    not_near,
    one_of,
    released,
    supervision_start,
    within,
)

SFO_REVIEW = "Independent serious further offence review (HM Inspectorate of Probation)"
CORONER_OCTOBER = "Chief Probation Officer's response to a coroner, October 2024"
CORONER_JANUARY = "Chief Probation Officer's response to a coroner, January 2024"
KIND = pl.col("kind")
IN_CUSTODY = pl.col("setting") == "custody"
ALLOCATION_DAYS = 28
REFERRAL_WEEKS = 26


@declare(
    family="CU",
    kind="behaviour",
    sentence="{n} proven adjudication[|s] for violence or threats in the last 12 months.",
    feeds=("incidents",),
    source=f"{CORONER_OCTOBER}, section 11; {SFO_REVIEW}, section 8",
    groups=("staff", "prisoners"),
    bias_watch=True,
)
def adjudications_violence_12m(known: Known) -> pl.LazyFrame:
    """Violence or threats in custody, proven at adjudication, in the last 365 days."""
    proven = pl.col("proven").fill_null(value=False)
    kinds = one_of("kind", ["violence", "threat"])
    return entries(known, "incidents", kinds, IN_CUSTODY, proven, within(365))


@declare(
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
def custody_weapon_or_serious_assault(known: Known) -> pl.LazyFrame:
    """Weapons, or violence of severity 4 or 5, in custody in the last 730 days."""
    serious = (KIND == "weapon") | ((KIND == "violence") & (pl.col("severity") >= 4))
    return entries(known, "incidents", IN_CUSTODY, serious, within(730))


@declare(
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
def custody_intelligence_not_shared(known: Known) -> pl.LazyFrame:
    """Prison intelligence of the last 365 days first recorded more than 28 days after it arose."""
    waited = (pl.col("first_recorded_at").dt.date() - pl.col("occurred_on")).dt.total_days()
    return entries(known, "incidents", KIND == "custody_intelligence", waited > 28, within(365))


def _releases(known: Known, days: int) -> pl.LazyFrame:
    """The supervision rows of the latest release, within so many days of it."""
    rows = entries(known, "supervisions", KIND == "licence")
    found = released(known, days)
    return rows.join(
        found.select(*CASE, occurred_on=pl.col("released_on")),
        on=[*CASE, "occurred_on"],
        how="semi",
    )


@declare(
    family="CU",
    kind="process",
    sentence="No information sharing form or handover from prison is recorded around the release of "
    "{date}.",
    feeds=("supervisions", "documents"),
    source=f"{CORONER_OCTOBER}, sections 11 and 15",
    words={"n": N, "date": LAST},
)
def custody_information_form_missing(known: Known) -> pl.LazyFrame:
    """A release within 180 days, more than 5 days ago, with neither form nor handover from 28 days
    before to 5 days after.
    """
    sent = entries(known, "documents", one_of("kind", ["custody_information_form", "handover"]))
    return not_near(_releases(known, 180).filter(pl.col("days") > 5), sent, 28, 5)


@declare(
    family="CU",
    kind="process",
    sentence="The sentence ended on {date} while the person was on remand, and no handover is "
    "recorded.",
    feeds=("supervisions", "documents"),
    source=f"{CORONER_OCTOBER}, sections 12 and 13",
    words={"n": N, "date": pl.col("ended_on").max()},
)
def sentence_ended_while_remanded(known: Known) -> pl.LazyFrame:
    """Orders and licences that ended, in the last 365 days, after a remand began that is still in
    force, with no handover since.
    """
    remand = in_force(known, "supervisions", KIND == "remand")
    since = remand.group_by(CASE).agg(remanded_on=pl.col("occurred_on").min())
    ended = entries(known, "supervisions", one_of("kind", ORDERS), pl.col("ended_on").is_not_null())
    gone = (pl.col("as_of") - pl.col("ended_on")).dt.total_days() < 365
    rows = ended.filter(gone).join(since, on=CASE, how="inner")
    rows = rows.filter(pl.col("ended_on") >= pl.col("remanded_on"))
    handed = entries(known, "documents", KIND == "handover").group_by(CASE)
    last = handed.agg(handed_on=pl.col("occurred_on").max())
    dated = rows.join(last, on=CASE, how="left")
    return dated.filter(pl.col("handed_on").is_null() | (pl.col("handed_on") < pl.col("ended_on")))


@declare(
    family="SC",
    kind="process",
    sentence="The community practitioner was allocated {d} days before release.",
    feeds=("supervisions", "allocations"),
    source="Press reporting of an inquest (nine days); inspectorate's blog, February 2023",
    value=(pl.lit(ALLOCATION_DAYS) - pl.col("notice").max().clip(0)).clip(0),
    words={"d": pl.col("notice").max().clip(0)},
)
def late_allocation_before_release(known: Known) -> pl.LazyFrame:
    """How many days short of 28 before the latest release, in the last 365 days, the first practitioner
    was allocated; all 28 where that was after release.
    """
    rows = _releases(known, 365)
    held = entries(known, "allocations").select(*CASE, held_on=pl.col("occurred_on"))
    notice = (pl.col("occurred_on") - pl.col("held_on")).dt.total_days()
    dated = rows.join(held, on=CASE, how="inner").with_columns(notice=notice)
    longest = dated.sort("notice").unique(CASE, keep="last", maintain_order=True)
    return longest.filter(pl.col("notice") < ALLOCATION_DAYS)


@declare(
    family="MA",
    kind="process",
    sentence="The referral to MAPPA or approved premises was made {w} weeks before release; six months "
    "are expected.",
    feeds=("supervisions", "documents"),
    source=f"{SFO_REVIEW}, sections 5 and 9",
    value=(pl.lit(REFERRAL_WEEKS) - pl.col("weeks").max()).clip(0),
    words={"w": pl.col("weeks").max()},
)
def mappa_or_ap_referral_late(known: Known) -> pl.LazyFrame:
    """How many weeks short of 26 before the latest release, in the last 365 days, the first referral of
    the two years before was made.
    """
    rows = entries(known, "documents", one_of("kind", ["mappa_referral", "ap_referral"]))
    dated = rows.join(released(known, 365), on=CASE, how="inner")
    ahead = (pl.col("released_on") - pl.col("occurred_on")).dt.total_days()
    dated = dated.filter(ahead.is_between(0, 730)).with_columns(weeks=ahead // 7)
    first = dated.sort("occurred_on", "record_id").unique(CASE, keep="first", maintain_order=True)
    return first.filter(pl.col("weeks") < REFERRAL_WEEKS)


@declare(
    family="MA",
    kind="process",
    sentence="{n} action[|s] set by MAPPA [is|are] outstanding, the oldest for {d} days.",
    feeds=("actions",),
    source=f"{SFO_REVIEW}, sections 4 and 13",
    words={"n": N, "d": pl.col("days").max()},
    disclosure="possible",
    disclosable_sentence="Actions that agencies agreed are outstanding.",
)
def mappa_actions_outstanding(known: Known) -> pl.LazyFrame:
    """Actions set by MAPPA, not done and past their date."""
    undone = entries(known, "actions", KIND == "mappa_action", pl.col("done_on").is_null())
    return undone.filter(pl.col("due_on") < pl.col("as_of"))


@declare(
    family="MA",
    kind="process",
    sentence="The case left MAPPA management on {date} with {n} action[|s] open.",
    feeds=("actions",),
    source=f"{SFO_REVIEW}, sections 4 and 13",
    words={"n": N, "date": pl.col("left_on").max()},
    disclosure="possible",
    disclosable_sentence="Actions that agencies agreed were left open.",
)
def mappa_exit_with_open_actions(known: Known) -> pl.LazyFrame:
    """Actions set by MAPPA before the latest exit, in the last 90 days, and not done by then."""
    left = latest(entries(known, "actions", KIND == "mappa_exit", within(90)))
    exits = left.select(*CASE, left_on=pl.col("occurred_on"))
    rows = entries(known, "actions", KIND == "mappa_action").join(exits, on=CASE, how="inner")
    undone = pl.col("done_on").is_null() | (pl.col("done_on") > pl.col("left_on"))
    return rows.filter(pl.col("occurred_on") <= pl.col("left_on"), undone)


@declare(
    family="CC",
    kind="process",
    sentence="{n} entr[y|ies] received while no case was open [has|have] not been considered in an "
    "assessment since.",
    feeds=("supervisions", "incidents", "assessments"),
    source=f"{CORONER_JANUARY}, section on offender records; an inspectorate review as reported",
    disclosure="likely",
    disclosable_sentence="Earlier information has not been considered.",
)
def closed_case_information_unreviewed(known: Known) -> pl.LazyFrame:
    """Incidents between the end of earlier supervision and the start of the latest order or licence,
    with no assessment completed since.
    """
    start = supervision_start(known)
    earlier = entries(known, "supervisions").join(start, on=CASE, how="inner")
    before = earlier.filter(pl.col("occurred_on") < pl.col("started_on"))
    ended = before.group_by(CASE).agg(
        closed_on=pl.col("ended_on").max(), still_open=pl.col("ended_on").is_null().any()
    )
    gap = ended.filter(~pl.col("still_open")).join(start, on=CASE)
    rows = entries(known, "incidents").join(gap, on=CASE, how="inner")
    inside = (pl.col("occurred_on") > pl.col("closed_on")) & (
        pl.col("occurred_on") < pl.col("started_on")
    )
    return never_followed_by(rows.filter(inside), completed_assessments(known))
