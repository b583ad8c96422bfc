"""Checks the chain of audit rows, and signs its head for storage outside the database.

The chain shows a row that was changed, removed or moved; the digests in it show a view, a
conclusion or an approval that was; the signed heads show rows cut off at its end and a chain that
was made anew. What remains: rows newer than the last head can be made anew by whoever owns the
database, so heads are taken each night, can be taken at any time (`audit anchor`), and can be kept
somewhere else (`audit verify --anchors FILE`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from features import clock
from features.errors import MissingInput, RunStopped, UnreadableInput
from features.store import working_copy

_DELETED = text(
    "SELECT count(*) FILTER (WHERE what = 'ERASED_ROW') AS rows,"
    " count(*) FILTER (WHERE what = 'ERASED_PERSON') AS requests,"
    " count(*) FILTER (WHERE what = 'PURGED_RECORDS') AS purges FROM triage.deletions()"
)
KEEP = "Keep the database as it is, and tell whoever answers for it."


def write_anchor(connection: Connection, path: Path, key: str) -> dict[str, Any] | None:
    """Append the signed head of the chain to a file; None where the chain is empty.

    The signature is an HMAC-SHA256 over the head and the signature before it, so that no head can
    be taken out of the file unseen.
    """
    row = connection.execute(text("SELECT seq, digest FROM triage.audit_head()")).first()
    if row is None:
        return None
    before = _read_heads(path, key)
    head: dict[str, Any] = {
        "seq": row.seq,
        "digest": row.digest,
        "at": clock.now().isoformat(),
        "previous": before[-1].signature if before else "",
    }
    head["signature"] = _sign_head(head, key)
    if working_copy.origin_of(path) is None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(head) + "\n")
        return head
    # Of a cache, sent before it stands here: who reads meanwhile would fetch the earlier one.
    longer = path.with_name(f"{path.name}.rewritten")
    earlier = path.read_text(encoding="utf-8") if path.exists() else ""
    longer.write_text(f"{earlier}{json.dumps(head)}\n", encoding="utf-8")
    working_copy.replace_file(path, longer)
    return head


def export_events(connection: Connection, after: int = 0) -> Iterator[dict[str, object]]:
    """Audit rows after a number as HMPPS audit events: what, when, who, service, subject, details.

    Source: the event of hmpps-audit-api; `details` is JSON as text there.
    """
    rows = connection.execution_options(stream_results=True).execute(
        text(
            "SELECT seq, at, who, what, subject_type, subject_id, details, digest"
            " FROM triage.audit WHERE seq > :after ORDER BY seq"
        ),
        {"after": after},
    )
    for row in rows.mappings():
        yield as_hmpps_event(row)


def as_hmpps_event(row: Mapping[Any, Any]) -> dict[str, object]:
    """An audit row as an HMPPS audit event.

    `correlationId` is the row's number and the beginning of its digest: after a restore a number is
    given again, to another row.
    """
    return {
        "what": row["what"],
        "when": row["at"].astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "who": row["who"],
        "service": "rosh-triage",
        "subjectType": row["subject_type"],
        "subjectId": row["subject_id"],
        "correlationId": f"{row['seq']}-{row['digest'][:16]}",
        "details": json.dumps(row["details"]),
    }


def first_broken(connection: Connection) -> int | None:
    """The number of the first audit row that was changed, removed or inserted, or None."""
    row_number = connection.execute(text("SELECT triage.audit_first_broken()")).scalar()
    return None if row_number is None else int(row_number)


def rows_not_as_kept(connection: Connection) -> list[str]:
    """The rows whose contents no longer match their digest in the audit chain."""
    return list(connection.execute(text("SELECT triage.rows_not_as_kept()")).scalars())


def verify_chain(connection: Connection, path: Path, key: str) -> str:
    """Verify every audit row; RunStopped names the first that does not match.

    It also fails if the chain is empty while runs exist, and for a night without a signed head.
    """
    broken = first_broken(connection)
    if broken is not None:
        raise RunStopped(
            f"Audit row {broken} was changed, moved, or follows one that was removed. {KEEP}"
        )
    changed = rows_not_as_kept(connection)
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise RunStopped(
            f"{changed[0]}{more} was changed, taken away or put in: it is not as the chain of "
            f"audit rows says. {KEEP}"
        )
    heads = _read_heads(path, key)
    newest = connection.execute(text("SELECT seq FROM triage.audit_head()")).scalar() or 0
    for head in heads:
        _check_head(connection, head, path, newest)
    _check_each_night_left_one(connection, heads, path)
    deleted = connection.execute(_DELETED).one()
    return (
        f"{newest:,} audit rows, each as it was written; {len(heads)} signed heads match. "
        f"{deleted.rows:,} rows were deleted, in {deleted.requests:,} deletions of people and "
        f"{deleted.purges:,} purges."
    )


def _check_head(connection: Connection, head: Head, path: Path, newest: int) -> None:
    digest = connection.execute(
        text("SELECT triage.audit_digest(:seq)"), {"seq": head.seq}
    ).scalar()
    if digest is None:
        raise RunStopped(
            f"Audit rows were cut off: row {head.seq} was there when {path} was written, and the "
            f"chain now ends at row {newest}. {KEEP}"
        )
    if digest != head.digest:
        raise RunStopped(
            f"Audit row {head.seq} is not the one whose digest stands in {path}: the chain was "
            f"made anew from there or before. {KEEP}"
        )


def _check_each_night_left_one(connection: Connection, heads: list[Head], path: Path) -> None:
    run = connection.execute(text("SELECT triage.audit_newest_run()")).scalar()
    if run is not None and (not heads or heads[-1].seq < run or not heads[-1].signature):
        raise MissingInput(
            f"The newest night (audit row {run}) has no signed head in {path}: the file was "
            "deleted or shortened, the night was killed before it could write one, or its release "
            "did not sign heads yet (0.1.0). Restore the file from where it is kept; after a "
            "killed night or an upgrade from 0.1.0: python -m serving audit anchor"
        )


@dataclass(frozen=True)
class Head:
    """A signed head of the chain as written to the file; early ones have no signature."""

    seq: int
    digest: str
    signature: str


def _read_heads(path: Path, key: str) -> list[Head]:
    if not working_copy.fetch_file(path).exists():
        return []
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        heads = [Head(int(r["seq"]), str(r["digest"]), str(r.get("signature", ""))) for r in rows]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableInput(f"{path} is damaged; restore it from where it is kept.") from error
    before = ""
    for number, (row, head) in enumerate(zip(rows, heads, strict=True), start=1):
        # Heads from before they were signed stand first, and nowhere else.
        unsigned = not head.signature and not before
        sound = hmac.compare_digest(head.signature, _sign_head(row, key))
        if not unsigned and (not sound or row.get("previous") != before):
            raise RunStopped(
                f"Line {number} of {path} is not one that this service signed there, or one before "
                f"it was taken out. {KEEP}"
            )
        before = head.signature
    return heads


def _sign_head(head: dict[str, Any], key: str) -> str:
    signed = json.dumps([head.get(name) for name in ("seq", "digest", "at", "previous")])
    return hmac.new(key.encode(), signed.encode(), hashlib.sha256).hexdigest()
