"""Which tables the audit chain covers; `rules/audit.sql` adds each of them with its rows."""

from alembic import op

revision = "2026_11_28_chained_contents"
down_revision = "2026_11_28_one_clock"

TABLES = """
CREATE TABLE triage.chained (name text PRIMARY KEY);
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
