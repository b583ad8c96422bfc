"""Enforces limited access: closes cases that become limited, and restores those whose limit ended.

First of all, each night and with or without an approval. A case limited now shrinks to its CRN for
everyone; one whose limit was ended or withdrawn on record is given back. What another service told
by day counts until a list that was extracted later says what holds (decision 0021).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
from sqlalchemy import Connection, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert

from features.frame import build
from features.history import asof
from features.store.store import Store
from serving.cases import acute_entries, caseload, summary
from serving.db.tables import items
from serving.db.unit_tables import limits

NOBODY = ("restriction", "")
"""The username of a limit that names nobody."""


@dataclass(frozen=True)
class Doors:
    """What a night changed: all limited cases, and how many items were closed or restored."""

    limited: set[str]
    shrunk: int
    opened: int


def close_cases(connection: Connection, store: Store, as_of: date) -> Doors:
    """Update limits from the store: close what is limited now, restore what no longer is."""
    lock_limits(connection)
    limited = _write_limits(connection, store, as_of)
    shrunk = shrink_items(connection, sorted(limited))
    return Doors(limited, shrunk, _open_again(connection, store, limited, as_of))


def lock_limits(connection: Connection) -> None:
    """Lock the limits until the transaction ends, so that none is reported meanwhile."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('triage.limits'))"))


def limited_cases(connection: Connection) -> set[str]:
    """The CRNs limited now, by the newest list or by a report since."""
    return set(connection.execute(select(limits.c.crn)).scalars())


def mark_limited(on: pl.DataFrame, limited: Collection[str]) -> pl.DataFrame:
    """The spine with its column `limited` brought up to date."""
    return on.with_columns(limited=pl.col("crn").is_in(sorted(limited)))


def shrink_items(connection: Connection, limited: list[str]) -> int:
    """Reduce items of cases that have become limited to their CRN; returns how many."""
    changed = connection.execute(
        update(items)
        .where(items.c.crn.in_(limited), ~items.c.limited)
        .values(limited=True, person={})
    )
    acute_entries.shrink_limited(connection, limited)
    caseload.shrink_limited(connection, limited)
    return int(changed.rowcount)


def is_limited(connection: Connection, store: Store, crn: str, on: date) -> bool:
    """Whether access to a case is limited on a day, by the newest list or a report since."""
    if crn in build.limited_cases(store, on):
        return True
    limited_query = text("SELECT triage.told_limited(:crn)")
    return bool(connection.execute(limited_query, {"crn": crn}).scalar())


def limit_case(
    connection: Connection, crn: str, excluded: Sequence[str], restricted_to: Sequence[str]
) -> bool:
    """Limit a case at once: `excluded` users lose access, or only `restricted_to` keep it.

    Without any name nobody has access. Returns whether the case is in the caseload. No call lifts a
    limit; only the nightly list does.
    """
    named = [("exclusion", name) for name in excluded]
    named += [("restriction", name) for name in restricted_to]
    kinds, names = zip(*(named or [NOBODY]), strict=True)
    limit_query = text("SELECT triage.limit_told(:crn, :kinds, :names)")
    values = {"crn": crn, "kinds": list(kinds), "names": [name.strip().upper() for name in names]}
    return bool(connection.execute(limit_query, values).scalar())


def _write_limits(connection: Connection, store: Store, as_of: date) -> set[str]:
    """Write whom each limit excludes or admits, by list and reports; returns all limited CRNs.

    Exclusions add up; users told to be the only ones take the place of those that an older list
    restricts a case to.
    """
    reported_since = limits.c.told_at.is_not(None)
    connection.execute(
        delete(limits).where(~reported_since | (limits.c.told_at < _list_taken_at(store)))
    )
    only = select(limits.c.crn).where(
        reported_since, limits.c.kind == NOBODY[0], limits.c.username != ""
    )
    replaced = set(connection.execute(only).scalars())
    listed_limits = build.limits_in_force(store, as_of).with_columns(
        pl.col("username").str.to_uppercase()
    )
    # One that has no end outlasts one that has: a name is limited as long as any row says so.
    last = listed_limits.sort("ended_on", nulls_last=True).unique(
        ["crn", "kind", "username"], keep="last", maintain_order=True
    )
    older = pl.col("crn").is_in(sorted(replaced)) & (pl.col("kind") == NOBODY[0])
    rows: list[dict[str, Any]] = last.filter(~older).to_dicts()
    if rows:
        connection.execute(insert(limits).on_conflict_do_nothing(), rows)
    return set(listed_limits["crn"]) | limited_cases(connection)


def _list_taken_at(store: Store) -> datetime:
    """When the newest complete list was extracted; it overrides earlier reports.

    A list that is not declared complete opens none of the cases missing from it.
    """
    moments = [
        load.feeds["limits"].replace(tzinfo=UTC)
        for load in store.loads
        if load.tables.get("limits", {}).get("complete")
    ]
    return max(moments, default=datetime.min.replace(tzinfo=UTC))


def _open_again(connection: Connection, store: Store, limited: set[str], as_of: date) -> int:
    """Restore cases whose limit has ended, with the record as of the day they were queued."""
    acute_entries.open_again(connection, limited)
    closed = select(items.c.id, items.c.crn, items.c.as_of).where(
        items.c.limited, items.c.state != "by_hand", items.c.crn.not_in(limited)
    )
    rows = connection.execute(closed).all()
    by_day: dict[date, list[Any]] = {}
    for row in rows:
        by_day.setdefault(min(row.as_of, as_of), []).append(row)
    for day, ours in by_day.items():
        histories = asof.read_histories(
            store, asof.make_spine(sorted({row.crn for row in ours}), day)
        )
        people = summary.summarise_people(store, histories, day, store.incomplete_cases())
        for row in ours:
            back = {"limited": False, "person": people[row.crn]}
            # Somebody may have looked at it by hand while its record was read.
            still = items.c.limited & (items.c.state != "by_hand")
            connection.execute(update(items).where(items.c.id == row.id, still).values(**back))
    return len(rows)
