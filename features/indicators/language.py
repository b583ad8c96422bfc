"""The few words indicators are declared in: entries of a kind, within, since, not followed by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import polars as pl

from features import codes, records
from features.asof import CASE, Known, latest, once
from features.lean import Unread
from features.levels import level_column
from features.working_days import days_after

N = pl.len()
EVER = 100_000
"""More days than any record has: whenever since."""
FIRST = pl.col("occurred_on").min()
LAST = pl.col("occurred_on").max()

ORDERS = ("community_order", "suspended_sentence", "licence")
SERIOUS_INCIDENTS = ("violence", "threat", "weapon", "domestic_abuse", "sexual")
HARMFUL_INCIDENTS = (*SERIOUS_INCIDENTS, "sexual_concern_child")
CONCERNS = ("provider_concern", "intelligence", "custody_intelligence")
"""Information that is about somebody only where it says whom."""

NEW_RELATIONSHIP = (pl.col("kind") == "relationship") & (pl.col("state") == "new")
NOT_SAID_TO_HAVE_ENDED = pl.col("state").ne_missing("ended")

MENTAL_HEALTH = ("mental_health_decline", "relapse_sign")
SUSPENDED = "PRC"
"""The register of the two-thirds point, from which contact is suspended."""

LEVEL_RANK = {level: rank for rank, level in enumerate(codes.LEVEL_ORDER, start=1)}
_LEVEL_WORDS = {rank: level.replace("_", " ").lower() for level, rank in LEVEL_RANK.items()}


def one_of(column: str, wanted: Iterable[str]) -> pl.Expr:
    """The code is one of those wanted."""
    return _one_of(column, tuple(wanted))


@cache
def _one_of(column: str, wanted: tuple[str, ...]) -> pl.Expr:
    # Made once: for a single case, making conditions takes about as long as looking them up.
    return pl.col(column).is_in(wanted)


CALLS_TO_OTHERS = ("CT3B", "CM3A", "CM3B")
UNREAD_CONTACTS = tuple(
    code
    for group in ("administrative", "echo_of_level", "assessment", "correspondence")
    for code in codes.CONTACT_GROUPS[group]
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
    "reviews": Unread(pl.lit(value=False)),
}
"""What values need not read: marks of entries, most of the longest table, people and reviews."""


def entries(known: Known, table: str, *conditions: pl.Expr) -> pl.LazyFrame:
    """The rows of a table, as known, that meet every condition; `counts_on`: see there."""
    rows = known.scan(table).filter(*conditions)
    return rows.with_columns(counts_on=counts_on(), table=pl.lit(table))


RECORDED_LATE = 14
"""More days than this between an entry's day and the record, and nobody could act on it before."""


@cache
def counts_on() -> pl.Expr:
    """The day from which an answer can be asked for: that of the entry or, where it first reached the
    record more than RECORDED_LATE days later, the day that it did.
    """
    reached = pl.col("first_recorded_at").dt.date()
    late = (reached - pl.col("occurred_on")).dt.total_days() > RECORDED_LATE
    return pl.when(late).then(reached).otherwise(pl.col("occurred_on"))


@cache
def within(days: int) -> pl.Expr:
    """The entry is about one of the last `days` days, today included."""
    return pl.col("days") < days


@cache
def counts_within(days: int) -> pl.Expr:
    """The entry counts from one of the last `days` days: what became known late is not old."""
    return (pl.col("as_of") - counts_on()).dt.total_days() < days


@cache
def known_within(days: int) -> pl.Expr:
    """The entry first reached the record in the last `days` days, whatever day it is about."""
    reached = pl.col("first_recorded_at").dt.date()
    return (pl.col("as_of") - reached).dt.total_days() < days


@cache
def contact(*groups: str) -> pl.Expr:
    """The contact is of one of the named groups of types (`codes.CONTACT_GROUPS`)."""
    wanted = [code for group in groups for code in codes.CONTACT_GROUPS[group]]
    return one_of("type_code", wanted)


@cache
def non_compliant() -> pl.Expr:
    """The contact is a breach that was not excused, or an appointment missed or failed without
    acceptable reason.
    """
    excused = one_of("outcome_code", codes.EXCUSED).fill_null(value=False)
    breach = one_of("type_code", codes.BREACH_CONTACTS) & ~excused
    return one_of("outcome_code", codes.NON_COMPLIANT) | breach


@once
def by_group(known: Known) -> pl.LazyFrame:
    """Incidents with the risk `group` of who was or could be harmed.

    Where that is nobody in particular or not said, by the kind: sexual concern about a child is about
    children, domestic abuse about known adults, other harmful behaviour about the public. Of other
    kinds nobody in particular is the public, and what is not said stays null.
    """
    return entries(known, "incidents").with_columns(group=_GROUP)


_GROUP_OF_KIND = {
    **dict.fromkeys(SERIOUS_INCIDENTS, "public"), "domestic_abuse": "known_adult",
    "sexual_concern_child": "children",
}  # fmt: skip
_GROUP = pl.coalesce(
    pl.col("target").replace_strict(codes.GROUP_OF_TARGET, default=None),
    pl.col("kind").replace_strict(_GROUP_OF_KIND, default=None),
    pl.when(pl.col("target") == "none").then(pl.lit("public")),
)


def concerning(known: Known) -> pl.LazyFrame:
    """Harmful incidents, and information that says whom it is about, by risk group."""
    named = one_of("kind", CONCERNS) & one_of("target", codes.GROUP_OF_TARGET)
    return by_group(known).filter(one_of("kind", HARMFUL_INCIDENTS) | named)


@once
def orders_and_licences(known: Known) -> pl.LazyFrame:
    """Every order and licence, whether or not it has ended."""
    return entries(known, "supervisions", one_of("kind", ORDERS))


def _current(known: Known) -> pl.LazyFrame:
    """The orders and licences in force, or ended in the last year."""
    since = (pl.col("as_of") - pl.col("ended_on")).dt.total_days()
    return orders_and_licences(known).filter(pl.col("ended_on").is_null() | (since < 365))


@once
def supervised_since(known: Known) -> pl.LazyFrame:
    """The start of the earliest order or licence in force, or ended in the last year: CASE,
    supervised_since.

    Another order that begins does not move it: a licence stays a licence.
    """
    return _current(known).group_by(CASE).agg(supervised_since=pl.col("occurred_on").min())


def under_supervision(known: Known, rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows since the earliest order or licence in force, or ended in the last year, began."""
    dated = rows.join(supervised_since(known), on=CASE, how="inner")
    return dated.filter(pl.col("occurred_on") >= pl.col("supervised_since"))


@once
def starts(known: Known) -> pl.LazyFrame:
    """The days on which an order or licence in force, or ended in the last year, began: CASE,
    started_on, started_as.
    """
    rows = _current(known)
    return rows.select(*CASE, started_on="occurred_on", started_as="kind").unique()


def rank_of(column: str, scale: Sequence[str] = codes.LEVEL_ORDER) -> pl.Expr:
    """The rank of a code on a scale, a level from 1 (low) to 4; null where it is none of the scale."""
    place = pl.col(column).cast(pl.Enum(scale), strict=False).to_physical()
    return place.cast(pl.Int64) + 1


@once
def overall_ranks(known: Known) -> pl.LazyFrame:
    """Completed assessments with their `overall` rank, as official statistics have it: that of the
    highest community level.
    """
    highest = pl.max_horizontal(rank_of(f"{g}_community") for g in codes.COMMUNITY_GROUPS)
    return completed_assessments(known).with_columns(overall=highest)


@once
def overall_now(known: Known) -> pl.LazyFrame:
    """The overall rank of the latest completed assessment that gives one: CASE, now (1 to 4), done_on.

    One without any level says nothing of what was said before.
    """
    rated = overall_ranks(known).filter(pl.col("overall").is_not_null())
    last = latest(rated, by="completed_on")
    return last.select(*CASE, now="overall", done_on="completed_on")


@once
def levels_said(known: Known) -> pl.LazyFrame:
    """The level that was last said of each risk group in a completed assessment: CASE, group, level."""
    columns = {level_column(group): group for group in codes.RISK_GROUPS}
    done = completed_assessments(known).sort(*CASE, "completed_on", "record_id").rename(columns)
    last = done.group_by(CASE).agg(pl.col(*columns.values()).drop_nulls().last())
    said = last.unpivot(index=CASE, variable_name="group", value_name="level")
    return said.filter(pl.col("level").is_not_null())


def level_word(rank: pl.Expr) -> pl.Expr:
    """The level of a rank, in words."""
    return rank.replace_strict(_LEVEL_WORDS, default="unknown", return_dtype=pl.String)


@once
def suspended(known: Known) -> pl.LazyFrame:
    """The cases whose contact is suspended on the date: CASE, suspended_from.

    Every order and licence in force says so, or the register of the two-thirds point (`PRC`) does.
    """
    running = in_force(known, "supervisions", one_of("kind", ORDERS))
    begun = (pl.col("suspended_from") <= pl.col("as_of")).fill_null(value=False)
    throughout = running.group_by(CASE).agg(
        suspended=begun.all(), suspended_from=pl.col("suspended_from").max()
    ).filter("suspended")  # fmt: skip
    register = in_force(known, "registrations", one_of("type_code", [SUSPENDED]))
    since = register.select(*CASE, suspended_from="occurred_on")
    both = pl.concat([throughout.select(*CASE, "suspended_from"), since])
    return both.group_by(CASE).agg(pl.col("suspended_from").min())


ALWAYS_DUE = one_of("type_code", codes.BREACH_CONTACTS)
"""A curfew, a zone and the rules of a hostel hold while contact is suspended."""


def while_contact_was_due(known: Known, rows: pl.LazyFrame) -> pl.LazyFrame:
    """The contacts of days on which contact was due: suspended contact is not silence (promise 5).

    It was not due on a day on which every order and licence then in force had it suspended, or on
    which the register of the two-thirds point was active. Breaches of a curfew, a zone or the rules
    of a hostel count all the same.
    """
    sources = pl.concat([_suspending(known).select(CASE), _registered(known).select(CASE)])
    cases = sources.unique()
    dated = rows.join(cases, on=CASE, how="semi").with_row_index("_row")
    asked = dated.join(_running(known), on=CASE).filter(_during("_began", "_ended"))
    day = pl.col("occurred_on")
    asks = pl.col("_off").is_null() | (day < pl.col("_off"))
    by_orders = asked.group_by("_row").agg(asks=asks.any()).filter(~pl.col("asks"))
    by_register = dated.join(_registered(known), on=CASE).filter(
        day >= pl.col("_began"), pl.col("_ended").is_null() | (day < pl.col("_ended"))
    )
    off = pl.concat([by_orders.select("_row"), by_register.select("_row")]).unique()
    excused = dated.filter(~ALWAYS_DUE).join(off, on="_row", how="semi").select("_row")
    due = dated.join(excused, on="_row", how="anti").drop("_row")
    return pl.concat([rows.join(cases, on=CASE, how="anti"), due])


def _during(began: str, ended: str) -> pl.Expr:
    """The entry is about a day from one to the other, both included."""
    day = pl.col("occurred_on")
    return (pl.col(began) <= day) & (pl.col(ended).is_null() | (day <= pl.col(ended)))


def _running(known: Known) -> pl.LazyFrame:
    return orders_and_licences(known).select(
        *CASE, _began="occurred_on", _ended="ended_on", _off="suspended_from"
    )


def _suspending(known: Known) -> pl.LazyFrame:
    return orders_and_licences(known).filter(pl.col("suspended_from") <= pl.col("as_of"))


def _registered(known: Known) -> pl.LazyFrame:
    rows = entries(known, "registrations", one_of("type_code", [SUSPENDED]))
    return rows.select(*CASE, _began="occurred_on", _ended="ended_on")


def in_force(known: Known, table: str, *conditions: pl.Expr) -> pl.LazyFrame:
    """The rows of a table that have not ended and meet every condition.

    What was relaxed is in force still: a curfew that begins an hour later is a curfew.
    """
    return entries(known, table, pl.col("ended_on").is_null(), *conditions)


def curfews(known: Known) -> pl.LazyFrame:
    """The curfews in force, relaxed or not."""
    return in_force(known, "orders", pl.col("kind") == "curfew")


def releases(known: Known, days: int) -> pl.LazyFrame:
    """The releases on licence of the last so many days, as rows of `supervisions`."""
    return entries(known, "supervisions", pl.col("kind") == "licence", within(days))


def on_licence(known: Known, rows: pl.LazyFrame, *conditions: pl.Expr) -> pl.LazyFrame:
    """The rows on a day on which a licence was in force, whatever other order ran beside it.

    `conditions` may ask for a licence by `licence_ended_on`.
    """
    licences = orders_and_licences(known).filter(pl.col("kind") == "licence")
    spells = licences.select(
        *CASE, licence_began_on=pl.col("occurred_on"), licence_ended_on=pl.col("ended_on")
    )
    day, ended = pl.col("occurred_on"), pl.col("licence_ended_on")
    during = (day >= pl.col("licence_began_on")) & (ended.is_null() | (day <= ended))
    found = rows.join(spells, on=CASE, how="inner").filter(during, *conditions)
    return found.unique([*CASE, "record_id"])


def next_after(rows: pl.LazyFrame, others: pl.LazyFrame) -> pl.LazyFrame:
    """The rows with the first day, theirs or later, of another entry of the case: `next_on`."""
    return _next(rows, others, pl.col("occurred_on")).drop("_from").rename({"_next": "next_on"})


def not_near(
    rows: pl.LazyFrame, others: pl.LazyFrame, before: int, after: int, of: str = "occurred_on"
) -> pl.LazyFrame:
    """The rows with no other entry from `before` days before the day `of` them to `after` after."""
    found = _next(rows, others, pl.col(of) - pl.duration(days=before))
    gap = (pl.col("_next") - pl.col(of)).dt.total_days()
    return found.filter(pl.col("_next").is_null() | (gap > after)).drop("_from", "_next")


def _next(rows: pl.LazyFrame, others: pl.LazyFrame, since: pl.Expr) -> pl.LazyFrame:
    """The rows with the first day, on or after `since`, of another entry of the case: `_next`."""
    days = others.select(*CASE, _next=pl.col("occurred_on")).sort("_next")
    dated = rows.with_columns(_from=since).sort("_from")
    return dated.join_asof(
        days, left_on="_from", right_on="_next", by=CASE, strategy="forward",
        coalesce=False, check_sortedness=False,
    )  # fmt: skip


IS_LAST = (pl.col("case_date") != pl.col("case_date").shift(-1)).fill_null(value=True)
"""In rows sorted by case: the last row of its case."""


def before(value: pl.Expr) -> pl.Expr:
    """In rows sorted by case: the value of the row before, of the same case."""
    return pl.when(pl.col("case_date") == pl.col("case_date").shift(1)).then(value.shift(1))


def deadline(working_days: int, since: str = "occurred_on") -> pl.Expr:
    """The day so many working days after the entry (see `features.working_days`)."""
    return days_after(since, working_days)


def overdue(working_days: int, since: str = "occurred_on") -> pl.Expr:
    """More than so many working days have passed since the entry."""
    return deadline(working_days, since) < pl.col("as_of")


def not_followed_by(
    rows: pl.LazyFrame, answers: pl.LazyFrame, working_days: int, since: str = "counts_on"
) -> pl.LazyFrame:
    """The rows whose time for an answer passed without one; an answer on the day counts.

    The time runs from the day in the column `since`.
    """
    found = _next(rows.filter(overdue(working_days, since)), answers, pl.col(since))
    late = pl.col("_next").is_null() | (pl.col("_next") > deadline(working_days, since))
    return found.filter(late).drop("_from", "_next")


def never_followed_by(
    rows: pl.LazyFrame, answers: pl.LazyFrame, since: str = "counts_on"
) -> pl.LazyFrame:
    """The rows after which, on the day in the column `since` or later, no answer is on record."""
    last = answers.group_by(CASE).agg(answered_on=pl.col("occurred_on").max())
    answered = pl.col("answered_on")
    found = rows.join(last, on=CASE, how="left").filter(
        answered.is_null() | (answered < pl.col(since))
    )
    return found.drop("answered_on")


@once
def completed_assessments(known: Known) -> pl.LazyFrame:
    """Completed assessments by the day they were completed, as answers to an event."""
    return (
        known.scan("assessments")
        .filter(pl.col("status") == "COMPLETE", pl.col("completed_on").is_not_null())
        .with_columns(occurred_on=pl.col("completed_on"), table=pl.lit("assessments"))
    )
