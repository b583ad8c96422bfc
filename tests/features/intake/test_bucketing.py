"""An extract in buckets of cases is the extract that was supplied."""

from __future__ import annotations

import errno
import json
import time
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from features import __main__ as command
from features import local_runners
from features.errors import RunStopped, SetupProblem, UnreadableInput, UserError
from features.intake.bucketing import BucketCounts, bucket_extract
from features.intake.destination import open_destination
from features.intake.load import load_extract
from features.local_runners import Runner, SerialRunner, process_pool_runner
from features.store.objects import ObjectFolder
from features.store.store import Store
from tests import factories
from tests.factories import row
from tests.features.intake.histories import first_extract, second_extract
from tests.features.other_machines import OtherMachines
from tests.object_server import BUCKET, contents

EXTRACTS = {"1": first_extract, "2": second_extract}


def in_two_files(extract: Path) -> Path:
    """The same extract, its contacts in a file of CSV and one of Parquet, the last rows first."""
    rows = pl.read_parquet(extract / "contacts.parquet")
    (extract / "contacts.parquet").unlink()
    rows.tail(3).cast(pl.String).write_csv(extract / "contacts-1.csv")
    rows.head(-3).cast(pl.String).write_parquet(extract / "contacts-2.parquet")
    return extract


def test_its_load_gives_the_versions_and_the_refused_rows_of_the_original(tmp_path: Path) -> None:
    for name, write in EXTRACTS.items():
        extract = in_two_files(write(tmp_path / name))
        bucketed = bucket_extract(extract, tmp_path / "in" / name, SerialRunner(), buckets=3)
        assert bucketed.buckets == 3
        for store, folder in (("one", extract), ("two", tmp_path / "in" / name)):
            load_extract(folder, tmp_path / store, max_refused=1, max_vanished=1, buckets=3)
    one, two = (Store.open(tmp_path / name) for name in ("one", "two"))
    for table in ("contacts", "incidents", "note_entries"):
        own = [
            store.read_versions(table).sort("record_id", "version", "crn") for store in (one, two)
        ]
        assert own[0].height > 0
        assert own[0].equals(own[1]), table
    columns = ["load", "table", "record_id", "crn", "reason"]
    refused = [store.refused_rows().select(columns).sort(columns) for store in (one, two)]
    assert refused[0].height == 3
    assert refused[0].equals(refused[1])
    assert one.loads[0].extracted_at == two.loads[0].extracted_at
    assert two.loads[1].tables["incidents"]["withdrawn"] == 1, "the feed is complete in both"


def test_a_bucket_has_its_rows_in_the_order_in_which_they_were_supplied(tmp_path: Path) -> None:
    extract = in_two_files(first_extract(tmp_path / "x"))
    names = ("contacts-1.csv", "contacts-2.parquet")
    supplied = [
        *pl.read_csv(extract / names[0])["record_id"],
        *pl.read_parquet(extract / names[1])["record_id"],
    ]
    bucketed = bucket_extract(extract, tmp_path / "in", SerialRunner(), buckets=2)
    assert bucketed == BucketCounts(2, {"contacts": 31, "incidents": 22})
    files = sorted(
        path.relative_to(tmp_path / "in").as_posix()
        for path in (tmp_path / "in").rglob("*")
        if path.is_file()
    )
    assert files == [
        "contacts/00.parquet",
        "contacts/01.parquet",
        "extract.json",
        "incidents/00.parquet",
        "incidents/01.parquet",
    ]
    buckets = [pl.read_parquet(tmp_path / "in" / name)["record_id"].to_list() for name in files[:2]]
    assert sorted(sum(buckets, [])) == sorted(supplied)
    for own in buckets:
        assert own == [number for number in supplied if number in own]
    assert "C99" in buckets[0], "a row without a CRN is refused with the first bucket"


def test_workers_write_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_runners, "SPREAD_FROM_ROWS", 1)
    extract = in_two_files(first_extract(tmp_path / "x"))

    def files_by(runner: Runner, out: Path) -> dict[str, bytes]:
        bucket_extract(extract, out, runner, buckets=3)
        return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.*")}

    alone = files_by(SerialRunner(), tmp_path / "one")
    with process_pool_runner(2) as runner:
        assert files_by(runner, tmp_path / "two") == alone


def test_what_cannot_be_bucketed_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    extract = first_extract(tmp_path / "x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("here before")
    with pytest.raises(UserError, match=r"full is not empty\. Name another folder"):
        bucket_extract(extract, tmp_path / "full", SerialRunner())
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["letter.txt"]
    bucket_extract(extract, tmp_path / "in", SerialRunner(), buckets=2)
    with pytest.raises(UserError, match="is in 2 buckets of cases already"):
        bucket_extract(tmp_path / "in", tmp_path / "again", SerialRunner())
    with pytest.raises(UserError, match="holds none of the tables"):
        bucket_extract(factories.extract(tmp_path / "none", {}), tmp_path / "out", SerialRunner())


def test_a_fault_in_the_last_table_removes_what_was_written(tmp_path: Path) -> None:
    rows = [row("incidents", "2026-06-02", record_id="I1", crn="A000001")]
    extract = factories.extract(tmp_path / "x", {"incidents": rows})
    frame = factories.frame("registrations", [row("registrations", "2026-06-02")])
    # Two files of one table in which a column that is not ours has types that do not fit.
    frame.with_columns(x=pl.concat_list("crn")).write_parquet(extract / "registrations-2.parquet")
    frame.with_columns(x=pl.struct("crn")).write_parquet(extract / "registrations-1.parquet")
    with pytest.raises(UnreadableInput, match="do not fit together"):
        bucket_extract(extract, tmp_path / "out", SerialRunner(), buckets=2)
    assert list((tmp_path / "out").iterdir()) == []


def test_the_command_takes_the_number_of_buckets_from_a_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load_extract(first_extract(tmp_path / "x"), tmp_path / "store", max_refused=1, buckets=5)
    words = ["bucket", str(second_extract(tmp_path / "y")), "--out", str(tmp_path / "in")]
    assert command.main([*words, "--store", str(tmp_path / "store")]) == 0
    assert "the same extract in 5 buckets of cases" in capsys.readouterr().out
    assert json.loads((tmp_path / "in" / "extract.json").read_text())["buckets"] == 5
    load = ["check", str(tmp_path / "in"), "--max-refused", "1", "--max-vanished", "1", "--store"]
    assert command.main([*load, str(tmp_path / "store")]) == 0
    assert "buckets were not used" not in capsys.readouterr().out
    load_extract(first_extract(tmp_path / "x"), tmp_path / "three", max_refused=1, buckets=3)
    assert command.main([*load, str(tmp_path / "three")]) == 0
    assert "is in 5 buckets of cases and the store in 3" in capsys.readouterr().out
    assert (
        command.main([*words[:3], str(tmp_path / "other"), "--buckets", "101"])
        == UserError.exit_code
    )
    assert "it must be from 1 to 100" in capsys.readouterr().err


def test_a_place_within_the_extract_or_around_it_is_refused(tmp_path: Path) -> None:
    extract = first_extract(tmp_path / "x")
    for out in (extract / "contacts", tmp_path):
        with pytest.raises(UserError, match="must not be the extract"):
            bucket_extract(extract, out, SerialRunner(), buckets=2)
    with pytest.raises(UserError, match="must not be the extract"):
        open_destination("s3://a/b/c", "s3://a/b").__enter__()
    assert sorted(path.name for path in extract.iterdir()) == [
        "contacts.parquet",
        "extract.json",
        "incidents.parquet",
    ]


def test_after_a_failure_no_worker_writes_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_runners, "SPREAD_FROM_ROWS", 1)
    extract = factories.extract(tmp_path / "x", {})
    rows = factories.frame("incidents", [row("incidents", "2026-06-02", crn="A000001")])
    many = pl.concat([rows] * 20_000)
    for number in range(6):
        # The second file has a column that is not ours twice over: as text and as a list.
        strange = pl.concat_list("crn") if number == 1 else pl.lit("x")
        many.with_columns(strange.alias("own")).write_parquet(
            extract / f"incidents-{number}.parquet"
        )
    with process_pool_runner(2) as runner:
        with pytest.raises(UnreadableInput, match="do not fit together"):
            bucket_extract(extract, tmp_path / "out", runner, buckets=2)
        time.sleep(0.5)
        assert list((tmp_path / "out").iterdir()) == []


def test_an_extract_that_is_not_finished_is_not_loaded(tmp_path: Path) -> None:
    extract = first_extract(tmp_path / "x")
    with open_destination(tmp_path / "out", extract) as destination:
        written = tmp_path / "rows.parquet"
        factories.frame("incidents", []).write_parquet(written)
        destination.put("incidents/00.parquet", written)
        with pytest.raises(UnreadableInput, match="is being written, or the command that wrote it"):
            load_extract(tmp_path / "out", tmp_path / "s", extracted_at=datetime(2026, 7, 1))
        with pytest.raises(UserError, match="is not empty"):
            bucket_extract(extract, tmp_path / "out", SerialRunner())
        destination.describe(b'{"extracted_at": "2026-07-01T02:00:00"}')
    assert load_extract(tmp_path / "out", tmp_path / "s").load == 1


def test_a_machine_that_does_not_see_the_place_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_runners, "SPREAD_FROM_ROWS", 1)
    cluster = OtherMachines(tmp_path / "caches", [tmp_path / "out"])
    cluster.has_extract = True
    with pytest.raises(SetupProblem, match="out is not the same place on"):
        bucket_extract(first_extract(tmp_path / "x"), tmp_path / "out", cluster, buckets=2)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.usefixtures("bucket")
def test_a_worker_that_is_late_writes_nothing_into_s3(tmp_path: Path) -> None:
    with (
        pytest.raises(RunStopped),
        open_destination(f"s3://{BUCKET}/in", tmp_path / "x") as destination,
    ):
        rows = tmp_path / "rows.parquet"
        factories.frame("incidents", []).write_parquet(rows)
        destination.put("splitting/incidents/00/1.parquet", rows)
        assert len(contents("in/")) == 2
        raise RunStopped("A file cannot be read.")
    with pytest.raises(SetupProblem, match="s3://probation/in is not the same place on"):
        destination.put("splitting/incidents/00/2.parquet", rows)
    assert contents("in/") == {}


@pytest.mark.usefixtures("bucket")
def test_a_file_that_is_sent_while_the_command_fails_is_removed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tmp_path / "rows.parquet"
    factories.frame("incidents", []).write_parquet(rows)
    send = ObjectFolder.send
    with (
        pytest.raises(RunStopped),
        open_destination(f"s3://{BUCKET}/in", tmp_path) as destination,
    ):

        def send_slowly(folder: ObjectFolder, files: Any) -> None:
            destination.remove_everything()
            send(folder, files)

        monkeypatch.setattr(ObjectFolder, "send", send_slowly)
        with pytest.raises(SetupProblem, match="or was removed meanwhile"):
            destination.put("incidents/00.parquet", rows)
        assert contents("in/") == {}, "the worker that was late removes what it sent"
        raise RunStopped("A file cannot be read.")
    assert contents("in/") == {}


def test_where_the_disk_is_full_nothing_stays_and_no_file_is_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Any, target: Any, **__: Any) -> None:
        (Path(target.base_path) / "half.parquet").write_bytes(b"PAR1")
        raise pl.exceptions.ComputeError("No space left on device (os error 28)")

    extract = first_extract(tmp_path / "x")
    monkeypatch.setattr(pl.LazyFrame, "sink_parquet", full)
    monkeypatch.setattr(pl, "PartitionBy", lambda folder, **_: SimpleNamespace(base_path=folder))
    with pytest.raises(OSError, match="No space left") as error:
        bucket_extract(extract, tmp_path / "out", SerialRunner(), buckets=2)
    assert error.value.errno == errno.ENOSPC
    assert list((tmp_path / "out").iterdir()) == []
