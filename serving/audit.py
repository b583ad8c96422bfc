"""The chain of audit rows: its head is written outside the database each night, and checked."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, text


def anchor(connection: Connection, folder: Path) -> dict[str, object] | None:
    """Append the head of the chain to a file beside the data; None where the chain is empty."""
    row = connection.execute(text("SELECT seq, digest FROM triage.audit_head()")).first()
    if row is None:
        return None
    said: dict[str, object] = {
        "seq": row.seq, "digest": row.digest, "at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    with (folder / "audit-anchors.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(said) + "\n")
    return said


def first_broken(connection: Connection) -> int | None:
    """The first audit row that was changed, removed or put in between; None where all hold."""
    found = connection.execute(text("SELECT triage.audit_first_broken()")).scalar()
    return None if found is None else int(found)
