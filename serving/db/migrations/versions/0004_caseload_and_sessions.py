"""The caseload of a unit, facts, checks of limited cases, holds, events, sessions, drafts."""

from alembic import op

revision = "2026_11_25_units_and_sessions"
down_revision = "2026_11_25_second_readers"

TABLES = """
CREATE TABLE triage.caseload (
  crn text PRIMARY KEY,
  pdu_code text NOT NULL,
  practitioner_code text,
  limited boolean NOT NULL,
  as_of date NOT NULL
);
CREATE INDEX ON triage.caseload (pdu_code, crn);
CREATE TABLE triage.facts (
  crn text NOT NULL,
  indicator text NOT NULL,
  pdu_code text NOT NULL,
  practitioner_code text,
  as_of date NOT NULL,
  PRIMARY KEY (crn, indicator)
);
CREATE INDEX ON triage.facts (pdu_code, indicator);
CREATE TABLE triage.limited_checks (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  crn text NOT NULL,
  username text NOT NULL REFERENCES triage.users,
  words text NOT NULL CHECK (length(btrim(words)) >= 20),
  at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE triage.holds (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  crn text NOT NULL,
  placed boolean NOT NULL,
  username text NOT NULL REFERENCES triage.users,
  reasons text NOT NULL CHECK (length(btrim(reasons)) >= 20),
  at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE triage.events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_type text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  body jsonb NOT NULL
);
CREATE TABLE triage.sessions (
  id text PRIMARY KEY,
  username text NOT NULL REFERENCES triage.users,
  at timestamptz NOT NULL DEFAULT now(),
  until timestamptz NOT NULL,
  ended_at timestamptz
);
CREATE INDEX ON triage.sessions (username);
CREATE TABLE triage.drafts (
  username text NOT NULL REFERENCES triage.users,
  path text NOT NULL,
  form jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (username, path)
);
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
