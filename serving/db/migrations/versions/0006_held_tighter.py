"""What a hostile review found: races, what a blind reader could tell, what stayed readable.

The database keeps by itself: a right to claim is looked at again after the lock; neither reader
learns of the other while one is blind; events are numbered in the order in which they commit; an
ended session is no session.

Its rules are history: what holds now stands in `serving/db/rules`.
"""

from alembic import op

revision = "2026_11_25_held_tighter"
down_revision = "2026_11_25_stop"

TABLES = """
ALTER TABLE triage.second_reads ALTER COLUMN pdu_code DROP NOT NULL;
ALTER TABLE triage.users ADD CONSTRAINT users_hand CHECK (
  role NOT IN ('spo', 'head') OR staff_code IS NOT NULL OR made_up OR ended_at IS NOT NULL)
  NOT VALID;
CREATE INDEX ON triage.own_views (username, at);
CREATE INDEX ON triage.claims (username);
CREATE INDEX ON triage.items (crn);
-- Beside the figures, so that a picture of many nights reads the figures alone.
ALTER TABLE triage.snapshots ADD COLUMN parts jsonb NOT NULL DEFAULT '{}';
CREATE INDEX ON triage.snapshots (as_of, id);
CREATE INDEX ON triage.audit (subject_id);
CREATE INDEX ON triage.audit USING gin ((details -> 'crns'));
CREATE TABLE triage.shadows (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  as_of date NOT NULL,
  approval_id bigint NOT NULL REFERENCES triage.approvals,
  figures jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE triage.incidents (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  follows bigint REFERENCES triage.incidents,
  kind text NOT NULL CHECK (kind IN ('missed', 'wrong', 'data', 'access', 'use', 'other')),
  words text NOT NULL CHECK (length(btrim(words)) >= 20),
  closes boolean NOT NULL DEFAULT false CHECK (NOT closes OR follows IS NOT NULL),
  username text NOT NULL REFERENCES triage.users,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON triage.incidents (follows);
"""

BOARD = "triage.on_board() OR triage.has_role('analyst')"
WATCHED = (
    "".join(
        f"""
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON triage.{name}
  FOR EACH ROW EXECUTE FUNCTION triage.never_changed();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON triage.{name}
  FOR EACH STATEMENT EXECUTE FUNCTION triage.never_changed();
ALTER TABLE triage.{name} ENABLE ROW LEVEL SECURITY;
ALTER TABLE triage.{name} FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON triage.{name} FOR ALL TO rosh_owner USING (true) WITH CHECK (true);
CREATE POLICY board ON triage.{name} FOR SELECT TO rosh_web USING ({BOARD});
GRANT SELECT ON triage.{name} TO rosh_web, rosh_night;
"""
        for name in ("shadows", "incidents")
    )
    + f"""
CREATE POLICY night ON triage.shadows FOR ALL TO rosh_night USING (true) WITH CHECK (true);
GRANT INSERT ON triage.shadows TO rosh_night;
CREATE POLICY night ON triage.incidents FOR SELECT TO rosh_night USING (true);
CREATE POLICY report ON triage.incidents FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND ({BOARD}));
GRANT INSERT (follows, kind, words, closes, username) ON triage.incidents TO rosh_web;
"""
)

FUNCTIONS = r"""
CREATE FUNCTION triage.holder_of(item bigint) RETURNS text STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT last.username FROM (SELECT username, until, at FROM claims
     WHERE item_id = item ORDER BY id DESC LIMIT 1) last WHERE until > clock_timestamp()
     AND NOT EXISTS (SELECT 1 FROM conclusions c WHERE c.item_id = item AND c.at >= last.at) $$;

CREATE OR REPLACE FUNCTION triage.nobody_began(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT NOT EXISTS (SELECT 1 FROM own_views WHERE item_id = item)
     AND holder_of(item) IS NULL $$;

-- Whoever began a case may end it, and look at it for 90 days, also where the time of standing in
-- is over.
CREATE OR REPLACE FUNCTION triage.taken_by_me(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT has_role('spo') AND (
       EXISTS (SELECT 1 FROM own_views WHERE item_id = item AND username = app_user()
               AND at > now() - interval '90 days')
       OR coalesce(holder_of(item) = app_user(), false)) $$;

-- Only views after the conclusion are those of a second reader: one given up before it is none.
CREATE OR REPLACE FUNCTION triage.second_reader(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT EXISTS (
       SELECT 1 FROM second_reads s JOIN conclusions c USING (item_id)
       WHERE s.item_id = item AND has_role('spo') AND s.pdu_code = own_pdu()
         AND s.at > now() - interval '28 days' AND c.username <> app_user()
         AND NOT EXISTS (SELECT 1 FROM own_views v WHERE v.item_id = s.item_id
                         AND ((v.at > c.at AND v.username <> app_user())
                              OR (v.at <= c.at AND v.username = app_user())))) $$;

CREATE OR REPLACE FUNCTION triage.second_reads_for_me() RETURNS SETOF bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT s.item_id FROM second_reads s
     WHERE s.at > now() - interval '28 days' AND s.pdu_code = own_pdu()
       AND second_reader(s.item_id) $$;

CREATE OR REPLACE FUNCTION triage.blind_to() RETURNS SETOF bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT s.item_id FROM second_reads s JOIN conclusions c USING (item_id)
     WHERE has_role('spo') AND s.pdu_code IS NOT NULL AND s.at > now() - interval '28 days'
       AND c.username <> app_user()
       AND NOT EXISTS (SELECT 1 FROM own_views v WHERE v.item_id = s.item_id AND v.at > c.at) $$;

CREATE OR REPLACE FUNCTION triage.granted_to_me() RETURNS SETOF bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT second_reads_for_me()
     UNION ALL
     SELECT item_id FROM own_views WHERE has_role('spo') AND username = app_user()
       AND at > now() - interval '90 days'
     UNION ALL
     SELECT item_id FROM (SELECT DISTINCT item_id FROM claims WHERE username = app_user()
                            AND until > clock_timestamp()) held
     WHERE taken_by_me(item_id)
     UNION ALL
     SELECT i.id FROM items i
     WHERE i.state = 'open'
       AND i.pdu_code IN (SELECT unit FROM (SELECT DISTINCT pdu_code AS unit FROM cover) u
                          WHERE stands_in(unit))
       AND working_days(i.as_of) > 2 AND nobody_began(i.id) $$;

-- One case is asked about, not the whole set: a page asks this once a row.
CREATE OR REPLACE FUNCTION triage.readable(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT EXISTS (SELECT 1 FROM items i WHERE i.id = item AND (
       i.pdu_code = own_pdu() OR taken_by_me(i.id) OR second_reader(i.id)
       OR (i.state = 'open' AND stands_in(i.pdu_code) AND working_days(i.as_of) > 2
           AND nobody_began(i.id)))) $$;

-- Who holds a concluded case is its second reader: told to who could be that reader, no one else.
CREATE OR REPLACE FUNCTION triage.held_by(item bigint) RETURNS text STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT holder FROM (SELECT holder_of(item) AS holder) h
     WHERE holder IS NOT NULL AND readable(item)
       AND (holder = app_user() OR second_reader(item)
            OR EXISTS (SELECT 1 FROM items WHERE id = item AND state = 'open')) $$;

CREATE OR REPLACE FUNCTION triage.nobody_else_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  IF holder_of(NEW.item_id) <> NEW.username THEN
    RAISE EXCEPTION 'the case is held by another reader';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION triage.holder_records() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  IF holder_of(NEW.item_id) IS DISTINCT FROM NEW.username THEN
    RAISE EXCEPTION 'a view is recorded by the reader who holds the case';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION triage.one_reader_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  -- Two at once: the second waits here, and then finds the first one's claim.
  -- No key update: rows of a night that refer to the case do not make a reader wait.
  PERFORM 1 FROM items WHERE id = NEW.item_id FOR NO KEY UPDATE;
  PERFORM 1 FROM items WHERE id = NEW.item_id AND (state = 'open' OR second_reader(id));
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the case is not open to be claimed';
  END IF;
  IF had_a_hand(NEW.item_id) THEN
    RAISE EXCEPTION 'the reader had a hand in the case: another team reads it';
  END IF;
  IF holder_of(NEW.item_id) <> NEW.username THEN
    RAISE EXCEPTION 'the case is held by another reader';
  END IF;
  -- Asked after the lock: a deputy's right ends when one of the unit begins.
  IF NOT readable(NEW.item_id) THEN
    RAISE EXCEPTION 'the case is not this reader''s to claim any more';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION triage.draw_second_reader() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
DECLARE
  said findings;
  unit text;
  low boolean;
  rate double precision;
BEGIN
  SELECT * INTO said FROM findings WHERE item_id = NEW.item_id;
  SELECT EXISTS (SELECT 1 FROM own_views v, jsonb_each_text(v.verdicts) e
    WHERE v.item_id = NEW.item_id AND v.username = NEW.username AND e.value = 'too_low') INTO low;
  -- Of the cases drawn at random: every "too low", a fifth of the rest. Of those that were flagged:
  -- one in twenty whatever was concluded, so that being asked tells a second reader nothing.
  rate := CASE WHEN said.drawn_as = 'flagged' THEN 0.05 WHEN low THEN 1 ELSE 0.2 END;
  IF said.draw < rate THEN
    -- The nearest unit with somebody who can read it; among those equally near, by a keyed order.
    SELECT u.pdu_code INTO unit FROM users u, items i
      WHERE i.id = NEW.item_id AND u.role = 'spo' AND u.ended_at IS NULL
        AND u.username <> NEW.username AND (u.staff_code IS NULL OR NOT i.hands ? u.staff_code)
        AND NOT EXISTS (SELECT 1 FROM own_views v
                        WHERE v.item_id = NEW.item_id AND v.username = u.username)
      ORDER BY u.pdu_code = i.pdu_code DESC, left(u.pdu_code, 3) = left(i.pdu_code, 3) DESC,
               md5(i.shuffle || u.pdu_code) LIMIT 1;
    -- Drawn and nobody to read it is kept as that (no unit): the board sees what was not read.
    INSERT INTO second_reads (item_id, pdu_code, probability, due_on)
      VALUES (NEW.item_id, unit, rate, current_date + 14);
  END IF;
  RETURN NEW;
END $$;

-- Numbers are given in the order of commits: whoever asks "after n" misses nothing.
CREATE OR REPLACE FUNCTION triage.leave_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('triage.events'));
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

-- What was concluded of a case that is limited now is not sent out: its CRN is.
CREATE FUNCTION triage.events_after(known bigint, most integer)
RETURNS TABLE (id bigint, body jsonb) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT e.id, CASE WHEN EXISTS (
         SELECT 1 FROM items i WHERE i.limited
           AND i.crn = e.body #>> '{personReference,identifiers,0,value}')
       THEN e.body - 'additionalInformation' ELSE e.body END
     FROM (SELECT * FROM events WHERE has_role('batch') AND events.id > known
           ORDER BY events.id LIMIT most) e ORDER BY e.id $$;

CREATE OR REPLACE FUNCTION triage.session_user_of(known text)
RETURNS TABLE (username text, name text, role text, pdu_code text, live boolean) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT u.username, u.name, u.role, u.pdu_code, s.until > clock_timestamp()
     FROM sessions s JOIN users u USING (username)
     WHERE s.id = known AND s.ended_at IS NULL AND u.ended_at IS NULL
       AND s.until > clock_timestamp() - interval '16 hours' $$;

-- Also the files that the case stood in.
CREATE OR REPLACE FUNCTION triage.audit_about(about text) RETURNS SETOF triage.audit STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT seq, at, who, what, subject_type, subject_id, details - 'crns', previous, digest
     FROM audit WHERE asking(about) AND (subject_id = about OR details -> 'crns' ? about)
     ORDER BY seq $$;

-- A reader's own reviews of cases limited since: that they were, and nothing of them.
CREATE FUNCTION triage.my_limited_reviews()
RETURNS TABLE (item_id bigint, crn text, at timestamptz) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT i.id, i.crn, c.at FROM conclusions c JOIN items i ON i.id = c.item_id
     WHERE i.limited AND c.username = app_user() AND (has_role('spo') OR has_role('head')) $$;
"""

MINE = "username = triage.app_user()"
ASKED = (
    "EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited"
    " AND triage.asking(i.crn))"
)

POLICIES = f"""
DROP POLICY seen ON triage.claims;
CREATE POLICY seen ON triage.claims FOR SELECT TO rosh_web USING ({MINE} OR {ASKED});
DROP POLICY seen ON triage.second_reads;
CREATE POLICY seen ON triage.second_reads FOR SELECT TO rosh_web
  USING (item_id IN (SELECT triage.second_reads_for_me()));
DROP POLICY batch ON triage.events;
CREATE POLICY night ON triage.sessions FOR DELETE TO rosh_night USING (true);
CREATE POLICY night_seen ON triage.sessions FOR SELECT TO rosh_night USING (true);
"""

GRANTS = """
REVOKE ALL ON FUNCTION triage.holder_of(bigint), triage.events_after(bigint, integer),
  triage.my_limited_reviews() FROM PUBLIC;
REVOKE SELECT ON triage.second_reads, triage.events FROM rosh_web;
GRANT SELECT (item_id, due_on) ON triage.second_reads TO rosh_web;
GRANT EXECUTE ON FUNCTION triage.events_after(bigint, integer), triage.my_limited_reviews()
  TO rosh_web;
GRANT UPDATE (hands) ON triage.items TO rosh_night;
GRANT SELECT (until), DELETE ON triage.sessions TO rosh_night;
"""


def upgrade() -> None:
    """Replace rules by tighter ones; no row that was kept is touched."""
    for part in (TABLES, WATCHED, FUNCTIONS, POLICIES, GRANTS):
        op.execute(part)
