"""The chain of audit rows: its head is written outside the database each night, and checked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

from sqlalchemy import Connection, text

from features import clock
from features.errors import RunStopped, UnreadableInput

ANCHORS = "audit-anchors.jsonl"


def anchor(connection: Connection, folder: Path) -> dict[str, object] | None:
    """Append the head of the chain to a file beside the data; None where the chain is empty."""
    row = connection.execute(text("SELECT seq, digest FROM triage.audit_head()")).first()
    if row is None:
        return None
    said: dict[str, object] = {
        "seq": row.seq, "digest": row.digest, "at": clock.now().isoformat(),
    }  # fmt: skip
    with (folder / ANCHORS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(said) + "\n")
    return said


def events(connection: Connection, after: int = 0) -> Iterator[dict[str, object]]:
    """Audit rows after a number as HMPPS audit events: what, when, who, service, subject, details.

    Source: the event of hmpps-audit-api; `details` is JSON as text there.
    """
    rows = connection.execution_options(stream_results=True).execute(
        text(
            "SELECT seq, at, who, what, subject_type, subject_id, details FROM triage.audit"
            " WHERE seq > :after ORDER BY seq"
        ),
        {"after": after},
    )
    for row in rows.mappings():
        yield {
            "what": row["what"],
            "when": row["at"].astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "who": row["who"],
            "service": "rosh-triage",
            "subjectType": row["subject_type"],
            "subjectId": row["subject_id"],
            "correlationId": str(row["seq"]),
            "details": json.dumps(row["details"]),
        }


def first_broken(connection: Connection) -> int | None:
    """The first audit row that was changed, removed or put in between; None where all hold."""
    found = connection.execute(text("SELECT triage.audit_first_broken()")).scalar()
    return None if found is None else int(found)


def verify(connection: Connection, folder: Path) -> str:
    """Say that every row stands as it was written; RunStopped names the first that does not.

    The chain finds a row that was changed, removed or moved; the heads written beside the data find
    rows cut off at its end, and a chain that was made anew as a whole.
    """
    broken = first_broken(connection)
    if broken is not None:
        raise RunStopped(
            f"Audit row {broken} was changed, moved, or follows one that was removed. Keep the "
            "database as it is, and tell whoever answers for it."
        )
    head = connection.execute(text("SELECT seq FROM triage.audit_head()")).scalar() or 0
    kept = _anchors(folder)
    for seq, digest in kept:
        found = connection.execute(text("SELECT triage.audit_digest(:seq)"), {"seq": seq}).scalar()
        if found is None:
            raise RunStopped(
                f"Audit rows were cut off: row {seq} was there when {folder / ANCHORS} was "
                f"written, and the chain now ends at row {head}."
            )
        if found != digest:
            raise RunStopped(
                f"Audit row {seq} is not the one whose digest stands in {folder / ANCHORS}: the "
                "chain was made anew from there or before."
            )
    return f"{head:,} audit rows, each as it was written; {len(kept)} nights' heads match."


def _anchors(folder: Path) -> list[tuple[int, str]]:
    path = folder / ANCHORS
    if not path.exists():
        return []
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [(int(row["seq"]), str(row["digest"])) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableInput(f"{path} is damaged; restore it from where it is kept.") from error
