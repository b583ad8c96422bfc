"""The few words indicators are declared in: entries of a kind, within, since, not followed by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import polars as pl

from features import codes, records
from features.asof import CASE, Known, latest, once
from features.lean import Unread

N = pl.len()
FIRST = pl.col("occurred_on").min()
LAST = pl.col("occurred_on").max()

ORDERS = ("community_order", "suspended_sentence", "licence")
SERIOUS_INCIDENTS = ("violence", "threat", "weapon", "domestic_abuse", "sexual")
HARMFUL_INCIDENTS = (*SERIOUS_INCIDENTS, "sexual_concern_child")

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
    """The rows of a table, as known, that meet every condition."""
    return known.scan(table).filter(*conditions).with_columns(table=pl.lit(table))


@cache
def within(days: int) -> pl.Expr:
    """The entry is about one of the last `days` days, today included."""
    return pl.col("days") < days


@cache
def contact(*groups: str) -> pl.Expr:
    """The contact is of one of the named groups of types (`codes.CONTACT_GROUPS`)."""
    wanted = [code for group in groups for code in codes.CONTACT_GROUPS[group]]
    return one_of("type_code", wanted)


@cache
def non_compliant() -> pl.Expr:
    """The contact is a breach, or an appointment missed or failed without acceptable reason."""
    return one_of("outcome_code", codes.NON_COMPLIANT) | one_of("type_code", codes.BREACH_CONTACTS)


@once
def by_group(known: Known) -> pl.LazyFrame:
    """Incidents with the risk `group` of who was or could be harmed; nobody in particular: public.

    The group is null where the target is not one of ours.
    """
    return entries(known, "incidents").with_columns(group=_GROUP_OF_TARGET)


_GROUP_OF_TARGET = pl.col("target").replace_strict(
    {**codes.GROUP_OF_TARGET, "none": "public"}, default=None
)


@once
def latest_order(known: Known) -> pl.LazyFrame:
    """The latest order or licence of each case, whether or not it has ended."""
    return latest(entries(known, "supervisions", one_of("kind", ORDERS)))


def supervision_start(known: Known) -> pl.LazyFrame:
    """The start of the latest order or licence of each case: CASE, started_on, started_as."""
    return latest_order(known).select(*CASE, started_on="occurred_on", started_as="kind")


def since_start(known: Known, rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows on or after the start of the latest order or licence; all, where none is known."""
    dated = rows.join(supervision_start(known), on=CASE, how="left")
    started = pl.col("started_on")
    return dated.filter(started.is_null() | (pl.col("occurred_on") >= started))


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
    """The overall rank of the latest completed assessment: CASE, now (1 to 4), done_on."""
    last = latest(overall_ranks(known), by="completed_on")
    found = last.select(*CASE, now="overall", done_on="completed_on")
    return found.filter(pl.col("now").is_not_null())


def level_word(rank: pl.Expr) -> pl.Expr:
    """The level of a rank, in words."""
    return rank.replace_strict(_LEVEL_WORDS, default="unknown", return_dtype=pl.String)


@once
def suspended(known: Known) -> pl.LazyFrame:
    """The keys whose contact is suspended on the date: CASE, suspended_from.

    Said by the order itself, or by the register of the two-thirds point (`PRC`), whichever is first.
    """
    begun = in_force(known, "supervisions", pl.col("suspended_from") <= pl.col("as_of"))
    register = in_force(known, "registrations", one_of("type_code", [SUSPENDED]))
    since = register.select(*CASE, suspended_from=pl.col("occurred_on"))
    both = pl.concat([begun.select(*CASE, "suspended_from"), since])
    return both.group_by(CASE).agg(pl.col("suspended_from").min())


def while_contact_was_due(known: Known, rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows before contact was suspended: suspended contact is not silence (promise 5)."""
    dated = rows.join(suspended(known), on=CASE, how="left")
    return dated.filter(
        pl.col("suspended_from").is_null() | (pl.col("occurred_on") < pl.col("suspended_from"))
    )


def in_force(known: Known, table: str, *conditions: pl.Expr) -> pl.LazyFrame:
    """The rows of a table that have not ended and meet every condition.

    An order that was removed or relaxed early is no longer in force.
    """
    rows = entries(known, table, pl.col("ended_on").is_null(), *conditions)
    return rows.filter(pl.col("relaxed_on").is_null()) if table == "orders" else rows


def released(known: Known, days: int) -> pl.LazyFrame:
    """The latest release on licence of each case, within so many days: CASE, released_on."""
    release = latest_order(known).filter(pl.col("kind") == "licence", within(days))
    return release.select(*CASE, released_on=pl.col("occurred_on"))


def near(rows: pl.LazyFrame, others: pl.LazyFrame, before: int, after: int) -> pl.LazyFrame:
    """The rows with some other entry from `before` days before them to `after` days after."""
    found = _next(rows, others, pl.col("occurred_on") - pl.duration(days=before))
    return found.filter(_gap() <= after).drop("_from", "_next")


def not_near(rows: pl.LazyFrame, others: pl.LazyFrame, before: int, after: int) -> pl.LazyFrame:
    """The rows without any such entry."""
    found = _next(rows, others, pl.col("occurred_on") - pl.duration(days=before))
    return found.filter(pl.col("_next").is_null() | (_gap() > after)).drop("_from", "_next")


def _gap() -> pl.Expr:
    return (pl.col("_next") - pl.col("occurred_on")).dt.total_days()


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


@cache
def deadline(working_days: int) -> pl.Expr:
    """The day so many working days after the entry (bank holidays count as working days)."""
    return pl.col("occurred_on").dt.add_business_days(working_days, roll="forward")


def overdue(working_days: int) -> pl.Expr:
    """More than so many working days have passed since the entry."""
    return deadline(working_days) < pl.col("as_of")


def not_followed_by(rows: pl.LazyFrame, answers: pl.LazyFrame, working_days: int) -> pl.LazyFrame:
    """The rows whose time for an answer passed without one; an answer on the day counts."""
    found = _next(rows.filter(overdue(working_days)), answers, pl.col("occurred_on"))
    late = pl.col("_next").is_null() | (pl.col("_next") > deadline(working_days))
    return found.filter(late).drop("_from", "_next")


def never_followed_by(rows: pl.LazyFrame, answers: pl.LazyFrame) -> pl.LazyFrame:
    """The rows after which, that day or later, no answer of any date is on record."""
    last = answers.group_by(CASE).agg(answered_on=pl.col("occurred_on").max())
    answered = pl.col("answered_on")
    found = rows.join(last, on=CASE, how="left").filter(
        answered.is_null() | (answered < pl.col("occurred_on"))
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


@once
def significant_events(known: Known) -> pl.LazyFrame:
    """Events that should lead to a review of risk: CASE, evidence, and what each is.

    Arrest or charge, a breach, a report by a third party, serious behaviour, intelligence, conflict
    in a relationship, accommodation at risk (independent review of a further offence, 5).
    """
    columns = [*CASE, "as_of", "table", "record_id", "occurred_on", "days"]
    found = [
        entries(known, table).select(*columns, event=event) for table, event in _EVENTS.items()
    ]
    return pl.concat(found).filter(pl.col("event").is_not_null())


_EVENTS: dict[str, pl.Expr] = {
    "contacts": pl.when(one_of("type_code", ["CARR", "CNOC"]))
    .then(pl.lit("arrest or charge"))
    .when(one_of("type_code", codes.BREACH_CONTACTS))
    .then(pl.lit("breach"))
    .when(contact("third_party"))
    .then(pl.lit("complaint")),
    "incidents": pl.when(one_of("kind", SERIOUS_INCIDENTS))
    .then(pl.col("kind").replace(codes.INCIDENT_KINDS))
    .when(one_of("kind", ["intelligence", "sexual_concern_child", "provider_concern"]))
    .then(pl.lit("intelligence or concern")),
    "circumstances": pl.when(pl.col("kind") == "relationship_conflict")
    .then(pl.lit("relationship conflict"))
    .when(one_of("state", ["at_risk", "no_fixed_abode"]))
    .then(pl.lit("accommodation at risk")),
}
"""What of each table is such an event, in words; null where it is none."""
