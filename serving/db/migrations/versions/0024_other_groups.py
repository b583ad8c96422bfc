"""What a record holds about the other groups of a queued case; not known of earlier ones."""

from alembic import op

revision = "0024"
down_revision = "0023"

TABLES = """
ALTER TABLE triage.findings ADD COLUMN other_groups jsonb NOT NULL DEFAULT '[]';
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
