"""The board's switch of each kind of entry that is read from notes."""

from alembic import op

revision = "0017"
down_revision = "0016"

TABLES = """
CREATE TABLE triage.note_switches (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL,
  counts boolean NOT NULL,
  username text NOT NULL REFERENCES triage.users (username),
  reasons text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
