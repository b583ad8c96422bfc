"""What the notes of a queued case say, and readers' answers to whether they do."""

from alembic import op

revision = "0016"
down_revision = "0015"

TABLES = """
ALTER TABLE triage.findings ADD COLUMN notes jsonb NOT NULL
  DEFAULT '{"entries": [], "worth_reading": []}';
CREATE TABLE triage.note_answers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  item_id bigint NOT NULL REFERENCES triage.items (id),
  entry_id text NOT NULL,
  kind text NOT NULL,
  answer text NOT NULL CHECK (answer IN
    ('says_so', 'wrong_kind', 'denied', 'somebody_else', 'past')),
  username text NOT NULL REFERENCES triage.users (username),
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX note_answers_by_item ON triage.note_answers (item_id, entry_id);
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
