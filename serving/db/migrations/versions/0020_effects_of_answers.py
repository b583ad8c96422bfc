"""What each outstanding answer would change in the probability of a queued case."""

from alembic import op

revision = "0020"
down_revision = "0019"

TABLES = """
ALTER TABLE triage.findings ADD COLUMN effects jsonb NOT NULL DEFAULT '[]';
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
