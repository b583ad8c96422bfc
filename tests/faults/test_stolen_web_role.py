"""Whoever has the password of the web role, and nothing else of the service, is nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from features import clock
from features.errors import SetupProblem
from serving.db import identity, server
from serving.db.session import AuditEvent, transaction
from serving.settings import Settings
from tests.service import Service


@pytest.fixture
def thief(service: Service) -> Iterator[Connection]:
    """A connection with the web role's password, by somebody who is not the service."""
    engine = create_engine(server.url_for(service.settings, server.WEB))
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


def named(connection: Connection, who: str) -> None:
    """Say a name, as the service did before it had to be proved."""
    connection.execute(text("SELECT set_config('rosh.username', :who, true)"), {"who": who})


def count(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM triage.{table}")).scalar_one())


@pytest.mark.parametrize("who", ["ALD-SPO-1", "ALD-HEAD", "BOARD-1", "INSPECTOR-1"])
def test_a_name_alone_sees_nobody(service: Service, thief: Connection, who: str) -> None:
    named(thief, who)
    assert thief.execute(text("SELECT triage.app_user()")).scalar() is None
    for table in ("items", "entries", "findings", "own_views", "conclusions", "caseload", "facts"):
        assert count(thief, table) == 0, table


WRONG = {"none": ("", ""), "made up": ("9999999999", "0" * 64), "empty end": ("", "0" * 64)}


@pytest.mark.parametrize(("until", "proof"), WRONG.values(), ids=WRONG)
def test_a_proof_that_is_none_proves_nothing(thief: Connection, until: str, proof: str) -> None:
    named(thief, "BOARD-1")
    thief.execute(
        text("SELECT set_config('rosh.until', :u, true), set_config('rosh.proof', :p, true)"),
        {"u": until, "p": proof},
    )
    assert thief.execute(text("SELECT triage.app_user()")).scalar() is None


def test_an_end_that_is_no_number_is_an_error(thief: Connection) -> None:
    named(thief, "BOARD-1")
    thief.execute(text("SELECT set_config('rosh.until', 'soon', true)"))
    with pytest.raises(DBAPIError, match="invalid input syntax"):
        thief.execute(text("SELECT triage.app_user()"))


def test_a_proof_ends_and_is_of_one_name(service: Service) -> None:
    with service.web.connect() as connection:
        statement = text("SELECT triage.app_user()")
        identity.prove_identity(connection, "BOARD-1")
        assert connection.execute(statement).scalar() == "BOARD-1"
        named(connection, "BOARD-2")
        assert connection.execute(statement).scalar() is None, "another name with the same proof"
        with clock.ahead_by(-identity.LASTS - timedelta(seconds=5)):
            identity.prove_identity(connection, "BOARD-1")
        assert connection.execute(statement).scalar() is None, "it has ended"
        identity.prove_identity(connection, "BOARD-1")
        identity.take_back(connection)
        assert connection.execute(statement).scalar() is None
        connection.rollback()


FORGED = {
    "a view": "INSERT INTO triage.own_views (item_id, username, verdicts, reasons, ticked)"
    " SELECT min(id), 'ALD-SPO-1', '{}', 'Three entries since May point one way.', '[]'"
    " FROM triage.items",
    "a signature": "INSERT INTO triage.signatures (approval_id, username, reasons, conditions)"
    " VALUES (1, 'BOARD-2', 'Read the card, the figures and the ablation.', '')",
    "a stop": "INSERT INTO triage.stops (kind, username, reasons)"
    " VALUES ('stop', 'BOARD-1', 'Because I can, with no name of mine.')",
    "a hold": "INSERT INTO triage.holds (crn, placed, username, reasons)"
    " VALUES ('A000001', true, 'INSPECTOR-1', 'Because I can, with no name of mine.')",
}


@pytest.mark.parametrize("what", FORGED)
def test_nothing_is_written_in_anybody_s_name(thief: Connection, what: str) -> None:
    for who in ("ALD-SPO-1", "BOARD-1", "BOARD-2", "INSPECTOR-1"):
        with pytest.raises(DBAPIError), thief.begin_nested():
            named(thief, who)
            thief.execute(text(FORGED[what]))


def test_a_session_begins_in_its_own_user_s_proved_name(
    service: Service, thief: Connection
) -> None:
    begin = text("SELECT triage.session_begin('minted', 'BOARD-1', now() + interval '9 hours')")
    named(thief, "BOARD-1")
    thief.execute(begin)
    with service.admin.connect() as connection:
        minted = text("SELECT count(*) FROM triage.sessions WHERE id = 'minted'")
        thief.commit()
        assert connection.execute(minted).scalar() == 0


def test_the_key_and_the_sessions_cannot_be_read(thief: Connection) -> None:
    for table in ("identity_keys", "sessions"):
        with pytest.raises(DBAPIError, match="permission denied"), thief.begin_nested():
            count(thief, table)


def test_audit_rows_carry_no_name_that_was_not_proved(service: Service, thief: Connection) -> None:
    named(thief, "BOARD-1")
    thief.execute(text("SELECT triage.audit_append('FORGED', 'NOT_APPLICABLE', '-', '{}')"))
    thief.commit()
    with service.admin.connect() as connection:
        who = text("SELECT who FROM triage.audit WHERE what = 'FORGED'")
        assert connection.execute(who).scalar() == "rosh_web"


def test_moments_are_the_database_s_own(service: Service) -> None:
    """An approval that was backdated, or that never ends, is neither."""
    with pytest.raises(ZeroDivisionError), transaction(service.web, "BOARD-1") as opened:
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        moments = opened.connection.execute(
            text(
                "INSERT INTO triage.approvals (bundle_id, bundle_folder, catalogue, rates,"
                " random_share, demo, at, expires_at, rise)"
                " SELECT bundle_id, bundle_folder, catalogue, rates, random_share, demo,"
                " '2020-01-01', '2999-01-01', rise FROM triage.approvals LIMIT 1"
                " RETURNING at, expires_at"
            )
        ).one()
        assert moments.at > datetime(2026, 1, 1, tzinfo=UTC)
        assert moments.expires_at <= moments.at + timedelta(days=91)
        raise ZeroDivisionError


def test_the_service_does_not_start_where_its_word_is_not_taken(service: Service) -> None:
    other = Settings(**{**vars(service.settings), "session_secret": "another secret of 30 letters"})
    with pytest.raises(SetupProblem, match="does not take this service's word"):
        server.engine_for(other, server.WEB)


def test_an_engine_without_the_key_acts_in_nobody_s_name(service: Service) -> None:
    with pytest.raises(RuntimeError, match="nobody's name"), transaction(service.night, "BOARD-1"):
        pass
