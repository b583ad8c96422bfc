"""Reviews followed up: quick own views, claims, what is asked and answered, two more roles.

The database keeps by itself: one reader at a time holds a case; a view is recorded by who holds it;
a practitioner sees an own case only once something was asked about it; only the night closes what
was asked, and only a practitioner answers it.

Its rules are history: what holds now stands in `serving/db/rules`.
"""

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

FUNCTIONS = r"""
CREATE OR REPLACE FUNCTION triage.own_pdu() RETURNS text STABLE LANGUAGE sql AS
  $$ SELECT pdu_code FROM triage.users
     WHERE username = triage.app_user() AND role IN ('spo', 'head') $$;

CREATE FUNCTION triage.own_staff_code() RETURNS text STABLE LANGUAGE sql AS
  $$ SELECT staff_code FROM triage.users
     WHERE username = triage.app_user() AND role = 'practitioner' $$;

CREATE FUNCTION triage.asked_about(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT EXISTS (SELECT 1 FROM conclusions
     WHERE item_id = item AND outcome IN ('ask_reassessment', 'need_information')) $$;

CREATE FUNCTION triage.held_by(item bigint) RETURNS text STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT username FROM (SELECT username, until FROM claims
     WHERE item_id = item ORDER BY id DESC LIMIT 1) last WHERE until > clock_timestamp()
     AND EXISTS (SELECT 1 FROM items WHERE id = item AND pdu_code = own_pdu()) $$;

CREATE FUNCTION triage.audit_digest(row_number bigint) RETURNS text STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT digest FROM audit WHERE seq = row_number $$;

CREATE FUNCTION triage.begun(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT held_by(item) IS NOT NULL
       OR EXISTS (SELECT 1 FROM own_views WHERE item_id = item) $$;

CREATE FUNCTION triage.nobody_else_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  IF held_by(NEW.item_id) <> NEW.username THEN
    RAISE EXCEPTION 'the case is held by another reader';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION triage.one_reader_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  -- Two at once: the second waits here, and then finds the first one's claim.
  PERFORM 1 FROM items WHERE id = NEW.item_id AND state = 'open' FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the case is not open to be claimed';
  END IF;
  IF held_by(NEW.item_id) <> NEW.username THEN
    RAISE EXCEPTION 'the case is held by another reader';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION triage.holder_records() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  IF held_by(NEW.item_id) IS DISTINCT FROM NEW.username THEN
    RAISE EXCEPTION 'a view is recorded by the reader who holds the case';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION triage.answer_to_what_was_asked() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  IF NOT asked_about(NEW.item_id) THEN
    RAISE EXCEPTION 'nothing was asked about this case';
  END IF;
  RETURN NEW;
END $$;
"""

TRIGGERS = (
    "".join(
        f"""
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON triage.{name}
  FOR EACH ROW EXECUTE FUNCTION triage.never_changed();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON triage.{name}
  FOR EACH STATEMENT EXECUTE FUNCTION triage.never_changed();
ALTER TABLE triage.{name} ENABLE ROW LEVEL SECURITY;
ALTER TABLE triage.{name} FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON triage.{name} FOR ALL TO rosh_owner USING (true) WITH CHECK (true);
"""
        for name in ("claims", "answers", "acknowledgements")
    )
    + """
ALTER TABLE triage.acute ENABLE ROW LEVEL SECURITY;
ALTER TABLE triage.acute FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON triage.acute FOR ALL TO rosh_owner USING (true) WITH CHECK (true);
CREATE TRIGGER one_reader BEFORE INSERT ON triage.claims
  FOR EACH ROW EXECUTE FUNCTION triage.one_reader_holds();
CREATE TRIGGER holder BEFORE INSERT ON triage.conclusions
  FOR EACH ROW EXECUTE FUNCTION triage.nobody_else_holds();
CREATE TRIGGER holder BEFORE INSERT ON triage.own_views
  FOR EACH ROW EXECUTE FUNCTION triage.holder_records();
CREATE TRIGGER asked BEFORE INSERT ON triage.answers
  FOR EACH ROW EXECUTE FUNCTION triage.answer_to_what_was_asked();
"""
)

SEEN_WHOLE = "EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited)"
SEEN_OPEN = (
    "EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited"
    " AND i.state = 'open')"
)
CONCLUDED = "EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND i.state = 'concluded')"
MINE = "username = triage.app_user()"

POLICIES = f"""
CREATE POLICY own_cases ON triage.items FOR SELECT TO rosh_web USING (
  practitioner_code = triage.own_staff_code() AND state = 'concluded' AND triage.asked_about(id));
CREATE POLICY asked ON triage.findings FOR SELECT TO rosh_web USING (
  triage.own_staff_code() IS NOT NULL AND {SEEN_WHOLE});
DROP POLICY mine_first ON triage.own_views;
CREATE POLICY mine_first ON triage.own_views FOR SELECT TO rosh_web USING (
  {SEEN_WHOLE} AND triage.own_staff_code() IS NULL AND ({MINE} OR {CONCLUDED}));
CREATE POLICY seen ON triage.claims FOR SELECT TO rosh_web USING ({SEEN_WHOLE});
CREATE POLICY mine ON triage.claims FOR INSERT TO rosh_web WITH CHECK ({MINE} AND {SEEN_OPEN});
CREATE POLICY seen ON triage.answers FOR SELECT TO rosh_web USING ({SEEN_WHOLE});
CREATE POLICY practitioner ON triage.answers FOR INSERT TO rosh_web
  WITH CHECK ({MINE} AND triage.own_staff_code() IS NOT NULL AND {SEEN_WHOLE});
CREATE POLICY unit ON triage.acute FOR SELECT TO rosh_web USING (
  pdu_code = triage.own_pdu() OR practitioner_code = triage.own_staff_code());
CREATE POLICY night ON triage.acute FOR ALL TO rosh_night USING (true) WITH CHECK (true);
CREATE POLICY seen ON triage.acknowledgements FOR SELECT TO rosh_web
  USING (EXISTS (SELECT 1 FROM triage.acute a WHERE a.id = acute_id AND NOT a.limited));
CREATE POLICY night ON triage.acknowledgements FOR SELECT TO rosh_night USING (true);
CREATE POLICY mine ON triage.acknowledgements FOR INSERT TO rosh_web WITH CHECK (
  {MINE} AND EXISTS (SELECT 1 FROM triage.acute a WHERE a.id = acute_id));
CREATE POLICY night ON triage.answers FOR ALL TO rosh_night USING (true)
  WITH CHECK (kind = 'reassessed');
"""

GRANTS = """
REVOKE ALL ON FUNCTION triage.own_staff_code(), triage.asked_about(bigint),
  triage.held_by(bigint), triage.begun(bigint), triage.nobody_else_holds(),
  triage.one_reader_holds(), triage.holder_records(),
  triage.answer_to_what_was_asked(), triage.audit_digest(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION triage.audit_digest(bigint) TO rosh_night;
GRANT EXECUTE ON FUNCTION triage.own_staff_code(), triage.asked_about(bigint),
  triage.held_by(bigint), triage.begun(bigint) TO rosh_web, rosh_night;
GRANT SELECT ON triage.claims, triage.answers TO rosh_web;
GRANT INSERT (item_id, username, until) ON triage.claims TO rosh_web;
GRANT INSERT (item_id, username, kind, words, planned_on) ON triage.answers TO rosh_web;
GRANT SELECT, INSERT ON triage.answers TO rosh_night;
GRANT SELECT ON triage.acute TO rosh_web;
GRANT SELECT ON triage.acknowledgements TO rosh_web;
GRANT INSERT (acute_id, username, done) ON triage.acknowledgements TO rosh_web;
GRANT SELECT, INSERT ON triage.acute TO rosh_night;
GRANT UPDATE (limited, listed_as, what, detail, source, certainty, disclosable, disputed,
  withdrawn, pdu_code, practitioner_code) ON triage.acute TO rosh_night;
GRANT SELECT ON triage.acknowledgements TO rosh_night;
GRANT UPDATE (practitioner_code) ON triage.items TO rosh_night;
"""


def upgrade() -> None:
    """Add to what stands; no row that was kept is touched."""
    for part in (TABLES, FUNCTIONS, TRIGGERS, POLICIES, GRANTS):
        op.execute(part)
