"""Files of scores that were written anew without a person who was deleted on request."""

from alembic import op

revision = "0025"
down_revision = "0024"

TABLES = """
CREATE TABLE triage.rewritten_scores (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id text NOT NULL REFERENCES triage.runs,
  scores_sha256 text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON triage.rewritten_scores (run_id);
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
