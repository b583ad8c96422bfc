"""Repeat readings: a reader reads a case once more, half a year after concluding it."""

from alembic import op

revision = "0023"
down_revision = "0022"

TABLES = """
CREATE TABLE triage.repeat_reads (
  item_id bigint PRIMARY KEY REFERENCES triage.items,
  username text NOT NULL REFERENCES triage.users,
  at timestamptz NOT NULL DEFAULT now(),
  due_on date NOT NULL
);
CREATE INDEX ON triage.repeat_reads (username, at);
CREATE TABLE triage.repeat_views (
  item_id bigint PRIMARY KEY REFERENCES triage.repeat_reads,
  username text NOT NULL REFERENCES triage.users,
  at timestamptz NOT NULL DEFAULT now(),
  verdicts jsonb NOT NULL,
  levels jsonb NOT NULL CHECK (levels ?& array['children', 'public', 'known_adult', 'staff'])
);
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
