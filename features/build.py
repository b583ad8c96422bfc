"""Cases x as-of dates x indicators become one frame: (case, as-of date, risk group) by indicator.

Cases split into buckets and into nothing else, so the night, the training spine and a single case
are the same code: `frame` on what was known, `frames` bucket by bucket.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from features import asof, codes, records
from features.asof import CASE, CASE_GROUP, GROUP_KEY, KEY, Known
from features.errors import RunStopped
from features.indicators import CATALOGUE, Indicator
from features.indicators.language import LEAN, READ_CONTACTS
from features.levels import level_plan
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


def columns(use: str | None = None, *, mental_health: bool = False) -> list[str]:
    """The ids of the indicators in a frame, in order; or of those of one use alone.

    `mental_health` is the switch of the board: with it the marked indicators are scored too.
    """
    return [
        name
        for name, item in CATALOGUE.items()
        if use is None or item.used_in(mental_health=mental_health) == use
    ]


def frame(known: Known, only: Iterable[str] | None = None) -> pl.DataFrame:
    """The indicator frame of a spine: ABOUT, then one Float64 column an indicator, or only some.

    Null means not known (the feed is missing or has stopped), or not applicable to the group.
    Nought means that the feed is there and nothing was found. All is worked out in one go: what
    indicators share is read once, and the fixed cost of a hundred small queries is paid once.
    """
    chosen = [CATALOGUE[name] for name in (CATALOGUE if only is None else only)]
    plans = [level_plan(known), _on_record(known), *(_values(i, known) for i in chosen)]
    levels, counts, *found = _together(plans)
    rows = (
        levels.join(counts, on=CASE, how="left")
        .sort(CASE_GROUP)
        .rename({"state": "level_state"})
        .with_columns(pl.col("on_record").fill_null(0))
    )
    spread = _Spread(known, rows)
    values = [spread.column(item, part) for item, part in zip(chosen, found, strict=True)]
    return rows.select(ABOUT).hstack(values)


CASES_AT_ONCE = 15_000
"""Buckets are worked together up to so many case-dates: memory is bounded by twice this."""


def frames(store: Store, on: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    """The frame of a spine, some buckets of cases at a time: (last bucket, frame)."""
    numbered = on.with_columns(bucket_of(store.buckets).alias("_bucket"))
    sizes = dict(sorted(numbered.group_by("_bucket").len().iter_rows()))
    parts = list(_parts(sizes))

    def opened(buckets: list[int]) -> Known:
        part = numbered.filter(pl.col("_bucket").is_in(buckets)).drop("_bucket")
        known = asof.read(store, part, buckets, lean=LEAN)
        known.tables  # noqa: B018 - worked out here, beside the frame of the part before
        return known

    with ThreadPoolExecutor(1) as beside:
        waiting = deque(beside.submit(opened, part) for part in parts[:1])
        for place, buckets in enumerate(parts, start=1):
            known = waiting.popleft().result()
            waiting.extend(beside.submit(opened, part) for part in parts[place : place + 1])
            yield buckets[-1], frame(known)


def _parts(sizes: Mapping[int, int]) -> Iterator[list[int]]:
    """Buckets in order, together as long as they hold no more than CASES_AT_ONCE."""
    together: list[int] = []
    for bucket, size in sizes.items():
        if together and sum(sizes[b] for b in together) + size > CASES_AT_ONCE:
            yield together
            together = []
        together.append(bucket)
    if together:
        yield together


def cases_under_supervision(store: Store, as_of: date) -> pl.DataFrame:
    """The spine of a night: cases with an order, licence or custody in force: KEY, limited."""
    everyone = store.read("supervisions").select("crn").unique()
    known = asof.read(store, everyone.with_columns(as_of=pl.lit(as_of)), tables=["supervisions"])
    active = known.rows("supervisions").filter(pl.col("ended_on").is_null())
    limited = limited_cases(store, as_of)
    return (
        active.select(KEY)
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


AT_A_TIME = 10
"""So many plans are worked out together: the more of them, the longer Polars looks at each."""


def _together(plans: list[pl.LazyFrame]) -> list[pl.DataFrame]:
    parts = [plans[at : at + AT_A_TIME] for at in range(0, len(plans), AT_A_TIME)]
    return [frame for part in parts for frame in pl.collect_all(part)]


def _on_record(known: Known) -> pl.LazyFrame:
    """The number of entries on record of each case, other than those that no indicator reads."""
    contacts = known.scan("contacts").filter(READ_CONTACTS)
    others = ("incidents", "circumstances", "decisions", "assessments")
    parts = [contacts.select(CASE), *[known.scan(name).select(CASE) for name in others]]
    return pl.concat(parts).group_by(CASE).agg(on_record=pl.len().cast(pl.Int64))


def _values(item: Indicator, known: Known) -> pl.LazyFrame:
    value = item.value.cast(pl.Float64).alias(item.id)
    return item.entries(known).group_by(item.key).agg(value)


class _Spread:
    """Values, found for some cases and groups, laid out over all the rows of a frame."""

    def __init__(self, known: Known, rows: pl.DataFrame) -> None:
        self._known = known
        self._groups = sorted(codes.RISK_GROUPS)
        self._cases = known.spine.height
        due = rows["level_state"] != "not_in_custody"
        self._due = due.to_numpy().reshape(self._cases, len(self._groups))
        self._available: dict[tuple[str, ...], npt.NDArray[np.bool_]] = {}

    def column(self, item: Indicator, found: pl.DataFrame) -> pl.Series:
        """The indicator's values in the order of the frame; not known or not due is null."""
        nought = np.nan if item.none is None else item.none
        wide = np.full((self._cases, len(self._groups)), nought)
        found = found.drop_nulls()
        cases = found["case_date"].to_numpy()
        if item.per_group:
            places = found["group"].replace_strict(self._groups, range(len(self._groups)))
            wide[cases, places.to_numpy()] = found[item.id].to_numpy()
        else:
            wide[cases] = found[item.id].to_numpy()[:, None]
        applies = np.isin(self._groups, item.groups)
        wide[~(self._due & applies & self._supplied(item.feeds)[:, None])] = np.nan
        return pl.Series(item.id, wide.reshape(-1), nan_to_null=True)

    def _supplied(self, feeds: tuple[str, ...]) -> npt.NDArray[np.bool_]:
        if feeds not in self._available:
            supplied = self._known.spine.with_columns(supplied=self._known.available(feeds))
            self._available[feeds] = supplied["supplied"].to_numpy()
        return self._available[feeds]
