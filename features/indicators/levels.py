"""AQ and RG, continued: the level beside its own history, the documents and the registers."""

from __future__ import annotations

import polars as pl

from features.contracts import codes
from features.history.asof import CASE, CASE_GROUP, Histories
from features.history.recorded_levels import current_assessment, level_column
from features.indicators.answers import answers_to
from features.indicators.base import declare_indicator
from features.indicators.language import (
    N,
    completed_assessments,
    concerning_groups,
    counts_within,
    in_force,
    matching_entries,
    never_followed_by,
    one_of,
    value_before,
    within_days,
    working_day_deadline,
)
from features.indicators.orders import ORDERS
from features.indicators.ranks import level_word, overall_now, overall_ranks, rank_of

SFO_REVIEW = "Independent serious further offence review (HM Inspectorate of Probation)"
CORONER_OCTOBER = "Chief Probation Officer's response to a coroner, October 2024"
CORONER_JANUARY = "Chief Probation Officer's response to a coroner, January 2024"
KIND = pl.col("kind")


@declare_indicator(
    family="AQ",
    kind="process",
    sentence="The initial assessment is overdue by {d} days.",
    feeds=("supervisions", "assessments"),
    source=f"{SFO_REVIEW}, section 10: 15 working days from the start",
    value=pl.col("late").max(),
    words={"d": pl.col("late").max()},
)
def initial_assessment_overdue(histories: Histories) -> pl.LazyFrame:
    """Days past 15 working days from the start of an order or licence in force after which no
    assessment has been completed; of several, the longest.
    """
    rows = in_force(histories, "supervisions", one_of("kind", ORDERS))
    assessed = answers_to(histories, "initial_assessment_overdue")
    undone = never_followed_by(rows, assessed, since="occurred_on")
    late = (pl.col("as_of") - working_day_deadline(15)).dt.total_days()
    return undone.with_columns(late=late).filter(pl.col("late") > 0)


@declare_indicator(
    family="AQ",
    kind="process",
    sentence="The level for this group was given again after {n} event[|s] that concern[s|] this group.",
    feeds=("assessments", "incidents"),
    source=f"{SFO_REVIEW}, sections 5 and 12",
    per_group=True,
    disclosure="possible",
    disclosable_sentence="The level stayed the same although events are on record.",
)
def rosh_unchanged_despite_events(histories: Histories) -> pl.LazyFrame:
    """Harmful behaviour concerning the group, and intelligence or a provider's concern that says whom it
    is about, known for less than 730 days, after which a completed assessment gave the group the level
    that it had before. Giving it once more takes nothing away.
    """
    events = concerning_groups(histories).filter(counts_within(730))
    between = pl.col("counts_on").is_between("since", "until", closed="right")
    return events.join(_same_level(histories), on=CASE_GROUP, how="inner").filter(between)


def _same_level(histories: Histories) -> pl.LazyFrame:
    """From which to which completed assessment a group has had the level last given: CASE, group,
    since, until. An assessment that gives the group no level is passed over.
    """
    completed = completed_assessments(histories).sort(*CASE, "completed_on", "record_id")
    day, parts = pl.col("completed_on"), []
    for group in codes.RISK_GROUPS:
        level = pl.col(level_column(group))
        rated = completed.filter(level.is_not_null())
        first = rated.filter(level.ne_missing(value_before(level)))
        since = first.group_by(CASE).agg(since=day.last())
        until = rated.group_by(CASE).agg(until=day.last())
        parts.append(since.join(until, on=CASE).with_columns(group=pl.lit(group)))
    return pl.concat(parts)


TOPICS: dict[str, tuple[str, pl.Expr]] = {
    "weapons": ("mentions_weapons", KIND == "weapon"),
    "domestic abuse": ("mentions_domestic_abuse", KIND == "domestic_abuse"),
    "sexual behaviour": (
        "mentions_sexual_behaviour",
        one_of("kind", ["sexual", "sexual_concern_child"]),
    ),
    "violence to staff": (
        "mentions_staff_violence",
        one_of("kind", ["violence", "threat"]) & (pl.col("target") == "staff"),
    ),
}


def _unmentioned_incidents(histories: Histories, column: str, behaviour: pl.Expr) -> pl.LazyFrame:
    """Incidents before the latest completed assessment, which says it does not mention them."""
    silent = current_assessment(histories).filter(pl.col(column) == pl.lit(value=False))
    rows = matching_entries(histories, "incidents", behaviour)
    dated = rows.join(silent.select(*CASE, "completed_on"), on=CASE, how="inner")
    return dated.filter(pl.col("occurred_on") <= pl.col("completed_on"))


@declare_indicator(
    family="WI",
    kind="process",
    sentence="Weapons are on the record (last on {date}) and the analysis does not mention them.",
    feeds=("assessments", "incidents"),
    source=f"{CORONER_OCTOBER}, section 3; inspectorate annual report 2022/23",
    words={"n": N, "date": pl.col("occurred_on").max()},
    disclosure="possible",
    disclosable_sentence="Past behaviour is not reflected in the analysis.",
)
def weapon_history_missing_from_rosh(histories: Histories) -> pl.LazyFrame:
    """Weapon incidents, at any time before, while the latest completed assessment says that it does
    not mention weapons.
    """
    return _unmentioned_incidents(histories, "mentions_weapons", KIND == "weapon")


@declare_indicator(
    family="AQ",
    kind="process",
    sentence="The analysis does not mention what is on record: {topics}.",
    feeds=("assessments", "incidents"),
    source=f"{CORONER_OCTOBER}, section 3; {SFO_REVIEW}, section 10; inspectorate annual report "
    "2022/23",
    value=pl.col("topic").n_unique(),
    words={"topics": pl.col("topic").unique()},
    disclosure="possible",
    disclosable_sentence="Past behaviour is not reflected in the analysis.",
)
def assessment_narrower_than_history(histories: Histories) -> pl.LazyFrame:
    """Topics among weapons, domestic abuse, sexual behaviour and violence to staff that happened
    before it was completed and that the latest completed assessment says it does not mention.
    """
    parts = [
        _unmentioned_incidents(histories, column, behaviour).with_columns(topic=pl.lit(topic))
        for topic, (column, behaviour) in TOPICS.items()
    ]
    return pl.concat(parts)


@declare_indicator(
    family="RC",
    kind="process",
    sentence="Sexual behaviour of concern is on record (last on {date}) and the analysis does not "
    "mention it.",
    feeds=("assessments", "incidents"),
    source=f"{SFO_REVIEW}, section 10",
    groups=("public", "known_adult", "staff"),
    words={"n": N, "date": pl.col("occurred_on").max()},
    disclosure="possible",
    disclosable_sentence="Past behaviour is not reflected in the analysis.",
)
def sexually_inappropriate_behaviour_unanalysed(histories: Histories) -> pl.LazyFrame:
    """Sexual behaviour of concern, at any time before, while the latest completed assessment says that it does
    not mention it.
    """
    return _unmentioned_incidents(histories, "mentions_sexual_behaviour", KIND == "sexual")


def _stating_another_level(histories: Histories, *conditions: pl.Expr) -> pl.LazyFrame:
    """Documents that state an overall level other than that of the latest assessment."""
    rows = matching_entries(histories, "documents", *conditions).with_columns(
        stated=rank_of("level")
    )
    return rows.join(overall_now(histories), on=CASE, how="inner").filter(
        pl.col("stated") != pl.col("now")
    )


_LEVELS_IN_WORDS = {
    "n": N,
    "stated": level_word(pl.col("stated").last()),
    "level": level_word(pl.col("now").last()),
    "date": pl.col("occurred_on").max(),
}


@declare_indicator(
    family="AQ",
    kind="process",
    sentence="A document of {date} says {stated}; the assessment says {level}.",
    feeds=("assessments", "documents"),
    source=f"{CORONER_OCTOBER}, sections 3 and 5",
    words=_LEVELS_IN_WORDS,
)
def level_inconsistent_between_documents(histories: Histories) -> pl.LazyFrame:
    """Documents of the last 90 days, other than referrals to partners, that state another overall
    level than the latest completed assessment and are not older than it, or a higher one and are at
    most 30 days older.
    """
    ours = KIND.ne("agency_referral")
    rows = _stating_another_level(histories, ours, within_days(90)).sort("occurred_on", "record_id")
    ahead = (pl.col("done_on") - pl.col("occurred_on")).dt.total_days()
    return rows.filter((ahead <= 0) | ((ahead <= 30) & (pl.col("stated") > pl.col("now"))))


@declare_indicator(
    family="MA",
    kind="process",
    sentence="A partner agency was told {stated} on {date}; the assessment says {level}.",
    feeds=("assessments", "documents"),
    source=f"{CORONER_OCTOBER}, section 5",
    groups=("public", "known_adult"),
    words=_LEVELS_IN_WORDS,
)
def partner_given_outdated_risk(histories: Histories) -> pl.LazyFrame:
    """Referrals to partner agencies of the last 90 days that state another overall level than the
    latest completed assessment.
    """
    theirs = KIND.eq("agency_referral")
    return _stating_another_level(histories, theirs, within_days(90)).sort(
        "occurred_on", "record_id"
    )


@declare_indicator(
    family="AQ",
    kind="process",
    sentence="An earlier assessment ({date}) gave {before}; the current one gives {level}.",
    feeds=("assessments",),
    source="RoSH screening form: 'assessed high on a previous occasion'; actuarial service source: "
    "highest level over all assessments",
    value=(pl.col("overall") - pl.col("now")).max(),
    words={
        "n": N,
        "date": pl.col("completed_on").filter(pl.col("overall") == pl.col("overall").max()).max(),
        "before": level_word(pl.col("overall").max()),
        "level": level_word(pl.col("now").max()),
    },
)
def level_lower_than_previous_high(histories: Histories) -> pl.LazyFrame:
    """How many levels the highest overall level ever recorded, high or more, lies above the current
    one.
    """
    above = overall_ranks(histories).join(overall_now(histories), on=CASE, how="inner")
    return above.filter(pl.col("overall") >= 3, pl.col("overall") > pl.col("now"))


REGISTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "domestic_abuse": ("known_adult", ("ADVP", "REG30")),
    "weapon": ("public", ("WEAP",)),
    "sexual_concern_child": ("children", ("RCCO", "RCPR")),
}


@declare_indicator(
    family="RG",
    kind="process",
    sentence="What is on record ({kinds}) meets the description of a register that is not active.",
    feeds=("incidents", "registrations"),
    source=f"{CORONER_JANUARY}, section on registers; {CORONER_OCTOBER}, section 8",
    groups=("children", "public", "known_adult"),
    per_group=True,
    words={"n": N, "kinds": pl.col("kind").replace(codes.INCIDENT_KINDS).unique()},
    disclosure="possible",
    disclosable_sentence="A register that events on record call for is not active.",
)
def expected_register_missing(histories: Histories) -> pl.LazyFrame:
    """Domestic abuse, weapons or sexual concern about a child, known for less than 365 days, without an
    active register of that kind (domestic abuse; weapons; child concerns or child protection).
    """
    active = histories.scan("registrations").filter(pl.col("ended_on").is_null())
    parts = []
    for kind, (group, registers) in REGISTERS.items():
        has = active.filter(one_of("type_code", registers)).select(CASE).unique()
        rows = matching_entries(histories, "incidents", one_of("kind", [kind]), counts_within(365))
        parts.append(rows.join(has, on=CASE, how="anti").with_columns(group=pl.lit(group)))
    return pl.concat(parts)
