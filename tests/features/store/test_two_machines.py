"""Two machines over one store in S3, and commands killed half-way: no load is lost, nobody stays."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import polars as pl
import pytest

from features import clock
from features.errors import SetupProblem, UnreadableInput, UserError
from features.intake.load import load_extract
from features.store import forget, legal_holds, locks, s3_store, staging, working_copy
from features.store.forget import forget_case
from features.store.objects import ChangedMeanwhile, ObjectFolder
from features.store.store import REFUSED, Store
from features.store.verification import verify_store
from tests import factories
from tests.factories import row
from tests.object_server import BUCKET, contents

GONE, STAYS, OTHER = "A000001", "A000009", "A000017"
SERVICE = f"s3://{BUCKET}/service"
NAMES = ("scores", "store/holds.json")

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """The store on a first machine, with one load of three people of the same bucket of cases."""
    path = machine(tmp_path, "one")
    load_extract(extract_of(tmp_path, 1), path)
    return path


@pytest.fixture
def two(one: Path, tmp_path: Path) -> Path:
    """The same store on a second machine, which has read it."""
    path = machine(tmp_path, "two")
    assert Store.open(path).knows_case(GONE)
    return path


def machine(folder: Path, name: str) -> Path:
    working_copy.name_origin(folder / name, SERVICE)
    return folder / name / "store"


def extract_of(
    folder: Path, day: int, people: tuple[str, ...] = (GONE, STAYS, OTHER), name: str = ""
) -> Path:
    rows = {
        table: [row(table, f"2026-07-{day:02d}", crn=crn) for crn in people]
        for table in ("incidents", "contacts")
    }
    at = f"2026-07-{day + 1:02d}T02:00:00"
    return factories.extract(folder / f"extract-{day}{name}", rows, at)


def objects_with(crn: str) -> list[str]:
    """The objects of the store in which a person is."""
    files = {name: content for name, content in contents().items() if "/files/" in name}
    return [n for n, c in files.items() if crn in pl.read_parquet(BytesIO(c))["crn"]]


def files_with(crn: str, folder: Path) -> list[Path]:
    """The files of a machine in which a person is."""
    return [path for path in folder.rglob("*.parquet") if crn in pl.read_parquet(path)["crn"]]


def loads_of(path: Path) -> list[int]:
    return [load.number for load in Store.open(path).loads]


def in_between(
    patch: pytest.MonkeyPatch, place: Any, name: str, meanwhile: Callable[[], object]
) -> None:
    """Let something happen once, just before a function is called."""
    honest = getattr(place, name)

    def called(*arguments: Any) -> Any:
        patch.setattr(place, name, honest)
        meanwhile()
        return honest(*arguments)

    patch.setattr(place, name, called)


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_page_that_reads_meanwhile_does_not_let_a_load_undo_a_deletion(
    one: Path, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The load was written over what it had read, and not over what a page had fetched since."""

    def meanwhile() -> None:
        forget_case(two, GONE)
        Store.open(one)

    in_between(monkeypatch, staging.Staged, "commit", meanwhile)
    with pytest.raises(ChangedMeanwhile):
        load_extract(extract_of(tmp_path, 2, (STAYS,)), one)
    assert objects_with(GONE) == []
    assert len(Store.open(two).forgotten) == 1
    assert load_extract(extract_of(tmp_path, 2, (STAYS,)), one).load == 2
    assert files_with(GONE, one) == files_with(GONE, two) == []


def test_a_load_that_comes_while_somebody_is_deleted_is_not_lost(
    one: Path, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile() -> None:
        load_extract(extract_of(tmp_path, 2), two)

    in_between(monkeypatch, forget, "_check_not_held", meanwhile)
    with pytest.raises(ChangedMeanwhile):
        forget_case(one, GONE)
    assert loads_of(one) == loads_of(two) == [1, 2]
    forget_case(one, GONE)
    assert loads_of(two) == [1, 2]
    assert objects_with(GONE) == []


def test_of_two_deletions_at_once_the_second_is_done_again(
    one: Path, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both wrote files of the same name, and the loser took its own for the winner's."""
    in_between(monkeypatch, staging, "replace_manifest", lambda: forget_case(two, OTHER))
    with pytest.raises(ChangedMeanwhile):
        forget_case(one, GONE)
    forget_case(one, GONE)
    for crn in (GONE, OTHER):
        assert objects_with(crn) == []
        assert files_with(crn, one) == []
        assert not Store.open(two).knows_case(crn)
    assert Store.open(one).knows_case(STAYS)


def test_files_of_a_killed_load_are_not_taken_for_those_of_another_machine(
    one: Path, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ObjectFolder, "send", killed)
        # Killed with no time to put anything in order.
        patch.setattr(staging.Staged, "__exit__", lambda self, *_: self._alone.close())
        with pytest.raises(KeyboardInterrupt):
            load_extract(extract_of(tmp_path, 2), one)
    load_extract(extract_of(tmp_path, 3), two)
    assert Store.open(one).read_versions("contacts").height == 6
    assert load_extract(extract_of(tmp_path, 4), one).load == 3


def test_a_deletion_that_s3_refuses_is_an_error_and_can_be_finished(one: Path) -> None:
    """S3 answers 200 where it refused to remove single objects."""
    client = boto3.client("s3")
    arn = f"arn:aws:s3:::{BUCKET}/*"
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    client.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    with pytest.raises(SetupProblem, match="cannot be written to: AccessDenied"):
        forget_case(one, GONE)
    assert objects_with(GONE)
    client.delete_bucket_policy(Bucket=BUCKET)
    with pytest.raises(UserError, match="holds nothing of that case"):
        forget_case(one, GONE)
    assert objects_with(GONE) == []


def test_a_deletion_that_is_killed_after_its_commit_is_finished_by_the_next_command(
    one: Path, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(s3_store, "write_manifest", killed)
        with pytest.raises(KeyboardInterrupt):
            forget_case(one, GONE)
    assert objects_with(GONE)
    assert not Store.open(two).knows_case(GONE)
    load_extract(extract_of(tmp_path, 2, (STAYS,)), two)
    assert objects_with(GONE) == []


def test_a_commit_whose_answer_was_lost_is_one(one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client sends again what was not answered; S3 refuses it, as the manifest is another now."""
    honest = ObjectFolder.write

    def twice(self: ObjectFolder, name: str, content: bytes, replacing: str | None) -> None:
        honest(self, name, content, replacing)
        honest(self, name, content, replacing)

    monkeypatch.setattr(ObjectFolder, "write", twice)
    assert forget_case(one, GONE)
    assert objects_with(GONE) == []


def test_files_that_a_load_under_way_has_sent_are_not_removed(
    one: Path, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract = extract_of(tmp_path, 2)
    with monkeypatch.context() as patch:
        patch.setattr(ObjectFolder, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            load_extract(extract, one)
    forget_case(two, OTHER)
    # Whatever lies there may be removed at any moment: the load sends its own again.
    client, listed = boto3.client("s3"), set(s3_store.files_listed(_manifest()).values())
    for key in [key for key in contents() if "/files/" in key]:
        if key.rpartition("/")[2] not in listed:
            client.put_object(Bucket=BUCKET, Key=key, Body=b"half")
    load_extract(extract, one)
    assert Store.open(machine(tmp_path, "three")).read_versions("contacts").height == 5


def _manifest() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(contents()["service/store/manifest.json"])
    return content


def test_a_merge_that_fails_does_not_undo_the_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = machine(tmp_path, "one")
    for day in range(1, 17):
        load_extract(extract_of(tmp_path, day), path)
    honest, calls = ObjectFolder.write, []

    def second_fails(self: ObjectFolder, *arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 2:
            raise SetupProblem("S3 cannot be reached.")
        honest(self, *arguments)

    monkeypatch.setattr(ObjectFolder, "write", second_fails)
    report = load_extract(extract_of(tmp_path, 17), path)
    assert (report.load, report.unmerged) == (17, "S3 cannot be reached.")
    assert len(calls) == 2
    assert Store.open(machine(tmp_path, "two")).read_versions("contacts").height == 51


def test_a_merge_is_tried_again_where_s3_went_away_after_the_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = machine(tmp_path, "one")
    for day in range(1, 17):
        load_extract(extract_of(tmp_path, day), path)
    honest, calls = ObjectFolder.write, []

    def then_gone(self: ObjectFolder, *arguments: Any) -> None:
        honest(self, *arguments)
        calls.append(arguments)
        for name in ("write", "read", "digest_of", "send"):
            monkeypatch.setattr(ObjectFolder, name, unreachable)

    def unreachable(*_: object) -> None:
        raise SetupProblem("S3 cannot be reached.")

    with monkeypatch.context():
        monkeypatch.setattr(ObjectFolder, "write", then_gone)
        assert load_extract(extract_of(tmp_path, 17), path).load == 17
        monkeypatch.undo()
    assert load_extract(extract_of(tmp_path, 18), path).unmerged == ""
    assert loads_of(machine(tmp_path, "two")) == list(range(1, 19))


def test_a_hold_placed_while_files_are_sent_stops_the_deletion(
    one: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_between(monkeypatch, ObjectFolder, "send", lambda: legal_holds.write_held_cases(one, [GONE]))
    with pytest.raises(UserError, match="held for an inspection"):
        forget_case(one, GONE)
    assert Store.open(one).knows_case(GONE)
    assert objects_with(GONE)


def test_a_load_that_commits_while_a_store_moves_to_s3_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    load_extract(extract_of(tmp_path, 1), data / "store")
    refused: list[str] = []

    def meanwhile() -> None:
        try:
            load_extract(extract_of(tmp_path, 2), data / "store")
        except UserError as error:
            refused.append(str(error))

    in_between(monkeypatch, s3_store, "name_origin", meanwhile)
    s3_store.move_to_s3(data, SERVICE, NAMES)
    assert "is under way" in refused[0]
    load_extract(extract_of(tmp_path, 2), data / "store")
    assert loads_of(machine(tmp_path, "two")) == [1, 2]


def test_files_of_the_deleted_are_removed_as_soon_as_nobody_holds_the_lock(
    one: Path, two: Path
) -> None:
    assert files_with(GONE, two)
    forget_case(one, GONE)
    with locks.hold_lock(two):
        assert not Store.open(two).knows_case(GONE)
    assert files_with(GONE, two)
    Store.open(two)
    assert files_with(GONE, two) == []


def test_a_refresh_that_is_killed_is_finished_by_the_next(
    one: Path, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_case(one, GONE)
    with monkeypatch.context() as patch:
        patch.setattr(s3_store, "remove_unlisted_files", killed)
        with pytest.raises(KeyboardInterrupt):
            Store.open(two)
    assert files_with(GONE, two)
    Store.open(two)
    assert files_with(GONE, two) == []


def test_a_page_that_fetched_a_load_of_the_same_number_is_no_traceback(
    one: Path, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile() -> None:
        load_extract(extract_of(tmp_path, 2), two)
        assert Store.open(one).read_versions("contacts").height == 6

    in_between(monkeypatch, staging.Staged, "commit", meanwhile)
    with pytest.raises(ChangedMeanwhile):
        load_extract(extract_of(tmp_path, 3), one)
    assert Store.open(one).read_versions("contacts").height == 6
    assert load_extract(extract_of(tmp_path, 3), one).load == 3


def test_a_command_waits_for_a_page_that_holds_the_lock_for_a_moment(one: Path) -> None:
    with ThreadPoolExecutor(1) as threads:
        with locks.hold_lock(one):
            deletion = threads.submit(forget_case, one, GONE)
            time.sleep(0.3)
            assert not deletion.done()
        assert deletion.result()


def test_files_that_hold_nobody_any_more_are_not_taken_for_one_another(
    one: Path, two: Path, tmp_path: Path
) -> None:
    """Emptied files are alike, whatever load they are of."""
    for crn in (GONE, STAYS, OTHER):
        forget_case(one, crn)
    load_extract(extract_of(tmp_path, 2), two)
    for crn in (OTHER, STAYS, GONE):
        forget_case(two, crn)
    three = Store.open(machine(tmp_path, "three"))
    assert three.read_versions("contacts").is_empty()
    assert verify_store(three).is_sound


def test_verify_looks_at_what_is_in_s3(one: Path) -> None:
    assert verify_store(Store.open(one)).is_sound
    key = next(name for name in contents() if "/files/" in name)
    boto3.client("s3").delete_object(Bucket=BUCKET, Key=key)
    verified = verify_store(Store.open(one))
    assert not verified.is_sound
    assert verified.missing == [key.removeprefix("service/store/files/").rpartition("/")[0]]


def test_a_new_machine_fetches_many_files_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine(tmp_path, "one")
    for day in range(1, 7):
        load_extract(extract_of(tmp_path, day), one)
    honest, sizes = ObjectFolder.fetch, []

    def noted(self: ObjectFolder, files: dict[Path, Any], scratch: Path) -> None:
        sizes.append(len(files))
        honest(self, files, scratch)

    two = Store.open(machine(tmp_path, "two"))
    monkeypatch.setattr(ObjectFolder, "fetch", noted)
    assert two.read_versions("contacts").height == 18
    assert sizes == [6]


def test_the_newest_of_several_files_is_the_one_written_last(tmp_path: Path) -> None:
    folder = tmp_path / "bundles"
    for number in range(2):
        (tmp_path / "made").write_text(str(number))
        ObjectFolder.parse(SERVICE).send({f"bundles/{number}/b": (tmp_path / "made", "")})
        time.sleep(1.1)
    working_copy.name_origin(tmp_path, SERVICE)
    for number in (1, 0):
        working_copy.fetch_folder(folder / str(number))
    times = [(folder / str(number) / "b").stat().st_mtime for number in range(2)]
    assert times == sorted(times)


def test_holds_go_to_s3_with_the_store(tmp_path: Path) -> None:
    data = tmp_path / "data"
    load_extract(extract_of(tmp_path, 1), data / "store")
    legal_holds.write_held_cases(data / "store", [GONE])
    s3_store.move_to_s3(data, SERVICE, NAMES)
    for path in (data / "store", machine(tmp_path, "two")):
        with pytest.raises(UserError, match="held for an inspection"):
            forget_case(path, GONE)
    new = machine(tmp_path, "three")
    legal_holds.write_held_cases(new, [])
    assert legal_holds.cases_on_hold(data / "store") == set()


def test_a_folder_with_a_store_never_becomes_the_cache_of_another(
    one: Path, tmp_path: Path
) -> None:
    before = contents()
    data = tmp_path / "data"
    for day in (2, 3):
        load_extract(extract_of(tmp_path, day), data / "store")
    with pytest.raises(UserError, match=r"holds a store already, and so does"):
        s3_store.move_to_s3(data, SERVICE, NAMES)
    (tmp_path / "scores" / "scores").mkdir(parents=True)
    (tmp_path / "scores" / "scores" / "a.parquet").write_text("other")
    ObjectFolder.parse(SERVICE).send({"scores/b.parquet": (one / "manifest.json", "")})
    with pytest.raises(UserError, match=r"holds scores/b\.parquet already"):
        s3_store.move_to_s3(tmp_path / "scores", SERVICE, NAMES)
    assert len(Store.open(data / "store").loads) == 2
    assert contents().keys() - before.keys() == {"service/scores/b.parquet"}


def test_sending_a_folder_is_done_again_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    load_extract(extract_of(tmp_path, 1), data / "store")
    legal_holds.write_held_cases(data / "store", [GONE])
    with monkeypatch.context() as patch:
        patch.setattr(working_copy, "name_origin", killed)
        patch.setattr(s3_store, "name_origin", killed)
        with pytest.raises(KeyboardInterrupt):
            s3_store.move_to_s3(data, SERVICE, NAMES)
    s3_store.move_to_s3(data, SERVICE, NAMES)
    assert Store.open(machine(tmp_path, "two")).knows_case(GONE)


def test_refused_rows_of_an_early_store_go_to_s3_too(tmp_path: Path) -> None:
    """Early stores list no files of refused rows; cases with one would have counted as complete."""
    data = tmp_path / "data"
    load_extract(extract_of(tmp_path, 1), data / "store")
    manifest = data / "store" / "manifest.json"
    content = json.loads(manifest.read_text("utf-8"))
    content["loads"][0]["refused"] = None
    manifest.write_text(json.dumps(content), "utf-8")
    refused = data / "store" / "refused" / "0001" / "contacts.parquet"
    refused.parent.mkdir(parents=True)
    rows = [["contacts", 1, "r", STAYS, "no date", "{}", 1]]
    pl.DataFrame(rows, schema=REFUSED, orient="row").write_parquet(refused)
    s3_store.move_to_s3(data, SERVICE, NAMES)
    for path in (data / "store", machine(tmp_path, "two")):
        assert Store.open(path).refused_rows().height == 1
        load_extract(extract_of(tmp_path, 2, (STAYS,)), path)


@pytest.mark.parametrize("name", ["/outside", "../outside", "a//b"])
def test_an_object_whose_name_leads_out_of_the_folder_is_refused(name: str) -> None:
    client = boto3.client("s3")
    for key in (f"extracts/today/{name}", "extracts/today/contacts.csv"):
        client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    with (
        pytest.raises(UnreadableInput, match="would lead out of a folder"),
        working_copy.folder_of(f"s3://{BUCKET}/extracts/today"),
    ):
        pass


def test_many_at_once_fetch_the_same_file_and_the_same_manifest(one: Path, tmp_path: Path) -> None:
    data = tmp_path / "pages"
    working_copy.name_origin(data, SERVICE)
    path = tmp_path / "a.parquet"
    path.write_bytes(os.urandom(300_000))
    ObjectFolder.parse(SERVICE).send({"scores/a.parquet": (path, "")})

    def read(_: int) -> int:
        working_copy.fetch_file(data / "scores" / "a.parquet")
        return Store.open(data / "store").read_versions("contacts").height

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(read, range(40))) == {3}
    assert list((data / working_copy.SCRATCH).iterdir()) == []


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=2), timedelta(days=-2)])
def test_a_file_that_is_being_fetched_stays_whatever_the_clock_says(
    tmp_path: Path, ahead: timedelta
) -> None:
    """The disk may have a clock of its own: a file's age is what the disk says it is."""
    working_copy.name_origin(tmp_path, SERVICE)
    scratch = tmp_path / working_copy.SCRATCH
    scratch.mkdir()
    # A whole file has the date of its object before it is moved into place.
    (scratch / "being-fetched").write_bytes(b"")
    os.utime(scratch / "being-fetched", (0, 0))
    with clock.ahead_by(ahead):
        assert working_copy.scratch_of(tmp_path / "scores") == scratch
    assert [file.name for file in scratch.iterdir()] == ["being-fetched"]


def test_a_file_that_a_killed_process_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds case histories: the first command after that time removes it."""
    working_copy.name_origin(tmp_path, SERVICE)
    scratch = tmp_path / working_copy.SCRATCH
    scratch.mkdir()
    (scratch / "left").write_bytes(b"of a killed process")
    time.sleep(0.3)
    (scratch / "being-fetched").write_bytes(b"")
    monkeypatch.setattr(working_copy, "LEFT_BEHIND", 0.15)
    working_copy.scratch_of(tmp_path / "scores")
    assert [file.name for file in scratch.iterdir()] == ["being-fetched"]
    time.sleep(0.3)
    working_copy.scratch_of(tmp_path / "scores")
    assert list(scratch.iterdir()) == []


def test_a_file_is_replaced_in_s3_before_it_is_here(tmp_path: Path) -> None:
    """A page that reads in between would bring the earlier file back, and that would be sent."""
    path = tmp_path / "scores" / "a.parquet"
    path.parent.mkdir()
    path.write_text("with somebody")
    working_copy.name_origin(tmp_path, SERVICE, ["scores"])
    new = path.with_name("a.parquet.rewritten")
    new.write_text("without")
    honest = Path.replace

    def meanwhile(self: Path, target: Path) -> Path:
        if self == new:
            assert working_copy.fetch_file(path).read_text() == "without"
        return honest(self, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", meanwhile)
        working_copy.replace_file(path, new)
    assert path.read_text() == "without"
    assert contents() == {"service/scores/a.parquet": b"without"}


def test_what_was_purged_elsewhere_does_not_stay_here(tmp_path: Path) -> None:
    path = tmp_path / "one" / "scores" / "a.parquet"
    path.parent.mkdir(parents=True)
    path.write_text("x")
    working_copy.name_origin(tmp_path / "one", SERVICE, ["scores"])
    working_copy.name_origin(tmp_path / "two", SERVICE)
    working_copy.remove_file(tmp_path / "two" / "scores" / "a.parquet")
    assert working_copy.list_paths(path.parent) == []
    assert not path.exists()


def test_without_its_bucket_nothing_is_removed_here(tmp_path: Path) -> None:
    path = tmp_path / "scores" / "a.parquet"
    path.parent.mkdir()
    path.write_text("x")
    (tmp_path / working_copy.ORIGIN).write_text("s3://no-such-bucket/x")
    with pytest.raises(SetupProblem, match="NoSuchBucket"):
        working_copy.fetch_file(path)
    assert path.exists()


@pytest.mark.parametrize("mode", [0o777, 0o750, 0o704])
def test_a_cache_that_somebody_else_may_open_is_not_used(
    tmp_path: Path, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(working_copy.CACHE, str(tmp_path / "cache"))
    path = working_copy.working_copy_of(SERVICE)
    path.chmod(mode)
    with pytest.raises(SetupProblem, match="is not a folder of this user alone"):
        working_copy.working_copy_of(SERVICE)


@pytest.mark.parametrize("place", ["service", "service/backups", "service/store/x", ""])
def test_a_backup_never_lies_within_what_it_holds(tmp_path: Path, place: str) -> None:
    working_copy.name_origin(tmp_path, SERVICE)
    with pytest.raises(UserError, match="one within the other"):
        working_copy.check_apart(f"s3://{BUCKET}/{place}", tmp_path)
    working_copy.check_apart(f"s3://{BUCKET}/services", tmp_path)
    working_copy.check_apart("s3://another/service", tmp_path)
