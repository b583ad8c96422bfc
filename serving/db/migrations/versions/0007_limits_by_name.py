"""Limits of access by user and day, and a state for cases that were checked by hand."""

from alembic import op

revision = "2026_11_25_limits_by_name"
down_revision = "2026_11_25_held_tighter"

TABLES = """
CREATE TABLE triage.limits (
  crn text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('exclusion', 'restriction')),
  username text NOT NULL,
  ended_on date,
  told_at timestamptz,
  PRIMARY KEY (crn, kind, username)
);
CREATE INDEX ON triage.limited_checks (crn, id);
CREATE INDEX items_limited ON triage.items (crn) WHERE limited;
ALTER TABLE triage.items DROP CONSTRAINT items_state_check;
ALTER TABLE triage.items ADD CONSTRAINT items_state_check CHECK (
  state IN ('open', 'concluded') OR (state = 'by_hand' AND person = '{}'));
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
