"""The engine and the slow reference agree on every indicator, whatever the history."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from features.frame import build, evidence
from features.history import asof
from features.indicators import CATALOGUE
from tests.factories import AS_OF, CRN, known_histories, row
from tests.properties.histories import TABLES, belonging_to, dense, histories
from tests.properties.reference import REFERENCE, History
from tests.properties.reference_history import NOTED

QUICK = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    # A red run says so at once; `make verify` takes the time to find the smallest history.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def compare(
    rows: dict[str, list[dict[str, Any]]],
    crns: tuple[str, ...],
    days: int,
    note_kinds: frozenset[str] = frozenset(),
) -> None:
    """Every value of the engine's frame is the reference's."""
    as_of = AS_OF - timedelta(days=days)
    engine = known_histories(rows, as_of=as_of, crns=crns)
    engine.note_kinds = note_kinds
    frame = build.build_frame(engine)
    for crn in crns:
        history = History(rows, crn, as_of, note_kinds)
        for line in frame.filter(crn=crn).iter_rows(named=True):
            for name, item in CATALOGUE.items():
                inside = history.due_for(line["group"], item.groups)
                expected = REFERENCE[name](history, line["group"]) if inside else None
                assert _same(line[name], expected), (name, line["group"], line[name], expected)


def _same(value: float | None, expected: float | None) -> bool:
    if value is None or expected is None:
        return value is None and expected is None
    return math.isclose(value, expected, abs_tol=1e-9)


def test_the_reference_knows_every_indicator() -> None:
    assert list(REFERENCE) == [name for name in REFERENCE if name in CATALOGUE]
    assert set(REFERENCE) == set(CATALOGUE)


@QUICK
@given(histories(), st.sampled_from([0, 0, 0, 1, 30]))
def test_engine_agrees_with_the_reference(rows: dict[str, Any], days: int) -> None:
    compare(rows, (CRN,), days)


@settings(QUICK, max_examples=15)
@given(histories(), st.sampled_from([0, 30]), st.sets(st.sampled_from(list(NOTED)), min_size=1))
def test_engine_agrees_where_kinds_of_notes_count(
    rows: dict[str, Any], days: int, kinds: set[str]
) -> None:
    compare(rows, (CRN,), days, frozenset(kinds))


def test_engine_agrees_where_all_kinds_of_notes_count_in_full_cases() -> None:
    """Notes of every kind within days of the same thing coded, and far from it."""
    for seed in range(40):
        own = dense(seed, CRN)
        rng = random.Random(seed)
        own["note_entries"] = [
            {**_a_note(rng, near["occurred_on"]), "record_id": f"N{number}"}
            for number, near in enumerate(rng.choices(own["incidents"] + own["circumstances"], k=9))
        ]
        compare(own, (CRN,), 0, frozenset(NOTED))


def _a_note(rng: random.Random, day: date) -> dict[str, Any]:
    return row(
        "note_entries",
        day + timedelta(days=rng.choice([-8, -7, 0, 7, 8])),
        kind=rng.choice([*NOTED, *["violence", "domestic_abuse"] * 8]),
        contact_id=rng.choice(["C1", "C2", "C3"]),
        asserted=rng.choice(["yes", "yes", "yes", "no"]),
        done_by=rng.choice(["pop", "pop", "other"]),
        period=rng.choice(["now", "now", "past"]),
        named_on=rng.choice([None, None, day]),
        target=rng.choice(["partner", "child", "none", None]),
    )


@settings(QUICK, max_examples=10)
@given(histories(most=3), histories(most=3))
def test_cases_do_not_touch_each_other(one: dict[str, Any], other: dict[str, Any]) -> None:
    second = belonging_to(other, "B000002")
    both = {name: [*one[name], *second[name]] for name in one}
    compare(both, (CRN, "B000002"), 0)


@pytest.mark.verify
@settings(QUICK, max_examples=3000, derandomize=False, phases=list(Phase))
@given(histories(most=8), st.integers(0, 400))
def test_engine_agrees_at_length(rows: dict[str, Any], days: int) -> None:
    compare(rows, (CRN,), days)


DENSE = 500


def test_few_cases_and_many_are_worked_out_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans over a few rows are taken as they stand; values and findings must not depend on it."""
    cases = {f"C{seed:06d}": dense(seed, f"C{seed:06d}") for seed in range(60)}
    rows = {table: [r for case in cases.values() for r in case[table]] for table in TABLES}

    def looked() -> tuple[pl.DataFrame, evidence.Findings]:
        histories = known_histories(rows, crns=tuple(cases))
        assert histories.is_small == (asof.FEW > 0)
        return build.build_frame(histories), evidence.collect_findings(
            histories, CATALOGUE.values()
        )

    few, many_values = looked()
    monkeypatch.setattr(asof, "FEW", 0)
    many, said_of_many = looked()
    assert_frame_equal(few, many)
    assert many_values == said_of_many


def test_engine_agrees_on_full_cases_and_every_indicator_is_exercised() -> None:
    """Cases of few kinds, many entries: what Hypothesis alone would hardly bring together."""
    cases = {f"C{seed:06d}": dense(seed, f"C{seed:06d}") for seed in range(DENSE)}
    rows = {table: [r for case in cases.values() for r in case[table]] for table in TABLES}
    frame = build.build_frame(known_histories(rows, crns=tuple(cases)))
    exercised: dict[str, set[float]] = {name: set() for name in CATALOGUE}
    for crn, own in cases.items():
        history = History(own, crn, AS_OF)
        for line in frame.filter(crn=crn).iter_rows(named=True):
            for name, item in CATALOGUE.items():
                inside = history.due_for(line["group"], item.groups)
                expected = REFERENCE[name](history, line["group"]) if inside else None
                assert _same(line[name], expected), (crn, name, line["group"], line[name], expected)
                if expected is not None and inside:
                    exercised[name].add(expected)
    never = [name for name, values in exercised.items() if len(values) < 2]
    assert never == [], "never seen with two different values"
