"""Runs the administrator's commands: migrate, add and end users, export the audit."""

from __future__ import annotations

import argparse
import json
import re
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import DBAPIError

from features import clock
from features.errors import UserError
from serving import settings
from serving.commands import demo
from serving.commands.service import console
from serving.db import audit_chain
from serving.db.migrate import migrate_database as bring_up_to_date
from serving.db.night_lock import no_night_meanwhile
from serving.db.server import as_owner
from serving.db.session import AuditEvent, append_admin_audit
from serving.db.tables import users

USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


def migrate_database(_: argparse.Namespace) -> None:
    """Make the database roles and bring the tables up to date."""
    chosen = settings.read_settings(needed=settings.MIGRATION_SECRETS)
    # A night writes the tables that would be changed.
    with no_night_meanwhile(chosen):
        before, after = bring_up_to_date(chosen)
    if before != after:
        with as_owner(chosen) as connection:
            details = {"from": before, "to": after}
            _audit_admin(connection, "MIGRATED", "-", details, kind="DATABASE")
    if chosen.demo:
        demo.add_users(chosen)
    tables = (
        f"The tables are those of revision {after}, as before."
        if before == after
        else f"The tables were brought from revision {before or 'none'} to {after}."
    )
    console.print(f"The database is up to date. {tables} Roles and rules are of this release.")


def add_user(args: argparse.Namespace) -> None:
    """Add a user with a role and, for an SPO, a unit."""
    in_a_unit = args.role in ("spo", "head", "practitioner")
    if in_a_unit != (args.pdu is not None):
        raise UserError(
            "An SPO, a head of a unit and a practitioner have a unit (--pdu), and no one else."
        )
    if in_a_unit and args.staff_code is None:
        raise UserError(
            "Who works in a unit has a staff code (--staff-code): cases in which they had a hand "
            "are read by somebody else."
        )
    if not in_a_unit and args.staff_code is not None:
        raise UserError("Only who works in a unit has a staff code (--staff-code).")
    row = {
        "username": args.username,
        "name": args.name,
        "role": args.role,
        "pdu_code": args.pdu,
        "staff_code": args.staff_code,
        "made_up": False,
    }
    if not USERNAME.fullmatch(args.username):
        raise UserError(
            f"{args.username!r} is no username: letters, digits, and . _ @ - after the first, 64 "
            "at most, as the user signs in."
        )
    try:
        with as_owner(settings.read_settings()) as connection:
            connection.execute(insert(users).values(row))
            details = {"role": args.role, "pdu": args.pdu, "staff_code": args.staff_code}
            _audit_admin(connection, "ADDED_USER", args.username, details)
    except DBAPIError as error:
        raise UserError(
            f"{args.username} could not be entered: there is such a user already, or the database "
            "is not migrated."
        ) from error
    console.print(f"{args.username} may sign in as {args.role}.")


def end_user(args: argparse.Namespace) -> None:
    """End a user's sessions now; with --for-good, also refuse every later sign-in."""
    with as_owner(settings.read_settings()) as connection:
        user_query = select(users.c.username).where(users.c.username == args.username)
        if connection.execute(user_query).scalar() is None:
            raise UserError(f"There is no user {args.username}.")
        ended = connection.exec_driver_sql(
            "UPDATE triage.sessions SET ended_at = triage.now()"
            " WHERE username = %s AND ended_at IS NULL AND until > triage.now()",
            (args.username,),
        ).rowcount
        if args.for_good:
            row = update(users).where(users.c.username == args.username)
            connection.execute(row.values(ended_at=clock.now()))
        details = {"sessions": ended, "for_good": args.for_good}
        _audit_admin(connection, "ENDED_USER", args.username, details)
    for_good = " and may not sign in again" if args.for_good else ""
    console.print(f"{args.username} is signed out ({ended} sessions){for_good}.")


def export_audit(args: argparse.Namespace) -> None:
    """Print audit rows after a number, one HMPPS audit event a line."""
    with as_owner(settings.read_settings()) as connection:
        for event in audit_chain.export_events(connection, args.after):
            print(json.dumps(event))  # noqa: T201 - it is the answer


def _audit_admin(
    connection: Connection, what: str, whom: str, details: dict[str, Any], *, kind: str = "USER"
) -> None:
    """Leave an audit row of what an administrator did, with the user of the machine who did it."""
    append_admin_audit(connection, AuditEvent(what, kind, whom, details))
