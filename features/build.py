"""Cases x as-of dates x indicators become one frame: (case, as-of date, risk group) by indicator.

Cases split into buckets and into nothing else, so the night, the training spine and a single case
are the same code: `frame` on what was known, `frames` bucket by bucket.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import polars as pl

from features import asof, codes, records
from features.asof import GROUP_KEY, KEY, Known
from features.errors import RunStopped
from features.indicators import CATALOGUE, Indicator
from features.indicators.language import LEAN, READ_CONTACTS
from features.store import Store, bucket_of
from features.versions import live

ABOUT = [*GROUP_KEY, "level", "level_state", "assessed_on", "on_record"]
"""The columns of a frame that are not indicators."""


def catalogue_hash() -> str:
    """A digest of every declaration: the same digest, the same indicators."""
    listing = [
        [i.id, i.family, i.kind, i.use, i.direction, i.sentence, i.rule, list(i.groups),
         str(i.value), i.none, i.fires_from, i.fires_below]
        for i in CATALOGUE.values()
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()


def columns(use: str | None = None) -> list[str]:
    """The ids of the indicators in a frame, in order; or of those of one use alone."""
    return [name for name, item in CATALOGUE.items() if use is None or item.use == use]


def frame(known: Known, only: Iterable[str] | None = None) -> pl.DataFrame:
    """The indicator frame of a spine: ABOUT, then one Float64 column an indicator, or only some.

    Null means not known (the feed is missing or has stopped), or not applicable to the group.
    Nought means that the feed is there and nothing was found.
    """
    chosen = [CATALOGUE[name] for name in (CATALOGUE if only is None else only)]
    wide = _on_record(known)
    values = dict(zip([item.id for item in chosen], _each(chosen, known), strict=True))
    for item in chosen:
        if not item.per_group:
            wide = wide.join(values[item.id], on=KEY, how="left")
    groups = pl.DataFrame({"group": list(codes.COMMUNITY_GROUPS)})
    rows = wide.join(groups, how="cross")
    for item in chosen:
        if item.per_group:
            rows = rows.join(values[item.id], on=GROUP_KEY, how="left")
    levels = asof.recorded_levels(known).select(
        *GROUP_KEY, "level", pl.col("state").alias("level_state"), "assessed_on"
    )
    rows = rows.join(levels, on=GROUP_KEY, how="left").with_columns(
        _settled(item, known) for item in chosen
    )
    return asof.plain(rows.select(*ABOUT, *[item.id for item in chosen])).sort(GROUP_KEY)


THREADS, WORTH_THREADS = 2, 1000
CASES_AT_ONCE = 20_000
"""Buckets are worked together up to so many case-dates: memory is bounded by this."""


def frames(store: Store, on: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    """The frame of a spine, some buckets of cases at a time: (last bucket, frame)."""
    numbered = on.with_columns(bucket_of(store.buckets).alias("_bucket"))
    sizes = dict(numbered.group_by("_bucket").len().iter_rows())
    together: list[int] = []
    for bucket in range(store.buckets):
        if bucket in sizes:
            together.append(bucket)
        held = sum(sizes[b] for b in together)
        following = next((sizes[b] for b in range(bucket + 1, store.buckets) if b in sizes), 0)
        last = bucket == store.buckets - 1
        if together and (last or held + following > CASES_AT_ONCE):
            part = numbered.filter(pl.col("_bucket").is_in(together)).drop("_bucket")
            yield bucket, frame(asof.read(store, part, together, lean=LEAN))
            together = []


def cases_under_supervision(store: Store, as_of: date) -> pl.DataFrame:
    """The spine of a night: cases with an order, licence or custody in force: KEY, limited."""
    everyone = store.read("supervisions").select("crn").unique()
    known = asof.read(store, everyone.with_columns(as_of=pl.lit(as_of)), tables=["supervisions"])
    active = known.rows("supervisions").filter(pl.col("ended_on").is_null())
    limited = limited_cases(store, as_of)
    return (
        asof.plain(active.select(KEY))
        .unique()
        .with_columns(limited=pl.col("crn").is_in(sorted(limited)))
        .sort("crn")
    )


def limited_cases(store: Store, as_of: date) -> set[str]:
    """Every case of limited access; fails closed (promise 7).

    A limit counts from the moment that the store has it, whatever date is being scored, until it
    is withdrawn or has ended. A refused row limits the case that it names. Raises RunStopped where
    the list is not supplied or has stopped, or where a refused row names no case.
    """
    newest_load = store.loads[-1].extracted_at.date() if store.loads else as_of
    if store.feed_states(max(as_of, newest_load))["limits"] != "supplied":
        raise RunStopped(
            "The list of limited-access cases is not supplied or has stopped, so no case can be "
            "shown to be open. Nothing was scored. Supply the table `limits`, even if it is empty."
        )
    kept = live(store.read("limits"))
    limited = set(kept.filter(pl.col("ended_on").is_null() | (pl.col("ended_on") > as_of))["crn"])
    refused = store.refused().filter(pl.col("table") == "limits")
    if not refused["crn"].fill_null("").str.contains(records.CRN_PATTERN).all():
        raise RunStopped(
            "A row of the list of limited-access cases was refused and does not say which case it "
            "limits. Nothing was scored. Put the list right and load it again."
        )
    return limited | set(refused["crn"])


def _on_record(known: Known) -> pl.DataFrame:
    """The number of entries on record of each key, other than those that no indicator reads."""
    contacts = known.rows("contacts").filter(READ_CONTACTS)
    others = ("incidents", "circumstances", "decisions", "assessments")
    parts = [contacts.select(KEY), *[known.rows(name).select(KEY) for name in others]]
    counted = pl.concat(parts).group_by(KEY).agg(on_record=pl.len().cast(pl.Int64))
    return (
        known.spine.select(KEY)
        .join(counted, on=KEY, how="left")
        .with_columns(pl.col("on_record").fill_null(0))
    )


def _each(chosen: list[Indicator], known: Known) -> list[pl.DataFrame]:
    """The values of each indicator; on two threads where there is enough to do.

    Polars works outside Python's lock, and a single indicator seldom fills two cores.
    """
    if known.spine.height < WORTH_THREADS:
        return [_values(item, known) for item in chosen]
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda item: _values(item, known), chosen))


def _values(item: Indicator, known: Known) -> pl.DataFrame:
    found = item.entries(known).group_by(item.key).agg(item.value.alias(item.id))
    return found.with_columns(pl.col(item.id).cast(pl.Float64))


def _settled(item: Indicator, known: Known) -> pl.Expr:
    value = pl.col(item.id)
    if item.none is not None:
        value = value.fill_null(item.none)
    applies = pl.col("group").is_in(list(item.groups))
    return pl.when(applies & known.available(item.feeds)).then(value).alias(item.id)
