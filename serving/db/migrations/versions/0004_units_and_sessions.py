"""The whole caseload of a unit, facts, limited cases, holds, events, sessions, drafts.

The database keeps by itself: each conclusion leaves an event; a session can be ended; what was
typed when a session ran out is seen by the person who typed it alone.

Its rules are history: what holds now stands in `serving/db/rules`.
"""

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

FUNCTIONS = r"""
CREATE FUNCTION triage.leave_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  INSERT INTO events (event_type, body)
  SELECT 'rosh-triage.review.concluded', jsonb_build_object(
    'eventType', 'rosh-triage.review.concluded', 'version', 1,
    'occurredAt', to_char(NEW.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'description', 'A senior probation officer concluded a review of recorded levels',
    'detailUrl', '/v1/cases/' || NEW.item_id || '/conclusion',
    'additionalInformation', jsonb_build_object('outcome', NEW.outcome, 'groups', NEW.groups),
    'personReference', jsonb_build_object('identifiers',
      jsonb_build_array(jsonb_build_object('type', 'CRN', 'value', i.crn))))
  FROM items i WHERE i.id = NEW.item_id;
  RETURN NEW;
END $$;

CREATE FUNCTION triage.session_begin(new_id text, who text, ends timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ INSERT INTO sessions (id, username, until)
     SELECT new_id, username, ends FROM users WHERE username = who AND ended_at IS NULL $$;

CREATE FUNCTION triage.session_user_of(known text)
RETURNS TABLE (username text, name text, role text, pdu_code text, live boolean) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT u.username, u.name, u.role, u.pdu_code,
            s.ended_at IS NULL AND s.until > clock_timestamp()
     FROM sessions s JOIN users u USING (username) WHERE s.id = known AND u.ended_at IS NULL $$;

CREATE FUNCTION triage.session_end(known text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ UPDATE sessions SET ended_at = clock_timestamp() WHERE id = known AND ended_at IS NULL $$;

CREATE FUNCTION triage.audit_about(about text) RETURNS SETOF triage.audit STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT * FROM audit WHERE asking(about) AND subject_id = about ORDER BY seq $$;
"""

FUNCTIONS += r"""
CREATE FUNCTION triage.conclusion_for_batch(item bigint)
RETURNS TABLE (crn text, outcome text, groups jsonb, reasons text, name text, at timestamptz) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT i.crn, c.outcome, c.groups, c.reasons, u.name, c.at
     FROM conclusions c JOIN items i ON i.id = c.item_id JOIN users u USING (username)
     WHERE has_role('batch') AND c.item_id = item AND NOT i.limited $$;
"""

APPEND_ONLY = ("limited_checks", "holds", "events")

TRIGGERS = (
    "".join(
        f"""
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON triage.{name}
  FOR EACH ROW EXECUTE FUNCTION triage.never_changed();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON triage.{name}
  FOR EACH STATEMENT EXECUTE FUNCTION triage.never_changed();
"""
        for name in APPEND_ONLY
    )
    + "".join(
        f"""
ALTER TABLE triage.{name} ENABLE ROW LEVEL SECURITY;
ALTER TABLE triage.{name} FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON triage.{name} FOR ALL TO rosh_owner USING (true) WITH CHECK (true);
"""
        for name in (*APPEND_ONLY, "caseload", "facts", "sessions", "drafts")
    )
    + """
CREATE TRIGGER told AFTER INSERT ON triage.conclusions
  FOR EACH ROW EXECUTE FUNCTION triage.leave_event();
"""
)

MINE = "username = triage.app_user()"

POLICIES = f"""
CREATE POLICY unit ON triage.caseload FOR SELECT TO rosh_web USING (
  pdu_code = (SELECT triage.own_pdu()) OR crn = (SELECT triage.asked_crn()));
CREATE POLICY unit ON triage.facts FOR SELECT TO rosh_web
  USING (pdu_code = (SELECT triage.own_pdu()));
CREATE POLICY unit ON triage.limited_checks FOR SELECT TO rosh_web USING (
  EXISTS (SELECT 1 FROM triage.caseload c WHERE c.crn = limited_checks.crn));
CREATE POLICY mine ON triage.limited_checks FOR INSERT TO rosh_web WITH CHECK ({MINE} AND
  EXISTS (SELECT 1 FROM triage.caseload c WHERE c.crn = limited_checks.crn AND c.limited));
CREATE POLICY seen ON triage.holds FOR SELECT TO rosh_web USING (triage.has_role('inspector'));
CREATE POLICY mine ON triage.holds FOR INSERT TO rosh_web WITH CHECK (
  {MINE} AND triage.has_role('inspector'));
CREATE POLICY batch ON triage.events FOR SELECT TO rosh_web USING (triage.has_role('batch'));
CREATE POLICY mine ON triage.drafts FOR ALL TO rosh_web USING ({MINE}) WITH CHECK ({MINE});
CREATE POLICY night ON triage.drafts FOR DELETE TO rosh_night USING (true);
CREATE POLICY night_seen ON triage.drafts FOR SELECT TO rosh_night USING (true);
CREATE POLICY night ON triage.holds FOR SELECT TO rosh_night USING (true);
CREATE POLICY night ON triage.caseload FOR ALL TO rosh_night USING (true) WITH CHECK (true);
CREATE POLICY night ON triage.facts FOR ALL TO rosh_night USING (true) WITH CHECK (true);
"""

GRANTS = """
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA triage FROM PUBLIC;
GRANT EXECUTE ON FUNCTION triage.session_begin(text, text, timestamptz),
  triage.session_user_of(text), triage.session_end(text), triage.audit_about(text),
  triage.conclusion_for_batch(bigint) TO rosh_web;
GRANT SELECT ON triage.caseload, triage.facts, triage.limited_checks, triage.holds, triage.events
  TO rosh_web;
GRANT INSERT (crn, username, words) ON triage.limited_checks TO rosh_web;
GRANT INSERT (crn, placed, username, reasons) ON triage.holds TO rosh_web;
GRANT SELECT, INSERT, UPDATE, DELETE ON triage.drafts TO rosh_web;
GRANT SELECT, DELETE ON triage.drafts TO rosh_night;
GRANT SELECT ON triage.holds TO rosh_night;
GRANT SELECT, INSERT, UPDATE, DELETE ON triage.caseload, triage.facts TO rosh_night;
"""


def upgrade() -> None:
    """Add to what stands; no row that was kept is touched."""
    for part in (TABLES, FUNCTIONS, TRIGGERS, POLICIES, GRANTS):
        op.execute(part)
