"""The database of a managed service: no superuser, and a server that may go silent."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from features.errors import SetupProblem, UserError
from serving.commands import admin
from serving.db import migrate, night_lock
from serving.db.server import (
    LINK_LIMITS,
    NIGHT,
    WEB,
    admin_url,
    as_owner,
    engine_for,
    program_of,
)
from serving.settings import Settings, read_settings
from tests.serving.managed_database import managed_database, write_program


@pytest.fixture(scope="module")
def managed() -> Iterator[Settings]:
    """A managed database that was migrated once."""
    data = Path(tempfile.mkdtemp(prefix="rosh-managed-"))
    data.chmod(0o755)
    own = read_settings({"ROSH_MODE": "demo", "ROSH_DATA": str(data)})
    with managed_database(own) as settings:
        before, after = migrate.migrate_database(settings)
        assert (before, bool(after)) == ("", True)
        yield settings


def test_a_migration_is_repeated_without_a_superuser(managed: Settings) -> None:
    before, after = migrate.migrate_database(managed)
    assert before == after
    for role in (WEB, NIGHT):
        engine_for(managed, role).dispose()


@pytest.mark.parametrize("right", ["SUPERUSER", "BYPASSRLS", "CREATEDB", "CREATEROLE"])
def test_a_migration_takes_rights_away_that_a_role_must_not_have(
    managed: Settings, right: str
) -> None:
    superuser = create_engine(admin_url(replace(managed, database_url=None)))
    with superuser.begin() as connection:
        connection.execute(text(f"ALTER ROLE rosh_web {right}"))
    migrate.migrate_database(
        replace(
            managed,
            database_url=superuser.url.set(database="managed").render_as_string(
                hide_password=False
            ),
        )
    )
    with superuser.connect() as connection:
        assert connection.execute(migrate.RIGHTS_OF_ROLE, {"role": "rosh_web"}).scalar() is False
    superuser.dispose()


def test_a_migration_gives_up_where_the_tables_are_in_use(
    managed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", "200ms")
    with as_owner(managed) as connection:
        connection.execute(text("LOCK TABLE triage.alembic_version IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(SetupProblem, match=r"could not be changed within 200ms\. Nothing was"):
            migrate.migrate_database(managed)


def test_a_migration_waits_for_no_night(
    managed: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(admin.settings, "read_settings", lambda **_: managed)
    with night_lock.no_night_meanwhile(managed), pytest.raises(UserError, match="night is running"):
        admin.migrate_database(None)  # type: ignore[arg-type] - it reads no argument
    admin.migrate_database(None)  # type: ignore[arg-type]
    assert "as before. Roles and rules are of this release" in " ".join(
        capsys.readouterr().out.split()
    )


def test_tables_of_a_later_release_are_left_alone(managed: Settings) -> None:
    def write_revision(revision: str) -> str:
        with as_owner(managed) as connection:
            before = connection.execute(text("SELECT version_num FROM triage.alembic_version"))
            earlier = str(before.scalar_one())
            connection.execute(
                text("UPDATE triage.alembic_version SET version_num = :new"), {"new": revision}
            )
        return earlier

    ours = write_revision("9999")
    with pytest.raises(UserError, match="of another release"):
        migrate.migrate_database(managed)
    assert write_revision(ours) == "9999"


def test_a_server_that_has_gone_silent_counts_as_lost(managed: Settings) -> None:
    """The limits are those of the connection; what DATABASE_URL sets itself stands."""
    engine = engine_for(managed, WEB)
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        parameters = driver.info.get_parameters()
        assert {name: parameters[name] for name in LINK_LIMITS} == LINK_LIMITS
    engine.dispose()
    assert managed.database_url is not None
    own = make_url(managed.database_url).update_query_dict({"tcp_user_timeout": "1234"})
    theirs = replace(managed, database_url=own.render_as_string(hide_password=False))
    assert admin_url(theirs).query["tcp_user_timeout"] == "1234"
    assert admin_url(theirs).query["keepalives_idle"] == LINK_LIMITS["keepalives_idle"]


def test_a_role_that_is_refused_and_a_server_that_is_away_have_other_remedies(
    managed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SetupProblem, match=r"does not let rosh_web in: .*migrate first"):
        engine_for(replace(managed, web_password="another-password-than-that"), WEB)
    away = replace(managed, database_url="postgresql://managed:x@127.0.0.1:1/managed")
    with pytest.raises(SetupProblem, match=r"cannot be reached: .*DATABASE_URL") as caught:
        engine_for(away, NIGHT)
    assert "migrate" not in str(caught.value)
    monkeypatch.setattr(admin.settings, "read_settings", lambda **_: away)
    for command in (admin.migrate_database, lambda _: migrate.migrate_database(away)):
        with pytest.raises(SetupProblem, match=r"cannot be reached: .*refused.*DATABASE_URL"):
            command(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("version", ["9.6.24", "99.1 (Debian 99.1-1)"])
def test_a_program_of_another_version_than_the_database_is_refused(
    managed: Settings, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program_of(managed, "pg_dump")
    write_program(tmp_path, "pg_dump", version)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(SetupProblem, match=f"pg_dump is of PostgreSQL {version.split('.')[0]}, "):
        program_of(managed, "pg_dump")
