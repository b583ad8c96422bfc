"""Stories in which a whole level is missed: what they raise, leave on record, and hide."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features import indicators
from features.contracts import codes, records
from features.indicators import CATALOGUE
from features.synthetic import bucket, figures, practice, stories
from features.synthetic.bucket import Bucket, Plan
from features.synthetic.draw import MONTHS

FROZEN = {"near-the-cut": "b45162c7d4a8b086", "none": "d6708e0cd79694e7"}
"""The digest of the rows of 200 people by scenario: a change of it is a change of every figure that
was measured on the made-up caseload, and of the choices that rest on them.
"""
SHOWN_ONLY = ("expected_end_on", "expected_end_set_on")
"""Columns that came later and that no indicator reads: the digest is of the others."""


def plan_of(scenario: str, cases: int, seed: int = 3) -> Plan:
    audited, too_low = figures.AUDITED.value, figures.UNDERESTIMATED.value
    return bucket.make_plan(seed, date(2026, 11, 20), cases, 1, too_low, audited, scenario, 0.0)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of("none", 3000)


@pytest.fixture(scope="module")
def made_bucket(plan: Plan) -> Bucket:
    return bucket.make_bucket(plan, 0)


@pytest.mark.parametrize("scenario", FROZEN)
def test_the_caseload_is_frozen(scenario: str) -> None:
    tables = bucket.make_bucket(plan_of(scenario, 200), 0).tables
    digest = hashlib.sha256()
    for name in sorted(tables):
        rows = tables[name].drop(SHOWN_ONLY, strict=False)
        ordered = rows.sort("crn", "occurred_on", "record_id", "version")
        digest.update(ordered.write_csv().encode())
    assert digest.hexdigest()[:16] == FROZEN[scenario]


def test_no_indicator_reads_what_is_shown_only() -> None:
    """The words of the definitions and of the engine hold none of these columns."""
    folder = Path(indicators.__file__).parent
    sources = [path.read_text(encoding="utf-8") for path in folder.rglob("*.py")]
    for column in SHOWN_ONLY:
        assert not [source for source in sources if column in source], column


def test_every_plot_names_columns_and_codes_that_there_are() -> None:
    for plot in stories.read_plots():
        assert plot.group in codes.COMMUNITY_GROUPS
        assert len(plot.entries) >= 5
        for entry in (*plot.entries, *plot.past):
            table = records.find_table(entry["table"])
            for name, value in entry.items():
                if name in stories.PLACES:
                    continue
                allowed = table.column(name).codes
                assert allowed is None or value in allowed, (plot.name, name, value)
            assert entry["least"] <= entry["most"]
        assert all("from" in entry for entry in plot.entries)
        assert not any("from" in entry for entry in plot.past)


def test_a_plot_names_no_indicator() -> None:
    """It says what happened in the words of the record, not in those of what is tested on it."""
    text = stories.PLOTS.read_text(encoding="utf-8")
    assert not [name for name in CATALOGUE if name in text]


def test_whole_levels_are_missed_beside_those_near_a_cut(plan: Plan, made_bucket: Bucket) -> None:
    led = made_bucket.lives
    draw = plan.draw(0)
    holding = practice.draw_holdings(draw, led, plan.places)
    work = practice.draw_assessments(draw, led, holding, plan.cuts, plan.slips, plan.scenario)
    community = led.sentences.on[:, -1] == 1
    recorded = work.recorded[:, :, -1]
    gap = np.where(recorded >= 0, led.true[:, :, -1] - recorded, 0)[:, community]
    assert (gap >= 2).sum() > 0.1 * (gap >= 1).sum()
    assert (gap == 1).sum() > 2 * (gap >= 2).sum()
    share = practice.too_low(led, work)[community].mean()
    assert share == pytest.approx(figures.UNDERESTIMATED.value, abs=0.02)


def test_a_story_raises_one_group_while_it_lasts(plan: Plan, made_bucket: Bucket) -> None:
    led = made_bucket.lives
    raised = led.raised > 0
    assert raised.any(axis=(0, 2)).mean() > 0.1
    assert (raised.any(axis=2).sum(axis=0) <= 1).all(), "one group of a person"
    changes = np.abs(np.diff(raised.any(axis=0).astype(int), axis=1)).sum(axis=1)
    assert changes.max() <= 2, "from one month to another"
    people_stories = stories.draw_stories(plan.draw(0), led, plan.stories)
    alarms = set(people_stories.who[people_stories.rise == 0])
    assert 0.2 < len(alarms) / len(people_stories) < 0.5
    assert not raised[:, sorted(alarms)].any()
    assert (people_stories.noticed[people_stories.rise == 0] == MONTHS).all(), (
        "of a false alarm there is nothing to see"
    )
    assert 0.3 < (people_stories.noticed[people_stories.rise > 0] < MONTHS).mean() < 0.6


def test_readers_see_no_story_that_the_record_does_not_tell(made_bucket: Bucket) -> None:
    led = made_bucket.lives
    raised, hidden = led.raised.any(axis=(0, 2)), led.concealed
    assert (raised & hidden).any()
    assert (led.readable[:, hidden] == (led.true - led.raised)[:, hidden]).all()
    assert (led.readable[:, ~hidden] == led.true[:, ~hidden]).all()


def test_who_has_a_story_has_more_on_record() -> None:
    """Beside the same people without one: entries of many kinds, over months."""
    with_stories = bucket.make_bucket(plan_of("none", 3000), 0)
    without = bucket.make_bucket(plan_of("near-the-cut", 3000), 0)
    whose = with_stories.lives.raised.any(axis=(0, 2)) & ~with_stories.lives.concealed
    crns = with_stories.lives.people.crns.filter(pl.Series(whose))

    def mean_rows(content: Bucket) -> float:
        rows = content.tables["incidents"].filter(pl.col("crn").is_in(crns.to_list()))
        return rows.height / len(crns)

    assert mean_rows(with_stories) > mean_rows(without) + 3
    late = with_stories.tables["incidents"].filter(
        (pl.col("recorded_at").dt.date() - pl.col("occurred_on")).dt.total_days() > 1000
    )
    assert late.height > 20, "a past that comes on record years later"
