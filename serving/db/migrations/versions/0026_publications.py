"""How far events and audit rows were published to other services."""

from alembic import op

revision = "0026"
down_revision = "0025"

TABLES = """
CREATE TABLE triage.publications (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('events', 'audit')),
  last bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON triage.publications (kind, last);
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
