"""Places and lifts legal holds, which keep a case from deletion for an inspection or inquest.

One at a time, so that no hold is lost. A hold is written beside the store before it is recorded;
lifting one is written there only by the next night or by the command `holds`, once it is recorded:
whatever fails between the two, the case is kept.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, func, insert, select, text

from features.contracts.table import is_crn
from features.errors import UserError
from features.store import legal_holds as store_holds
from features.store.store import Store
from serving.db.session import AuditEvent, Transaction
from serving.db.unit_tables import holds


def record_hold(opened: Transaction, store: Store, crn: str, reasons: str, *, placed: bool) -> None:
    """Place or lift a legal hold on a case; both stay on record.

    Raises UserError for what is no CRN, and for a case of which the store holds nothing.
    """
    check_crn(crn)
    if placed and not store.knows_case(crn):
        raise UserError("The store holds nothing of that CRN, so there is nothing to keep.")
    _lock_holds(opened.connection)
    values = {"crn": crn, "placed": placed, "username": opened.username, "reasons": reasons.strip()}
    opened.connection.execute(insert(holds).values(**values))
    opened.audit(AuditEvent("PLACED_HOLD" if placed else "LIFTED_HOLD", "CRN", crn))
    if placed:
        store_holds.write_held_cases(store.path, held_cases(opened.connection))


def write_hold_list(connection: Connection, store: Path) -> int:
    """Write the list of held cases from the database to the store; returns their number."""
    _lock_holds(connection)
    crns = held_cases(connection)
    store_holds.write_held_cases(store, crns)
    return len(crns)


def check_crn(crn: str) -> None:
    """Raise UserError unless a text is a CRN."""
    if not is_crn(crn):
        raise UserError(f"{crn!r} is no CRN: a letter and six numbers, such as X123456.")


def is_held(connection: Connection, crn: str) -> bool:
    """Whether the case is on hold now and may not be deleted."""
    rows = select(holds.c.placed).where(holds.c.crn == crn).order_by(holds.c.id.desc()).limit(1)
    return bool(connection.execute(rows).scalar())


def held_cases(connection: Connection) -> list[str]:
    """The CRNs of all cases now on hold."""
    newest = select(func.max(holds.c.id)).group_by(holds.c.crn)
    rows = select(holds.c.crn).where(holds.c.id.in_(newest), holds.c.placed).order_by(holds.c.crn)
    return list(connection.execute(rows).scalars())


def _lock_holds(connection: Connection) -> None:
    """Lock holds until the transaction ends, so that two changes cannot overtake each other."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('triage.holds'))"))
