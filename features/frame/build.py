"""Builds the indicator frame: one row a case, as-of date and risk group, one column an indicator.

Cases split into buckets and into nothing else, so the night, the training spine and a single case
are the same code: `build_frame` on what was known, `build_frames` bucket by bucket.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain

import polars as pl

from features.contracts import codes
from features.contracts.table import CRN_PATTERN
from features.errors import RunStopped
from features.frame import broadcast
from features.history import asof
from features.history.asof import CASE, CASE_GROUP, GROUP_KEY, KEY, Histories
from features.history.collect import worked_out
from features.history.recorded_levels import level_plan
from features.indicators import CATALOGUE
from features.indicators.language import LEAN, READ_CONTACTS
from features.local_runners import process_pool_runner
from features.parts import Part, split_spine
from features.store.store import Store
from features.store.versions import live_versions

ABOUT = [*GROUP_KEY, "level", "level_state", "assessed_on", "on_record"]
"""The columns of a frame that are not indicators."""


def catalogue_hash() -> str:
    """A digest of every indicator declaration; it changes when any declaration changes."""
    listing = [
        [
            i.id,
            i.family,
            i.kind,
            i.use,
            i.direction,
            i.sentence,
            i.rule,
            list(i.groups),
            str(i.value),
            i.none,
            i.fires_from,
            i.fires_below,
        ]
        for i in CATALOGUE.values()
    ]
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()


def indicator_columns(use: str | None = None, *, mental_health: bool = False) -> list[str]:
    """The indicator ids that are columns of the frame, in order, optionally of one use only.

    `mental_health` is the switch of the board: with it the marked indicators are scored too.
    """
    return [
        name
        for name, item in CATALOGUE.items()
        if use is None or item.used_in(mental_health=mental_health) == use
    ]


def build_frame(histories: Histories, only: Iterable[str] | None = None) -> pl.DataFrame:
    """The indicator frame of the given histories: the columns ABOUT, then one Float64 an indicator.

    Null means not known (the feed is missing or has stopped), or not applicable to the group.
    Zero means that the feed is there and nothing was found. All is worked out in one go: what
    indicators share is read once, and the fixed cost of a hundred small queries is paid once.
    """
    chosen = [CATALOGUE[name] for name in (CATALOGUE if only is None else only)]
    first = (plan(histories) for plan in (level_plan, _on_record))
    plans = chain(first, (broadcast.layout_plan(item, histories) for item in chosen))
    levels, counts, *values = worked_out(plans, few=histories.is_small)
    rows = (
        levels.join(counts, on=CASE, how="left")
        .sort(CASE_GROUP)
        .rename({"state": "level_state"})
        .with_columns(pl.col("on_record").fill_null(0))
    )
    due = (rows["level_state"] != "not_in_custody").to_numpy()
    return rows.select(ABOUT).hstack(broadcast.indicator_table(histories, due, chosen, values))


@dataclass(frozen=True)
class FrameOfPart:
    """The work of building the indicator frame of a part; `only` names the indicators to build."""

    only: tuple[str, ...] | None = None

    def __call__(self, part: Part) -> pl.DataFrame:
        """The indicator frame of the part."""
        histories = read_lean_histories(part)
        histories.tables  # noqa: B018 - worked out now, so that the versions they come from can go
        histories.versions.clear()
        return build_frame(histories, self.only)


def read_lean_histories(part: Part) -> Histories:
    """The histories of a part, without what no value of an indicator reads."""
    return asof.read_histories(part.store, part.spine, part.buckets, lean=LEAN)


def build_frames(
    store: Store,
    on: pl.DataFrame,
    workers: int | None = None,
    only: Sequence[str] | None = None,
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Build the frame in parts of a few buckets; yields (last bucket of the part, frame).

    Cases split by nothing but cases, so each part is worked by whichever worker is free. `only`
    names the indicators to build; by default all. `workers` is by default what `count_workers`
    says.
    """
    work = FrameOfPart(None if only is None else tuple(only))
    with process_pool_runner(workers) as runner:
        for part, frame in runner.run(work, split_spine(store, on)):
            yield part.last_bucket, frame


def cases_under_supervision(store: Store, as_of: date) -> pl.DataFrame:
    """Cases with an order, licence or custody in force on a date: KEY, limited."""
    limited = limited_cases(store, as_of)
    parts = [_in_force(store, as_of, bucket) for bucket in range(store.buckets)]
    cases = pl.concat(parts).with_columns(limited=pl.col("crn").is_in(sorted(limited)))
    return cases.sort("crn")


def _in_force(store: Store, as_of: date, bucket: int) -> pl.DataFrame:
    rows = store.read_versions("supervisions", bucket, without=LEAN["supervisions"].without)
    histories = asof.Histories(
        asof.make_spine(rows["crn"].unique(), as_of), {"supervisions": rows}, {}
    )
    return histories.rows("supervisions").filter(pl.col("ended_on").is_null()).select(KEY).unique()


def limited_cases(store: Store, as_of: date) -> set[str]:
    """The CRNs of all cases with limited access; fails closed (promise 7, see limits_in_force)."""
    return set(limits_in_force(store, as_of)["crn"])


def limits_in_force(store: Store, as_of: date) -> pl.DataFrame:
    """Every limit of access in force: crn, kind, username (empty where not known), ended_on.

    A limit counts from the moment that the store has it, whatever date is being scored, until it
    is withdrawn or has ended. A refused row limits the case that it names, for everyone. Raises
    RunStopped where the list is not supplied or has stopped, or where a refused row names no case.
    """
    newest_load = store.extracted_on if store.loads else as_of
    if store.feed_states(max(as_of, newest_load))["limits"] != "supplied":
        raise RunStopped(
            "The list of limited-access cases is not supplied or has stopped, so no case can be "
            "shown to be open. Nothing was scored. Supply the table `limits`, even if it is empty."
        )
    limit_rows = live_versions(store.read_versions("limits"))
    limit_rows = limit_rows.filter(pl.col("ended_on").is_null() | (pl.col("ended_on") > as_of))
    refused = store.refused_rows().filter(pl.col("table") == "limits")
    if not refused["crn"].fill_null("").str.contains(CRN_PATTERN).all():
        raise RunStopped(
            "A row of the list of limited-access cases was refused and does not say which case it "
            "limits. Nothing was scored. Put the list right and load it again."
        )
    nobody = refused.select(
        "crn", kind=pl.lit("restriction"), username=pl.lit(""), ended_on=pl.lit(None, pl.Date())
    )
    # A kind that the contract does not list limits for everyone: nobody can say what it means.
    has_kind = pl.col("kind").is_in(list(codes.LIMIT_KINDS))
    named = pl.when(has_kind).then(pl.col("username").fill_null("").str.strip_chars())
    kinds = pl.when(has_kind).then(pl.col("kind")).otherwise(pl.lit("restriction"))
    rows = limit_rows.select(
        "crn", kinds.alias("kind"), named.fill_null("").alias("username"), "ended_on"
    )
    return pl.concat([rows, nobody])


def _on_record(histories: Histories) -> pl.LazyFrame:
    """How many entries each case has, not counting the kinds that no indicator reads."""
    contacts = histories.scan("contacts").filter(READ_CONTACTS)
    others = ("incidents", "circumstances", "decisions", "assessments")
    parts = [contacts.select(CASE), *[histories.scan(name).select(CASE) for name in others]]
    return pl.concat(parts).group_by(CASE).agg(on_record=pl.len().cast(pl.Int64))
