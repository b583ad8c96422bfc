"""A person deleted on request is in no table, no file of scores and no store; what stays is named."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from features import clock
from features.errors import RunStopped, UserError
from features.store.store import Store
from serving import __main__ as commands
from serving.commands.service import check_audit
from serving.db.audit_chain import rows_not_as_kept
from serving.db.server import NIGHT, admin_url, engine_for
from serving.night import backups, replay_run
from serving.night.erasure import erase_person
from serving.night.purge import months_before, purge_records
from serving.settings import Settings
from serving.web.app import create_app
from tests import another_day
from tests.pages import Browser
from tests.service import Service
from tests.serving.night.test_backups import an_empty_place, no_step
from tests.serving.review.test_repeat_reads import ask_to_repeat

HOLD = text(
    "INSERT INTO triage.holds (crn, placed, username, reasons)"
    " VALUES (:crn, :placed, 'INSPECTOR-1', 'An inquest has been opened.')"
)
OPEN_ITEMS = text("SELECT count(*) FROM triage.items WHERE state = 'open'")
STAYS = {"audit", "holds"}
"""What is not reached, as the command says."""


@dataclass(frozen=True)
class Copy:
    """A copy of the service, in which somebody may be deleted."""

    settings: Settings
    admin: Engine
    crn: str
    """A person with a review, read twice, answered and queued again."""


@pytest.fixture(scope="module")
def copy(service: Service) -> Iterator[Copy]:
    """The service, restored elsewhere from a backup."""
    place = Path(tempfile.mkdtemp(prefix="rosh-erasure-"))
    place.chmod(0o755)
    item = service.unread("N54BRI", alone=True)
    with TestClient(create_app(service.settings, service.web)) as client:
        reader = Browser(client).sign_in("BRI-SPO-1")
        reader.record_view(item)
        reader.conclude(item, "ask_reassessment")
        ask_to_repeat(service, item, "BRI-SPO-1")
        reader.record_view(item)
        for outcome in ("keep_level", "keep_level", "ask_reassessment"):
            other = service.unread("N54BRI", alone=True)
            reader.record_view(other)
            reader.conclude(other, outcome)
    with service.admin.connect() as connection:
        rows = text("SELECT crn FROM triage.items WHERE id = :item")
        crn = str(connection.execute(rows, {"item": item}).scalar_one())
    backup = backups.write_backup(service.settings, service.night, place / "backups", no_step)
    settings = an_empty_place(service, place / "data")
    with another_day.database_started_on_the_day():
        backups.restore_backup(settings, backup.folder, no_step)
    admin = create_engine(admin_url(settings))
    yield Copy(settings, admin, crn)
    admin.dispose()
    shutil.rmtree(place, ignore_errors=True)


def tables_naming(connection: Connection, crn: str) -> set[str]:
    """The tables with a row in which the CRN stands anywhere."""
    tables = connection.execute(
        text("SELECT tablename FROM pg_tables WHERE schemaname = 'triage'")
    ).scalars()
    query = "SELECT EXISTS (SELECT 1 FROM triage.{} t WHERE position(:crn IN t::text) > 0)"
    return {
        name
        for name in tables.all()
        if connection.execute(text(query.format(name)), {"crn": crn}).scalar()
    }


def test_a_person_on_hold_or_nowhere_is_not_deleted(copy: Copy) -> None:
    with pytest.raises(UserError, match="is no CRN"):
        erase_person(copy.settings, "someone", "R1", no_step)
    with pytest.raises(UserError, match="--reference"):
        erase_person(copy.settings, copy.crn, " ", no_step)
    with pytest.raises(UserError, match="Nothing of that person is here"):
        erase_person(copy.settings, "A999999", "R1", no_step)
    with copy.admin.begin() as connection:
        connection.execute(HOLD, {"crn": copy.crn, "placed": True})
    with pytest.raises(UserError, match="is held for"):
        erase_person(copy.settings, copy.crn, "R1", no_step)
    with pytest.raises(DBAPIError, match="is held for"), copy.admin.begin() as connection:
        connection.exec_driver_sql("SET LOCAL ROLE rosh_owner")
        connection.execute(text("SELECT triage.erase_case(:crn)"), {"crn": copy.crn})
    with copy.admin.begin() as connection:
        connection.execute(HOLD, {"crn": copy.crn, "placed": False})


def test_nothing_but_the_owner_s_deletion_removes_a_row(copy: Copy) -> None:
    """The setting alone opens nothing: not to others, not for a change, not for the audit."""
    for role, statement in (
        ("postgres", "DELETE FROM triage.conclusions"),
        ("rosh_owner", "UPDATE triage.conclusions SET reasons = 'Quite another reason for it.'"),
        ("rosh_owner", "DELETE FROM triage.audit"),
        ("rosh_owner", "UPDATE triage.audit SET who = 'nobody'"),
    ):
        with (
            pytest.raises(DBAPIError, match="never changed or removed"),
            copy.admin.begin() as connection,
        ):
            connection.exec_driver_sql(f"SET LOCAL ROLE {role}")
            connection.exec_driver_sql("SELECT set_config('rosh.erasing', 'on', true)")
            connection.exec_driver_sql(statement)
    night = engine_for(copy.settings, NIGHT)
    with pytest.raises(DBAPIError, match="permission denied"), night.begin() as connection:
        connection.execute(text("SELECT triage.erase_case(:crn)"), {"crn": copy.crn})
    with pytest.raises(DBAPIError, match="does not record a deletion"), night.begin() as connection:
        connection.exec_driver_sql(
            "SELECT triage.audit_append('ERASED_ROW', 'ROW', 'conclusions/1', '{}')"
        )
    night.dispose()


def test_a_deleted_person_is_nowhere_but_where_it_is_said(
    copy: Copy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, crn = copy.settings, copy.crn
    with copy.admin.connect() as connection:
        before = tables_naming(connection, crn)
        others = text("SELECT count(*) FROM triage.items WHERE crn <> :crn")
        items_before = connection.execute(others, {"crn": crn}).scalar_one()
    assert {"items", "caseload", "audit", "events"} <= before
    erasure = erase_person(settings, crn, "SAR/2026/17", no_step)
    assert erasure.store_rows
    for table in ("items", "entries", "findings", "own_views", "conclusions", "repeat_views"):
        assert erasure.database_rows[table] > 0, table
    assert erasure.files >= 1
    with copy.admin.connect() as connection:
        assert tables_naming(connection, crn) <= STAYS
        assert connection.execute(others, {"crn": crn}).scalar_one() == items_before
    assert not Store.open(settings.store).knows_case(crn)
    for path in settings.scores.glob("*.parquet"):
        assert pl.read_parquet(path).filter(pl.col("crn") == crn).is_empty()
    assert not list(settings.scores.glob("*.rewritten"))
    assert "each as it was written" in check_audit(settings), "deletions are in the chain"
    night = engine_for(settings, NIGHT)
    comparison = replay_run.replay_run(settings, night, replay_run.NEWEST)
    night.dispose()
    assert comparison.is_same
    assert comparison.missing == 0, "the file was written anew without the person"
    with pytest.raises(UserError, match="Nothing of that person is here"):
        erase_person(settings, crn, "SAR/2026/17", no_step)
    monkeypatch.setenv("ROSH_MODE", "demo")
    monkeypatch.setenv("ROSH_DATA", str(settings.data))
    assert commands.main(["forget", crn, "--reference", "SAR/2026/17"]) == UserError.exit_code
    assert "Nothing was changed" in capsys.readouterr().err


def test_the_command_says_what_it_does_not_reach(
    copy: Copy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with copy.admin.connect() as connection:
        crn = connection.execute(text("SELECT min(crn) FROM triage.items")).scalar_one()
    monkeypatch.setattr("serving.settings.read_settings", lambda: copy.settings)
    assert commands.main(["forget", str(crn), "--reference", "SAR/2026/18"]) == 0
    summary = capsys.readouterr().out
    assert "database, items" in summary
    assert "Not reached" in summary
    assert "backups" in summary


def test_a_row_that_was_deleted_does_not_come_back_in_other_words(copy: Copy) -> None:
    with copy.admin.connect() as connection:
        kept_row = connection.execute(text("SELECT * FROM triage.conclusions LIMIT 1")).one()
    with copy.admin.connect() as connection:
        connection.exec_driver_sql("SET LOCAL ROLE rosh_owner")
        connection.exec_driver_sql("SELECT set_config('rosh.erasing', 'on', true)")
        connection.execute(
            text("SELECT triage.erase_rows('conclusions', 'item_id', ARRAY[:id])"),
            {"id": str(kept_row.item_id)},
        )
        connection.exec_driver_sql("RESET ROLE")
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.execute(
            text(
                "INSERT INTO triage.conclusions (item_id, username, outcome, reasons, groups)"
                " VALUES (:id, :who, 'keep_level', 'Words that nobody ever wrote.', '{}')"
            ),
            {"id": kept_row.item_id, "who": kept_row.username},
        )
        connection.exec_driver_sql("SET LOCAL timezone = 'UTC'")
        connection.execute(
            text(
                "SELECT triage.audit_append('KEPT_ROW', 'ROW', 'conclusions/' || t.item_id,"
                " jsonb_build_object('sha256', triage.digest_of_row(to_jsonb(t))))"
                " FROM triage.conclusions t WHERE item_id = :id"
            ),
            {"id": kept_row.item_id},
        )
        assert f"conclusions/{kept_row.item_id}" in rows_not_as_kept(connection)
        connection.rollback()


@pytest.mark.parametrize(
    ("today", "before"),
    [
        (date(2028, 11, 30), date(2026, 11, 1)),
        (date(2028, 12, 1), date(2026, 12, 1)),
        (date(2029, 1, 31), date(2027, 1, 1)),
    ],
)
def test_the_schedule_counts_whole_months(today: date, before: date) -> None:
    assert months_before(today, 24) == before


def test_less_than_a_year_is_not_kept_short(copy: Copy) -> None:
    with pytest.raises(UserError, match="at least 12 months"):
        purge_records(copy.settings, clock.today(), 11, no_step)


def test_what_ended_two_years_ago_goes_and_what_is_open_or_held_stays(copy: Copy) -> None:
    in_two_years = clock.today() + timedelta(days=800)
    with_outcome = text(
        "SELECT DISTINCT i.crn FROM triage.items i JOIN triage.conclusions c ON c.item_id = i.id"
        " WHERE c.outcome = :outcome AND NOT EXISTS (SELECT 1 FROM triage.answers a"
        " WHERE a.item_id = i.id AND a.kind IN ('reassessed', 'settled')) ORDER BY 1"
    )
    ended, waiting = {"outcome": "keep_level"}, {"outcome": "ask_reassessment"}
    with copy.admin.begin() as connection:
        kept_crn = connection.execute(with_outcome, ended).scalars().first()
        connection.execute(HOLD, {"crn": kept_crn, "placed": True})
        waiting_crns = set(connection.execute(with_outcome, waiting).scalars())
        was_open = connection.execute(OPEN_ITEMS).scalar_one()
    assert waiting_crns
    assert not any(purge_records(copy.settings, clock.today(), 24, no_step).rows.values())
    files = list(copy.settings.scores.glob("*.parquet"))
    assert files
    purged = purge_records(copy.settings, in_two_years, 24, no_step)
    assert purged.rows["items"] > 0
    assert purged.rows["conclusions"] > 0
    assert purged.files == 0, "each holds the person who is on hold"
    with copy.admin.connect() as connection:
        assert connection.execute(OPEN_ITEMS).scalar_one() == was_open
        assert set(connection.execute(with_outcome, ended).scalars()) == {kept_crn}
        assert set(connection.execute(with_outcome, waiting).scalars()) == waiting_crns
    assert "each as it was written" in check_audit(copy.settings)
    assert not any(purge_records(copy.settings, in_two_years, 24, no_step).rows.values())
    with copy.admin.begin() as connection:
        connection.execute(HOLD, {"crn": kept_crn, "placed": False})
    last = purge_records(copy.settings, in_two_years, 24, no_step)
    assert last.rows["items"] >= 1
    assert last.files == len(files)
    assert not list(copy.settings.scores.glob("*.parquet"))


def test_a_row_that_went_without_a_deletion_is_still_found(copy: Copy) -> None:
    """Only what the audit names as deleted is no gap."""
    with copy.admin.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(
            "DELETE FROM triage.signatures WHERE ctid = (SELECT min(ctid) FROM triage.signatures)"
        )
    with pytest.raises(RunStopped, match=r"signatures/.* was changed, taken away"):
        check_audit(copy.settings)
