"""An approval binds the list of acute entries and names its run; views have a time of opening.

An earlier approval binds no list, so nothing is flagged with it: a new one is needed.
"""

from alembic import op

revision = "2026_11_25_bound_and_timed"
down_revision = "2026_11_25_bank_holidays"

TABLES = """
ALTER TABLE triage.approvals
  ADD COLUMN acute jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN tracked text NOT NULL DEFAULT '' CHECK (tracked ~ '^([0-9]+/runs/[0-9a-f]{32})?$');
ALTER TABLE triage.own_views ADD COLUMN opened_at timestamptz;
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
