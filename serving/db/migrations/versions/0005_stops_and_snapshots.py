"""Stops and withdrawals by board members, and snapshots of the watched figures."""

from alembic import op

revision = "2026_11_25_stop"
down_revision = "2026_11_25_units_and_sessions"

TABLES = """
CREATE TABLE triage.stops (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('stop', 'resume')),
  username text NOT NULL REFERENCES triage.users,
  reasons text NOT NULL CHECK (length(btrim(reasons)) >= 20),
  at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE triage.withdrawals (
  approval_id bigint PRIMARY KEY REFERENCES triage.approvals,
  username text NOT NULL REFERENCES triage.users,
  reasons text NOT NULL CHECK (length(btrim(reasons)) >= 20),
  at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE triage.snapshots (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  as_of date NOT NULL,
  version integer NOT NULL,
  figures jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE triage.signatures ADD COLUMN conditions text NOT NULL DEFAULT '';
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
