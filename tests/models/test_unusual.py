"""New and unusual: what became known lately, by how few of the same level have it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.frame import build
from features.history import asof
from features.indicators import CATALOGUE
from features.intake.load import load_extract
from features.parts import split_spine
from features.store.store import Store
from models import unusual
from models.inputs import Matrix
from models.prior import read_prior
from tests.factories import AS_OF, assessment, extract, row

NAMES = ("threats_count", "weapon_events_count")
STRATA = ("LOW", "MEDIUM")
Case = tuple[str, float | None, float | None]
"""A level, and the value of one indicator now and on the earlier day; null is not known."""


def expected_bits(cases: list[Case]) -> list[float]:
    """The rise of each case, worked out one by one from the rule."""

    def bits(level: str, value: float | None) -> float:
        if value is None or value < 1:
            return 0.0
        alike = [now for other, now, _ in cases if other == level and now is not None]
        as_high = sum(now >= max(value, 1) for now in alike)
        return min(unusual.MOST_BITS, -math.log2((as_high + 1) / (len(alike) + 2)))

    return [
        max(0.0, bits(level, now) - bits(level, before))
        if now is not None and now >= 1 and before is not None
        else 0.0
        for level, now, before in cases
    ]


def values_of(cases: list[Case], place: int) -> Matrix:
    frame = pl.DataFrame(
        {
            "crn": [f"A{n:06d}" for n in range(len(cases))],
            "group": ["public"] * len(cases),
            "threats_count": [case[place] for case in cases],
        },
        schema_overrides={"threats_count": pl.Float64},
    )
    return unusual.adverse_values(frame, ["threats_count"])


CASES = st.lists(
    st.tuples(
        st.sampled_from(STRATA),
        st.one_of(st.none(), st.sampled_from([0.0, 1.0, 2.0, 5.0])),
        st.one_of(st.none(), st.sampled_from([0.0, 1.0, 2.0, 7.0])),
    ),
    min_size=1,
    max_size=40,
)


@given(CASES)
@settings(max_examples=150, deadline=None)
def test_the_rise_is_that_of_the_rule_worked_out_one_by_one(cases: list[Case]) -> None:
    level = pl.DataFrame(
        {
            "crn": [f"A{n:06d}" for n in range(len(cases))],
            "group": ["public"] * len(cases),
            "stratum": [case[0] for case in cases],
        }
    )
    now, names = values_of(cases, 1), ["threats_count"]
    firing = unusual.firing_values(level, now, values_of(cases, 2), names)
    rises = unusual.compare_bits(firing, unusual.count_alike(level, now, names))
    by_crn = dict(rises.select("crn", "bits").iter_rows())
    for place, expected in enumerate(expected_bits(cases)):
        assert by_crn.get(f"A{place:06d}", 0.0) == pytest.approx(expected), cases[place]


def test_attendance_is_unusual_the_lower_it_is() -> None:
    rates = [0.9, 0.7, 0.2]
    frame = pl.DataFrame(
        {"crn": ["A", "B", "C"], "group": ["public"] * 3, "attendance_rate_90d": rates}
    )
    values = unusual.adverse_values(frame, ["attendance_rate_90d"]).ravel().tolist()
    assert values == [unusual.NOT_FIRING, -0.7, -0.2], "below three in four it fires"


def test_only_what_the_person_did_is_watched() -> None:
    watched = unusual.watched_indicators(list(read_prior().scored))
    assert "threats_count" in watched
    assert {CATALOGUE[name].kind for name in watched} == {"behaviour"}
    assert "assessment_age_days" not in watched, "the service did it, or not"
    assert not set(watched) & set(unusual.GROW_BY_THEMSELVES), "days alone make nothing known"


def store_of(folder: Path, *rows: dict[str, object]) -> Store:
    """A store in which thirty people have nothing, and one has the given incidents."""
    people = [f"B{n:06d}" for n in range(30)]
    supervised = [
        row("supervisions", AS_OF - timedelta(days=400), crn=crn) for crn in (*people, "A000001")
    ]
    assessed = [
        assessment(AS_OF - timedelta(days=200), "LOW", crn=crn) for crn in (*people, "A000001")
    ]
    tables = {
        "supervisions": supervised,
        "assessments": assessed,
        "incidents": list(rows),
        "limits": [],
    }
    load_extract(extract(folder / "extract", tables), folder / "store")
    return Store.open(folder / "store")


def firing_parts(
    store: Store, spine: pl.DataFrame, names: Sequence[str]
) -> list[unusual.FiringPart]:
    """Where indicators fire, two buckets at a time."""
    parts = []
    for part in split_spine(store, spine, at_once=2):
        histories = build.read_lean_histories(part)
        frame = build.build_frame(histories)
        scores = read_prior().score_frame(frame)
        parts.append(unusual.firing_of_part(histories, frame, scores, names, AS_OF))
    return parts


def new_in(store: Store) -> dict[str, list[str]]:
    """By person the indicators that are new and unusual for the public."""
    spine = build.cases_under_supervision(store, AS_OF).select(asof.KEY)
    prior = read_prior()
    parts = firing_parts(store, spine, unusual.watched_indicators(prior.scored))
    new = unusual.find_new(parts).filter(pl.col("group") == "public")
    return {
        row["crn"]: [fact["indicator"] for fact in row["facts"]]
        for row in new.iter_rows(named=True)
    }


def threat(
    days_ago: int, recorded_ago: int | None = None, crn: str = "A000001"
) -> dict[str, object]:
    recorded = AS_OF - timedelta(days=days_ago if recorded_ago is None else recorded_ago)
    return row(
        "incidents",
        AS_OF - timedelta(days=days_ago),
        crn=crn,
        kind="threat",
        target="public",
        recorded_at=datetime.combine(recorded, time(12)),
    )


@pytest.mark.parametrize(
    ("days_ago", "recorded_ago", "is_new"),
    [
        (1, 1, True),
        (29, 29, True),
        (30, 30, False),
        (90, 1, True),
        (90, 60, False),
    ],
)
def test_new_is_what_became_known_within_thirty_days_whenever_it_happened(
    tmp_path: Path, days_ago: int, recorded_ago: int, is_new: bool
) -> None:
    new = new_in(store_of(tmp_path, threat(days_ago, recorded_ago)))
    assert ("threats_count" in new.get("A000001", [])) == is_new
    assert set(new) <= {"A000001"}


def test_a_second_threat_is_new_where_others_have_one(tmp_path: Path) -> None:
    others = [threat(60, crn=f"B{n:06d}") for n in range(5)]
    new = new_in(store_of(tmp_path, *others, threat(60), threat(3)))
    assert "threats_count" in new["A000001"]
    assert set(new) == {"A000001"}


def test_what_an_assessment_weighed_since_is_not_new() -> None:
    day = AS_OF - timedelta(days=5)
    assert unusual._days_before(
        pl.DataFrame({"crn": ["A", "B", "C"], "assessed_on": [day, None, AS_OF]}), AS_OF
    ).rows() == [("A", day), ("B", AS_OF - timedelta(days=unusual.DAYS))]


def test_each_fact_says_how_many_have_as_much(tmp_path: Path) -> None:
    store = store_of(tmp_path, threat(3), threat(60, crn="B000001"), threat(60, crn="B000002"))
    spine = build.cases_under_supervision(store, AS_OF).select(asof.KEY)
    (new,) = unusual.find_new(firing_parts(store, spine, ("threats_count",))).iter_rows(named=True)
    (fact,) = new["facts"]
    assert (new["crn"], new["group"], fact["having"]) == ("A000001", "public", 3)
    assert fact["rows"] == rows_of_public(store)


def rows_of_public(store: Store) -> int:
    """People whose row for the public can be scored: those with anything on record."""
    spine = build.cases_under_supervision(store, AS_OF).select(asof.KEY)
    frame = pl.concat(part for _, part in build.build_frames(store, spine))
    scores = read_prior().score_frame(frame)
    return scores.filter("scorable", pl.col("group") == "public").height


def test_what_half_of_a_level_has_draws_nobody(tmp_path: Path) -> None:
    many = [threat(3, crn=f"B{n:06d}") for n in range(20)]
    assert "A000001" not in new_in(store_of(tmp_path, *many, threat(3)))


def test_without_anything_there_is_nothing_new(tmp_path: Path) -> None:
    assert new_in(store_of(tmp_path)) == {}
