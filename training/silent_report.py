"""Reports a silent trial: what was found, missed, by whom read, for whom worse, and each criterion.

The readings come back as `reviews` of the store, given before any finding was seen, about the day
of the list. After the items of DECIDE-AI (Vasey and others, BMJ 2022;377:e070904) for the early
evaluation of decision support, and TRIPOD+AI (Collins and others, BMJ 2024;385:e078378).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from features.errors import UserError
from features.intervals import ratio_interval, wilson_interval
from features.store.protected_characteristics import CHARACTERISTICS, characteristics_of
from features.store.store import Store
from models.lanes import LANE_NAMES
from training import labels
from training.config import Config
from training.silent_draw import RANDOM, SEALED, Protocol, read_protocol

FEWEST = 30
"""Readings below which no share is given."""
NAMES = {"model": "the model", **LANE_NAMES, RANDOM: "drawn at random"}
LEAST_READ, LEAST_RATIO = 0.8, 2.0
EXPECTED = (0.67, 1.5)
LEAST_KAPPA = 0.4
SMALL = 10
"""Fewer people than this are not told of by group."""
LEAST_READERS = 5
"""Of fewer readers the least and most readings would be those of a person."""


@dataclass(frozen=True)
class Share:
    """A weighted share with its interval; None where there were too few readings."""

    count: int
    value: float | None
    low: float | None = None
    high: float | None = None
    worth: float = 0.0
    """The effective number of readings."""

    def words(self) -> str:
        """The share in hundredths, or that it cannot be told."""
        if self.value is None or self.low is None or self.high is None:
            return f"cannot be told: {self.count} of {FEWEST} readings"
        spread = f"between {100 * self.low:.0f} and {100 * self.high:.0f}"
        return f"{100 * self.value:.0f} of 100 ({spread}, {self.count} readings)"


@dataclass(frozen=True)
class Criterion:
    """What was asked before the trial began, what came out, and whether it is met."""

    question: str
    result: str
    is_met: bool | None
    """None where it cannot be told: then it is not met."""

    def words(self) -> str:
        """Whether it is met, in words."""
        return {True: "met", False: "not met", None: "cannot be told"}[self.is_met]


@dataclass(frozen=True)
class Trial:
    """A trial's draws and their readings."""

    protocol: Protocol
    draws: pl.DataFrame
    """One row a person drawn: as `draw_list` gives it, and `is_read`, `too_low`, `same_group`."""
    readings: pl.DataFrame
    """One row a reading of a person drawn: crn, as_of, reader, recorded_on, too_low."""
    people: pl.DataFrame
    """Who was drawn: crn and CHARACTERISTICS."""


def read_trial(folder: Path, store: Store, until: date, config: Config) -> Trial:
    """The draws of a trial with the readings recorded by a day.

    A person is too low where the first reader put any group higher than recorded; `same_group`
    where it is the group that the person was drawn for. Raises UserError where nothing was drawn
    or nothing was read.
    """
    protocol = read_protocol(folder)
    paths = sorted(folder.glob(f"????-??-??/{SEALED}"))
    if not paths:
        raise UserError(f"Nobody was drawn in {folder} yet: training silent-draw.")
    draws = pl.concat([pl.read_parquet(path) for path in paths])
    blind = labels.list_readings(store, until, config).filter(
        "blind", pl.col("source") == "audit", pl.col("reader").is_not_null()
    )
    ours = blind.join(draws.select("crn", "as_of"), on=["crn", "as_of"], how="semi")
    if ours.is_empty():
        raise UserError(
            f"Nobody of the {draws.height:,} people drawn was read blind by {until}. Load the "
            "readings as `reviews`: source audit, the reader's pseudonym, snapshot_on the day of "
            "the list, before_findings true."
        )
    joined = labels.join_indicators(store, ours)
    rows = joined.frame.select("crn", "as_of", "group", "record_id", "reader", "recorded_on")
    rows = rows.with_columns(higher=pl.Series(labels.read_higher(joined) > 0))
    rows = rows.join(draws.select("crn", "as_of", drawn_for="group"), on=["crn", "as_of"])
    readings = rows.group_by("crn", "as_of", "record_id", "reader", "recorded_on").agg(
        too_low=pl.col("higher").any(),
        same_group=(pl.col("higher") & (pl.col("group") == pl.col("drawn_for"))).any(),
    )
    readings = readings.sort("recorded_on", "record_id")
    first = readings.unique(["crn", "as_of"], keep="first", maintain_order=True)
    with_first = draws.join(
        first.select("crn", "as_of", "too_low", "same_group"), on=["crn", "as_of"], how="left"
    ).with_columns(is_read=pl.col("too_low").is_not_null())
    people = draws.select("crn", "as_of").hstack(characteristics_of(store, draws))
    return Trial(protocol, with_first, readings, people.drop("as_of"))


def share_of(rows: pl.DataFrame, value: str = "too_low") -> Share:
    """The weighted share of read people of whom something is true."""
    read = rows.filter("is_read")
    if read.is_empty():
        return Share(0, None)
    weight = 1 / read["inclusion"].to_numpy()
    worth = float(weight.sum() ** 2 / (weight**2).sum())
    if worth < FEWEST:
        return Share(read.height, None, worth=worth)
    share = float(weight[read[value].to_numpy()].sum() / weight.sum())
    return Share(read.height, share, *wilson_interval(share, worth), worth)


def criteria_of(trial: Trial) -> list[Criterion]:
    """Each criterion of docs/silent-trial.md with its result."""
    draws = trial.draws
    read = draws["is_read"].mean()
    return [
        Criterion(
            f"At least {100 * LEAST_READ:.0f} of 100 people drawn are read",
            f"{100 * float(read):.0f} of 100",  # type: ignore[arg-type]
            float(read) >= LEAST_READ,  # type: ignore[arg-type]
        ),
        *(_against_chance(draws, name) for name in NAMES if name != RANDOM),
        _expected(draws.filter(pl.col("drawn_as") == "model", "is_read")),
        _agreement(trial.readings),
    ]


def _against_chance(draws: pl.DataFrame, name: str) -> Criterion:
    question = (
        f"Of people drawn by {NAMES[name]} at least {LEAST_RATIO:g} times as many are too low as "
        "of those drawn at random of the same levels, and surely more than once as many"
    )
    own = draws.filter(pl.col("drawn_as") == name, "is_read")
    here, chance = share_of(own), share_of(_weighed_to_mix(draws, own))
    if here.value is None or chance.value is None:
        return Criterion(question, "too few were read", None)
    ratio, low, high = ratio_interval(here.value, here.worth, chance.value, chance.worth)
    result = f"{ratio:.1f} times (between {low:.1f} and {high:.1f})"
    return Criterion(question, result, ratio >= LEAST_RATIO and low > 1)


def _weighed_to_mix(draws: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """People drawn at random and read, weighed to the recorded levels of `own`.

    People are drawn by numbers of each level and chance is not: a lane that draws from a level
    where many are too low would otherwise look as if it found them.
    """
    random = draws.filter(pl.col("drawn_as") == RANDOM, "is_read")
    mix = own.group_by("stratum").agg(wanted=pl.len())
    weight = (1 / pl.col("inclusion")).sum().over("stratum")
    alike = random.join(mix, on="stratum")
    return alike.with_columns(inclusion=pl.col("inclusion") * weight / pl.col("wanted"))


def _expected(rows: pl.DataFrame) -> Criterion:
    question = f"Found for each that the model expected: {EXPECTED[0]:g} to {EXPECTED[1]:g}"
    if rows.height < FEWEST:
        return Criterion(question, f"{rows.height} of {FEWEST} readings", None)
    ratio = float(rows["same_group"].sum()) / float(rows["probability"].sum())
    return Criterion(question, f"{ratio:.2f}", EXPECTED[0] <= ratio <= EXPECTED[1])


def _agreement(readings: pl.DataFrame) -> Criterion:
    """Agreement of two different readers beyond chance: Cohen 1960, Educ Psychol Meas 20: 37-46."""
    question = f"Two blind readers agree beyond chance (Cohen's kappa at least {LEAST_KAPPA:g})"
    each = readings.unique(["crn", "as_of", "reader"], keep="first", maintain_order=True)
    pairs = each.group_by("crn", "as_of", maintain_order=True).agg(pl.col("too_low").head(2))
    pairs = pairs.filter(pl.col("too_low").list.len() == 2)
    if pairs.height < FEWEST:
        why = f"{pairs.height} of {FEWEST} cases were read by two readers"
        return Criterion(question, why, None)
    first, second = (pairs["too_low"].list.get(place).to_numpy() for place in (0, 1))
    same = float((first == second).mean())
    by_chance = first.mean() * second.mean() + (1 - first.mean()) * (1 - second.mean())
    if by_chance == 1:
        return Criterion(question, "both always said the same of everybody", None)
    kappa = float((same - by_chance) / (1 - by_chance))
    result = f"kappa {kappa:.2f}: {100 * same:.0f} of 100 alike, {100 * by_chance:.0f} by chance"
    return Criterion(question, result, kappa >= LEAST_KAPPA)


def write_report(trial: Trial, *, made_up: bool) -> str:
    """The report as Markdown."""
    lines = [
        "# Report of a silent trial",
        "",
        "Nobody was shown a score, a flag or a finding, and nobody's level was changed by it.",
        *(["", "**Made-up people: this proves plumbing, not accuracy.**"] if made_up else []),
        "",
        "## What was agreed before",
        "",
        f"- Model: `{trial.protocol.model[:12]}`, the same throughout",
        f"- Each draw: {trial.protocol.by_model} by the model, {trial.protocol.by_lane} by each "
        f"lane beside it, {trial.protocol.at_random} at random; for {trial.protocol.weeks} weeks",
        "- The random draws were keyed by a secret that readers did not have",
        "",
        *_criteria_lines(trial),
        *_found_lines(trial),
        *_missed_lines(trial),
        *_reader_lines(trial),
        *_group_lines(trial),
        "## What this does not show",
        "",
        "- Whether being shown helps: nobody was shown anything. That is asked after going live.",
        "- What readers did not see either: a level counts as too low where a reader says so.",
        "- What a summary, a picture or a reason does to a reader's judgement.",
        "",
    ]
    return "\n".join(lines)


def _criteria_lines(trial: Trial) -> Iterable[str]:
    yield from ("## The criteria", "")
    criteria = criteria_of(trial)
    yield from (f"- **{one.words()}**: {one.question}: {one.result}" for one in criteria)
    verdict = (
        "Every criterion is met."
        if all(one.is_met for one in criteria)
        else "Not every criterion is met: the board does not go live on this trial alone."
    )
    yield from ("", verdict, "")


def _found_lines(trial: Trial) -> Iterable[str]:
    weeks = trial.draws["as_of"].n_unique()
    yield from (
        "## What was found",
        "",
        f"{weeks} draws of {trial.protocol.weeks} agreed; {trial.draws.height:,} people.",
        "",
        "| drawn by | people | read | a level too low, by the first reader |",
        "|---|---|---|---|",
    )
    for name, words in NAMES.items():
        rows = trial.draws.filter(pl.col("drawn_as") == name)
        read = int(rows["is_read"].sum())
        yield f"| {words} | {rows.height} | {read} | {share_of(rows).words()} |"
    yield ""


def _missed_lines(trial: Trial) -> Iterable[str]:
    random = trial.draws.filter(pl.col("drawn_as") == RANDOM)
    missed = share_of(random)
    yield from ("## What was missed", "", f"Of people in no lane: {missed.words()}.")
    if missed.value is not None and missed.low is not None and missed.high is not None:
        by_day = random.group_by("as_of").agg(
            not_drawn=(pl.len() / pl.col("inclusion").first()).mean()
        )
        people = float(np.mean(by_day["not_drawn"].to_numpy()))
        low, high = people * missed.low, people * missed.high
        yield f"That is {low:,.0f} to {high:,.0f} of about {people:,.0f} people not drawn on a day."
    yield ""


def _reader_lines(trial: Trial) -> Iterable[str]:
    by_reader = trial.readings.filter(pl.col("reader").is_not_null()).group_by("reader").len()
    yield from ("## By whom it was read", "")
    if by_reader.is_empty():
        yield from ("Not known: the readings name no reader.", "")
        return
    counts = sorted(by_reader["len"].to_list())
    if len(counts) < LEAST_READERS:
        yield from (f"{len(counts)} readers, {sum(counts)} readings.", "")
        return
    yield (
        f"{len(counts)} readers, from {counts[0]} to {counts[-1]} readings each (middle "
        f"{counts[len(counts) // 2]})."
    )
    yield ""


def _group_lines(trial: Trial) -> Iterable[str]:
    yield from (
        "## For whom it is worse",
        "",
        "| group | too low among those drawn for what is on record | among those at random |",
        "|---|---|---|",
    )
    rows = trial.draws.join(trial.people.unique("crn"), on="crn")
    chance = pl.col("drawn_as") == RANDOM
    for name in CHARACTERISTICS:
        for group in sorted(rows[name].unique()):
            ours = rows.filter(pl.col(name) == group)
            drawn, random = share_of(ours.filter(~chance)), share_of(ours.filter(chance))
            yield f"| {name}: {group} | {_of_group(drawn)} | {_of_group(random)} |"
    yield ""


def _of_group(share: Share) -> str:
    """The share of a group; a count of people under SMALL is not told, nor one it tells of."""
    if share.value is None:
        return "too few to tell"
    if min(share.value, 1 - share.value) * share.count < SMALL:
        return f"too few to tell of {share.count} readings"
    return share.words()
