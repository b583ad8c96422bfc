"""Which rules of `serving/db/rules` are installed."""

from alembic import op

revision = "0015"
down_revision = "2026_11_28_identity"

TABLES = """
CREATE TABLE triage.installed_rules (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
