"""Answers by the reader who asked: ask again, or settle."""

from alembic import op

revision = "2026_11_25_followed_through"
down_revision = "2026_11_25_signed_and_kept"

TABLES = """
ALTER TABLE triage.answers DROP CONSTRAINT answers_kind_check;
ALTER TABLE triage.answers ADD CONSTRAINT answers_kind_check CHECK (kind IN
  ('accepted', 'declined', 'fact', 'second_look', 'reassessed', 'reply', 'settled'));
CREATE INDEX ON triage.conclusions (username)
  WHERE outcome IN ('ask_reassessment', 'need_information');
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
