"""Promise 10: a bad row is kept with its reason; a run commits whole or not at all."""

from __future__ import annotations

import json
import shutil
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from features.errors import RunStopped, TooManyRefused, UserError
from features.history import asof
from features.intake.load import load_extract
from features.store import digests, staging
from features.store.store import Store
from serving.db import audit_chain, night_lock
from serving.db.session import transaction
from serving.night import enqueue, run
from serving.night.sampling import Chosen, Key
from tests import factories
from tests.conftest import AS_OF
from tests.factories import row
from tests.service import Service, later_night


def many(count: int = 200) -> list[dict[str, Any]]:
    """Good rows."""
    return [row("incidents", "2026-06-01", target="public") for _ in range(count)]


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, whole."""
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_a_bad_row_is_refused_with_its_reason_and_kept(tmp_path: Path) -> None:
    bad = row("incidents", "2026-06-01", crn="not a CRN", target="staff")
    worse = row("incidents", "2026-06-01", crn="B000002", recorded_at=datetime(2031, 1, 1))
    folder = factories.extract(tmp_path / "x", {"incidents": [*many(300), bad, worse]})
    report = load_extract(folder, tmp_path / "store")
    refused_rows = Store.open(tmp_path / "store").refused_rows()
    assert dict(zip(refused_rows["reason"], refused_rows["row"], strict=True)) == {
        "malformed CRN": 301,
        "date out of range: recorded after the extract was taken": 302,
    }
    assert json.loads(refused_rows["content"][0])["target"] == "staff"
    assert next(t for t in report.tables if t.name == "incidents").refused_rows == 2
    assert Store.open(tmp_path / "store").incomplete_cases() == {"B000002"}


def test_too_many_bad_rows_change_nothing(tmp_path: Path) -> None:
    first = factories.extract(tmp_path / "one", {"incidents": many()})
    load_extract(first, tmp_path / "store")
    before = snapshot(tmp_path / "store")
    bad = [row("incidents", "2026-06-01", crn="bad") for _ in range(4)]
    second = factories.extract(
        tmp_path / "two", {"incidents": [*many(), *bad]}, "2026-07-02T02:00:00"
    )
    with pytest.raises(TooManyRefused, match=r"4 of 204 rows would be refused \(2.0%; at most 1%"):
        load_extract(second, tmp_path / "store")
    assert snapshot(tmp_path / "store") == before
    assert load_extract(second, tmp_path / "store", max_refused=0.05).load == 2


def test_the_same_extract_twice_changes_nothing(tmp_path: Path) -> None:
    folder = factories.extract(tmp_path / "x", {"incidents": many()})
    assert load_extract(folder, tmp_path / "store").load == 1
    before = snapshot(tmp_path / "store")
    assert load_extract(folder, tmp_path / "store").load is None
    assert snapshot(tmp_path / "store") == before


def test_a_changed_row_is_a_new_version_and_the_old_one_stays(tmp_path: Path) -> None:
    one = row("incidents", "2026-06-01", record_id="I1", kind="violence")
    load_extract(factories.extract(tmp_path / "a", {"incidents": [one]}), tmp_path / "s")
    two = one | {"kind": "threat"}
    load_extract(
        factories.extract(tmp_path / "b", {"incidents": [two]}, "2026-07-05T02:00:00"),
        tmp_path / "s",
    )
    versions = Store.open(tmp_path / "s").read_versions("incidents").sort("version")
    assert versions["kind"].to_list() == ["violence", "threat"]
    assert versions["version"].to_list() == [1, 2]
    assert versions["known_from"][1] == datetime(2026, 7, 5, 2)


@pytest.mark.parametrize(("complete", "withdrawn"), [(["incidents"], 1), ([], 0)])
def test_a_vanished_row_is_withdrawn_only_from_a_complete_feed(
    tmp_path: Path, complete: list[str], withdrawn: int
) -> None:
    rows = many(30)
    load_extract(factories.extract(tmp_path / "a", {"incidents": rows}), tmp_path / "s")
    later = factories.extract(
        tmp_path / "b", {"incidents": rows[1:]}, "2026-07-05T02:00:00", complete
    )
    report = load_extract(later, tmp_path / "s")
    assert next(t for t in report.tables if t.name == "incidents").withdrawn == withdrawn
    versions = Store.open(tmp_path / "s").read_versions("incidents")
    assert versions.height == 30 + withdrawn
    assert versions["withdrawn_at"].drop_nulls().len() == withdrawn


def test_a_refused_row_is_not_taken_for_a_vanished_one(tmp_path: Path) -> None:
    rows = many(300)
    load_extract(factories.extract(tmp_path / "a", {"incidents": rows}), tmp_path / "s")
    broken = [rows[0] | {"recorded_at": datetime(2031, 1, 1)}, *rows[1:]]
    later = factories.extract(
        tmp_path / "b", {"incidents": broken}, "2026-07-05T02:00:00", ["incidents"]
    )
    report = load_extract(later, tmp_path / "s")
    assert next(t for t in report.tables if t.name == "incidents").withdrawn == 0


def test_a_feed_cut_short_stops_instead_of_withdrawing(tmp_path: Path) -> None:
    load_extract(factories.extract(tmp_path / "a", {"incidents": (rows := many())}), tmp_path / "s")
    cut = factories.extract(
        tmp_path / "b", {"incidents": rows[:100]}, "2026-07-05T02:00:00", ["incidents"]
    )
    with pytest.raises(UserError, match="100 of 200 records are gone"):
        load_extract(cut, tmp_path / "s")


def test_a_stopped_load_leaves_nothing_and_a_killed_one_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_extract(factories.extract(tmp_path / "a", {"incidents": many()}), tmp_path / "s")
    before = snapshot(tmp_path / "s")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    second = factories.extract(tmp_path / "b", {"incidents": many()}, "2026-07-05T02:00:00")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(staging, "replace_manifest", killed)
        load_extract(second, tmp_path / "s")
    assert snapshot(tmp_path / "s") == before
    # Killed in the same place, nobody is left to tidy up.
    for name in ("0002", "0003.tmp", "0003.scratch"):
        shutil.copytree(tmp_path / "s" / "loads" / "0001", tmp_path / "s" / "loads" / name)
    assert Store.open(tmp_path / "s").read_versions("incidents").height == 200
    left = ["loads/0002", "loads/0003.scratch", "loads/0003.tmp"]
    assert staging.sweep_orphans(tmp_path / "s") == left
    assert snapshot(tmp_path / "s") == before


def queue(service: Service) -> list[tuple[Any, ...]]:
    """The whole queue as it stands."""
    with service.admin.connect() as connection:
        rows = connection.execute(
            text("SELECT id, run_id, crn, state, person FROM triage.items ORDER BY id")
        )
        return [tuple(row) for row in rows]


def test_a_second_start_of_the_same_night_changes_nothing(service: Service) -> None:
    run.run_night(service.settings, service.night, AS_OF)  # sweeps what other tests left
    before, files = queue(service), sorted(service.settings.scores.iterdir())
    again = run.run_night(service.settings, service.night, AS_OF)
    assert not again.is_new
    assert queue(service) == before
    assert sorted(service.settings.scores.iterdir()) == files


def test_a_killed_night_leaves_the_last_good_queue(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = queue(service)

    def killed(**_: object) -> None:
        raise KeyboardInterrupt

    with later_night(3) as other, monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(enqueue, "enqueue_cases", killed)
        run.run_night(service.settings, service.night, other)
    assert queue(service) == before
    orphans = [p.name for p in service.settings.scores.iterdir() if str(other) in p.name]
    assert orphans, "the scores of the killed run lie there until the next run"
    run.run_night(service.settings, service.night, AS_OF)
    assert not [p for p in service.settings.scores.iterdir() if p.name in orphans]


def test_a_chosen_case_that_was_not_prepared_stops_the_run(service: Service) -> None:
    chosen = [Chosen("X000001", "N54ALD", "public", "LOW", "flagged", 0.5, 1.0)]
    with pytest.raises(RunStopped, match="1 chosen cases were not prepared"):
        enqueue.enqueue_cases(
            opened=None,  # type: ignore[arg-type] - nothing is written
            chosen=chosen,
            parts=[],
            as_of=AS_OF,
            run_id="run",
            key=Key("secret", "run"),
        )


def test_committed_scores_are_those_on_disk(service: Service) -> None:
    with service.admin.connect() as connection:
        file, digest = connection.execute(
            text("SELECT scores_file, scores_sha256 FROM triage.runs")
        ).one()
    assert digests.flush_and_digest(service.settings.scores / file) == digest


@pytest.mark.parametrize(
    "statement",
    [
        *[f"DELETE FROM triage.{t}" for t in ("audit", "entries", "findings", "runs")],
        "UPDATE triage.audit SET who = 'someone else'",
        "UPDATE triage.findings SET probability = 0",
        "TRUNCATE triage.own_views",
    ],
)
def test_not_even_the_administrator_changes_what_was_kept(service: Service, statement: str) -> None:
    with pytest.raises(DBAPIError, match="never changed"), service.admin.begin() as connection:
        connection.execute(text(statement))


def test_the_audit_chain_shows_any_tampering(service: Service) -> None:
    with service.night.connect() as connection:
        assert audit_chain.first_broken(connection) is None
    with service.admin.connect() as connection:
        change = connection.begin()
        connection.execute(text("ALTER TABLE triage.audit DISABLE TRIGGER USER"))
        connection.execute(text("UPDATE triage.audit SET who = 'someone else' WHERE seq = 3"))
        assert audit_chain.first_broken(connection) == 3
        change.rollback()
        change = connection.begin()
        connection.execute(text("ALTER TABLE triage.audit DISABLE TRIGGER USER"))
        connection.execute(text("DELETE FROM triage.audit WHERE seq = 2"))
        assert audit_chain.first_broken(connection) == 3
        change.rollback()


def test_the_head_of_the_chain_is_anchored_outside(service: Service) -> None:
    lines = (service.settings.data / "audit-anchors.jsonl").read_text().splitlines()
    content = json.loads(lines[0])
    with service.admin.connect() as connection:
        digest = connection.execute(
            text("SELECT digest FROM triage.audit WHERE seq = :seq"), {"seq": content["seq"]}
        ).scalar()
    assert digest == content["digest"]


def test_a_transaction_without_an_audit_row_is_rolled_back(service: Service) -> None:
    with pytest.raises(RuntimeError, match="no audit row"), transaction(service.web, "ALD-SPO-1"):
        pass


def known_now(folder: Path) -> list[tuple[str, str, str]]:
    """Each record as known: case, record, kind."""
    history = asof.read_histories(
        Store.open(folder), asof.make_spine(["A000001", "B000002"], date(2027, 1, 1))
    )
    rows = history.rows("incidents").sort("crn", "record_id")
    return list(rows.select("crn", "record_id", "kind").iter_rows())


def loads(folder: Path, *each: list[dict[str, Any]]) -> Path:
    """A store after several extracts, a day apart, from a complete feed."""
    for number, rows in enumerate(each, start=1):
        at = f"2026-07-{number:02d}T02:00:00"
        extract = factories.extract(folder / str(number), {"incidents": rows}, at, ["incidents"])
        load_extract(extract, folder / "s")
    return folder / "s"


ONE = row("incidents", "2026-06-01", record_id="R1", kind="violence")
TWO = ONE | {"version": 2, "kind": "threat"}


@pytest.mark.parametrize(
    ("each", "kind"),
    [
        ([[ONE], [TWO], [ONE]], "violence"),
        ([[ONE, TWO], [], [ONE]], "violence"),
        ([[ONE, TWO], [ONE | {"severity": 2}, TWO]], "threat"),
        ([[ONE, TWO], [ONE, TWO]], "threat"),
    ],
    ids=[
        "an old text comes back",
        "it vanishes and comes back",
        "an earlier version is corrected",
        "nothing changes",
    ],
)
def test_what_the_extract_says_last_is_what_is_known(
    tmp_path: Path, each: list[list[dict[str, Any]]], kind: str
) -> None:
    assert known_now(loads(tmp_path, *each)) == [("A000001", "R1", kind)]


def test_an_entry_moved_to_the_right_case_leaves_the_wrong_one(tmp_path: Path) -> None:
    store_ = loads(tmp_path, [ONE], [ONE | {"crn": "B000002"}])
    assert known_now(store_) == [("B000002", "R1", "violence")]
    alone = asof.read_histories(Store.open(store_), asof.make_spine(["A000001"], date(2027, 1, 1)))
    assert alone.rows("incidents").is_empty()
    before = asof.read_histories(
        Store.open(store_, up_to=1), asof.make_spine(["A000001"], date(2027, 1, 1))
    )
    assert before.rows("incidents").height == 1


def test_a_mended_row_makes_its_case_whole_again(tmp_path: Path) -> None:
    bad = row("incidents", "2026-06-01", record_id="R9", crn="B000002", target="staff") | {
        "severity": 9
    }
    store_ = loads(tmp_path, [*many(300), bad])
    assert Store.open(store_).incomplete_cases() == {"B000002"}
    good = factories.extract(
        tmp_path / "x", {"incidents": [bad | {"severity": 3}]}, "2026-07-09T02:00:00"
    )
    load_extract(good, store_)
    assert Store.open(store_).incomplete_cases() == set()


def test_a_second_night_at_the_same_time_is_refused(service: Service) -> None:
    with night_lock.lock_night(service.night), pytest.raises(UserError, match="A night is running"):
        run.run_night(service.settings, service.night, AS_OF)
