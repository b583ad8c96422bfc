"""For whom it is worse: who is flagged, rightly or wrongly, and who is missed, by characteristic.

Characteristics are read here and never scored (promise 6). Groups under SMALL are withheld. Source:
the public sector equality duty, Equality Act 2010 section 149, which is continuing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta

import polars as pl
from sqlalchemy import Connection, select

from features.characteristics import CHARACTERISTICS, NOT_KNOWN
from serving.db.tables import findings, items
from serving.watch.figures import (
    FEWEST,
    GREEN,
    SMALL,
    TOO_FEW,
    Figure,
    Part,
    not_known,
    part_share,
    state_of,
    untold,
    wilson,
    worst,
)
from serving.watch.figures import NOT_KNOWN as UNKNOWN
from serving.watch.readers import Reading

WITHIN = timedelta(days=90)
"""Who was flagged in the last ninety days: as long as an approval lasts."""
NAMES = ("flagged_gap", "precision_gap", "missed_gap", "recorded_gap")
ASKED = ("ethnicity", "religion", "disability")
SURE = 2.576
"""Standard errors of a 99 % interval."""
MISSING = "no characteristic of anyone is supplied."


def figures(
    connection: Connection,
    people: pl.DataFrame,
    marked: pl.DataFrame,
    read: list[Reading],
    as_of: date,
) -> list[Figure]:
    """The widest gaps; `people` has a row a person (crn, CHARACTERISTICS): everyone scored.

    `marked` is where indicators fire that are watched for bias (crn, indicator).
    """
    missing = unsupplied(people)
    if set(missing) >= set(CHARACTERISTICS) - {"region"}:
        return [not_known(name, MISSING) for name in NAMES]
    flagged = _flagged(connection, as_of)
    right = {one.crn: one.first for one in read if one.drawn_as == "flagged"}
    missed = {one.crn: one.first for one in read if one.drawn_as == "random"}
    found = [
        worst("flagged_gap", _flag_parts(people, flagged),
              "Flagged otherwise than everyone by a factor of at least {n}: {where}.", MISSING),
        worst("precision_gap", _gap_parts("precision_gap", people, right),
              "Of 100 flagged, rightly flagged furthest from everyone, by {n}: {where}.", MISSING),
        worst("missed_gap", _gap_parts("missed_gap", people, missed),
              "Of 100 not flagged, missed furthest from everyone, by {n}: {where}.", MISSING),
        recorded(people, marked),
    ]  # fmt: skip
    return [_said_missing(one, missing) for one in found]


def unsupplied(people: pl.DataFrame) -> list[str]:
    """The characteristics that are not known of anyone: nothing can be compared by them."""
    return [name for name in CHARACTERISTICS if (people[name] == NOT_KNOWN).all()]


def _said_missing(one: Figure, missing: list[str]) -> Figure:
    """Green for what is supplied is not green for what is not."""
    if not missing:
        return one
    state = UNKNOWN if one.state in (GREEN, TOO_FEW) else one.state
    said = f"{one.sentence} Not known of anyone: {', '.join(missing)}."
    return replace(one, state=state, sentence=said)


def recorded(people: pl.DataFrame, marked: pl.DataFrame) -> Figure:
    """Who has entries of the kinds that others chose to record: before any model, and in words.

    Of sex and age this says little: what people do differs by both.
    """
    parts = [
        replace(part, label=f"{name.replace('_', ' ')}, {part.label}")
        for name in sorted(marked["indicator"].unique())
        for part in _flag_parts(
            people, set(marked.filter(pl.col("indicator") == name)["crn"]), "recorded_gap", ASKED
        )
    ]
    return worst("recorded_gap", parts,
                 "Entries of one kind otherwise than for everyone by a factor of at least {n}: "
                 "{where}.",
                 "no such entry is on record.")  # fmt: skip


def _flagged(connection: Connection, as_of: date) -> set[str]:
    rows = (
        select(items.c.crn)
        .join(findings, findings.c.item_id == items.c.id)
        .where(findings.c.drawn_as == "flagged", items.c.as_of > as_of - WITHIN)
    )
    return set(connection.execute(rows).scalars())


def _groups(
    people: pl.DataFrame, said: Mapping[str, bool], names: Iterable[str] = CHARACTERISTICS
) -> Iterable[tuple[str, int, int, int]]:
    """Each group of each characteristic: its name, how many people, of how many something is said,
    and of how many it is true.
    """
    told = pl.DataFrame(
        {"crn": list(said), "said": list(said.values())},
        schema={"crn": pl.String, "said": pl.Boolean},
    )
    joined, unknown = people.join(told, on="crn", how="left"), unsupplied(people)
    for name in (name for name in names if name not in unknown):
        counts = joined.group_by(name).agg(
            people=pl.len(), read=pl.col("said").count(), true=pl.col("said").sum()
        )
        for group, *numbers in counts.sort(name).iter_rows():
            yield (f"{name}: {group}", *numbers)


def _flag_parts(
    people: pl.DataFrame,
    flagged: set[str],
    figure: str = "flagged_gap",
    names: Iterable[str] = CHARACTERISTICS,
) -> list[Part]:
    """How many times as likely, or as unlikely, as everyone a group is to be flagged: at least, as
    far as chance allows; the plain ratio stands in the label.
    """
    rate = people.filter(pl.col("crn").is_in(sorted(flagged))).height / max(1, people.height)
    found = []
    for label, size, _, got in _groups(people, dict.fromkeys(flagged, True), names):
        expected = rate * size
        if size < SMALL or max(expected, got) < SMALL:
            found.append(untold(label, size))
            continue
        more = got >= expected
        near, gap, far = sorted(
            got_ / expected if more else expected / max(got_, 0.5) for got_ in _poisson(got)
        )
        side = "as often" if more else "as seldom"
        # By the near end: a small group is not called treated otherwise by chance.
        sure = max(1.0, near)
        said = f"{label}, {gap:.1f} times {side}"
        found.append(Part(said, sure, near, far, size, state_of(figure, sure)))
    return found


def _poisson(count: int) -> tuple[float, float, float]:
    """A count, and about its 99 % interval: wide, because many groups are looked at at once."""
    half = SURE * max(count, 1) ** 0.5
    return max(0.0, count - half), float(count), count + half


def _gap_parts(name: str, people: pl.DataFrame, said: dict[str, bool]) -> list[Part]:
    """How far the share of a group lies from that of everyone read, beyond chance: from the near
    end of its 99 % interval.
    """
    read = [said[crn] for crn in people["crn"] if crn in said]
    if len(read) < FEWEST:
        return [Part("everyone read", None, None, None, len(read), TOO_FEW)]
    everyone = sum(read) / len(read)
    found = []
    for label, _, of, true in _groups(people, said):
        told = part_share(name, label, true, of)
        if told.value is None:
            found.append(told)
            continue
        low, high = wilson(told.value, of, SURE)
        gap = max(0.0, low - everyone, everyone - high)
        words = f"{label}, {round(100 * told.value)} of 100 (everyone {round(100 * everyone)})"
        found.append(Part(words, gap, None, None, of, state_of(name, gap)))
    return found
