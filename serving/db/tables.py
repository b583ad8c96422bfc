"""Declares the tables for SQLAlchemy; the rules on their rows are in `serving/db/rules`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

SCHEMA = "triage"
metadata = MetaData(schema=SCHEMA)


def at_column() -> Column[object]:
    """A column with the time of insertion, by the database's clock."""
    return Column("at", DateTime(timezone=True), nullable=False)


installed_rules = Table(
    "installed_rules",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("digest", Text, nullable=False),
    at_column(),
)
users = Table(
    "users",
    metadata,
    Column("username", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("pdu_code", Text),
    Column("staff_code", Text),
    Column("made_up", Boolean, nullable=False),
    Column("ended_at", DateTime(timezone=True)),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("bundle_id", Text, nullable=False),
    Column("bundle_folder", Text, nullable=False),
    Column("catalogue", Text, nullable=False),
    Column("acute", JSONB, nullable=False),
    Column("combinations", JSONB),
    Column("tracked", Text, nullable=False),
    Column("card", Text, nullable=False),
    Column("rates", JSONB, nullable=False),
    Column("random_share", Double, nullable=False),
    Column("demo", Boolean, nullable=False),
    Column("rise", Double, nullable=False),
    at_column(),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("withdrawn_at", DateTime(timezone=True)),
)

signatures = Table(
    "signatures",
    metadata,
    Column("approval_id", ForeignKey("triage.approvals.id"), primary_key=True),
    Column("username", ForeignKey("triage.users.username"), primary_key=True),
    Column("reasons", Text, nullable=False),
    Column("conditions", Text, nullable=False),
    at_column(),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("as_of", Date, nullable=False),
    Column("approval_id", ForeignKey("triage.approvals.id"), nullable=False),
    Column("bundle_id", Text, nullable=False),
    Column("store_load", Integer, nullable=False),
    Column("store_fingerprint", Text, nullable=False),
    Column("scores_file", Text, nullable=False),
    Column("scores_sha256", Text, nullable=False),
    Column("counts", JSONB, nullable=False),
    Column("made_up", Boolean, nullable=False),
    at_column(),
)

bank_holidays = Table("bank_holidays", metadata, Column("day", Date, primary_key=True))

items = Table(
    "items",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("run_id", ForeignKey("triage.runs.id"), nullable=False),
    Column("crn", Text, nullable=False),
    Column("pdu_code", Text, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("queued_on", Date, nullable=False, server_default=func.triage.today()),
    Column("due_on", Date, nullable=False),
    Column("shuffle", Text, nullable=False),
    Column("limited", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("person", JSONB, nullable=False),
    Column("practitioner_code", Text),
    Column("hands", JSONB, nullable=False),
)

entries = Table(
    "entries",
    metadata,
    Column("item_id", ForeignKey("triage.items.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("source_table", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("occurred_on", Date, nullable=False),
    Column("recorded_at", DateTime(timezone=False), nullable=False),
    Column("what", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("certainty", Text, nullable=False),
    Column("disclosable", Boolean, nullable=False),
    Column("disputed", Boolean, nullable=False),
    Column("system", Boolean, nullable=False),
    Column("seriousness", SmallInteger),
)

findings = Table(
    "findings",
    metadata,
    Column("item_id", ForeignKey("triage.items.id"), primary_key=True),
    Column("drawn_as", Text, nullable=False),
    Column("risk_group", Text, nullable=False),
    Column("stratum", Text, nullable=False),
    Column("probability", Double),
    Column("inclusion_probability", Double, nullable=False),
    Column("reasons", JSONB, nullable=False),
    Column("shown_only", JSONB, nullable=False),
    Column("draw", Double),
    Column("notes", JSONB, nullable=False),
    Column("because", JSONB, nullable=False),
    Column("effects", JSONB, nullable=False),
    Column("other_groups", JSONB, nullable=False),
)

note_answers = Table(
    "note_answers",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("item_id", ForeignKey("triage.items.id"), nullable=False),
    Column("entry_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("username", ForeignKey("triage.users.username"), nullable=False),
    at_column(),
)

newer_scores = Table(
    "newer_scores",
    metadata,
    Column("item_id", ForeignKey("triage.items.id"), primary_key=True),
    Column("run_id", ForeignKey("triage.runs.id"), primary_key=True),
    Column("risk_group", Text, nullable=False),
    Column("stratum", Text, nullable=False),
    Column("probability", Double),
)

own_views = Table(
    "own_views",
    metadata,
    Column("item_id", ForeignKey("triage.items.id"), primary_key=True),
    Column("username", ForeignKey("triage.users.username"), primary_key=True),
    Column("levels", JSONB, nullable=False),
    Column("verdicts", JSONB, nullable=False),
    Column("ticked", JSONB, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("opened_at", DateTime(timezone=True)),
    at_column(),
)

openings = Table(
    "openings",
    metadata,
    Column("item_id", ForeignKey("triage.items.id"), primary_key=True),
    Column("username", ForeignKey("triage.users.username"), primary_key=True),
    at_column(),
)

conclusions = Table(
    "conclusions",
    metadata,
    Column("item_id", ForeignKey("triage.items.id"), primary_key=True),
    Column("username", ForeignKey("triage.users.username"), nullable=False),
    Column("outcome", Text, nullable=False),
    Column("groups", JSONB, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("asked", Text, nullable=False),
    at_column(),
)

claims = Table(
    "claims",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("item_id", ForeignKey("triage.items.id"), nullable=False),
    Column("username", ForeignKey("triage.users.username"), nullable=False),
    at_column(),
    Column("until", DateTime(timezone=True), nullable=False),
)

second_reads = Table(
    "second_reads",
    metadata,
    Column("item_id", ForeignKey("triage.items.id"), primary_key=True),
    Column("pdu_code", Text, nullable=False),
    Column("probability", Double, nullable=False),
    at_column(),
    Column("due_on", Date, nullable=False),
)

rewritten_scores = Table(
    "rewritten_scores",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("run_id", ForeignKey("triage.runs.id"), nullable=False),
    Column("scores_sha256", Text, nullable=False),
    at_column(),
)
publications = Table(
    "publications",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("last", BigInteger, nullable=False),
    at_column(),
)
repeat_reads = Table(
    "repeat_reads",
    metadata,
    Column("item_id", ForeignKey("triage.items.id"), primary_key=True),
    Column("username", ForeignKey("triage.users.username"), nullable=False),
    at_column(),
    Column("due_on", Date, nullable=False),
)
repeat_views = Table(
    "repeat_views",
    metadata,
    Column("item_id", ForeignKey("triage.repeat_reads.item_id"), primary_key=True),
    Column("username", ForeignKey("triage.users.username"), nullable=False),
    at_column(),
    Column("verdicts", JSONB, nullable=False),
    Column("levels", JSONB, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("item_id", ForeignKey("triage.items.id"), nullable=False),
    Column("username", ForeignKey("triage.users.username")),
    at_column(),
    Column("kind", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("planned_on", Date),
)

acute = Table(
    "acute",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("crn", Text, nullable=False),
    Column("pdu_code", Text, nullable=False),
    Column("practitioner_code", Text),
    Column("record_id", Text, nullable=False),
    Column("occurred_on", Date, nullable=False),
    Column("recorded_at", DateTime(timezone=False), nullable=False),
    Column("listed_as", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("certainty", Text, nullable=False),
    Column("disclosable", Boolean, nullable=False),
    Column("disputed", Boolean, nullable=False),
    Column("limited", Boolean, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    at_column(),
)

acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("acute_id", ForeignKey("triage.acute.id"), primary_key=True),
    Column("username", ForeignKey("triage.users.username"), primary_key=True),
    Column("done", Text, nullable=False),
    at_column(),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True),
    at_column(),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
)
