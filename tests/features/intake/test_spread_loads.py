"""A load that is spread over processes or machines writes what one process writes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features import clock, local_runners
from features.errors import SetupProblem, UnreadableInput
from features.intake import load, note_entries, parts, reread
from features.intake.bucketing import bucket_extract
from features.intake.load import load_extract
from features.intake.reports import Report
from features.intake.reread import reread_notes
from features.local_runners import Runner, SerialRunner, process_pool_runner
from features.store import staging, working_copy
from features.store.objects import ChangedMeanwhile, ObjectFolder
from features.store.store import Store
from features.store.verification import verify_store
from tests import factories
from tests.factories import row
from tests.features.intake.histories import first_extract, second_extract
from tests.features.other_machines import AlreadyRunning, OtherMachines
from tests.object_server import BUCKET, contents, send_folder

SUPPLIED, EXTRACT, STORE = (f"s3://{BUCKET}/{name}" for name in ("supplied", "extract", "store"))


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table is cut by buckets of cases, and every part is handed to the runner."""
    monkeypatch.setattr(parts, "MOST_ROWS", 1)
    monkeypatch.setattr(local_runners, "SPREAD_FROM_ROWS", 1)
    monkeypatch.setenv("ROSH_WORKERS", "1")


def run_by(monkeypatch: pytest.MonkeyPatch, runner: AbstractContextManager[Runner]) -> None:
    """Have loads and the rereading of notes worked by a runner."""
    for module in (load, reread):
        monkeypatch.setattr(module, "chosen_runner", lambda: runner)


@pytest.fixture
def cluster(bucket: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OtherMachines:
    """Machines that share no folder with the one that begins, for a store that is in S3."""
    working_copy.name_origin(tmp_path / "two", STORE)
    machines = OtherMachines(tmp_path / "caches", [tmp_path / "two"])
    run_by(monkeypatch, AlreadyRunning(machines))
    return machines


def load_both(folder: Path, store: Path) -> list[Report]:
    return [
        load_extract(first_extract(folder / "1"), store, max_refused=1, buckets=4),
        load_extract(second_extract(folder / "2"), store, max_refused=1, max_vanished=1),
    ]


@pytest.fixture
def alone(cut: None, tmp_path: Path) -> Path:
    """The store that one process of this machine makes of both extracts, each table cut."""
    load_both(tmp_path / "alone", tmp_path / "one")
    return tmp_path / "one"


def contents_of(store: Path) -> list[dict[str, str]]:
    """The files of every load and their digests, those of refused rows among them."""
    return [loaded.file_digests for loaded in Store.open(store).loads]


@pytest.mark.usefixtures("cut")
def test_processes_write_the_files_and_counts_that_one_process_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = load_both(tmp_path / "alone", tmp_path / "one")
    with process_pool_runner(2) as runner:
        run_by(monkeypatch, AlreadyRunning(runner))
        assert load_both(tmp_path / "spread", tmp_path / "two") == [
            # Where a file lies is not the same; what is in it is.
            _at(report, tmp_path / "alone", tmp_path / "spread")
            for report in alone
        ]
    assert contents_of(tmp_path / "two") == contents_of(tmp_path / "one")
    moved = [name for one in contents_of(tmp_path / "two") for name in one if "/moved/" in name]
    assert moved, "no record was in another bucket than before"
    assert verify_store(Store.open(tmp_path / "two")).is_sound


def _at(report: Report, before: Path, after: Path) -> Report:
    for table in report.tables:
        table.first_refused = table.first_refused.replace(str(before), str(after))
    return report


def test_machines_that_share_no_folder_load_into_s3_what_one_machine_loads(
    tmp_path: Path, alone: Path, cluster: OtherMachines
) -> None:
    for name, write in (("1", first_extract), ("2", second_extract)):
        send_folder(write(tmp_path / name), f"{SUPPLIED}/{name}")
        bucket_extract(f"{SUPPLIED}/{name}", f"{EXTRACT}/{name}", cluster, buckets=4)
    cluster.items = 0
    first = load_extract(f"{EXTRACT}/1", tmp_path / "two", max_refused=1, buckets=4)
    assert cluster.items == 8, "four buckets of two tables"
    load_extract(f"{EXTRACT}/2", tmp_path / "two", max_refused=1, max_vanished=1)
    places = {table.name: table.first_refused for table in first.tables if table.refused_rows}
    assert places["contacts"] == f"{EXTRACT}/1/contacts/00.parquet, row 11"
    # Two buckets have one of these.
    assert places["incidents"] == f"{EXTRACT}/1/incidents/00.parquet, row 8"
    assert versions_of(tmp_path / "two") == versions_of(alone)
    assert verify_store(Store.open(tmp_path / "two")).is_sound
    assert not list((tmp_path / "caches").rglob("*.tmp"))


def versions_of(store: Path) -> dict[str, list[dict[str, object]]]:
    """Every version of every record, in an order of its own."""
    opened = Store.open(store)
    return {
        name: opened.read_versions(name).sort("record_id", "version", "crn").to_dicts()
        for name in ("contacts", "incidents", "note_entries")
    }


def test_a_table_that_is_split_here_is_worked_here_and_not_by_the_cluster(
    tmp_path: Path, alone: Path, cluster: OtherMachines
) -> None:
    load_both(tmp_path, tmp_path / "two")
    assert cluster.items == 0
    assert versions_of(tmp_path / "two") == versions_of(alone)


@pytest.mark.usefixtures("cut")
def test_an_extract_that_is_on_one_machine_alone_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket_extract(first_extract(tmp_path / "1"), tmp_path / "in", SerialRunner(), buckets=4)
    run_by(monkeypatch, AlreadyRunning(OtherMachines(tmp_path / "caches")))
    with pytest.raises(SetupProblem, match=r"contacts/00\.parquet is not on "):
        load_extract(tmp_path / "in", tmp_path / "store", max_refused=1, buckets=4)


class ChangingRunner(SerialRunner):
    """A runner that meets another file than the one that was listed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, work: Any, items: Any) -> Any:
        """Each item with its result, after the file was replaced by one with fewer rows."""
        pl.read_parquet(self.path).head(1).write_parquet(self.path)
        return super().run(work, items)


@pytest.mark.usefixtures("cut")
def test_another_file_than_the_one_that_was_listed_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket_extract(first_extract(tmp_path / "1"), tmp_path / "in", SerialRunner(), buckets=4)
    changing = ChangingRunner(tmp_path / "in" / "incidents" / "02.parquet")
    run_by(monkeypatch, AlreadyRunning(changing))
    with pytest.raises(UnreadableInput, match=r"02\.parquet has [\d,]+ bytes on "):
        load_extract(tmp_path / "in", tmp_path / "store", max_refused=1, buckets=4)
    assert not (tmp_path / "store").exists()


def test_columns_that_no_file_of_entries_has_are_counted_once(tmp_path: Path) -> None:
    extract = factories.extract(tmp_path / "x", {"people": [row("people", "2026-06-01")]})
    entries = factories.frame("note_entries", [row("note_entries", "2026-06-01")])
    entries.drop("version", "withdrawn_at").write_parquet(extract / "note_entries.parquet")
    report = load_extract(extract, tmp_path / "store")
    absent = {table.name: table.absent_columns for table in report.tables}
    assert absent["note_entries"] == ["version", "withdrawn_at"]


@pytest.mark.usefixtures("cut")
def test_a_machine_without_the_store_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket_extract(first_extract(tmp_path / "1"), tmp_path / "in", SerialRunner(), buckets=4)
    cluster = OtherMachines(tmp_path / "caches", [tmp_path / "store"])
    cluster.has_extract = True
    run_by(monkeypatch, AlreadyRunning(cluster))
    with pytest.raises(SetupProblem, match="the store at the same path, or put it into S3"):
        load_extract(tmp_path / "in", tmp_path / "store", max_refused=1, buckets=4)
    assert not (tmp_path / "store" / "manifest.json").exists()


@pytest.mark.usefixtures("cut", "cluster")
def test_a_file_that_another_machine_sent_and_is_gone_stops_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket_extract(first_extract(tmp_path / "1"), f"{EXTRACT}/1", SerialRunner(), buckets=4)
    commit = staging.replace_manifest

    def lose_a_file(opened: Store) -> None:
        objects = ObjectFolder.parse(STORE)
        objects.remove([name for name in objects.list_names() if "incidents/02" in name])
        commit(opened)

    monkeypatch.setattr(staging, "replace_manifest", lose_a_file)
    with pytest.raises(ChangedMeanwhile, match=r"incidents/02\.parquet of this load"):
        load_extract(f"{EXTRACT}/1", tmp_path / "two", max_refused=1, buckets=4)
    assert "store/manifest.json" not in contents("store/")


@pytest.mark.usefixtures("cut")
def test_times_with_and_without_a_zone_are_refused_whichever_parts_hold_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract = factories.extract(tmp_path / "x", {})
    rows = factories.frame("incidents", [incident(1), incident(2)])
    rows = rows.with_columns(pl.col("recorded_at").dt.to_string("%Y-%m-%d %H:%M:%S"))
    rows[:1].write_csv(extract / "incidents-1.csv")
    rows[1:].with_columns(pl.col("recorded_at") + "Z").write_csv(extract / "incidents-2.csv")
    with process_pool_runner(2) as runner:
        run_by(monkeypatch, AlreadyRunning(runner))
        with pytest.raises(UnreadableInput, match=r"incidents-2\.csv, row 1, has a time zone and"):
            load_extract(extract, tmp_path / "store", buckets=4)


def incident(number: int) -> dict[str, Any]:
    return row("incidents", "2026-06-02", record_id=f"I{number}", crn=f"A{number:06d}")


@pytest.mark.usefixtures("cut")
def test_notes_are_read_again_by_processes_as_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now_as_recorded", lambda: datetime(2026, 7, 10, 12))
    for name in ("one", "two"):
        load_both(tmp_path / name / "extracts", tmp_path / name / "store")
        forget_entries(tmp_path / name / "store")
    alone = reread_notes(tmp_path / "one" / "store")
    assert alone.new > 5
    with process_pool_runner(2) as runner:
        run_by(monkeypatch, AlreadyRunning(runner))
        assert reread_notes(tmp_path / "two" / "store") == alone
    assert contents_of(tmp_path / "two" / "store") == contents_of(tmp_path / "one" / "store")


def forget_entries(store: Path) -> None:
    """Leave the store as it was before notes were read."""
    opened = Store.open(store)
    opened.loads = [
        replace(
            loaded,
            tables={n: one for n, one in loaded.tables.items() if n != note_entries.TABLE},
            feeds={n: one for n, one in loaded.feeds.items() if n != note_entries.TABLE},
            files={n: one for n, one in loaded.files.items() if note_entries.TABLE not in n},
        )
        for loaded in opened.loads
    ]
    staging.replace_manifest(opened)
