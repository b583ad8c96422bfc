"""How serious each entry of a record is, for the order of a page; not known of earlier entries."""

from alembic import op

revision = "0022"
down_revision = "0021"

TABLES = """
ALTER TABLE triage.entries ADD COLUMN seriousness smallint;
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
