"""The restore drill: a backup in an empty place is the same service, with every review in it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, make_url, text

from features.errors import MissingInput, UnreadableInput, UserError
from serving import __main__ as commands
from serving import settings as settings_module
from serving.commands.service import check_audit
from serving.db.server import NIGHT, WEB, admin_url, as_owner, engine_for, program_of
from serving.db.session import AuditEvent, transaction
from serving.night import backups, replay_run
from serving.settings import Settings
from tests import another_day
from tests.service import Service
from tests.serving.managed_database import managed_database


def no_step(_: str) -> None:
    """Nobody watches."""


def an_empty_place(service: Service, folder: Path) -> Settings:
    """The settings of a service elsewhere, with the secrets of this one and nothing in it."""
    elsewhere = settings_module.read_settings({"ROSH_MODE": "demo", "ROSH_DATA": str(folder)})
    secrets = {
        name: getattr(service.settings, name)
        for name in ("session_secret", "draw_secret", "anchor_key")
    }
    return replace(elsewhere, **secrets)


@dataclass(frozen=True)
class Drill:
    """A backup, what stood in the database when it was taken, and the service restored from it."""

    backup: backups.Backup
    digests: dict[str, str]
    restored: Settings


def digests_of_tables(connection: Connection) -> dict[str, str]:
    """By table, a digest of all its rows, but those that a backup or a restore adds to."""
    tables = connection.execute(
        text("SELECT tablename FROM pg_tables WHERE schemaname = 'triage' ORDER BY 1")
    ).scalars()
    # The audit says that a backup was taken; a migration installs the key and the rules anew.
    own = {"audit", "installed_rules", "users", *backups.SECRET_TABLES}
    return {
        name: str(
            connection.execute(
                text(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM triage.{name} t")
            ).scalar()
        )
        for name in tables
        if name not in own
    }


@pytest.fixture(scope="module")
def drill(service: Service) -> Iterator[Drill]:
    """One backup of the service, restored once, where the database's own user may enter."""
    place = Path(tempfile.mkdtemp(prefix="rosh-drill-"))
    place.chmod(0o755)
    with service.admin.connect() as connection:
        digests = digests_of_tables(connection)
    backup = backups.write_backup(service.settings, service.night, place / "backups", no_step)
    restored = an_empty_place(service, place / "restored")
    with another_day.database_started_on_the_day():
        backups.restore_backup(restored, backup.folder, no_step)
    yield Drill(backup, digests, restored)
    shutil.rmtree(place, ignore_errors=True)


def test_every_row_of_every_table_is_there_again(drill: Drill) -> None:
    engine = create_engine(admin_url(drill.restored))
    with engine.connect() as connection:
        assert digests_of_tables(connection) == drill.digests
        assert len(drill.digests) > 25
    engine.dispose()


def test_the_audit_is_whole_and_the_newest_night_is_computed_the_same(drill: Drill) -> None:
    assert "audit rows, each as it was written" in check_audit(drill.restored)
    engine = engine_for(drill.restored, NIGHT)
    comparison = replay_run.replay_run(drill.restored, engine, replay_run.NEWEST)
    engine.dispose()
    assert comparison.is_same
    assert comparison.rows > 1000


def test_events_go_on_from_numbers_that_none_ever_had(drill: Drill) -> None:
    """Those who received events after the backup would take a number given again for a repeat."""
    with as_owner(drill.restored) as connection:
        highest = connection.execute(
            text("SELECT coalesce(max(id), 0) FROM triage.events")
        ).scalar()
        following = connection.execute(
            text("SELECT nextval(pg_get_serial_sequence('triage.events', 'id'))")
        ).scalar()
    assert following - (highest or 0) > 100_000


def test_rules_of_rows_hold_there_too(drill: Drill) -> None:
    """Row-level security came along: whoever proves no identity sees no case."""
    web = engine_for(drill.restored, WEB)
    with web.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM triage.items")).scalar_one() == 0
    with transaction(web, "ALD-SPO-1") as opened:
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        units = text("SELECT DISTINCT pdu_code FROM triage.items")
        assert set(opened.connection.execute(units).scalars()) == {"N54ALD"}
    web.dispose()


def test_a_backup_holds_no_secret_and_its_files_are_those_of_the_data_folder(
    drill: Drill, service: Service
) -> None:
    names = set(drill.backup.digests)
    assert "database.dump" in names
    assert "data/store/manifest.json" in names
    assert any(name.startswith("data/scores/") for name in names)
    secrets = [
        value.encode()
        for name, value in vars(service.settings).items()
        if name.endswith(("_password", "_secret", "_key")) and value
    ]
    assert len(secrets) == 6
    for path in drill.backup.folder.rglob("*"):
        if path.is_file() and path.suffix not in (".parquet", ".dump"):
            content = path.read_bytes()
            assert not any(secret in content for secret in secrets), path.name
    words = dump_in_words(drill)
    assert "COPY triage.conclusions" in words
    with service.admin.connect() as connection:
        pads = connection.execute(text("SELECT inner_pad::text FROM triage.identity_keys")).scalar()
    assert str(pads) not in words, "from which the key that proves names could be worked out"
    for name in backups.SECRET_TABLES:
        assert f"COPY triage.{name} " not in words, name
    assert not any(secret.decode() in words for secret in secrets)


def dump_in_words(drill: Drill) -> str:
    """The dump as SQL: what is compressed in it could hold anything."""
    program = program_of(drill.restored, "pg_restore")
    command = [program, "--file=-", drill.backup.folder / backups.DUMP]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_backup_that_somebody_signed_with_another_key_is_refused(drill: Drill) -> None:
    with pytest.raises(UnreadableInput, match="was not signed with this ROSH_ANCHOR_KEY"):
        backups.read_backup(drill.backup.folder, "another key of twenty-four letters")


def test_a_restore_needs_an_empty_place(
    drill: Drill, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="holds store and bundles and scores"):
        backups.restore_backup(drill.restored, drill.backup.folder, no_step)
    live = replace(an_empty_place(service, tmp_path / "live"), mode="live")
    with pytest.raises(UserError, match="in mode demo, and this one is live"):
        backups.restore_backup(live, drill.backup.folder, no_step)
    occupied = replace(drill.restored, data=tmp_path / "files", database_url=_url(drill.restored))
    programs = program_of(drill.restored, "pg_restore").parent
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    with pytest.raises(UserError, match="holds the schema"):
        backups.restore_backup(occupied, drill.backup.folder, no_step)
    assert not (tmp_path / "files" / "store").exists()


def test_a_backup_that_is_not_whole_is_refused(
    drill: Drill, service: Service, tmp_path: Path
) -> None:
    with pytest.raises(MissingInput, match="holds no whole backup"):
        backups.read_backup(tmp_path, drill.restored.anchor_key)
    copy = tmp_path / "copy"
    shutil.copytree(drill.backup.folder, copy)
    dump = copy / backups.DUMP
    dump.write_bytes(dump.read_bytes()[:-1])
    with pytest.raises(UnreadableInput, match=r"1 files of the backup .* such as database\.dump"):
        backups.restore_backup(an_empty_place(service, tmp_path / "empty"), copy, no_step)
    (copy / backups.MANIFEST).write_text("{", encoding="utf-8")
    with pytest.raises(UnreadableInput, match="is damaged"):
        backups.read_backup(copy, drill.restored.anchor_key)


def test_no_password_is_on_the_command_line_of_a_program_of_postgresql(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every user of a machine can read the command lines of all its processes."""
    calls: list[tuple[list[str], str]] = []

    def note(
        command: list[object], env: dict[str, str], **_: object
    ) -> subprocess.CompletedProcess[str]:
        calls.append(([str(part) for part in command], env["PGPASSWORD"]))
        return subprocess.CompletedProcess([], 0, "", "")

    monkeypatch.setattr(subprocess, "run", note)
    url = make_url("postgresql+psycopg://owner:a%20secret@db:5432/rosh?sslmode=require")
    backups._run_program(Path("pg_dump"), url, ["--format=custom"])
    ((command, password),) = calls
    assert command[1] == "--dbname=postgresql://owner@db:5432/rosh?sslmode=require"
    assert password == "a secret"
    assert not any("secret" in part for part in command)


def test_a_backup_is_not_written_into_what_it_backs_up(service: Service) -> None:
    inside = service.settings.data / "backups"
    with pytest.raises(UserError, match="lies in the data folder"):
        backups.write_backup(service.settings, service.night, inside, no_step)
    assert not inside.exists()


def test_the_commands_name_the_folder_and_say_what_comes_next(
    service: Service,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ROSH_MODE", "demo")
    monkeypatch.setenv("ROSH_DATA", str(service.settings.data))
    assert commands.main(["backup", "--out", str(tmp_path)]) == 0
    summary = capsys.readouterr().out
    assert "Secrets are not in it" in summary
    (folder,) = tmp_path.iterdir()
    assert (folder / backups.MANIFEST).exists()
    assert commands.main(["restore", str(folder)]) == UserError.exit_code
    assert "into an empty data folder" in capsys.readouterr().err


def _url(settings: Settings) -> str:
    return admin_url(settings).render_as_string(hide_password=False)


def test_a_backup_is_restored_by_an_administrator_who_is_no_superuser(
    service: Service, drill: Drill
) -> None:
    """And where it cannot be finished, files and tables are removed: the next attempt goes through."""

    def fails(_: Settings) -> tuple[str, str]:
        raise ArithmeticError

    place = Path(tempfile.mkdtemp(prefix="rosh-managed-"))
    place.chmod(0o755)
    with managed_database(an_empty_place(service, place)) as managed:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(ArithmeticError):
            patch.setattr(backups, "migrate_database", fails)
            backups.restore_backup(managed, drill.backup.folder, no_step)
        assert not managed.store.exists()
        backups.restore_backup(managed, drill.backup.folder, no_step)
        with as_owner(managed) as connection:
            assert digests_of_tables(connection) == drill.digests
