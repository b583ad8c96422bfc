"""A service whose files stand in S3: every machine is as good as the first, and none is needed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import Engine, create_engine, text

from features.errors import MissingInput, RunStopped, SetupProblem, UserError
from features.store import s3_store, working_copy
from features.store.objects import ObjectFolder
from features.store.store import Store
from serving import settings as settings_module
from serving.cases.account import account_of_case
from serving.commands.service import check_audit
from serving.db.server import NIGHT, WEB, admin_url, engine_for
from serving.db.session import transaction
from serving.night import backups, purge, replay_run, run
from serving.night.erasure import erase_person
from serving.settings import MIRRORED, Settings
from tests import another_day
from tests.conftest import AS_OF
from tests.object_server import BUCKET, contents, forget_clients, object_server
from tests.service import Service, later_night
from tests.serving.night.test_backups import an_empty_place, no_step

SERVICE, BACKUPS = f"s3://{BUCKET}/service", f"s3://{BUCKET}/backups"


@dataclass(frozen=True)
class Cloud:
    """A service restored from a backup in S3 into S3, and the folder of its machines."""

    place: Path
    restored: Settings
    night: Engine
    web: Engine
    admin: Engine

    def machine(self, name: str) -> Settings:
        """The settings of a machine of that name, which begins with an empty disk."""
        folder = self.place / name
        working_copy.name_origin(folder, SERVICE, MIRRORED)
        url = admin_url(self.restored).render_as_string(hide_password=False)
        return replace(self.restored, data=folder, database_url=url)


@pytest.fixture(scope="module")
def cloud(service: Service) -> Iterator[Cloud]:
    place = Path(tempfile.mkdtemp(prefix="rosh-cloud-"))
    place.chmod(0o755)
    with object_server():
        backup = backups.write_backup(service.settings, service.night, BACKUPS, no_step)
        restored = an_empty_place(service, place / "first")
        working_copy.name_origin(restored.data, SERVICE, MIRRORED)
        with another_day.database_started_on_the_day(), working_copy.folder_of(backup.place) as at:
            backups.restore_backup(restored, at, no_step)
        engines = [engine_for(restored, NIGHT), engine_for(restored, WEB)]
        admin = create_engine(admin_url(restored))
        yield Cloud(place, restored, *engines, admin)
        for engine in (*engines, admin):
            engine.dispose()
    shutil.rmtree(place, ignore_errors=True)


def scores_in_s3() -> dict[str, pl.DataFrame]:
    """The rows of every file of scores in S3, by its name."""
    files = contents("service/scores/").items()
    return {name.rpartition("/")[2]: pl.read_parquet(BytesIO(rows)) for name, rows in files}


def test_what_was_restored_is_in_s3_and_whole_for_another_machine(cloud: Cloud) -> None:
    names = {key.split("/")[1] for key in contents("service/")}
    assert names == {"store", "scores", "bundles", "audit-anchors.jsonl"}
    machine = cloud.machine("second")
    assert "each as it was written" in check_audit(machine)
    comparison = replay_run.replay_run(machine, cloud.night, replay_run.NEWEST)
    assert comparison.is_same
    assert comparison.rows > 1000


def test_a_restore_needs_an_empty_place_in_s3_too(cloud: Cloud, service: Service) -> None:
    other = an_empty_place(service, cloud.place / "elsewhere")
    working_copy.name_origin(other.data, SERVICE, MIRRORED)
    (name,) = {key.split("/")[1] for key in contents("backups/")}
    with (
        working_copy.folder_of(f"{BACKUPS}/{name}") as folder,
        pytest.raises(UserError, match=f"holds {SERVICE}/audit-anchors.jsonl already"),
    ):
        backups.restore_backup(other, folder, no_step)


def test_a_backup_counts_when_its_manifest_is_in_s3(cloud: Cloud) -> None:
    for name in ("store", "scores", "bundles"):
        shutil.rmtree(cloud.restored.data / name)
    sent: list[str] = []
    honest = ObjectFolder.send

    def noted(self: ObjectFolder, files: dict[str, tuple[Path, str]]) -> None:
        sent.extend(files)
        honest(self, files)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ObjectFolder, "send", noted)
        backup = backups.write_backup(cloud.restored, cloud.night, BACKUPS, no_step)
    assert sent[-1] == backups.MANIFEST
    assert backup.place.startswith(BACKUPS)
    with working_copy.folder_of(backup.place) as folder:
        read = backups.read_backup(folder, cloud.restored.anchor_key)
    assert read.digests == backup.digests
    assert not any(".rosh" in name for name in read.digests)
    assert any(name.startswith("data/scores/") for name in read.digests), "fetched, then copied"
    assert any(name.startswith("data/bundles/") for name in read.digests)


def test_a_backup_of_a_service_in_s3_is_restored_into_s3(cloud: Cloud, service: Service) -> None:
    backup = backups.write_backup(cloud.restored, cloud.night, BACKUPS, no_step)
    again = an_empty_place(service, cloud.place / "again")
    working_copy.name_origin(again.data, f"s3://{BUCKET}/again", MIRRORED)
    with another_day.database_started_on_the_day(), working_copy.folder_of(backup.place) as folder:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(RunStopped):
            patch.setattr(backups, "_restore", _fail)
            backups.restore_backup(again, folder, no_step)
        assert contents("again/") == {}
        assert not (again.data / "store").exists()
        backups.restore_backup(again, folder, no_step)
    names = {name.removeprefix("again/") for name in contents("again/")}
    assert names == {name.removeprefix("service/") for name in contents("service/")}
    engine = engine_for(again, NIGHT)
    assert replay_run.replay_run(again, engine, replay_run.NEWEST).is_same
    engine.dispose()


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def _fail(*_: object) -> None:
    raise RunStopped("pg_restore ended with 1.")


def test_a_backup_is_not_written_into_the_service_that_it_holds(cloud: Cloud) -> None:
    with pytest.raises(UserError, match="one within the other"):
        backups.write_backup(cloud.restored, cloud.night, f"{SERVICE}/backups", no_step)


def test_a_night_on_one_machine_is_read_on_another(cloud: Cloud) -> None:
    before = set(scores_in_s3())
    with later_night(1) as day:
        finished = run.run_night(cloud.machine("night"), cloud.night, day)
        assert set(scores_in_s3()) == {*before, f"{finished.run_id}.parquet"}
        pages = cloud.machine("pages")
        rows = scores_in_s3()[f"{finished.run_id}.parquet"]
        crn = str(rows.filter("scorable")["crn"][0])
        with transaction(cloud.web, "INSPECTOR-1") as opened:
            store = Store.open(pages.store)
            account = account_of_case(opened, store, pages.scores, crn, day)
        assert account.computed
        assert "each as it was written" in check_audit(pages), "the head that the night signed"


def test_a_night_that_cannot_send_its_scores_commits_nothing(cloud: Cloud) -> None:
    machine = cloud.machine("cut off")
    honest = ObjectFolder.send

    def cut_off(self: ObjectFolder, files: dict[str, tuple[Path, str]]) -> None:
        honest(self, files)
        if any(name.startswith("scores/") for name in files):
            raise SetupProblem("S3 cannot be reached.")

    before = set(scores_in_s3())
    with later_night(2) as day:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(SetupProblem):
            patch.setattr(ObjectFolder, "send", cut_off)
            run.run_night(machine, cloud.night, day)
        assert _nights_about(cloud, day) == 0
        assert len(scores_in_s3()) == len(before) + 1, "sent, and no run names it"
        finished = run.run_night(cloud.machine("whole"), cloud.night, day)
        assert set(scores_in_s3()) == {*before, f"{finished.run_id}.parquet"}
        assert _nights_about(cloud, day) == 1


def _nights_about(cloud: Cloud, day: date) -> int:
    with cloud.admin.connect() as connection:
        rows = text("SELECT count(*) FROM triage.runs WHERE as_of = :day")
        return int(connection.execute(rows, {"day": day}).scalar_one())


def test_who_is_deleted_is_in_no_object_of_the_service(cloud: Cloud) -> None:
    crn = str(next(iter(scores_in_s3().values())).filter("scorable")["crn"][-1])
    holders = [name for name, rows in scores_in_s3().items() if crn in rows["crn"]]
    assert len(holders) > 1
    reader = cloud.machine("reader")
    path = working_copy.fetch_file(reader.scores / holders[0])
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(s3_store, "write_manifest", _killed)
        erase_person(cloud.machine("killed"), crn, "SAR/1", no_step)
    erasure = erase_person(cloud.machine("eraser"), crn, "SAR/1", no_step)
    assert erasure.files == len(holders)
    for rows in scores_in_s3().values():
        assert crn not in rows["crn"]
    for name, content in contents("service/store/files/").items():
        assert crn not in pl.read_parquet(BytesIO(content))["crn"], name
    assert crn not in pl.read_parquet(working_copy.fetch_file(path))["crn"]
    comparison = replay_run.replay_run(reader, cloud.night, replay_run.NEWEST)
    assert comparison.different == 0


def test_what_is_purged_is_gone_from_s3(cloud: Cloud) -> None:
    machine = cloud.machine("purger")
    before = scores_in_s3()
    end = date(AS_OF.year + 3, 1, 1)
    purged = purge.purge_records(machine, end, 24, no_step)
    assert purged.files == len(before) - len(scores_in_s3()) > 0
    with pytest.raises(MissingInput, match="are missing"):
        replay_run.replay_run(machine, cloud.night, replay_run.NEWEST)


def test_the_setting_makes_the_data_folder_a_working_copy(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {
        "ROSH_MODE": "demo",
        "ROSH_DATA": str(tmp_path / "pod"),
        "ROSH_OBJECTS": SERVICE,
    }
    chosen = settings_module.read_settings(environment)
    assert Store.open(chosen.store).loads
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    forget_clients()
    machine = cloud.machine("away")
    with pytest.raises(SetupProblem, match="cannot be read: EndpointConnectionError"):
        run.run_night(machine, cloud.night, AS_OF)
