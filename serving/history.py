"""After the event: for one case and day, what was on record, computed, shown, to whom, and done.

For an inspector or coroner. Every question leaves an audit row before anything is answered. The
record is what was known on the day; a case of limited access is its CRN and what people did here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection, RowMapping, func, insert, select, text

from features import build, contracts
from features import holds as store_holds
from features.errors import MissingInput, UserError
from features.store import Store
from serving import record
from serving.db.session import AuditEvent, Unit
from serving.db.tables import (
    answers,
    claims,
    conclusions,
    findings,
    items,
    newer_scores,
    openings,
    own_views,
    runs,
)
from serving.db.unit_tables import holds


@dataclass(frozen=True)
class Account:
    """What can be told about one case on one day; nothing here is worked out anew by a model."""

    crn: str
    on: date
    limited: bool
    person: dict[str, Any] | None
    entries: list[dict[str, Any]]
    run: RowMapping | None
    computed: list[dict[str, Any]]
    queued: list[dict[str, Any]]
    audit: list[RowMapping]
    held: bool


def account(unit: Unit, store: Store, scores: Path, crn: str, on: date) -> Account:
    """What the system knew, computed, said and showed about a case by the end of a day.

    Raises UserError for what is no CRN or a day to come, MissingInput where a file of scores that
    a run committed is gone.
    """
    _check_crn(crn)
    if on > datetime.now(UTC).date():
        raise UserError("That day has not come yet.")
    unit.audit(AuditEvent("ASKED_FOR_ACCOUNT", "CRN", crn, {"on": on.isoformat()}))
    connection = unit.connection
    connection.execute(text("SELECT set_config('rosh.asked_crn', :crn, true)"), {"crn": crn})
    limited = crn in build.limited_cases(store, on)
    who, told = (None, []) if limited else record.one_case(store, crn, on)
    run = _run(connection, on)
    return Account(
        crn=crn,
        on=on,
        limited=limited,
        person=who,
        entries=told,
        run=run,
        computed=_computed(scores, run, crn),
        queued=_queued(connection, crn, on),
        audit=_audit(connection, crn, on),
        held=is_held(connection, crn),
    )


def as_json(told: Account) -> dict[str, Any]:
    """The account as plain values: days and moments are written out by whoever prints them."""
    found = {name: getattr(told, name) for name in told.__dataclass_fields__}
    found["run"] = dict(told.run) if told.run is not None else None
    found["audit"] = [dict(row) for row in told.audit]
    return found


def hold(unit: Unit, store: Path, crn: str, reasons: str, *, placed: bool) -> None:
    """Keep a case from deletion, or let it go; what was placed and lifted stays on record.

    The store is told in the same moment: it deletes on request, and knows no database.
    """
    _check_crn(crn)
    values = {"crn": crn, "placed": placed, "username": unit.username, "reasons": reasons.strip()}
    unit.connection.execute(insert(holds).values(**values))
    unit.audit(AuditEvent("PLACED_HOLD" if placed else "LIFTED_HOLD", "CRN", crn))
    store_holds.keep(store, held(unit.connection))


def _check_crn(crn: str) -> None:
    if not contracts.is_crn(crn):
        raise UserError(f"{crn!r} is no CRN: a letter and six numbers, such as X123456.")


def is_held(connection: Connection, crn: str) -> bool:
    """Whether the case may not be deleted now."""
    rows = select(holds.c.placed).where(holds.c.crn == crn).order_by(holds.c.id.desc()).limit(1)
    return bool(connection.execute(rows).scalar())


def held(connection: Connection) -> list[str]:
    """Every case that may not be deleted now."""
    newest = select(func.max(holds.c.id)).group_by(holds.c.crn)
    rows = select(holds.c.crn).where(holds.c.id.in_(newest), holds.c.placed).order_by(holds.c.crn)
    return list(connection.execute(rows).scalars())


def _run(connection: Connection, on: date) -> RowMapping | None:
    rows = select(runs).where(runs.c.as_of <= on).order_by(runs.c.as_of.desc(), runs.c.at.desc())
    return connection.execute(rows.limit(1)).mappings().first()


def _computed(scores: Path, run: Mapping[Any, Any] | None, crn: str) -> list[dict[str, Any]]:
    """The rows that the last run by that day kept of the case."""
    if run is None:
        return []
    path = scores / run["scores_file"]
    if not path.exists():
        raise MissingInput(
            f"The scores of run {run['id']} are missing: {path.name}. Fetch them from where they "
            "are kept; their SHA-256 stands with the run."
        )
    return pl.scan_parquet(path).filter(pl.col("crn") == crn).collect().to_dicts()


def _queued(connection: Connection, crn: str, on: date) -> list[dict[str, Any]]:
    """Each time that the case was queued by that day, with everything that was done with it."""
    rows = select(items).where(items.c.crn == crn, items.c.as_of <= on).order_by(items.c.id)
    found = []
    for item in connection.execute(rows).mappings().all():
        parts = {"findings": findings, "claims": claims, "own_views": own_views,
                 "openings": openings, "conclusions": conclusions, "answers": answers,
                 "newer_scores": newer_scores}  # fmt: skip
        one: dict[str, Any] = {"item": dict(item)}
        for name, table in parts.items():
            ours = select(table).where(table.c.item_id == item["id"])
            if "at" in table.c:
                ours = ours.where(func.date(table.c.at) <= on).order_by(table.c.at)
            one[name] = [dict(row) for row in connection.execute(ours).mappings()]
        found.append(one)
    return found


def _audit(connection: Connection, crn: str, on: date) -> list[RowMapping]:
    rows = text(
        "SELECT seq, at, who, what, details FROM triage.audit_about(:crn) WHERE at::date <= :on"
    )
    return list(connection.execute(rows, {"crn": crn, "on": on}).mappings())
