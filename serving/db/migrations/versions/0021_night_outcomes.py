"""What came within 90 days of a night of those it showed and of others, as counts."""

from alembic import op

revision = "0021"
down_revision = "0020"

TABLES = """
CREATE TABLE triage.night_outcomes (
  as_of date PRIMARY KEY,
  counts jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
