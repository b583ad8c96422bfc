"""The share of people in whom each indicator fires, by slice of the caseload, of each night."""

from alembic import op

revision = "0019"
down_revision = "0018"

TABLES = """
CREATE TABLE triage.night_shares (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  as_of date NOT NULL,
  shares jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON triage.night_shares (as_of);
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
