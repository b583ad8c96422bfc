"""Which rules are installed: from here migrations hold tables, and `serving/db/rules` the rules."""

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
    """Add a table; no row that was kept is touched."""
    op.execute(TABLES)
