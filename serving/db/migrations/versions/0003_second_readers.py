"""Second readers, deputies, newer scores, and the roles for use after an event."""

from alembic import op

revision = "2026_11_25_second_readers"
down_revision = "2026_11_25_reviews_followed_up"

TABLES = """
ALTER TABLE triage.users DROP CONSTRAINT users_role_check, DROP CONSTRAINT users_check,
  DROP CONSTRAINT users_check1;
ALTER TABLE triage.users ADD COLUMN ended_at timestamptz;
ALTER TABLE triage.users
  ADD CONSTRAINT users_role CHECK (role IN
    ('spo', 'head', 'practitioner', 'board', 'analyst', 'inspector', 'batch')),
  ADD CONSTRAINT users_unit CHECK (
    (role IN ('spo', 'head', 'practitioner')) = (pdu_code IS NOT NULL)),
  ADD CONSTRAINT users_staff_code CHECK (
    CASE WHEN role = 'practitioner' THEN staff_code IS NOT NULL
         WHEN role IN ('spo', 'head') THEN true ELSE staff_code IS NULL END);
ALTER TABLE triage.items ADD COLUMN hands jsonb NOT NULL DEFAULT '[]';
ALTER TABLE triage.findings ADD COLUMN draw double precision;
ALTER TABLE triage.approvals ADD COLUMN rise double precision NOT NULL DEFAULT 0.2
  CHECK (rise > 0 AND rise <= 1);
CREATE TABLE triage.second_reads (
  item_id bigint PRIMARY KEY REFERENCES triage.items,
  pdu_code text NOT NULL,
  probability double precision NOT NULL CHECK (probability > 0 AND probability <= 1),
  at timestamptz NOT NULL DEFAULT now(),
  due_on date NOT NULL
);
CREATE INDEX ON triage.second_reads (at);
CREATE TABLE triage.newer_scores (
  item_id bigint NOT NULL REFERENCES triage.items,
  run_id text NOT NULL REFERENCES triage.runs,
  risk_group text NOT NULL,
  stratum text NOT NULL,
  probability double precision,
  PRIMARY KEY (item_id, run_id)
);
CREATE INDEX items_open ON triage.items (id) WHERE state = 'open';
CREATE INDEX ON triage.items (practitioner_code);
CREATE INDEX ON triage.conclusions (username, at);
CREATE TABLE triage.cover (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pdu_code text NOT NULL,
  deputy text REFERENCES triage.users,
  reviews_at_once integer CHECK (reviews_at_once >= 0),
  username text NOT NULL REFERENCES triage.users,
  at timestamptz NOT NULL DEFAULT now()
);
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
