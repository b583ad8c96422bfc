"""`audit verify` finds a row that was changed, removed, moved or cut off, and names it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from features.errors import MissingInput, RunStopped, UnreadableInput
from serving import __main__ as commands
from serving.board import approvals
from serving.db import audit_chain
from serving.db.session import AuditEvent, transaction
from tests.service import Service

KEY = "the key of the tests, long enough"
OPEN = "ALTER TABLE triage.audit DISABLE TRIGGER USER"


@pytest.fixture
def tampering(service: Service) -> Iterator[Connection]:
    """A superuser's connection with the triggers off; everything is rolled back."""
    for _ in range(12):
        with transaction(service.night, None) as opened:
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
    output = capsys.readouterr().out
    assert "each as it was written" in output
    assert " 0 signed heads" not in output


def test_an_approval_that_was_changed_is_named(service: Service) -> None:
    """Its rates are what two people signed: an UPDATE is refused, and found where it was forced."""
    with service.admin.connect() as connection:
        number = approvals.in_force(connection, demo=True).id
        assert approvals.first_altered(connection) is None
        change = text("UPDATE triage.approvals SET rates = '{\"low\": 9}' WHERE id = :number")
        with pytest.raises(DBAPIError, match="never changed"), connection.begin_nested():
            connection.execute(change, {"number": number})
        connection.execute(text("ALTER TABLE triage.approvals DISABLE TRIGGER USER"))
        connection.execute(change, {"number": number})
        assert approvals.first_altered(connection) == number
        connection.rollback()


@pytest.mark.parametrize(
    ("done", "named"),
    [
        ("UPDATE triage.audit SET who = 'SOMEBODY' WHERE seq = 5", 5),
        ("UPDATE triage.audit SET at = at + interval '1 minute' WHERE seq = 6", 6),
        ("UPDATE triage.audit SET details = '{\"a\": 1}' WHERE seq = 7", 7),
        ("DELETE FROM triage.audit WHERE seq = 5", 6),
        (
            "UPDATE triage.audit SET seq = -seq WHERE seq IN (5, 6);"
            "UPDATE triage.audit SET seq = 11 + seq WHERE seq IN (-5, -6)",
            5,
        ),
        ("DELETE FROM triage.audit WHERE seq = 1", 2),
    ],
)
def test_a_row_that_was_changed_removed_or_moved_is_named(
    tampering: Connection, tmp_path: Path, done: str, named: int
) -> None:
    anchors = tmp_path / "heads"
    audit_chain.write_anchor(tampering, anchors, KEY)
    assert audit_chain.verify_chain(tampering, anchors, KEY)
    for statement in done.split(";"):
        tampering.exec_driver_sql(statement)
    with pytest.raises(RunStopped, match=f"Audit row {named} was changed"):
        audit_chain.verify_chain(tampering, anchors, KEY)


def test_rows_cut_off_at_the_end_are_found_by_the_heads_beside_the_data(
    tampering: Connection, tmp_path: Path
) -> None:
    anchors = tmp_path / "heads"
    anchor = audit_chain.write_anchor(tampering, anchors, KEY)
    assert anchor is not None
    assert audit_chain.verify_chain(tampering, anchors, KEY).endswith("0 purges.")
    tampering.execute(text("DELETE FROM triage.audit WHERE seq = :seq"), anchor)
    with pytest.raises(RunStopped, match=f"row {anchor['seq']} was there .* now ends at row"):
        audit_chain.verify_chain(tampering, anchors, KEY)


def test_a_chain_made_anew_is_found_too(tampering: Connection, tmp_path: Path) -> None:
    """Every digest right again from some row on, as whoever owns the database could make them."""
    anchors = tmp_path / "heads"
    anchor = audit_chain.write_anchor(tampering, anchors, KEY)
    assert anchor is not None
    tampering.execute(text("UPDATE triage.audit SET who = 'SOMEBODY' WHERE seq = :seq"), anchor)
    tampering.execute(
        text(
            "UPDATE triage.audit a SET digest = encode(sha256(convert_to("
            "a.previous || triage.audit_payload(a), 'UTF8')), 'hex') WHERE seq = :seq"
        ),
        anchor,
    )
    assert audit_chain.first_broken(tampering) is None
    with pytest.raises(RunStopped, match=f"Audit row {anchor['seq']} is not the one"):
        audit_chain.verify_chain(tampering, anchors, KEY)


def test_heads_are_signed_and_chained(tampering: Connection, tmp_path: Path) -> None:
    anchors = tmp_path / "heads"
    for _ in range(3):
        audit_chain.write_anchor(tampering, anchors, KEY)
    lines = anchors.read_text().splitlines()
    forged = json.dumps({**json.loads(lines[1]), "digest": "of another chain"})
    for lines_left in ([lines[0], forged, lines[2]], [lines[0], lines[2]], lines[1:]):
        anchors.write_text("\n".join(lines_left) + "\n")
        with pytest.raises(RunStopped, match="is not one that this service signed"):
            audit_chain.verify_chain(tampering, anchors, KEY)
    anchors.write_text("\n".join(lines) + "\n")
    with pytest.raises(RunStopped, match="is not one that this service signed"):
        audit_chain.verify_chain(tampering, anchors, "another key of at least 24 characters")
    anchors.write_text("{")
    with pytest.raises(UnreadableInput, match="damaged"):
        audit_chain.verify_chain(tampering, anchors, KEY)


def test_missing_heads_are_a_failure(
    tampering: Connection, tmp_path: Path, service: Service
) -> None:
    """A file that was deleted, or cut before the newest night."""
    with pytest.raises(MissingInput, match="has no signed head"):
        audit_chain.verify_chain(tampering, tmp_path / "gone", KEY)
    whole = service.settings.anchors.read_text().splitlines()
    assert len(whole) >= 1
    (tmp_path / "cut").write_text("")
    with pytest.raises(MissingInput, match="has no signed head"):
        audit_chain.verify_chain(tampering, tmp_path / "cut", service.settings.anchor_key)


def test_an_emptied_chain_is_a_failure(tampering: Connection, tmp_path: Path) -> None:
    audit_chain.write_anchor(tampering, tmp_path / "heads", KEY)
    tampering.execute(text("ALTER TABLE triage.audit DISABLE TRIGGER ALL"))
    tampering.execute(text("DELETE FROM triage.audit"))
    with pytest.raises(RunStopped, match="it is not as the chain of audit rows says"):
        audit_chain.verify_chain(tampering, tmp_path / "heads", KEY)


CONTENTS = {
    "a conclusion given to another": (
        "conclusions",
        "UPDATE triage.conclusions SET username = 'BRI-SPO-2' WHERE item_id = :item",
    ),
    "its reasons changed": (
        "conclusions",
        "UPDATE triage.conclusions SET reasons = reasons || ' no' WHERE item_id = :item",
    ),
    "a view deleted": ("own_views", "DELETE FROM triage.own_views WHERE item_id = :item"),
    "an approval's rates changed": (
        "approvals",
        "UPDATE triage.approvals SET rates = '{\"low\": 9}'",
    ),
    "a signature put in": (
        "signatures",
        "INSERT INTO triage.signatures (approval_id, username,"
        " reasons, conditions) SELECT min(id), 'ALD-HEAD',"
        " 'I was never asked at all', '' FROM triage.approvals",
    ),
    "a run taken away": ("runs", "UPDATE triage.runs SET scores_sha256 = 'x'"),
}


@pytest.fixture(scope="module")
def concluded(service: Service, front_end: None) -> int:
    """A case that was read and concluded, before anybody tampers with anything."""
    item = service.unread("N54ALD")
    service.review(item, "ALD-SPO-1")
    return item


@pytest.mark.parametrize("name", CONTENTS)
def test_contents_are_covered_by_the_chain(
    concluded: int, tampering: Connection, tmp_path: Path, name: str
) -> None:
    anchors = tmp_path / "heads"
    audit_chain.write_anchor(tampering, anchors, KEY)
    assert audit_chain.verify_chain(tampering, anchors, KEY)
    table, done = CONTENTS[name]
    for each in {table, "conclusions"}:
        tampering.execute(text(f"ALTER TABLE triage.{each} DISABLE TRIGGER ALL"))
    tampering.execute(text(done), {"item": concluded})
    with pytest.raises(RunStopped, match=f"^{table}/"):
        audit_chain.verify_chain(tampering, anchors, KEY)


def test_a_head_can_be_taken_at_any_time_and_kept_elsewhere(
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("ROSH_MODE", "demo")
    monkeypatch.setenv("ROSH_DATA", str(service.settings.data))
    assert commands.main(["audit", "anchor"]) == 0
    assert json.loads(capsys.readouterr().out)["signature"]
    elsewhere = tmp_path / "copy"
    elsewhere.write_text(service.settings.anchors.read_text())
    assert commands.main(["audit", "verify", "--anchors", str(elsewhere)]) == 0
    assert commands.main(["audit", "verify", "--anchors", str(tmp_path / "none")]) == 11
