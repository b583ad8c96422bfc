"""`audit verify` finds a row that was changed, removed, moved or cut off, and names it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from features.errors import RunStopped, UnreadableInput
from serving import __main__ as commands
from serving import approvals, audit
from serving.db.session import AuditEvent, unit
from tests.conftest import Service

OPEN = "ALTER TABLE triage.audit DISABLE TRIGGER USER"


@pytest.fixture
def tampering(service: Service) -> Iterator[Connection]:
    """A superuser's connection with the triggers off; everything is rolled back."""
    for _ in range(12):
        with unit(service.night, None) as opened:
            opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
    with service.admin.connect() as connection:
        connection.execute(text(OPEN))
        yield connection
        connection.rollback()


def test_a_chain_that_nobody_touched_holds(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROSH_MODE", "demo")
    monkeypatch.setenv("ROSH_DATA", str(service.settings.data))
    assert commands.main(["audit", "verify"]) == 0
    said = capsys.readouterr().out
    assert "each as it was written" in said
    assert " 0 nights' heads" not in said


def test_an_approval_that_was_changed_is_named(service: Service) -> None:
    """Its rates are what two people signed: an UPDATE is refused, and found where it was forced."""
    with service.admin.connect() as connection:
        number = approvals.in_force(connection, demo=True).id
        assert approvals.altered(connection) is None
        change = text("UPDATE triage.approvals SET rates = '{\"low\": 9}' WHERE id = :number")
        with pytest.raises(DBAPIError, match="never changed"), connection.begin_nested():
            connection.execute(change, {"number": number})
        connection.execute(text("ALTER TABLE triage.approvals DISABLE TRIGGER USER"))
        connection.execute(change, {"number": number})
        assert approvals.altered(connection) == number
        connection.rollback()


@pytest.mark.parametrize(
    ("done", "named"),
    [
        ("UPDATE triage.audit SET who = 'SOMEBODY' WHERE seq = 5", 5),
        ("UPDATE triage.audit SET at = at + interval '1 minute' WHERE seq = 6", 6),
        ("UPDATE triage.audit SET details = '{\"a\": 1}' WHERE seq = 7", 7),
        ("DELETE FROM triage.audit WHERE seq = 5", 6),
        ("UPDATE triage.audit SET seq = -seq WHERE seq IN (5, 6);"
         "UPDATE triage.audit SET seq = 11 + seq WHERE seq IN (-5, -6)", 5),
        ("DELETE FROM triage.audit WHERE seq = 1", 2),
    ],
)  # fmt: skip
def test_a_row_that_was_changed_removed_or_moved_is_named(
    tampering: Connection, tmp_path: Path, done: str, named: int
) -> None:
    assert audit.verify(tampering, tmp_path)
    for statement in done.split(";"):
        tampering.exec_driver_sql(statement)
    with pytest.raises(RunStopped, match=f"Audit row {named} was changed"):
        audit.verify(tampering, tmp_path)


def test_rows_cut_off_at_the_end_are_found_by_the_heads_beside_the_data(
    tampering: Connection, tmp_path: Path
) -> None:
    told = audit.anchor(tampering, tmp_path)
    assert told is not None
    assert audit.verify(tampering, tmp_path).endswith("1 nights' heads match.")
    tampering.execute(text("DELETE FROM triage.audit WHERE seq > 8"))
    with pytest.raises(RunStopped, match=f"row {told['seq']} was there .* now ends at row 8"):
        audit.verify(tampering, tmp_path)


def test_a_chain_made_anew_is_found_too(tampering: Connection, tmp_path: Path) -> None:
    (tmp_path / audit.ANCHORS).write_text('{"seq": 3, "digest": "of another chain"}\n')
    with pytest.raises(RunStopped, match="Audit row 3 is not the one"):
        audit.verify(tampering, tmp_path)
    (tmp_path / audit.ANCHORS).write_text("{")
    with pytest.raises(UnreadableInput, match="damaged"):
        audit.verify(tampering, tmp_path)
