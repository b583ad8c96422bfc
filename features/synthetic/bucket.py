"""Makes one bucket of cases: lives, then practice, then the tables that record them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from features.contracts import codes
from features.synthetic import (
    assessments,
    changes,
    contacts,
    documents,
    figures,
    incidents,
    links,
    lives,
    notes,
    offences,
    people,
    places,
    practice,
    readers,
    registers,
    stories,
    supervision,
)
from features.synthetic.draw import Desk, Draw, Floats, pick_labels
from features.synthetic.lives import Lives
from features.synthetic.places import Places
from features.synthetic.practice import Holding
from features.synthetic.scenarios import Policies, Scenario, find_scenario

PILOT = 16_000
TRUE_LEVELS = "true-levels"
GOING_ON = "going-on"
IN_NOTES = "in-notes"


@dataclass(frozen=True)
class Plan:
    """What all buckets of a made-up caseload share: units, staff, level cut-offs, error rates."""

    seed: int
    as_of: date
    cases: int
    buckets: int
    audited: float
    scenario: Scenario
    policies: Policies
    places: Places
    cuts: Floats
    slips: float
    only_in_notes: float
    stories: float
    """The share of people who have a story at some time."""

    def draw(self, bucket: int = -1) -> Draw:
        """The seeded random generator of a bucket; with None, the one shared by all buckets."""
        return Draw(self.seed, self.as_of, bucket)

    def size(self, bucket: int) -> int:
        """How many cases the bucket has."""
        return self.cases // self.buckets + (bucket < self.cases % self.buckets)


@lru_cache(maxsize=8)
def make_plan(
    seed: int,
    as_of: date,
    cases: int,
    buckets: int,
    underestimated: float,
    audited: float,
    scenario: str,
    only_in_notes: float,
) -> Plan:
    """The units, level cut-offs and error rates for all buckets, calibrated on a separate pilot."""
    draw = Draw(seed, as_of)
    policies = Policies()
    units_and_teams = places.make_places(draw, cases, policies)
    pilot_people = people.make_people(draw, PILOT, 1)
    cuts = lives.find_cuts(lives.make_lives(draw, pilot_people))
    chosen = find_scenario(scenario)
    drawn_share = figures.STORIES.value * underestimated / figures.UNDERESTIMATED.value
    share = drawn_share if chosen.stories else 0.0
    pilot = lives.make_lives(draw, pilot_people, cuts)
    pilot = stories.raise_levels(pilot, stories.draw_stories(draw, pilot, share))
    holding = practice.draw_holdings(draw, pilot, units_and_teams)
    slips = practice.slips_for(underestimated, draw, pilot, holding, cuts)
    return Plan(
        seed=seed,
        as_of=as_of,
        cases=cases,
        buckets=buckets,
        audited=audited,
        scenario=chosen,
        policies=policies,
        places=units_and_teams,
        cuts=cuts,
        slips=slips,
        only_in_notes=only_in_notes,
        stories=share,
    )


@dataclass(frozen=True)
class Bucket:
    """A made bucket of cases: its tables, and the lives from which they were made."""

    lives: Lives
    tables: dict[str, pl.DataFrame]
    in_notes: pl.DataFrame
    """What the notes of contacts say, as `features.synthetic.notes` wrote it."""


def make_bucket(plan: Plan, number: int) -> Bucket:
    """Make a bucket: draw lives, then practice, then the entries that record them."""
    draw = plan.draw(number)
    who = people.make_people(draw, plan.size(number), plan.buckets)
    plain = lives.make_lives(draw, who, plan.cuts)
    missed = stories.draw_stories(draw, plain, plan.stories)
    led = stories.raise_levels(plain, missed)
    holding = practice.draw_holdings(draw, led, plan.places)
    work = practice.draw_assessments(draw, led, holding, plan.cuts, plan.slips, plan.scenario)
    due = supervision.contact_due(led, work, plan.places, plan.policies, plan.scenario)
    desk = _make_desk(plan, draw, led, holding)
    units = pick_labels(plan.places.units, plan.places.team_unit[holding.team])
    register_tables = [
        registers.registers_table(desk, led, work),
        registers.suspension_rows(desk, due.suspended),
    ]
    tables = {
        "supervisions": supervision.supervisions_table(desk, led, plan.places, work, due),
        "contacts": contacts.contacts_table(desk, led, work, plan.places, due, plan.policies),
        "assessments": assessments.assessments_table(desk, led, work),
        "registrations": pl.concat(register_tables),
        "orders": changes.orders_table(desk, led),
        "enquiries": changes.enquiries_table(desk, led, work),
        "incidents": incidents.incidents_table(desk, led, due.visits, plan.scenario),
        "decisions": changes.decisions_table(desk, led, work),
        "allocations": supervision.allocations_table(desk, led, plan.places, work),
        "actions": changes.actions_table(desk, led, work),
        "circumstances": changes.circumstances_table(desk, led, units),
        "documents": documents.documents_table(desk, led, work),
        "links": links.links_table(desk, led),
        "offences": offences.offences_table(desk, led),
        "reviews": readers.reviews_table(desk, led, work, plan.audited),
        "people": people.people_table(draw, who, np.maximum(led.sentences.start, 1)),
        "limits": changes.limits_table(desk, led, units),
    }
    staff = pick_labels(plan.places.staff_codes, holding.staff[:, -1])
    tables = stories.add_story_rows(desk, led, missed, tables, staff)
    with_notes = notes.write_notes(desk, led, tables, plan.only_in_notes)
    return Bucket(led, with_notes.tables, with_notes.in_notes)


def _make_desk(plan: Plan, draw: Draw, led: Lives, holding: Holding) -> Desk:
    where, policies, scenario = plan.places, plan.policies, plan.scenario
    region = where.of_provider(holding.team, policies.outage_provider)
    later = where.of_provider(holding.team, *scenario.late_providers)
    outages = [(region, *policies.outage)]
    if scenario.outage_now:
        outages.append((region, scenario.outage_now, -1))
    slow = where.of_unit(holding.team, policies.slow_unit)
    return Desk(
        draw,
        led.people.crns,
        slow=slow * policies.slow_by,
        later=later * scenario.late_by,
        later_from=scenario.late_from if scenario.late_by else -1,
        outages=tuple(outages),
    )


def write_bucket(
    plan: Plan, number: int, out: Path, truth: Path
) -> tuple[dict[str, int], dict[str, int]]:
    """Write the files of a bucket of made-up cases; returns rows and digest of each table."""
    bucket_content = make_bucket(plan, number)
    rows, digests = {}, {}
    for name, drawn in bucket_content.tables.items():
        frame = _with_neutral_numbers(plan.draw(number), name, drawn)
        target = out / name / f"{number:02d}.parquet"
        target.parent.mkdir(exist_ok=True)
        ordered = frame.sort("crn", "occurred_on", "record_id", "version")
        ordered.write_parquet(target, compression="zstd", compression_level=1, statistics=False)
        rows[name], digests[name] = ordered.height, rows_digest(ordered)
    _write_truth(bucket_content, number, truth)
    return rows, digests


def _with_neutral_numbers(draw: Draw, name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with shuffled record numbers, so that a number reveals nothing hidden."""
    record_ids = rows.select(pl.col("record_id").unique(maintain_order=True))
    order = draw.stream(f"numbers of {name}").permutation(record_ids.height)
    prefix = f"{name[:3].upper()}{draw.bucket:03d}"
    numbered = record_ids.with_columns(new=prefix + pl.Series(order).cast(pl.String()).str.zfill(7))
    joined = rows.join(numbered, on="record_id", how="left", maintain_order="left")
    return joined.with_columns(record_id="new").select(rows.columns)


def _write_truth(content: Bucket, number: int, folder: Path) -> None:
    """Write the hidden true levels and circumstances by month, and what notes say."""
    led = content.lives
    levels = pl.concat(
        pl.DataFrame(
            {
                "crn": led.people.crns,
                "group": pl.Series([group]).new_from_index(0, len(led)),
                "level": pl.Series(led.level(group).astype(np.int8)).reshape((-1, 36)),
            }
        )
        for group in codes.COMMUNITY_GROUPS
    )
    going_on = pl.DataFrame(
        {
            "crn": led.people.crns,
            "concealed": led.concealed,
            **{name: states.astype(np.int8) for name, states in led.going_on.items()},
        }
    )
    hidden = ((TRUE_LEVELS, levels), (GOING_ON, going_on), (IN_NOTES, content.in_notes))
    for name, frame in hidden:
        target = folder / name / f"{number:02d}.parquet"
        target.parent.mkdir(exist_ok=True)
        frame.write_parquet(target)


def rows_digest(frame: pl.DataFrame) -> int:
    """The digest of a table's rows, whatever their order: the sum of their hashes modulo 2^64."""
    return int(frame.hash_rows(seed=1).sum() or 0) % 2**64
