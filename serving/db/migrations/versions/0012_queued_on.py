"""A case has the day on which it came into the queue (`queued_on`); deadlines run from it."""

from alembic import op

revision = "2026_11_28_one_clock"
down_revision = "2026_11_25_followed_through"

TABLES = """
ALTER TABLE triage.items ADD COLUMN queued_on date;
UPDATE triage.items i SET queued_on = (r.at AT TIME ZONE 'Europe/London')::date
  FROM triage.runs r WHERE r.id = i.run_id;
ALTER TABLE triage.items ALTER COLUMN queued_on SET NOT NULL;
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
