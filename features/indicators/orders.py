"""Orders, licences and the times at which contact with probation was due."""

from __future__ import annotations

import polars as pl

from features.contracts import contact_codes
from features.history.asof import CASE, Histories, share_plan
from features.indicators.language import in_force, matching_entries, one_of, within_days

ORDERS = ("community_order", "suspended_sentence", "licence")
SUSPENDED = "PRC"
"""The register of the two-thirds point, from which contact is suspended."""


@share_plan
def orders_and_licences(histories: Histories) -> pl.LazyFrame:
    """Every order and licence, whether or not it has ended."""
    return matching_entries(histories, "supervisions", one_of("kind", ORDERS))


def _current_orders(histories: Histories) -> pl.LazyFrame:
    """The orders and licences in force, or ended in the last year."""
    since = (pl.col("as_of") - pl.col("ended_on")).dt.total_days()
    return orders_and_licences(histories).filter(pl.col("ended_on").is_null() | (since < 365))


@share_plan
def supervised_since(histories: Histories) -> pl.LazyFrame:
    """The start of the earliest order or licence in force, or ended in the last year: CASE,
    supervised_since.

    Another order that begins does not move it: a licence stays a licence.
    """
    return (
        _current_orders(histories).group_by(CASE).agg(supervised_since=pl.col("occurred_on").min())
    )


def under_supervision(histories: Histories, rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows since the earliest order or licence in force, or ended in the last year, began."""
    dated = rows.join(supervised_since(histories), on=CASE, how="inner")
    return dated.filter(pl.col("occurred_on") >= pl.col("supervised_since"))


@share_plan
def order_starts(histories: Histories) -> pl.LazyFrame:
    """The days on which an order or licence in force, or ended in the last year, began: CASE,
    started_on, started_as.
    """
    rows = _current_orders(histories)
    return rows.select(*CASE, started_on="occurred_on", started_as="kind").unique()


@share_plan
def suspended_cases(histories: Histories) -> pl.LazyFrame:
    """The cases whose contact is suspended on the date: CASE, suspended_from.

    Every order and licence in force says so, or the register of the two-thirds point (`PRC`) does.
    """
    running = in_force(histories, "supervisions", one_of("kind", ORDERS))
    begun = (pl.col("suspended_from") <= pl.col("as_of")).fill_null(value=False)
    throughout = (
        running.group_by(CASE)
        .agg(suspended=begun.all(), suspended_from=pl.col("suspended_from").max())
        .filter("suspended")
    )
    register = in_force(histories, "registrations", one_of("type_code", [SUSPENDED]))
    since = register.select(*CASE, suspended_from="occurred_on")
    both = pl.concat([throughout.select(*CASE, "suspended_from"), since])
    return both.group_by(CASE).agg(pl.col("suspended_from").min())


ALWAYS_DUE = one_of("type_code", contact_codes.BREACH_CONTACTS)
"""A curfew, a zone and the rules of a hostel hold while contact is suspended."""


def while_contact_was_due(histories: Histories, rows: pl.LazyFrame) -> pl.LazyFrame:
    """The contacts of days on which contact was due: suspended contact is not silence (promise 5).

    It was not due on a day on which every order and licence then in force had it suspended, or on
    which the register of the two-thirds point was active. Breaches of a curfew, a zone or the rules
    of a hostel count all the same.
    """
    return rows.join(_not_due(histories), on=[*CASE, "record_id"], how="anti")


@share_plan
def _not_due(histories: Histories) -> pl.LazyFrame:
    """The contacts of days on which contact was not due: CASE, record_id."""
    suspended = pl.concat(
        [
            _suspending_orders(histories).select(CASE),
            _registered_suspensions(histories).select(CASE),
        ]
    )
    contacts = (
        histories.scan("contacts").filter(~ALWAYS_DUE).select(*CASE, "record_id", "occurred_on")
    )
    dated = contacts.join(suspended.unique(), on=CASE, how="semi")
    day, key = pl.col("occurred_on"), [*CASE, "record_id"]
    running = dated.join(_running_orders(histories), on=CASE).filter(
        during_period("_began", "_ended")
    )
    asks = pl.col("_off").is_null() | (day < pl.col("_off"))
    by_orders = running.group_by(key).agg(asks=asks.any()).filter(~pl.col("asks"))
    by_register = dated.join(_registered_suspensions(histories), on=CASE).filter(
        day >= pl.col("_began"), pl.col("_ended").is_null() | (day < pl.col("_ended"))
    )
    return pl.concat([by_orders.select(key), by_register.select(key)]).unique()


def during_period(began: str, ended: str) -> pl.Expr:
    """An expression: the entry's day lies between two days, both included."""
    day = pl.col("occurred_on")
    return (pl.col(began) <= day) & (pl.col(ended).is_null() | (day <= pl.col(ended)))


def _running_orders(histories: Histories) -> pl.LazyFrame:
    return orders_and_licences(histories).select(
        *CASE, _began="occurred_on", _ended="ended_on", _off="suspended_from"
    )


def _suspending_orders(histories: Histories) -> pl.LazyFrame:
    return orders_and_licences(histories).filter(pl.col("suspended_from") <= pl.col("as_of"))


def _registered_suspensions(histories: Histories) -> pl.LazyFrame:
    rows = matching_entries(histories, "registrations", one_of("type_code", [SUSPENDED]))
    return rows.select(*CASE, _began="occurred_on", _ended="ended_on")


def recent_releases(histories: Histories, days: int) -> pl.LazyFrame:
    """The releases on licence of the last so many days, as rows of `supervisions`."""
    return matching_entries(
        histories, "supervisions", pl.col("kind") == "licence", within_days(days)
    )


def on_licence(histories: Histories, rows: pl.LazyFrame, *conditions: pl.Expr) -> pl.LazyFrame:
    """The rows on a day on which a licence was in force, whatever other order ran beside it.

    `conditions` may ask for a licence by `licence_ended_on`.
    """
    licences = orders_and_licences(histories).filter(pl.col("kind") == "licence")
    spells = licences.select(
        *CASE, licence_began_on=pl.col("occurred_on"), licence_ended_on=pl.col("ended_on")
    )
    on_a_day = during_period("licence_began_on", "licence_ended_on")
    licence_rows = rows.join(spells, on=CASE, how="inner").filter(on_a_day, *conditions)
    return licence_rows.unique([*CASE, "record_id"])


def curfews_in_force(histories: Histories) -> pl.LazyFrame:
    """The curfews in force, relaxed or not."""
    return in_force(histories, "orders", pl.col("kind") == "curfew")
