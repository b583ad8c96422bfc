"""Conditions and steps in which indicators are declared: entries of a kind, windows, answers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import polars as pl

from features.contracts import codes, contact_codes, records
from features.history.asof import CASE, Histories, share_plan
from features.store.column_pruning import Unread
from features.working_days import days_after

N = pl.len()
EVER = 100_000
"""More days than any record has: whenever since."""
FIRST = pl.col("occurred_on").min()
LAST = pl.col("occurred_on").max()

SERIOUS_INCIDENTS = ("violence", "threat", "weapon", "domestic_abuse", "sexual")
HARMFUL_INCIDENTS = (*SERIOUS_INCIDENTS, "sexual_concern_child", "civil_order_breach")
CONCERNS = ("provider_concern", "intelligence", "custody_intelligence")
"""Kinds of information that count for a group only where the entry names the group."""

NEW_RELATIONSHIP = (pl.col("kind") == "relationship") & (pl.col("state") == "new")
NOT_SAID_TO_HAVE_ENDED = pl.col("state").ne_missing("ended")

MENTAL_HEALTH = ("mental_health_decline", "relapse_sign")


def one_of(column: str, values: Iterable[str]) -> pl.Expr:
    """An expression: the code in the column is one of the given codes."""
    return _one_of(column, tuple(values))


@cache
def _one_of(column: str, values: tuple[str, ...]) -> pl.Expr:
    # Made once: for a single case, making conditions takes about as long as looking them up.
    return pl.col(column).is_in(values)


CALLS_TO_OTHERS = ("CT3B", "CM3A", "CM3B")
UNREAD_CONTACTS = tuple(
    code
    for group in ("administrative", "echo_of_level", "assessment", "correspondence")
    for code in contact_codes.CONTACT_GROUPS[group]
    if code not in CALLS_TO_OTHERS
)
"""Contact types that no indicator reads, unless the contact has an outcome."""
READ_CONTACTS = ~one_of("type_code", UNREAD_CONTACTS) | pl.col("outcome_code").is_not_null()
_MARKS = ("source_system", "certainty", "disputed", "disclosable", "supplied_version", "load")
LEAN = {
    **{name: Unread(without=_MARKS) for name in records.TABLES},
    "contacts": Unread(
        READ_CONTACTS,
        (*_MARKS, "note", "staff_code", "system_generated"),
        ("type_code", "outcome_code", "enforcement_code"),
    ),
    "people": Unread(pl.lit(value=False)),
    "offences": Unread(pl.lit(value=False)),
    "reviews": Unread(pl.lit(value=False)),
    "note_entries": Unread(pl.lit(value=False)),
}
"""What values need not read: marks of entries, most of the longest table, people,
offences, reviews and entries of notes.
"""


def matching_entries(histories: Histories, table: str, *conditions: pl.Expr) -> pl.LazyFrame:
    """The rows of a table that meet every condition, with the column `counts_on`."""
    rows = histories.scan(table).with_columns(counts_on=counts_on(), table=pl.lit(table))
    return rows.filter(*conditions)


RECORDED_LATE = 14
"""More days than this between an entry's day and the record, and nobody could act on it before."""


@cache
def counts_on() -> pl.Expr:
    """An expression: the entry's day or, if recorded over RECORDED_LATE days later, that day."""
    reached = pl.col("first_recorded_at").dt.date()
    late = (reached - pl.col("occurred_on")).dt.total_days() > RECORDED_LATE
    return pl.when(late).then(reached).otherwise(pl.col("occurred_on"))


@cache
def within_days(days: int) -> pl.Expr:
    """An expression: the entry's own day is in the last `days` days, the as-of date included."""
    return pl.col("days") < days


@cache
def counts_within(days: int) -> pl.Expr:
    """An expression: `counts_on` is in the last `days` days, so that late records still count."""
    return (pl.col("as_of") - pl.col("counts_on")).dt.total_days() < days


@cache
def known_within(days: int) -> pl.Expr:
    """An expression: the entry was first recorded in the last `days` days, whatever its own day."""
    reached = pl.col("first_recorded_at").dt.date()
    return (pl.col("as_of") - reached).dt.total_days() < days


@cache
def contact_of(*groups: str) -> pl.Expr:
    """An expression: the contact's type is in one of the named groups of contact types."""
    codes = [code for group in groups for code in contact_codes.CONTACT_GROUPS[group]]
    return one_of("type_code", codes)


@cache
def non_compliant() -> pl.Expr:
    """An expression: the contact is a breach not excused, or an unacceptable absence or failure."""
    excused = one_of("outcome_code", contact_codes.EXCUSED).fill_null(value=False)
    breach = one_of("type_code", contact_codes.BREACH_CONTACTS) & ~excused
    return one_of("outcome_code", contact_codes.NON_COMPLIANT) | breach


@share_plan
def by_group(histories: Histories) -> pl.LazyFrame:
    """Incidents, each with the risk `group` of the person who was or could be harmed.

    Where no group is recorded, it follows from the kind: sexual concern about a child is about
    children, domestic abuse and the breach of a court order about known adults (most such orders
    protect one), other harmful behaviour about the public. Of other kinds "nobody in particular" is
    the public, and a missing group stays null.
    """
    return matching_entries(histories, "incidents").with_columns(group=_GROUP)


_GROUP_OF_KIND = {
    **dict.fromkeys(SERIOUS_INCIDENTS, "public"),
    "domestic_abuse": "known_adult",
    "sexual_concern_child": "children",
    "civil_order_breach": "known_adult",
}
_GROUP = pl.coalesce(
    pl.col("target").replace_strict(codes.GROUP_OF_TARGET, default=None),
    pl.col("kind").replace_strict(_GROUP_OF_KIND, default=None),
    pl.when(pl.col("target") == "none").then(pl.lit("public")),
)


def concerning_groups(histories: Histories) -> pl.LazyFrame:
    """Harmful incidents by risk group, with information that names the person it is about."""
    named = one_of("kind", CONCERNS) & one_of("target", codes.GROUP_OF_TARGET)
    return by_group(histories).filter(one_of("kind", HARMFUL_INCIDENTS) | named)


def in_force(histories: Histories, table: str, *conditions: pl.Expr) -> pl.LazyFrame:
    """The rows of a table that have not ended and meet every condition.

    What was relaxed is in force still: a curfew that begins an hour later is a curfew.
    """
    return matching_entries(histories, table, pl.col("ended_on").is_null(), *conditions)


def next_after(rows: pl.LazyFrame, others: pl.LazyFrame) -> pl.LazyFrame:
    """Each row with `next_on`: the first day, its own or later, of another entry of the case."""
    return (
        _with_next_day(rows, others, pl.col("occurred_on"))
        .drop("_from")
        .rename({"_next": "next_on"})
    )


def not_near(
    rows: pl.LazyFrame, others: pl.LazyFrame, before: int, after: int, of: str = "occurred_on"
) -> pl.LazyFrame:
    """The rows without another entry from `before` days before to `after` days after `of`."""
    nearest = _with_next_day(rows, others, pl.col(of) - pl.duration(days=before))
    gap = (pl.col("_next") - pl.col(of)).dt.total_days()
    return nearest.filter(pl.col("_next").is_null() | (gap > after)).drop("_from", "_next")


def _with_next_day(rows: pl.LazyFrame, others: pl.LazyFrame, since: pl.Expr) -> pl.LazyFrame:
    """Each row with `next_on`: the first day, on or after `since`, of another entry of the case."""
    days = others.select(*CASE, _next=pl.col("occurred_on")).sort("_next")
    dated = rows.with_columns(_from=since).sort("_from")
    return dated.join_asof(
        days,
        left_on="_from",
        right_on="_next",
        by=CASE,
        strategy="forward",
        coalesce=False,
        check_sortedness=False,
    )


IS_LAST = (pl.col("case_date") != pl.col("case_date").shift(-1)).fill_null(value=True)
"""In rows sorted by case: the last row of its case."""


def value_before(value: pl.Expr) -> pl.Expr:
    """An expression: the value in the row before, of the same case, in rows sorted by case."""
    return pl.when(pl.col("case_date") == pl.col("case_date").shift(1)).then(value.shift(1))


def working_day_deadline(working_days: int, since: str = "occurred_on") -> pl.Expr:
    """An expression: the date the given number of working days after `since`."""
    return days_after(since, working_days)


def is_overdue(working_days: int, since: str = "occurred_on") -> pl.Expr:
    """An expression: more than the given number of working days have passed since `since`."""
    return working_day_deadline(working_days, since) < pl.col("as_of")


def not_followed_by(
    rows: pl.LazyFrame, answers: pl.LazyFrame, working_days: int, since: str = "counts_on"
) -> pl.LazyFrame:
    """The rows not answered within the given number of working days after `since`, and now overdue.

    The time runs from the day in the column `since`.
    """
    following = _with_next_day(rows.filter(is_overdue(working_days, since)), answers, pl.col(since))
    late = pl.col("_next").is_null() | (pl.col("_next") > working_day_deadline(working_days, since))
    return following.filter(late).drop("_from", "_next")


def never_followed_by(
    rows: pl.LazyFrame, answers: pl.LazyFrame, since: str = "counts_on"
) -> pl.LazyFrame:
    """The rows without any answer on record on or after the day in the column `since`."""
    last = answers.group_by(CASE).agg(answered_on=pl.col("occurred_on").max())
    answered = pl.col("answered_on")
    unanswered = rows.join(last, on=CASE, how="left").filter(
        answered.is_null() | (answered < pl.col(since))
    )
    return unanswered.drop("answered_on")


@share_plan
def completed_assessments(histories: Histories) -> pl.LazyFrame:
    """Completed assessments dated by their completion, as answers to an event."""
    return (
        histories.scan("assessments")
        .filter(pl.col("status") == "COMPLETE", pl.col("completed_on").is_not_null())
        .with_columns(occurred_on=pl.col("completed_on"), table=pl.lit("assessments"))
    )
