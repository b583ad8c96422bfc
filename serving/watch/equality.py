"""Compares groups of people: who is flagged, rightly or wrongly, and who is missed.

Characteristics are read here and never scored (promise 6). Groups under SMALL are withheld. Source:
the public sector equality duty, Equality Act 2010 section 149, which is continuing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta

import polars as pl
from sqlalchemy import Connection, select

from features.indicators.titles import title_of
from features.intervals import wilson_interval
from features.store.protected_characteristics import CHARACTERISTICS, NOT_KNOWN
from serving.db.tables import findings, items
from serving.watch.figures import (
    FEWEST,
    GREEN,
    SMALL,
    THRESHOLDS,
    TOO_FEW,
    Figure,
    Part,
    not_known,
    state_of,
    untold_part,
    worst_part,
)
from serving.watch.figures import NOT_KNOWN as UNKNOWN
from serving.watch.readers import how_they_err
from serving.watch.readings import Reading, split_by_chance

WITHIN = timedelta(days=90)
"""Who was flagged in the last ninety days: as long as an approval lasts."""
NAMES = (
    "flagged_gap",
    "precision_gap",
    "missed_gap",
    "agreement_gap",
    "changed_gap",
    "asked_gap",
    "recorded_gap",
)
RECORDING_COMPARED_BY = ("ethnicity", "religion", "disability")
SURE = 2.576
"""Standard errors of a 99 % interval."""
_GROUP = re.compile(r"[^:]*(: [^,]*)?")
"""A pattern for the name of the group at the beginning of a part's label."""
NAMED = 5
"""How many groups a sentence names; the table lists all of them."""
MISSING = "no characteristic of anyone is supplied."
GAP_WORDS = {
    "precision_gap": "Of 100 people flagged, {n} more or fewer than overall are rightly flagged: "
    "{where}.",
    "missed_gap": "Of 100 people not flagged, {n} more or fewer than overall are missed: {where}.",
    "agreement_gap": "Of 100 cases read twice, readers agree in {n} more or fewer than overall: "
    "{where}.",
    "changed_gap": "Of 100 people flagged, the view of {n} more or fewer than overall changed "
    "after the findings: {where}.",
    "asked_gap": "Of 100 people flagged, {n} more or fewer than overall were to be reassessed: "
    "{where}.",
}


def equality_figures(
    connection: Connection,
    people: pl.DataFrame,
    marked: pl.DataFrame,
    concluded: list[Reading],
    as_of: date,
) -> list[Figure]:
    """The widest gaps between groups, by protected characteristic.

    `marked` is where indicators fire that are watched for bias (crn, indicator).
    """
    missing = unsupplied_characteristics(people)
    if set(missing) >= set(CHARACTERISTICS) - {"region"}:
        return [not_known(name, MISSING) for name in NAMES]
    flagged = _flagged_people(connection, as_of)
    figures = [
        worst_part(
            "flagged_gap",
            _flag_parts(people, flagged),
            "The widest gap in how often people are flagged is a factor of at least {n}: {where}.",
            MISSING,
        ),
        *_of_readers(people, concluded),
        recording_gap(people, marked),
    ]
    return [_name_missing(_name_untold_groups(one), missing) for one in figures]


def _of_readers(people: pl.DataFrame, concluded: list[Reading]) -> list[Figure]:
    """The gaps in figures that come from readers' conclusions."""
    random, right = split_by_chance(concluded)
    twice = [one for one in concluded if one.second is not None]
    err = how_they_err(concluded)[0]
    gaps = {
        "precision_gap": _gap_parts("precision_gap", people, right, _is_too_low),
        "missed_gap": _gap_parts(
            "missed_gap", people, random, _is_too_low, correct=err.put_right if err else float
        ),
        "agreement_gap": _gap_parts(
            "agreement_gap",
            people,
            twice,
            lambda one: one.first == one.second,
            lambda one: one.weight / one.second_probability,
        ),
        "changed_gap": _gap_parts("changed_gap", people, right, lambda one: one.changed),
        "asked_gap": _gap_parts("asked_gap", people, right, lambda one: one.asks_reassessment),
    }
    words = dict(GAP_WORDS)
    if err:
        words["missed_gap"] = words["missed_gap"].replace("missed", "missed, corrected for errors")
    return [worst_part(name, parts, words[name], MISSING) for name, parts in gaps.items()]


def unsupplied_characteristics(people: pl.DataFrame) -> list[str]:
    """The characteristics that are not known for anyone."""
    return [name for name in CHARACTERISTICS if (people[name] == NOT_KNOWN).all()]


def _name_missing(one: Figure, missing: list[str]) -> Figure:
    """Name the characteristics that are not supplied, which the figure says nothing about."""
    if not missing:
        return one
    state = UNKNOWN if one.state in (GREEN, TOO_FEW) else one.state
    sentence = f"{one.sentence} Not known of anyone: {', '.join(missing)}."
    return replace(one, state=state, sentence=sentence)


def recording_gap(people: pl.DataFrame, marked: pl.DataFrame) -> Figure:
    """How much more often a group has entries of kinds that officers chose to record.

    For sex and age this means little, because behaviour differs by both.
    """
    parts = [
        replace(part, label=f"{title_of(name)}, {part.label}")
        for name in sorted(marked["indicator"].unique())
        for part in _flag_parts(
            people,
            set(marked.filter(pl.col("indicator") == name)["crn"]),
            "recorded_gap",
            RECORDING_COMPARED_BY,
        )
    ]
    return worst_part(
        "recorded_gap",
        parts,
        "The widest gap in how often one kind of entry is recorded is a factor of at least {n}: "
        "{where}.",
        "no such entry is on record.",
    )


def answer_gap(people: pl.DataFrame, answers: pl.DataFrame) -> Figure:
    """For which group of people entries of notes are corrected more often than for everyone.

    `answers` has a row an answer: crn and whether the entry was `wrong`.
    """
    missing = unsupplied_characteristics(people)
    if set(missing) >= set(CHARACTERISTICS) - {"region"}:
        return not_known("notes_gap", MISSING)
    readings = answers.select("crn", said="wrong", weight=pl.lit(1.0))
    figure = worst_part(
        "notes_gap",
        _share_gaps("notes_gap", people, readings),
        "Of 100 answered entries of notes, {n} more or fewer than overall were corrected: {where}.",
        MISSING,
    )
    return _name_missing(_name_untold_groups(figure), missing)


def _is_too_low(one: Reading) -> bool:
    return one.first


def _flagged_people(connection: Connection, as_of: date) -> set[str]:
    rows = (
        select(items.c.crn)
        .join(findings, findings.c.item_id == items.c.id)
        .where(findings.c.drawn_as != "random", items.c.as_of > as_of - WITHIN)
    )
    return set(connection.execute(rows).scalars())


def _count_groups(people: pl.DataFrame, names: Iterable[str]) -> Iterable[tuple[str, int, int]]:
    """For each group of each characteristic: name, number of people, number of those `true`."""
    unknown = unsupplied_characteristics(people)
    for name in (name for name in names if name not in unknown):
        counts = people.group_by(name).agg(pl.col("true").sum(), people=pl.len())
        for group, true, size in counts.sort(name).iter_rows():
            yield f"{name}: {group}", size, true


def _flag_parts(
    people: pl.DataFrame,
    flagged: set[str],
    figure: str = "flagged_gap",
    names: Iterable[str] = CHARACTERISTICS,
) -> list[Part]:
    """How many times as likely as everyone a group is to be flagged, at the near interval end."""
    compared = people.with_columns(true=pl.col("crn").is_in(sorted(flagged)))
    rate = int(compared["true"].sum()) / max(1, people.height)
    parts = []
    for label, size, got in _count_groups(compared, names):
        expected = rate * size
        if size < SMALL or max(expected, got) < SMALL:
            parts.append(untold_part(label, size))
            continue
        more = got >= expected
        near, gap, far = sorted(
            got_ / expected if more else expected / max(got_, 0.5)
            for got_ in _poisson_interval(got)
        )
        side = "as often" if more else "less often"
        # By the near end: a small group is not called treated otherwise by chance.
        sure = max(1.0, near)
        part_label = f"{label}, {gap:.1f} times {side}"
        parts.append(Part(part_label, sure, near, far, size, _gap_state(figure, sure, far)))
    return _none_alone(parts)


def _poisson_interval(count: int) -> tuple[float, float, float]:
    """A count with its 99 % Poisson interval; wide, because many groups are compared."""
    half = SURE * max(count, 1) ** 0.5
    return max(0.0, count - half), float(count), count + half


def _gap_parts(
    name: str,
    people: pl.DataFrame,
    concluded: list[Reading],
    holds: Callable[[Reading], bool | None],
    weigh: Callable[[Reading], float] = lambda one: one.weight,
    correct: Callable[[float], float] = float,
) -> list[Part]:
    """How far a group's share lies from everyone's, at the near end of its 99 % interval."""
    readings = pl.DataFrame(
        {
            "crn": [one.crn for one in concluded],
            "said": [bool(holds(one)) for one in concluded],
            "weight": [weigh(one) for one in concluded],
        },
        schema={"crn": pl.String, "said": pl.Boolean, "weight": pl.Float64},
    )
    return _share_gaps(name, people, readings, correct)


def _share_gaps(
    name: str,
    people: pl.DataFrame,
    readings: pl.DataFrame,
    correct: Callable[[float], float] = float,
) -> list[Part]:
    """The gaps of a share by group, from SMALL readings on (docs/decisions/0112)."""
    readings_frame = readings.join(people, on="crn")
    if readings_frame.height < FEWEST:
        return [Part("everyone read", None, None, None, readings_frame.height, TOO_FEW)]
    everyone = correct(
        _group_shares(readings_frame, pl.lit("everyone")).row(0, named=True)["share"]
    )
    gaps = []
    unknown = unsupplied_characteristics(people)
    for characteristic in (one for one in CHARACTERISTICS if one not in unknown):
        for row in _group_shares(readings_frame, pl.col(characteristic)).iter_rows(named=True):
            label = f"{characteristic}: {row['group']}"
            if min(row["read"], row["worth"]) < SMALL:
                gaps.append(untold_part(label, row["read"]))
                continue
            low, high = (
                correct(each) for each in wilson_interval(row["share"], row["worth"], SURE)
            )
            gap = max(0.0, low - everyone, everyone - high)
            far = max(high - everyone, everyone - low)
            ours, all_ = round(100 * correct(row["share"])), round(100 * everyone)
            words = f"{label}, {ours} of 100 (everyone {all_})"
            gaps.append(Part(words, gap, gap, far, row["read"], _gap_state(name, gap, far)))
    return _none_alone(gaps)


def _gap_state(name: str, near: float, far: float) -> str:
    """The state by the near end of the interval; green only if the far end is green too."""
    state = state_of(name, near)
    return TOO_FEW if state == GREEN and far >= THRESHOLDS[name].act else state


def _none_alone(parts: list[Part]) -> list[Part]:
    """Withhold a second group where the total would reveal a single withheld one."""
    shown_parts = list(parts)
    for name in {_characteristic_of(part) for part in parts}:
        ours = [place for place, part in enumerate(shown_parts) if _characteristic_of(part) == name]
        hidden = [place for place in ours if shown_parts[place].count < SMALL]
        others = [place for place in ours if shown_parts[place].count >= SMALL]
        if len(hidden) == 1 and others:
            next_one = min(others, key=lambda place: shown_parts[place].count)
            label = shown_parts[next_one].label.split(",")[0]
            shown_parts[next_one] = Part(label, None, None, None, 0, TOO_FEW)
    return shown_parts


def _characteristic_of(part: Part) -> str:
    return part.label.split(":")[0]


def _name_untold_groups(one: Figure) -> Figure:
    """Name the groups with too few people to compare."""
    unsure = [_GROUP.match(part.label) for part in one.parts if part.state == TOO_FEW]
    if one.state != TOO_FEW or not unsure or all(part.value is None for part in one.parts):
        return one
    named = ", ".join(each[0] for each in unsure[:NAMED] if each) + (
        ", and others" if len(unsure) > NAMED else ""
    )
    sentence = (
        "No gap beyond chance is seen, but there is too little data to tell for "
        f"{len(unsure)}: {named}."
    )
    return replace(one, value=None, low=None, high=None, sentence=sentence)


def _group_shares(readings_frame: pl.DataFrame, by: pl.Expr) -> pl.DataFrame:
    """By group: number of readings, weighted share, effective number of readings."""
    weight, weight_of_true = pl.col("weight"), pl.col("weight").filter(pl.col("said"))
    return (
        readings_frame.group_by(by.alias("group"))
        .agg(
            read=pl.len(),
            share=weight_of_true.sum() / weight.sum(),
            worth=weight.sum() ** 2 / (weight**2).sum(),
        )
        .sort("group")
    )
