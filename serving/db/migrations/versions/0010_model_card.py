"""An approval names its model card by digest."""

from alembic import op

revision = "2026_11_25_signed_and_kept"
down_revision = "2026_11_25_bound_and_timed"

TABLES = """
ALTER TABLE triage.approvals
  ADD COLUMN card text NOT NULL DEFAULT '' CHECK (card ~ '^([0-9a-f]{64})?$');
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
