"""Bank holidays, by which working days are counted."""

from alembic import op

revision = "2026_11_25_bank_holidays"
down_revision = "2026_11_25_limits_by_name"

TABLES = """
CREATE TABLE triage.bank_holidays (day date PRIMARY KEY);
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
