-- Who acts: the signed name of a session, the roles that a user has, moments that the database sets.

CREATE OR REPLACE FUNCTION triage.app_user() RETURNS text STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
  SELECT said.who FROM identity_keys k,
    (SELECT nullif(current_setting('rosh.username', true), '') AS who,
            nullif(current_setting('rosh.until', true), '') AS until,
            current_setting('rosh.proof', true) AS proof) said
  WHERE said.who IS NOT NULL
    AND said.until::bigint > extract(epoch FROM triage.moment())
    AND said.proof = encode(sha256(k.outer_pad || sha256(
          k.inner_pad || convert_to(said.who || '|' || said.until, 'UTF8'))), 'hex') $$;

CREATE OR REPLACE FUNCTION triage.has_role(wanted text) RETURNS boolean STABLE
LANGUAGE sql AS
  $$ SELECT EXISTS (SELECT 1 FROM triage.users
     WHERE username = triage.app_user() AND role = wanted AND ended_at IS NULL) $$;

CREATE OR REPLACE FUNCTION triage.own_pdu() RETURNS text STABLE
LANGUAGE sql AS
  $$ SELECT pdu_code FROM triage.users
     WHERE username = triage.app_user() AND role IN ('spo', 'head') AND ended_at IS NULL $$;

CREATE OR REPLACE FUNCTION triage.own_staff_code() RETURNS text STABLE
LANGUAGE sql AS
  $$ SELECT staff_code FROM triage.users
     WHERE username = triage.app_user() AND role = 'practitioner' AND ended_at IS NULL $$;

CREATE OR REPLACE FUNCTION triage.on_board() RETURNS boolean STABLE
LANGUAGE sql AS
  $$ SELECT EXISTS (SELECT 1 FROM triage.users
     WHERE username = triage.app_user() AND role = 'board' AND ended_at IS NULL) $$;

CREATE OR REPLACE FUNCTION triage.session_begin(new_id text, who text, ends timestamptz)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ INSERT INTO sessions (id, username, until)
     SELECT new_id, username, ends FROM users
     WHERE username = who AND who = app_user() AND ended_at IS NULL $$;

CREATE OR REPLACE FUNCTION triage.session_user_of(known text)
RETURNS TABLE (username text, name text, role text, pdu_code text, live boolean) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT u.username, u.name, u.role, u.pdu_code, s.until > triage.moment()
     FROM sessions s JOIN users u USING (username)
     WHERE s.id = known AND s.ended_at IS NULL AND u.ended_at IS NULL
       AND s.until > triage.moment() - interval '{{ COOKIE_HOURS - SESSION_HOURS }} hours' $$;

CREATE OR REPLACE FUNCTION triage.session_end(known text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ UPDATE sessions SET ended_at = triage.moment() WHERE id = known AND ended_at IS NULL $$;

CREATE OR REPLACE FUNCTION triage.stamp_moment() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF current_user = 'rosh_web' THEN
    NEW.at := triage.now();
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION triage.stamp_end() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF current_user = 'rosh_web' THEN
    NEW.expires_at := least(NEW.expires_at, triage.now() + interval '{{ APPROVAL_DAYS }} days');
  END IF;
  RETURN NEW;
END $$;

{% for table in [
    'approvals', 'conclusions', 'note_answers', 'openings', 'own_views', 'repeat_views', 'signatures'
]  %}
CREATE TRIGGER a_stamp_moment BEFORE INSERT ON triage.{{ table }}
  FOR EACH ROW EXECUTE FUNCTION triage.stamp_moment();
{% endfor %}

CREATE POLICY night ON triage.sessions FOR DELETE TO rosh_night
  USING (true);
CREATE POLICY night_seen ON triage.sessions FOR SELECT TO rosh_night
  USING (true);
CREATE POLICY mine ON triage.drafts
  FOR ALL TO rosh_web
  USING (username = triage.app_user())
  WITH CHECK (username = triage.app_user());
CREATE POLICY night ON triage.drafts FOR DELETE TO rosh_night
  USING (true);
CREATE POLICY night_seen ON triage.drafts FOR SELECT TO rosh_night
  USING (true);

GRANT SELECT ON triage.users TO rosh_web, rosh_night;
GRANT DELETE ON triage.sessions TO rosh_night;
GRANT SELECT (until) ON triage.sessions TO rosh_night;
GRANT SELECT, DELETE ON triage.drafts TO rosh_night;
GRANT SELECT, INSERT, UPDATE, DELETE ON triage.drafts TO rosh_web;
GRANT EXECUTE ON FUNCTION triage.app_user(), triage.has_role(text), triage.own_pdu(),
    triage.own_staff_code(), triage.on_board(), triage.stamp_moment(), triage.stamp_end() TO
    rosh_web, rosh_night;
GRANT EXECUTE ON FUNCTION triage.session_begin(text,text,timestamp with time zone),
    triage.session_user_of(text), triage.session_end(text) TO rosh_web;
