"""A store in S3: what is committed there counts, whichever machine reads or writes it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import boto3
import polars as pl
import pytest

from features import __main__ as features_main
from features import clock
from features.errors import MissingInput, SetupProblem, UnreadableInput, UserError
from features.history import asof
from features.intake.load import load_extract
from features.store import legal_holds, objects, s3_store, staging, undo, working_copy
from features.store.forget import forget_case
from features.store.objects import ChangedMeanwhile, ObjectFolder
from features.store.store import Store
from features.store.verification import verify_store
from tests import factories
from tests.factories import AS_OF, row
from tests.object_server import BUCKET, contents, forget_clients

GONE, STAYS = "A000001", "A000009"
ADDRESS = f"s3://{BUCKET}/service/store"

pytestmark = pytest.mark.usefixtures("bucket")


def extract_of(folder: Path, day: int) -> Path:
    """An extract of one day of July with an incident and a contact of each of two people."""
    rows = {
        name: [row(name, f"2026-07-{day:02d}", crn=crn) for crn in (GONE, STAYS)]
        for name in ("incidents", "contacts")
    }
    return factories.extract(folder / f"extract-{day}", rows, f"2026-07-{day + 1:02d}T02:00:00")


def machine(folder: Path, name: str) -> Path:
    """The working copy that a machine of that name has of the store."""
    working_copy.name_origin(folder / name, ADDRESS)
    return folder / name


def rows_of(path: Path) -> pl.DataFrame:
    """The rows of contacts and incidents of a store, without the numbers that a test run gives."""
    store = Store.open(path)
    both = [store.read_versions(name).select("crn", "occurred_on", "load") for name in TABLES]
    return pl.concat(both).sort("crn", "occurred_on", "load")


TABLES = ("incidents", "contacts")


def test_every_machine_reads_what_one_has_committed(tmp_path: Path) -> None:
    one, other, local = machine(tmp_path, "one"), machine(tmp_path, "other"), tmp_path / "local"
    for day in (1, 2, 3):
        for path in (one, local):
            load_extract(extract_of(tmp_path, day), path)
        assert rows_of(other).equals(rows_of(local))
    assert verify_store(Store.open(other)).is_sound
    spine = asof.make_spine([STAYS], AS_OF)
    assert asof.read_histories(Store.open(other), spine).spine.height == 1


def test_commands_take_addresses_of_extract_and_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    extract = extract_of(tmp_path, 1)
    names = {path.name: (path, "") for path in extract.iterdir()}
    ObjectFolder.parse(f"s3://{BUCKET}/extracts/today").send(names)
    command = ["check", f"s3://{BUCKET}/extracts/today/", "--store", ADDRESS]
    for cache in ("one", "other"):
        monkeypatch.setenv(working_copy.CACHE, str(tmp_path / cache))
        assert features_main.main(command) == 0
        assert features_main.main(["verify", "--store", ADDRESS]) == 0
        (folder,) = (tmp_path / cache).iterdir()
        assert folder.stat().st_mode & 0o077 == 0, "nobody else on the machine reads it"
    summary = capsys.readouterr().out
    assert summary.count("Nothing new") == 1, "the second machine has it from S3"
    assert features_main.main(["check", f"s3://{BUCKET}/nowhere", "--store", ADDRESS]) == 11
    assert "There is nothing at s3://probation/nowhere" in capsys.readouterr().err


def test_of_two_loads_at_once_one_is_refused_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = machine(tmp_path, "one"), machine(tmp_path, "other")
    load_extract(extract_of(tmp_path, 1), one)
    honest = staging.Staged.commit

    def overtaken(self: staging.Staged, load: object) -> str:
        """The other machine commits after this one has read and before it commits."""
        monkeypatch.setattr(staging.Staged, "commit", honest)
        load_extract(extract_of(tmp_path, 2), other)
        return honest(self, load)  # type: ignore[arg-type]

    monkeypatch.setattr(staging.Staged, "commit", overtaken)
    with pytest.raises(ChangedMeanwhile, match="changed by another command meanwhile"):
        load_extract(extract_of(tmp_path, 3), one)
    assert [load.number for load in Store.open(one).loads] == [1, 2]
    assert rows_of(one).equals(rows_of(other))
    assert load_extract(extract_of(tmp_path, 3), one).load == 3
    assert rows_of(one).equals(rows_of(other))


@pytest.mark.parametrize("step", ["send", "write"])
def test_a_load_that_dies_before_the_manifest_leaves_what_stood(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = machine(tmp_path, "one"), machine(tmp_path, "other")
    load_extract(extract_of(tmp_path, 1), one)
    before = contents()
    honest = getattr(ObjectFolder, step)

    def dying(*arguments: object) -> None:
        if step == "send":
            honest(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ObjectFolder, step, dying)
        with pytest.raises(KeyboardInterrupt):
            load_extract(extract_of(tmp_path, 2), one)
    assert contents().items() >= before.items()
    assert len(contents()) > len(before), "files were sent"
    for path in (one, other):
        assert [load.number for load in Store.open(path).loads] == [1]
    # It may be part of a load that is under way; a day later, the next load removes it.
    load_extract(extract_of(tmp_path, 3), other)
    assert len(contents()) == len(before) + 4
    with clock.ahead_by(timedelta(days=2)):
        load_extract(extract_of(tmp_path, 4), other)
    listed = {d for load in Store.open(other).loads for d in load.file_digests.values()}
    there = {key.rpartition("/")[2] for key in contents() if "/files/" in key}
    assert there == listed


def test_a_commit_that_dies_before_this_machine_notes_it_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine(tmp_path, "one")
    load_extract(extract_of(tmp_path, 1), one)

    def dying(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(s3_store, "write_manifest", dying)
        with pytest.raises(KeyboardInterrupt):
            load_extract(extract_of(tmp_path, 2), one)
    assert [load.number for load in Store.open(one).loads] == [1, 2]
    assert rows_of(one).equals(rows_of(machine(tmp_path, "other")))


def test_who_is_deleted_is_in_no_object_and_on_no_machine_that_reads_again(tmp_path: Path) -> None:
    one, other = machine(tmp_path, "one"), machine(tmp_path, "other")
    for day in (1, 2):
        load_extract(extract_of(tmp_path, day), one)
    rows_of(other)
    forget_case(one, GONE)
    Store.open(other)
    contents_now = [pl.read_parquet(BytesIO(b)) for k, b in contents().items() if "/files/" in k]
    files = [pl.read_parquet(path) for path in other.rglob("*.parquet")]
    assert contents_now
    for frame in (*contents_now, *files):
        assert GONE not in frame["crn"]
    assert set(rows_of(other)["crn"]) == {STAYS}


def test_a_hold_placed_on_one_machine_holds_on_another(tmp_path: Path) -> None:
    one, other = machine(tmp_path, "one"), machine(tmp_path, "other")
    load_extract(extract_of(tmp_path, 1), one)
    assert legal_holds.cases_on_hold(other) == set()
    legal_holds.write_held_cases(one, [GONE])
    Store.open(other)
    with pytest.raises(UserError, match="held for an inspection"):
        forget_case(other, GONE)
    legal_holds.write_held_cases(one, [])
    forget_case(other, GONE)


def test_an_undone_load_is_in_no_object(tmp_path: Path) -> None:
    one = machine(tmp_path, "one")
    load_extract(extract_of(tmp_path, 1), one)
    before = {key for key in contents() if "/files/" in key}
    load_extract(extract_of(tmp_path, 2), one)
    undo.undo_load(one, "The extract was of another region.")
    assert {key for key in contents() if "/files/" in key} == before


def test_files_that_were_merged_stay_for_whoever_is_reading_them(tmp_path: Path) -> None:
    one, other = machine(tmp_path, "one"), machine(tmp_path, "other")
    for day in range(1, 17):
        load_extract(extract_of(tmp_path, day), one)
    reading = Store.open(other)
    load_extract(extract_of(tmp_path, 17), one)
    merged = Store.open(one)
    assert merged.superseded
    assert reading.read_versions("contacts").height == 32
    load_extract(extract_of(tmp_path, 18), one)
    listed = {d for load in Store.open(one).loads for d in load.file_digests.values()}
    there = {key.rpartition("/")[2] for key in contents() if "/files/" in key}
    assert there == listed


def test_a_changed_and_a_missing_object_are_sentences(tmp_path: Path) -> None:
    load_extract(extract_of(tmp_path, 1), machine(tmp_path, "one"))
    client, keys = boto3.client("s3"), [key for key in contents() if "/files/" in key]
    for key in keys:
        client.put_object(Bucket=BUCKET, Key=key, Body=b"another")
    store = Store.open(machine(tmp_path, "other"))
    with pytest.raises(UnreadableInput, match="is not the object that was written"):
        store.read_versions("contacts")
    assert not list((tmp_path / "other").rglob("*.parquet*")), "nothing of it stays"
    for key in keys:
        client.delete_object(Bucket=BUCKET, Key=key)
    with pytest.raises(MissingInput, match="is missing. Nothing was read"):
        store.read_versions("contacts")
    client.delete_object(Bucket=BUCKET, Key="service/store/manifest.json")
    with pytest.raises(MissingInput, match="had a manifest and has none now"):
        Store.open(tmp_path / "one")


def test_s3_that_cannot_be_reached_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv(working_copy.CACHE, str(tmp_path))
    forget_clients()
    assert features_main.main(["verify", "--store", ADDRESS]) == SetupProblem.exit_code
    message = capsys.readouterr().err
    assert "cannot be read: EndpointConnectionError" in message
    assert "Traceback" not in message


def test_a_folder_is_the_working_copy_of_one_address(tmp_path: Path) -> None:
    one = machine(tmp_path, "one")
    with pytest.raises(UserError, match="is the cache of s3://probation/service/store, not"):
        working_copy.name_origin(one, f"s3://{BUCKET}/elsewhere")
    machine(tmp_path, "one")
    with pytest.raises(MissingInput, match="is no address in S3"):
        working_copy.name_origin(tmp_path / "x", "s3:///nothing")


def test_what_a_folder_has_already_is_sent_first(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "scores").mkdir(parents=True)
    for name in ("scores/a.parquet", "heads.jsonl", "secret.json"):
        (data / name).write_text(name)
    address = f"s3://{BUCKET}/data"
    working_copy.name_origin(data, address, ["scores", "heads.jsonl", "absent"])
    assert contents("data") == {
        "data/heads.jsonl": b"heads.jsonl",
        "data/scores/a.parquet": b"scores/a.parquet",
    }
    other = tmp_path / "other"
    working_copy.name_origin(other, address, ["scores"])
    (path,) = working_copy.list_paths(other / "scores")
    assert working_copy.fetch_file(path).read_text() == "scores/a.parquet"
    (data / "scores" / "a.parquet").write_text("rewritten")
    working_copy.send_files(data / "scores" / "a.parquet")
    assert working_copy.fetch_file(path).read_text() == "rewritten"
    working_copy.remove_file(data / "scores" / "a.parquet")
    assert not working_copy.fetch_file(path).exists()


def test_a_store_that_stood_in_a_folder_is_sent_when_that_becomes_a_cache(tmp_path: Path) -> None:
    store = tmp_path / "data" / "store"
    load_extract(extract_of(tmp_path, 1), store)
    s3_store.move_to_s3(tmp_path / "data", f"s3://{BUCKET}/service", ())
    assert rows_of(machine(tmp_path, "other")).equals(rows_of(store))
    load_extract(extract_of(tmp_path, 2), store)
    assert rows_of(machine(tmp_path, "other")).equals(rows_of(store))


def test_a_part_is_worked_on_a_machine_that_has_no_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine(tmp_path, "one")
    load_extract(extract_of(tmp_path, 1), one)
    store = Store.open(one)
    here = store.read_versions("contacts")
    assert store.on_this_machine() is store
    shutil.move(one, tmp_path / "another machine")
    monkeypatch.setenv(working_copy.CACHE, str(tmp_path / "cache"))
    there = store.on_this_machine()
    assert there.read_versions("contacts").equals(here)
    forget_case(machine(tmp_path, "other"), GONE)
    files = store.on_this_machine().path.rglob("*.parquet")
    assert not any(GONE in pl.read_parquet(path)["crn"] for path in files)
    assert replace(store, origin="").on_this_machine().path == one, "nowhere to fetch it from"


def test_without_an_origin_nothing_of_s3_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    load_extract(extract_of(tmp_path, 1), store)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert Store.open(store).origin == ""
    assert rows_of(store).height == 4
    manifest = json.loads((store / "manifest.json").read_text("utf-8"))
    assert set(manifest) == {"buckets", "loads", "forgotten", "undone", "superseded"}
    assert objects._client.cache_info().misses == 0
