"""Declares the tables of unit pages, follow-up, the board, and exports to other services."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from serving.db.tables import at_column, metadata

caseload = Table(
    "caseload",
    metadata,
    Column("crn", Text, primary_key=True),
    Column("pdu_code", Text, nullable=False),
    Column("practitioner_code", Text),
    Column("limited", Boolean, nullable=False),
    Column("as_of", Date, nullable=False),
)

facts = Table(
    "facts",
    metadata,
    Column("crn", Text, primary_key=True),
    Column("indicator", Text, primary_key=True),
    Column("pdu_code", Text, nullable=False),
    Column("practitioner_code", Text),
    Column("as_of", Date, nullable=False),
)

limits = Table(
    "limits",
    metadata,
    Column("crn", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("username", Text, primary_key=True),
    Column("ended_on", Date),
    Column("told_at", DateTime(timezone=True)),
)

limited_checks = Table(
    "limited_checks",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("crn", Text, nullable=False),
    Column("username", ForeignKey("triage.users.username"), nullable=False),
    Column("words", Text, nullable=False),
    at_column(),
)

cover = Table(
    "cover",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("pdu_code", Text, nullable=False),
    Column("deputy", ForeignKey("triage.users.username")),
    Column("reviews_at_once", Integer),
    Column("username", ForeignKey("triage.users.username"), nullable=False),
    at_column(),
)

holds = Table(
    "holds",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("crn", Text, nullable=False),
    Column("placed", Boolean, nullable=False),
    Column("username", ForeignKey("triage.users.username"), nullable=False),
    Column("reasons", Text, nullable=False),
    at_column(),
)

events = Table(
    "events",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("event_type", Text, nullable=False),
    at_column(),
    Column("body", JSONB, nullable=False),
)

drafts = Table(
    "drafts",
    metadata,
    Column("username", ForeignKey("triage.users.username"), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("form", JSONB, nullable=False),
    at_column(),
)

stops = Table(
    "stops",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("username", ForeignKey("triage.users.username"), nullable=False),
    Column("reasons", Text, nullable=False),
    at_column(),
)

note_switches = Table(
    "note_switches",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("counts", Boolean, nullable=False),
    Column("username", ForeignKey("triage.users.username"), nullable=False),
    Column("reasons", Text, nullable=False),
    at_column(),
)

withdrawals = Table(
    "withdrawals",
    metadata,
    Column("approval_id", ForeignKey("triage.approvals.id"), primary_key=True),
    Column("username", ForeignKey("triage.users.username"), nullable=False),
    Column("reasons", Text, nullable=False),
    at_column(),
)

shadows = Table(
    "shadows",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("as_of", Date, nullable=False),
    Column("approval_id", ForeignKey("triage.approvals.id"), nullable=False),
    Column("figures", JSONB, nullable=False),
    at_column(),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("follows", ForeignKey("triage.incidents.id")),
    Column("kind", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("closes", Boolean, nullable=False),
    Column("username", ForeignKey("triage.users.username"), nullable=False),
    at_column(),
)

night_shares = Table(
    "night_shares",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("as_of", Date, nullable=False),
    Column("shares", JSONB, nullable=False),
    at_column(),
)

night_outcomes = Table(
    "night_outcomes",
    metadata,
    Column("as_of", Date, primary_key=True),
    Column("counts", JSONB, nullable=False),
    at_column(),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("as_of", Date, nullable=False),
    Column("version", Integer, nullable=False),
    Column("figures", JSONB, nullable=False),
    Column("parts", JSONB, nullable=False),
    at_column(),
)
