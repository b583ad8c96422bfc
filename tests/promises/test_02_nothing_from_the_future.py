"""Promise 2: a score as of a date uses only what had been recorded by that date."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from features.frame import build
from features.history import asof
from features.history.recorded_levels import recorded_levels
from features.intake.load import load_extract
from features.store.store import Store
from tests import factories
from tests.conftest import AS_OF
from tests.factories import CRN, known_histories, row
from tests.properties.histories import histories
from tests.properties.test_engine_agrees import QUICK
from tests.service import Service


@QUICK
@given(histories(most=3), histories(most=3), st.integers(1, 500))
def test_entries_recorded_later_change_nothing(
    rows: dict[str, Any], later: dict[str, Any], days: int
) -> None:
    before = build.build_frame(known_histories(rows))
    added = {
        name: [*rows[name], *[_recorded_after(entry, days) for entry in later[name]]]
        for name in rows
    }
    assert build.build_frame(known_histories(added)).equals(before)


def _recorded_after(entry: dict[str, Any], days: int) -> dict[str, Any]:
    at = datetime.combine(factories.AS_OF, time.min) + timedelta(days=days)
    return entry | {"record_id": f"later-{entry['record_id']}", "recorded_at": at}


@QUICK
@given(histories(most=3), st.integers(1, 300))
def test_later_versions_and_withdrawals_change_nothing(rows: dict[str, Any], days: int) -> None:
    at = datetime.combine(factories.AS_OF, time.min) + timedelta(days=days)
    before = build.build_frame(known_histories(rows))
    changed = {
        name: [
            *listed,
            *[
                r | {"version": r["version"] + 10, "recorded_at": at, "withdrawn_at": at}
                for r in listed
            ],
        ]
        for name, listed in rows.items()
    }
    assert build.build_frame(known_histories(changed)).equals(before)


def test_a_threat_that_reached_us_late_is_not_used() -> None:
    """As in the review of a death where the monitoring provider's concern was never passed on."""
    threat = row(
        "incidents",
        "2026-06-01",
        kind="provider_concern",
        target="partner",
        recorded_at=datetime(2026, 7, 2, 9),
    )
    then = build.build_frame(known_histories({"incidents": [threat]}))
    later = build.build_frame(
        known_histories({"incidents": [threat]}, as_of=factories.AS_OF + timedelta(days=5))
    )
    assert then.filter(group="known_adult")["em_provider_concern_reported"].item() == 0
    assert later.filter(group="known_adult")["em_provider_concern_reported"].item() == 1


def test_levels_of_an_unfinished_assessment_are_not_known() -> None:
    """A supplier overwrites its snapshot: the row of 1 June holds what was known on 10 July."""
    overwritten = factories.assessment("2026-06-01", "HIGH")
    overwritten["completed_on"] = factories.AS_OF + timedelta(days=10)
    levels = recorded_levels(known_histories({"assessments": [overwritten]}))
    assert levels["level"].null_count() == 5


def test_replay_of_a_night_gives_the_same_scores(service: Service, tmp_path: Path) -> None:
    stored_rows = pl.read_parquet(next(service.settings.scores.glob(f"{AS_OF}-*.parquet")))
    on = build.cases_under_supervision(service.store, AS_OF).filter(~pl.col("limited"))
    parts = [
        service.model.score_frame(f)
        for _, f in build.build_frames(service.store, on.select(asof.KEY))
    ]
    again = pl.concat(parts).sort(asof.GROUP_KEY)
    assert again.equals(
        stored_rows.filter(pl.col("what_happened") != "limited").select(again.columns)
    )


def test_replay_of_a_day_is_not_changed_by_later_loads(tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = {"incidents": [row("incidents", "2026-06-01", record_id="I1", target="public")]}
    load_extract(factories.extract(tmp_path / "one", first), store)
    before = _frame(Store.open(store))
    late = row("incidents", "2026-06-02", record_id="I2", target="public")
    changed = first["incidents"][0] | {"kind": "threat"}
    second = factories.extract(
        tmp_path / "two", {"incidents": [changed, late]}, "2026-07-02T02:00:00"
    )
    load_extract(second, store)
    assert _frame(Store.open(store, up_to=1)).equals(before)
    assert _frame(Store.open(store)).equals(before), "what reached us late was not known then"
    assert not _frame(Store.open(store), days=2).equals(
        before.with_columns(pl.col("as_of") + timedelta(days=2))
    )


def test_an_entry_moved_to_another_case_later_stays_where_it_was_known(tmp_path: Path) -> None:
    """CRNs are merged and unmerged; history follows the CRN as known on the date."""
    store, other = tmp_path / "store", "A000002"
    entry = row("incidents", "2026-06-01", record_id="I1", target="public")
    load_extract(factories.extract(tmp_path / "one", {"incidents": [entry]}), store)
    on = asof.make_spine([CRN, other], factories.AS_OF)
    before = build.build_frame(asof.read_histories(Store.open(store), on))
    moved = factories.extract(
        tmp_path / "two", {"incidents": [entry | {"crn": other}]}, "2026-07-02T02:00:00"
    )
    load_extract(moved, store)
    opened = Store.open(store)
    assert build.build_frame(asof.read_histories(opened, on)).equals(before)
    later = asof.make_spine([CRN, other], factories.AS_OF + timedelta(days=5))
    counts = build.build_frame(asof.read_histories(opened, later), ["violence_incident_count"])
    public = counts.filter(group="public")
    assert public["violence_incident_count"].to_list() == [0, 1], "known of the other case since"
    back = factories.extract(tmp_path / "three", {"incidents": [entry]}, "2026-07-20T02:00:00")
    load_extract(back, store)
    opened = Store.open(store)
    assert build.build_frame(asof.read_histories(opened, on)).equals(before), (
        "and after the cases were unmerged"
    )
    for days, expected in ((5, [0, 1]), (25, [1, 0])):
        then = asof.make_spine([CRN, other], factories.AS_OF + timedelta(days=days))
        counts = build.build_frame(asof.read_histories(opened, then), ["violence_incident_count"])
        counted = counts.filter(group="public")["violence_incident_count"].to_list()
        assert counted == expected, days


def test_versions_of_one_extract_that_name_two_cases(tmp_path: Path) -> None:
    """The first case held the record until the second version was recorded, and no longer."""
    store, other = tmp_path / "store", "A000002"
    first = row("incidents", "2026-06-01", record_id="I1", target="public")
    second = first | {"version": 2, "crn": other, "recorded_at": datetime(2026, 6, 20, 9)}
    load_extract(factories.extract(tmp_path / "one", {"incidents": [first, second]}), store)
    opened = Store.open(store)
    for day, expected in ((date(2026, 6, 10), [1, 0]), (date(2026, 6, 25), [0, 1])):
        known_then = asof.read_histories(opened, asof.make_spine([CRN, other], day))
        counts = build.build_frame(known_then, ["violence_incident_count"]).filter(group="public")
        assert counts["violence_incident_count"].to_list() == expected, day
    again = load_extract(factories.extract(tmp_path / "one", {"incidents": [first, second]}), store)
    assert again.load is None, "nothing new"


def _frame(store: Store, days: int = 0) -> pl.DataFrame:
    on = asof.make_spine([CRN], factories.AS_OF + timedelta(days=days))
    return build.build_frame(asof.read_histories(store, on))


def test_training_sees_each_label_with_the_record_as_its_reader_saw_it(service: Service) -> None:
    """The spine of training, many dates at once, gives what each date alone gives."""
    crns = (
        service.store.read_versions("reviews")
        .select("crn")
        .unique()
        .sort("crn")["crn"]
        .to_list()[:8]
    )
    days = [AS_OF - timedelta(days=back) for back in (30, 210, 480)]
    together = pl.concat([asof.make_spine(crns, day) for day in days])
    whole = build.build_frame(asof.read_histories(service.store, together))
    for day in days:
        alone = build.build_frame(asof.read_histories(service.store, asof.make_spine(crns, day)))
        assert whole.filter(as_of=day).equals(alone)


def test_a_lock_does_not_show_before_it_happened() -> None:
    overwritten = row("assessments", "2026-06-01", status="LOCKED_INCOMPLETE")
    overwritten["completed_on"] = factories.AS_OF + timedelta(days=10)
    frame = build.build_frame(known_histories({"assessments": [overwritten]}))
    assert frame["assessment_locked_incomplete"].drop_nulls().to_list() == [0.0] * 4


def test_a_feed_that_came_later_was_not_known_then(tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = factories.extract(tmp_path / "a", {"contacts": [row("contacts", "2026-06-01")]})
    load_extract(first, store)
    threats = {"incidents": [row("incidents", "2026-05-01", kind="threat", target="public")]}
    load_extract(factories.extract(tmp_path / "b", threats, "2026-09-01T02:00:00"), store)
    then = _frame(Store.open(store))
    assert then["threats_count"].null_count() == 5, "not known then, and not nought"
    later = _frame(Store.open(store), days=64)
    assert later.filter(group="public")["threats_count"].item() == 1
