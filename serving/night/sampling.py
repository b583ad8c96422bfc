"""Samples the cases to read: the board's weekly reviews by lane, and a random share.

Rates, not thresholds: a number of reviews a week for each recorded level, and one for each lane
beside the model, shared out to units in proportion to their eligible people by randomised
systematic rounding. The random share is drawn from the people in no lane, each with a known
probability (promise 9). Everything is deterministic: the draws are keyed by an HMAC of a secret and
the run, and ties fall by CRN.
"""

from __future__ import annotations

import heapq
import hmac
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import polars as pl

from models.lanes import LANE_ROW, LANES, Lanes
from models.strata import STRATA


@dataclass(frozen=True)
class Key:
    """The secret key of a run's random draws; the same run draws the same people."""

    secret: str
    run: str

    def keyed_digest(self, *parts: str) -> str:
        """An HMAC of the given parts by the run's secret key, as hexadecimal text."""
        text = "\x1f".join((self.run, *parts))
        return hmac.digest(self.secret.encode(), text.encode(), "sha256").hex()

    def uniform_draw(self, *parts: str) -> float:
        """A number in [0, 1) drawn from the run's secret key and the given parts."""
        return int(self.keyed_digest(*parts)[:13], 16) / 16**13


@dataclass(frozen=True)
class Chosen:
    """A person to be queued: how chosen, for which group, with which probability of being drawn."""

    crn: str
    pdu_code: str
    group: str
    stratum: str
    drawn_as: str
    """flagged (by the model), a lane beside it (models.lanes.LANES), or random."""
    probability: float | None
    inclusion_probability: float
    because: Mapping[str, Any] = field(default_factory=dict)
    """Why a lane beside the model has this row, as in `Lanes`."""


def best_rows(scored: pl.DataFrame, units: Mapping[str, str]) -> pl.DataFrame:
    """One row a person: the group that ranks highest within its own recorded level.

    Columns: crn, pdu_code, group, stratum, probability, place (rank over rows in the stratum).
    """
    rows = scored.filter("scorable").sort(
        "probability", "crn", "group", descending=[True, False, False]
    )
    ranked = rows.with_columns(
        place=pl.int_range(1, pl.len() + 1).over("stratum") / pl.len().over("stratum")
    )
    best = ranked.sort("place", "stratum", "group").unique("crn", keep="first", maintain_order=True)
    return (
        best.with_columns(pdu_code=pl.col("crn").replace_strict(units, default=None))
        .filter(pl.col("pdu_code").is_not_null())
        .select("crn", "pdu_code", "group", "stratum", "probability", "place")
        .sort("place", "crn")
    )


def share_out(total: int, sizes: Mapping[str, int], start: float) -> dict[str, int]:
    """Share a total among units in proportion to size, in whole numbers, by systematic rounding.

    Each unit gets its exact share rounded up or down, with the right expectation over starts.
    """
    everything = sum(sizes.values())
    shares: dict[str, int] = {}
    run = start
    for name in sorted(sizes):
        before = math.floor(run)
        run += total * sizes[name] / everything if everything else 0.0
        shares[name] = math.floor(run + 1e-12) - before
    return shares


def sample_cases(
    scored: pl.DataFrame,
    units: Mapping[str, str],
    weekly_reviews: Mapping[str, int],
    random_share: float,
    queued_this_week: Mapping[str, int],
    away: Iterable[str],
    key: Key,
    slots: Mapping[str, int] | None = None,
    random_before: int = 0,
    random_only: Collection[str] = (),
    lanes: Lanes = MappingProxyType({}),
) -> list[Chosen]:
    """The people whose cases one run puts in the queue.

    `weekly_reviews` and `queued_this_week` count flagged reviews by recorded level and those of the
    `lanes` by their name, and under "random" the random ones already drawn this week; `away` are
    people with an open case or a recent conclusion.
    `slots` are how many more flagged cases a unit can take; a unit without a maximum takes its
    share. The random ones come in any case: a full unit would otherwise be left out of what
    measures the misses, and the stored probabilities would be wrong. `random_before` is how
    many were drawn at random this week in all, also those whose case has closed since.
    At the recorded levels of `random_only` nobody is flagged: their reviews are drawn at random,
    from everybody. The lanes do not rest on the model, and draw there too.
    """
    free = dict(slots or {})
    away_crns = set(away)
    # Who ranks first at a level where nobody is flagged may be flagged at another.
    ranked = scored.filter(~pl.col("stratum").is_in(sorted(random_only)))
    eligible = best_rows(ranked, units).filter(~pl.col("crn").is_in(sorted(away_crns)))
    flagged: list[Chosen] = []
    at_random = sum(weekly_reviews.get(stratum.lower(), 0) for stratum in random_only)
    for stratum in STRATA:
        weekly = 0 if stratum in random_only else weekly_reviews.get(stratum.lower(), 0)
        remaining = max(0, weekly - queued_this_week.get(stratum, 0))
        rows = eligible.filter(pl.col("stratum") == stratum)
        flagged += _draw_best(rows, remaining, ("flagged", stratum), key, free)
    for lane in (name for name in LANES if name in lanes):
        remaining = max(0, weekly_reviews.get(lane, 0) - queued_this_week.get(lane.upper(), 0))
        rows = _rows_of_people(lanes[lane], units, away_crns | {item.crn for item in flagged})
        flagged += _draw_best(rows, remaining, (lane, lane), key, free)
    flagged_crns = {item.crn for item in flagged}
    share = sum(weekly_reviews.values()) * random_share / (1 - random_share)
    random_total = math.ceil(share - 1e-9) + at_random
    remaining = max(0, random_total - queued_this_week.get("random", 0))
    everyone = _draw_frame(scored, units).filter(
        ~pl.col("crn").is_in(sorted(away_crns | flagged_crns))
    )
    return [*flagged, *_draw_random_share(everyone, remaining, key, random_before)]


def _rows_of_people(
    rows: pl.DataFrame, units: Mapping[str, str], without: Collection[str]
) -> pl.DataFrame:
    """The first row of each person of a unit, in order, without those who are not to be drawn."""
    left = rows.filter(~pl.col("crn").is_in(sorted(without)))
    first = left.unique("crn", keep="first", maintain_order=True)
    pdu_code = pl.col("crn").replace_strict(dict(units), default=None, return_dtype=pl.String)
    return first.with_columns(pdu_code=pdu_code).filter(pl.col("pdu_code").is_not_null())


def _draw_best(
    rows: pl.DataFrame, total: int, draw: tuple[str, str], key: Key, free: dict[str, int]
) -> list[Chosen]:
    """The first people of each unit, up to its share; lowers `free` accordingly.

    `draw` is what they are drawn as, and the name by which the rounding is drawn.
    """
    drawn_as, rounding = draw
    sizes = {
        row["pdu_code"]: row["len"] for row in rows.group_by("pdu_code").len().iter_rows(named=True)
    }
    shares = share_out(min(total, rows.height), sizes, key.uniform_draw("round", rounding))
    chosen: list[Chosen] = []
    for unit, count in shares.items():
        count_here = min(count, sizes[unit], free.get(unit, count))
        if unit in free:
            free[unit] -= count_here
        best = rows.filter(pl.col("pdu_code") == unit).head(count_here)
        chosen += _chosen_rows(best, drawn_as)
    return chosen


def _chosen_rows(rows: pl.DataFrame, drawn_as: str) -> Iterator[Chosen]:
    """The rows as chosen ones, certain to be drawn, with whatever a lane says of them."""
    more = set(rows.columns) - {*LANE_ROW, "pdu_code", "place"}
    for row in rows.iter_rows(named=True):
        yield Chosen(
            crn=row["crn"],
            pdu_code=row["pdu_code"],
            group=row["group"],
            stratum=row["stratum"],
            drawn_as=drawn_as,
            probability=row["probability"],
            inclusion_probability=1.0,
            because={name: row[name] for name in sorted(more)},
        )


def _draw_frame(scored: pl.DataFrame, units: Mapping[str, str]) -> pl.DataFrame:
    """One row a person for the random share, very high included, by the likeliest group."""
    on_record = scored.filter(
        pl.col("why_not").is_null() | (pl.col("why_not") != "nothing on record")
    )
    rows = on_record.sort(
        "probability", "crn", "group", descending=[True, False, False], nulls_last=True
    )
    best = rows.unique("crn", keep="first", maintain_order=True)
    return best.with_columns(pdu_code=pl.col("crn").replace_strict(units, default=None)).filter(
        pl.col("pdu_code").is_not_null()
    )


def _draw_random_share(rows: pl.DataFrame, total: int, key: Key, before: int = 0) -> list[Chosen]:
    """A simple random sample of people: those with the lowest keyed digests.

    The stored probability is that of being drawn at all in the week: of one drawn in the place
    of another, `before` were drawn already, of as many more people.
    """
    if rows.is_empty() or total == 0:
        return []
    count = min(total, rows.height)
    drawn = heapq.nsmallest(count, rows["crn"], key=lambda crn: key.keyed_digest("random", crn))
    row_of = {row["crn"]: row for row in rows.filter(pl.col("crn").is_in(drawn)).to_dicts()}
    return [
        Chosen(
            crn=row["crn"],
            pdu_code=row["pdu_code"],
            group=row["group"],
            stratum=row["stratum"],
            drawn_as="random",
            probability=row["probability"],
            inclusion_probability=(count + before) / (rows.height + before),
        )
        for row in map(row_of.__getitem__, drawn)
    ]
