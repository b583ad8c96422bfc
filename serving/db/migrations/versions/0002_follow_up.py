"""Follow-up of reviews: claims, requests and answers, acute entries, two more roles."""

from alembic import op

revision = "2026_11_25_reviews_followed_up"
down_revision = "2026_11_22_first_light"

TABLES = """
ALTER TABLE triage.users DROP CONSTRAINT users_role_check, DROP CONSTRAINT users_check;
ALTER TABLE triage.users ADD COLUMN staff_code text;
ALTER TABLE triage.users
  ADD CHECK (role IN ('spo', 'head', 'practitioner', 'board')),
  ADD CHECK ((role = 'board') = (pdu_code IS NULL)),
  ADD CHECK ((role = 'practitioner') = (staff_code IS NOT NULL));
ALTER TABLE triage.items ADD COLUMN practitioner_code text;
ALTER TABLE triage.own_views DROP CONSTRAINT own_views_reasons_check;
ALTER TABLE triage.own_views
  ADD COLUMN verdicts jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN ticked jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(ticked) = 'array'),
  ADD CHECK (length(btrim(reasons)) >= 20 OR jsonb_array_length(ticked) > 0);
ALTER TABLE triage.conclusions DROP CONSTRAINT conclusions_outcome_check;
ALTER TABLE triage.conclusions
  ADD COLUMN groups jsonb NOT NULL DEFAULT '{}',
  ADD CHECK (outcome IN ('ask_reassessment', 'keep_level', 'need_information',
                         'too_low', 'about_right', 'too_high', 'cannot_tell')),
  ADD CHECK ((outcome = 'ask_reassessment') = (groups <> '{}'));
CREATE TABLE triage.claims (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  item_id bigint NOT NULL REFERENCES triage.items,
  username text NOT NULL REFERENCES triage.users,
  at timestamptz NOT NULL DEFAULT now(),
  until timestamptz NOT NULL CHECK (until <= at + interval '1 day')
);
CREATE INDEX ON triage.claims (item_id, id);
CREATE TABLE triage.answers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  item_id bigint NOT NULL REFERENCES triage.items,
  username text REFERENCES triage.users,
  at timestamptz NOT NULL DEFAULT now(),
  kind text NOT NULL
    CHECK (kind IN ('accepted', 'declined', 'fact', 'second_look', 'reassessed')),
  words text NOT NULL DEFAULT '',
  planned_on date,
  CHECK ((kind = 'accepted') = (planned_on IS NOT NULL)),
  CHECK (kind IN ('accepted', 'reassessed') OR length(btrim(words)) >= 20),
  CHECK ((kind = 'reassessed') = (username IS NULL))
);
CREATE INDEX ON triage.answers (item_id, id);
CREATE TABLE triage.acute (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  crn text NOT NULL,
  pdu_code text NOT NULL,
  practitioner_code text,
  record_id text NOT NULL,
  occurred_on date NOT NULL,
  recorded_at timestamp NOT NULL,
  listed_as text NOT NULL,
  what text NOT NULL,
  detail text NOT NULL,
  source text NOT NULL,
  certainty text NOT NULL,
  disclosable boolean NOT NULL,
  disputed boolean NOT NULL,
  limited boolean NOT NULL,
  withdrawn boolean NOT NULL DEFAULT false,
  at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (crn, record_id),
  CHECK (NOT limited OR (listed_as = '' AND what = '' AND detail = ''))
);
CREATE INDEX ON triage.acute (pdu_code, id);
CREATE TABLE triage.acknowledgements (
  acute_id bigint NOT NULL REFERENCES triage.acute,
  username text NOT NULL REFERENCES triage.users,
  done text NOT NULL CHECK (length(btrim(done)) >= 10),
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (acute_id, username)
);
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
