"""Lanes beside the model: how a case was drawn, why, and the combinations that an approval binds.

An earlier approval binds no table of combinations, so nothing is flagged with it: a new one is
needed.
"""

from alembic import op

revision = "0018"
down_revision = "0017"

TABLES = """
ALTER TABLE triage.findings
  DROP CONSTRAINT findings_drawn_as_check,
  ADD CONSTRAINT findings_drawn_as_check
    CHECK (drawn_as IN ('flagged', 'unusual', 'combination', 'random')),
  ADD COLUMN because jsonb NOT NULL DEFAULT '{"since": null, "parts": []}';
ALTER TABLE triage.approvals ADD COLUMN combinations jsonb NOT NULL DEFAULT '[]';
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
