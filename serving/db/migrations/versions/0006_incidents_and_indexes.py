"""Comparisons of proposals, incidents, and indexes for the account of a case."""

from alembic import op

revision = "2026_11_25_held_tighter"
down_revision = "2026_11_25_stop"

TABLES = """
ALTER TABLE triage.second_reads ALTER COLUMN pdu_code DROP NOT NULL;
ALTER TABLE triage.users ADD CONSTRAINT users_hand CHECK (
  role NOT IN ('spo', 'head') OR staff_code IS NOT NULL OR made_up OR ended_at IS NOT NULL)
  NOT VALID;
CREATE INDEX ON triage.own_views (username, at);
CREATE INDEX ON triage.claims (username);
CREATE INDEX ON triage.items (crn);
-- Beside the figures, so that a picture of many nights reads the figures alone.
ALTER TABLE triage.snapshots ADD COLUMN parts jsonb NOT NULL DEFAULT '{}';
CREATE INDEX ON triage.snapshots (as_of, id);
CREATE INDEX ON triage.audit (subject_id);
CREATE INDEX ON triage.audit USING gin ((details -> 'crns'));
CREATE TABLE triage.shadows (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  as_of date NOT NULL,
  approval_id bigint NOT NULL REFERENCES triage.approvals,
  figures jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE triage.incidents (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  follows bigint REFERENCES triage.incidents,
  kind text NOT NULL CHECK (kind IN ('missed', 'wrong', 'data', 'access', 'use', 'other')),
  words text NOT NULL CHECK (length(btrim(words)) >= 20),
  closes boolean NOT NULL DEFAULT false CHECK (NOT closes OR follows IS NOT NULL),
  username text NOT NULL REFERENCES triage.users,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON triage.incidents (follows);
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
