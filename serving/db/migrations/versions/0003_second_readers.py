"""Second readers, standing in, newer scores, roles for afterwards.

The database keeps by itself: a second reader is drawn when a case is concluded, and neither reader
sees anything of the other before both views are recorded; who had a hand in a case does not read
it; an inspector sees the one case that was asked about.

Its rules are history: what holds now stands in `serving/db/rules`.
"""

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

FUNCTIONS = r"""
CREATE OR REPLACE FUNCTION triage.own_pdu() RETURNS text STABLE LANGUAGE sql AS
  $$ SELECT pdu_code FROM triage.users
     WHERE username = triage.app_user() AND role IN ('spo', 'head') AND ended_at IS NULL $$;

CREATE OR REPLACE FUNCTION triage.own_staff_code() RETURNS text STABLE LANGUAGE sql AS
  $$ SELECT staff_code FROM triage.users
     WHERE username = triage.app_user() AND role = 'practitioner' AND ended_at IS NULL $$;

CREATE OR REPLACE FUNCTION triage.on_board() RETURNS boolean STABLE LANGUAGE sql AS
  $$ SELECT EXISTS (SELECT 1 FROM triage.users
     WHERE username = triage.app_user() AND role = 'board' AND ended_at IS NULL) $$;

CREATE FUNCTION triage.has_role(wanted text) RETURNS boolean STABLE LANGUAGE sql AS
  $$ SELECT EXISTS (SELECT 1 FROM triage.users
     WHERE username = triage.app_user() AND role = wanted AND ended_at IS NULL) $$;

CREATE FUNCTION triage.asked_crn() RETURNS text STABLE LANGUAGE sql AS
  $$ SELECT nullif(current_setting('rosh.asked_crn', true), '')
     WHERE triage.has_role('inspector') $$;

CREATE FUNCTION triage.asking(about text) RETURNS boolean STABLE LANGUAGE sql AS
  $$ SELECT coalesce(about = triage.asked_crn(), false) $$;

CREATE FUNCTION triage.working_days(since date) RETURNS bigint STABLE LANGUAGE sql AS
  $$ SELECT count(*) FROM generate_series(since + 1, current_date, interval '1 day') day
     WHERE extract(isodow FROM day) < 6 $$;

CREATE FUNCTION triage.stands_in(unit text) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT coalesce((SELECT deputy FROM cover WHERE pdu_code = unit ORDER BY id DESC LIMIT 1)
       = app_user() AND has_role('spo'), false) $$;

CREATE FUNCTION triage.taken_by_me(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT EXISTS (SELECT 1 FROM own_views WHERE item_id = item AND username = app_user())
     OR EXISTS (SELECT 1 FROM claims WHERE item_id = item AND username = app_user()) $$;

CREATE FUNCTION triage.nobody_began(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT NOT EXISTS (SELECT 1 FROM own_views WHERE item_id = item)
     AND NOT coalesce((SELECT until > clock_timestamp() FROM claims
                       WHERE item_id = item ORDER BY id DESC LIMIT 1), false) $$;

-- Sets, so that a policy asks once a query and not once a row.
CREATE FUNCTION triage.second_reads_for_me() RETURNS SETOF bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT s.item_id FROM second_reads s JOIN conclusions c USING (item_id)
     WHERE has_role('spo') AND s.pdu_code = own_pdu() AND s.at > now() - interval '28 days'
       AND c.username <> app_user()
       AND NOT EXISTS (SELECT 1 FROM own_views v WHERE v.item_id = s.item_id
                       AND v.username NOT IN (c.username, app_user())) $$;

CREATE FUNCTION triage.blind_to() RETURNS SETOF bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT s.item_id FROM second_reads s JOIN conclusions c USING (item_id)
     WHERE has_role('spo') AND s.at > now() - interval '28 days' AND c.username <> app_user()
       AND NOT EXISTS (SELECT 1 FROM own_views v
                       WHERE v.item_id = s.item_id AND v.username <> c.username) $$;

CREATE FUNCTION triage.granted_to_me() RETURNS SETOF bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT second_reads_for_me()
     UNION ALL
     SELECT i.id FROM items i
     WHERE i.pdu_code IN (SELECT unit FROM (SELECT DISTINCT pdu_code AS unit FROM cover) u
                          WHERE stands_in(unit))
       AND (taken_by_me(i.id) OR (i.state = 'open' AND working_days(i.as_of) > 2
                                  AND nobody_began(i.id))) $$;

CREATE FUNCTION triage.second_reader(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT item IN (SELECT second_reads_for_me()) $$;

CREATE FUNCTION triage.readable(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT EXISTS (SELECT 1 FROM items i WHERE i.id = item AND (
       i.pdu_code = own_pdu() OR i.id IN (SELECT granted_to_me()))) $$;

CREATE FUNCTION triage.had_a_hand(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT EXISTS (SELECT 1 FROM items i JOIN users u ON u.username = app_user()
     WHERE i.id = item AND i.hands ? u.staff_code) $$;

CREATE OR REPLACE FUNCTION triage.held_by(item bigint) RETURNS text STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT last.username FROM (SELECT username, until, at FROM claims
     WHERE item_id = item ORDER BY id DESC LIMIT 1) last WHERE until > clock_timestamp()
     AND NOT EXISTS (SELECT 1 FROM conclusions c WHERE c.item_id = item AND c.at >= last.at)
     AND readable(item) $$;

CREATE OR REPLACE FUNCTION triage.one_reader_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  -- Two at once: the second waits here, and then finds the first one's claim.
  PERFORM 1 FROM items WHERE id = NEW.item_id
    AND (state = 'open' OR second_reader(id)) FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the case is not open to be claimed';
  END IF;
  IF had_a_hand(NEW.item_id) THEN
    RAISE EXCEPTION 'the reader had a hand in the case: another team reads it';
  END IF;
  IF held_by(NEW.item_id) <> NEW.username THEN
    RAISE EXCEPTION 'the case is held by another reader';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION triage.draw_second_reader() RETURNS trigger
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
    SELECT u.pdu_code INTO unit FROM users u, items i
      WHERE i.id = NEW.item_id AND u.role = 'spo' AND u.ended_at IS NULL
        AND u.username <> NEW.username AND (u.staff_code IS NULL OR NOT i.hands ? u.staff_code)
      ORDER BY u.pdu_code = i.pdu_code DESC, left(u.pdu_code, 3) = left(i.pdu_code, 3) DESC,
               u.pdu_code LIMIT 1;
    IF unit IS NOT NULL THEN
      INSERT INTO second_reads (item_id, pdu_code, probability, due_on)
        VALUES (NEW.item_id, unit, rate, current_date + 14);
    END IF;
  END IF;
  RETURN NEW;
END $$;

"""

APPEND_ONLY = ("second_reads", "newer_scores", "cover")

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
        for name in APPEND_ONLY
    )
    + """
CREATE TRIGGER second AFTER INSERT ON triage.conclusions
  FOR EACH ROW EXECUTE FUNCTION triage.draw_second_reader();
"""
)

SEEN_WHOLE = "EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited)"
SEEN_OPEN = (
    "EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited"
    " AND (i.state = 'open' OR triage.second_reader(i.id)))"
)
ASKED = (
    "EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited"
    " AND triage.asking(i.crn))"
)
MINE = "username = triage.app_user()"

POLICIES = f"""
DROP POLICY own_unit ON triage.items;
CREATE POLICY own_unit ON triage.items FOR SELECT TO rosh_web
  USING (pdu_code = (SELECT triage.own_pdu()));
DROP POLICY own_cases ON triage.items;
CREATE POLICY own_cases ON triage.items FOR SELECT TO rosh_web USING (
  practitioner_code = (SELECT triage.own_staff_code()) AND state = 'concluded'
  AND triage.asked_about(id));
CREATE POLICY granted ON triage.items FOR SELECT TO rosh_web
  USING (id IN (SELECT triage.granted_to_me()));
CREATE POLICY asked_later ON triage.items FOR SELECT TO rosh_web
  USING (crn = (SELECT triage.asked_crn()));
DROP POLICY mine ON triage.own_views;
CREATE POLICY mine ON triage.own_views FOR INSERT TO rosh_web WITH CHECK ({MINE} AND {SEEN_OPEN});
DROP POLICY mine ON triage.claims;
CREATE POLICY mine ON triage.claims FOR INSERT TO rosh_web WITH CHECK ({MINE} AND {SEEN_OPEN});
CREATE POLICY blind ON triage.conclusions AS RESTRICTIVE FOR SELECT TO rosh_web
  USING (item_id NOT IN (SELECT triage.blind_to()));
CREATE POLICY blind ON triage.own_views AS RESTRICTIVE FOR SELECT TO rosh_web
  USING ({MINE} OR item_id NOT IN (SELECT triage.blind_to()));
CREATE POLICY blind ON triage.answers AS RESTRICTIVE FOR SELECT TO rosh_web
  USING (item_id NOT IN (SELECT triage.blind_to()));
CREATE POLICY asked_later ON triage.findings FOR SELECT TO rosh_web USING ({ASKED});
CREATE POLICY asked_later ON triage.own_views FOR SELECT TO rosh_web USING ({ASKED});
CREATE POLICY asked_later ON triage.openings FOR SELECT TO rosh_web USING ({ASKED});
CREATE POLICY asked_later ON triage.acute FOR SELECT TO rosh_web USING (triage.asking(crn));
CREATE POLICY seen ON triage.second_reads FOR SELECT TO rosh_web USING ({SEEN_WHOLE});
CREATE POLICY sealed ON triage.newer_scores FOR SELECT TO rosh_web USING (
  EXISTS (SELECT 1 FROM triage.findings f WHERE f.item_id = newer_scores.item_id));
CREATE POLICY seen ON triage.cover FOR SELECT TO rosh_web USING (pdu_code = triage.own_pdu());
CREATE POLICY head ON triage.cover FOR INSERT TO rosh_web WITH CHECK (
  {MINE} AND pdu_code = triage.own_pdu() AND triage.has_role('head'));
CREATE POLICY night ON triage.second_reads FOR SELECT TO rosh_night USING (true);
CREATE POLICY night ON triage.cover FOR SELECT TO rosh_night USING (true);
CREATE POLICY night ON triage.own_views FOR SELECT TO rosh_night USING (true);
CREATE POLICY night ON triage.openings FOR SELECT TO rosh_night USING (true);
CREATE POLICY night ON triage.claims FOR SELECT TO rosh_night USING (true);
CREATE POLICY night ON triage.newer_scores FOR ALL TO rosh_night USING (true) WITH CHECK (true);
"""

GRANTS = """
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA triage FROM PUBLIC;
GRANT EXECUTE ON FUNCTION triage.has_role(text), triage.asking(text), triage.working_days(date),
  triage.stands_in(text), triage.taken_by_me(bigint), triage.nobody_began(bigint),
  triage.asked_crn(), triage.second_reads_for_me(), triage.blind_to(), triage.granted_to_me(),
  triage.second_reader(bigint), triage.readable(bigint),
  triage.had_a_hand(bigint) TO rosh_web, rosh_night;
GRANT SELECT ON triage.second_reads, triage.newer_scores, triage.cover TO rosh_web;
GRANT INSERT (pdu_code, deputy, reviews_at_once, username) ON triage.cover TO rosh_web;
GRANT SELECT ON triage.second_reads, triage.cover, triage.own_views,
  triage.openings, triage.claims TO rosh_night;
GRANT SELECT, INSERT ON triage.newer_scores TO rosh_night;
"""


def upgrade() -> None:
    """Add to what stands; no row that was kept is touched."""
    for part in (TABLES, FUNCTIONS, TRIGGERS, POLICIES, GRANTS):
        op.execute(part)
