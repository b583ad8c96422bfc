"""The first tables: users, approvals, runs, the queue with entries and findings, reviews, audit."""

from alembic import op

revision = "2026_11_22_first_light"
down_revision = None

TABLES = """
CREATE TABLE triage.users (
  username text PRIMARY KEY,
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('spo', 'board')),
  pdu_code text,
  made_up boolean NOT NULL,
  CHECK ((role = 'spo') = (pdu_code IS NOT NULL))
);
CREATE TABLE triage.approvals (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  bundle_id text NOT NULL,
  bundle_folder text NOT NULL,
  catalogue text NOT NULL,
  rates jsonb NOT NULL,
  random_share double precision NOT NULL CHECK (random_share > 0 AND random_share < 1),
  demo boolean NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  withdrawn_at timestamptz,
  CHECK (expires_at > at AND expires_at <= at + interval '90 days')
);
CREATE TABLE triage.signatures (
  approval_id bigint NOT NULL REFERENCES triage.approvals,
  username text NOT NULL REFERENCES triage.users,
  reasons text NOT NULL CHECK (length(btrim(reasons)) >= 20),
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (approval_id, username)
);
CREATE TABLE triage.runs (
  id text PRIMARY KEY,
  as_of date NOT NULL,
  approval_id bigint NOT NULL REFERENCES triage.approvals,
  bundle_id text NOT NULL,
  store_load integer NOT NULL,
  store_fingerprint text NOT NULL,
  scores_file text NOT NULL,
  scores_sha256 text NOT NULL,
  counts jsonb NOT NULL,
  made_up boolean NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE triage.items (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id text NOT NULL REFERENCES triage.runs,
  crn text NOT NULL,
  pdu_code text NOT NULL,
  as_of date NOT NULL,
  due_on date NOT NULL,
  shuffle text NOT NULL,
  limited boolean NOT NULL DEFAULT false,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'concluded')),
  person jsonb NOT NULL
);
CREATE UNIQUE INDEX one_open_item_a_person ON triage.items (crn) WHERE state = 'open';
CREATE INDEX ON triage.items (pdu_code, state);
CREATE TABLE triage.entries (
  item_id bigint NOT NULL REFERENCES triage.items,
  position integer NOT NULL,
  source_table text NOT NULL,
  record_id text NOT NULL,
  occurred_on date NOT NULL,
  recorded_at timestamp NOT NULL,
  what text NOT NULL,
  detail text NOT NULL,
  source text NOT NULL,
  certainty text NOT NULL,
  disclosable boolean NOT NULL,
  disputed boolean NOT NULL,
  system boolean NOT NULL,
  PRIMARY KEY (item_id, position)
);
CREATE TABLE triage.findings (
  item_id bigint PRIMARY KEY REFERENCES triage.items,
  drawn_as text NOT NULL CHECK (drawn_as IN ('flagged', 'random')),
  risk_group text NOT NULL,
  stratum text NOT NULL,
  probability double precision,
  inclusion_probability double precision NOT NULL
    CHECK (inclusion_probability > 0 AND inclusion_probability <= 1),
  reasons jsonb NOT NULL,
  shown_only jsonb NOT NULL
);
CREATE TABLE triage.own_views (
  item_id bigint NOT NULL REFERENCES triage.items,
  username text NOT NULL REFERENCES triage.users,
  levels jsonb NOT NULL CHECK (levels ?& array['children', 'public', 'known_adult', 'staff']),
  reasons text NOT NULL CHECK (length(btrim(reasons)) >= 20),
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (item_id, username)
);
CREATE TABLE triage.openings (
  item_id bigint NOT NULL REFERENCES triage.items,
  username text NOT NULL REFERENCES triage.users,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (item_id, username)
);
CREATE TABLE triage.conclusions (
  item_id bigint PRIMARY KEY REFERENCES triage.items,
  username text NOT NULL REFERENCES triage.users,
  outcome text NOT NULL CHECK (outcome IN ('too_low', 'about_right', 'too_high', 'cannot_tell')),
  reasons text NOT NULL CHECK (length(btrim(reasons)) >= 20),
  asked text NOT NULL DEFAULT '',
  at timestamptz NOT NULL DEFAULT now(),
  CHECK (outcome <> 'too_low' OR length(btrim(asked)) >= 10)
);
CREATE TABLE triage.audit (
  seq bigint PRIMARY KEY,
  at timestamptz NOT NULL,
  who text NOT NULL,
  what text NOT NULL,
  subject_type text NOT NULL,
  subject_id text NOT NULL,
  details jsonb NOT NULL,
  previous text NOT NULL,
  digest text NOT NULL
);
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
