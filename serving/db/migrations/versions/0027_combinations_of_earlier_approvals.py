"""An approval from before there were combinations has none, which is null and not an empty list.

The digest of a kept row leaves nulls out, so that a column added later changes no digest. Migration
0018 gave earlier approvals an empty list: the audit then said that they were changed.
"""

from alembic import op

revision = "0027"
down_revision = "0026"

TABLES = """
ALTER TABLE triage.approvals
  ALTER COLUMN combinations DROP NOT NULL,
  ALTER COLUMN combinations DROP DEFAULT;
ALTER TABLE triage.approvals DISABLE TRIGGER USER;
UPDATE triage.approvals SET combinations = NULL WHERE combinations = '[]';
ALTER TABLE triage.approvals ENABLE TRIGGER USER;
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
