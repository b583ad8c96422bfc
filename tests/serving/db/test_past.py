"""The clock of a demo's past: service and database together, never outside a demo, and set right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from features import clock
from features.errors import SetupProblem
from serving.db import past
from serving.db.migrate import migrate_database
from serving.db.server import as_owner
from serving.settings import Settings
from tests.service import Service

ROOT = Path(__file__).parents[3]
NEAR = timedelta(seconds=30)
BARE = re.compile(r"(?<![\w.])((now|clock_timestamp)\(|(current|local)_?timestamp\b)", re.I)


@pytest.fixture
def settings(service: Service) -> Iterator[Settings]:
    """The settings of the service; the clock of its database is right again afterwards."""
    yield service.settings
    with as_owner(service.settings) as connection:
        past.set_clock(connection, timedelta(0))


def moments(service: Service) -> list[timedelta]:
    """How far the clocks of the database are from that of the service."""
    query = text("SELECT triage.now(), triage.moment()")
    with service.web.connect() as connection:
        return [abs(moment - clock.now()) for moment in connection.execute(query).one()]


def test_within_the_block_every_clock_is_set_back(service: Service, settings: Settings) -> None:
    real = clock.now()
    with past.clock_at(settings, real - timedelta(days=40)):
        assert abs(clock.now() - (real - timedelta(days=40))) < NEAR
        assert max(moments(service)) < NEAR
        with service.web.connect() as connection:
            day = connection.execute(text("SELECT triage.today()")).scalar_one()
        assert day == clock.today()
    assert abs(clock.now() - real) < NEAR
    assert max(moments(service)) < NEAR


def test_what_is_written_in_the_past_has_its_time(service: Service, settings: Settings) -> None:
    then = clock.now() - timedelta(days=40)
    insert = text(
        "INSERT INTO triage.cover (pdu_code, username) VALUES ('N54ALD', 'ALD-HEAD') RETURNING at"
    )
    with past.clock_at(settings, then), service.admin.connect() as connection:
        assert abs(connection.execute(insert).scalar_one() - then) < NEAR
        head = text("SELECT triage.audit_append('TRIED', 'NOT_APPLICABLE', '-', '{}')")
        connection.execute(head)
        newest = text("SELECT at FROM triage.audit ORDER BY seq DESC LIMIT 1")
        assert abs(connection.execute(newest).scalar_one() - then) < NEAR
        connection.rollback()


def test_a_past_that_fails_leaves_the_clocks_right(service: Service, settings: Settings) -> None:
    with (
        pytest.raises(RuntimeError, match="halfway"),
        past.clock_at(settings, clock.now() - timedelta(days=3)),
    ):
        raise RuntimeError("halfway")
    assert max(moments(service)) < NEAR


def test_migrate_sets_the_clock_right_after_a_demo_was_killed(
    service: Service, settings: Settings
) -> None:
    with as_owner(settings) as connection:
        past.set_clock(connection, timedelta(days=5))
    assert min(moments(service)) > timedelta(days=4)
    migrate_database(settings)
    assert max(moments(service)) < NEAR


def test_there_is_no_past_outside_a_demo_and_no_future(settings: Settings) -> None:
    for moment, settings_of_one, words in (
        (clock.now() - timedelta(days=1), replace(settings, mode="live"), "Only a demo"),
        (clock.now() + timedelta(days=1), settings, "has not come"),
    ):
        with pytest.raises(SetupProblem, match=words), past.clock_at(settings_of_one, moment):
            pass


def test_no_role_of_the_service_can_set_the_clock(service: Service) -> None:
    for engine in (service.web, service.night):
        with engine.connect() as connection, pytest.raises(Exception, match="permission denied"):
            past.set_clock(connection, timedelta(days=1))


def test_rules_and_queries_ask_the_one_clock() -> None:
    for path in sorted((ROOT / "serving/db/rules").glob("*.sql")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.startswith("--") and "triage.set_back()" not in line:
                assert not BARE.search(line.replace("= 'now()'", "")), f"{path.name}: {line}"
    for path in sorted((ROOT / "serving").rglob("*.py")):
        assert "func.now()" not in path.read_text(encoding="utf-8"), path.name


def test_every_default_of_a_table_is_of_the_one_clock(service: Service) -> None:
    defaults = text(
        "SELECT table_name || '.' || column_name FROM information_schema.columns"
        " WHERE table_schema = 'triage' AND column_default ~ '^(now|CURRENT|clock_)'"
    )
    with service.admin.connect() as connection:
        assert connection.execute(defaults).scalars().all() == []
