"""Limits of access by named user and day; a case that is closed after it was queued.

The database keeps by itself: whom a limit lets in is one function, asked by every rule; of a case
of limited access they alone see what was asked and answered, and nobody the record or the findings;
a limit told by day closes the case in the same moment; a case that was looked at by hand leaves the
queue, and no other way leads out of it.

Its rules are history: what holds now stands in `serving/db/rules`.
"""

from alembic import op

revision = "2026_11_25_limits_by_name"
down_revision = "2026_11_25_held_tighter"

TABLES = """
CREATE TABLE triage.limits (
  crn text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('exclusion', 'restriction')),
  username text NOT NULL,
  ended_on date,
  told_at timestamptz,
  PRIMARY KEY (crn, kind, username)
);
ALTER TABLE triage.limits ENABLE ROW LEVEL SECURITY;
ALTER TABLE triage.limits FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON triage.limits FOR ALL TO rosh_owner USING (true) WITH CHECK (true);
CREATE POLICY night ON triage.limits FOR ALL TO rosh_night USING (true) WITH CHECK (true);
CREATE INDEX ON triage.limited_checks (crn, id);
CREATE INDEX items_limited ON triage.items (crn) WHERE limited;
ALTER TABLE triage.items DROP CONSTRAINT items_state_check;
ALTER TABLE triage.items ADD CONSTRAINT items_state_check CHECK (
  state IN ('open', 'concluded') OR (state = 'by_hand' AND person = '{}'));
"""

FUNCTIONS = r"""
-- 'named': a limit in force lets this reader in; 'unknown': it does not say whom; else 'closed'.
CREATE FUNCTION triage.access(about text) RETURNS text STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
  WITH me AS (
    SELECT upper(username) AS name FROM users
    WHERE username = app_user() AND ended_at IS NULL AND role IN ('spo', 'head', 'practitioner')
      -- Who is not known to NDelius is let in by no name (the rule of HMPPS services).
      AND (staff_code IS NOT NULL OR made_up)),
  l AS (
    SELECT kind, upper(username) AS name FROM limits
    WHERE crn = about AND (ended_on IS NULL OR ended_on > current_date))
  SELECT CASE
    WHEN NOT EXISTS (SELECT 1 FROM me)
      OR EXISTS (SELECT 1 FROM l, me WHERE kind = 'exclusion' AND l.name = me.name)
      OR (EXISTS (SELECT 1 FROM l WHERE kind = 'restriction' AND name <> '')
          AND NOT EXISTS (SELECT 1 FROM l, me WHERE kind = 'restriction' AND l.name = me.name))
    THEN 'closed'
    WHEN NOT EXISTS (SELECT 1 FROM l) OR EXISTS (SELECT 1 FROM l WHERE name = '') THEN 'unknown'
    ELSE 'named' END $$;

-- A limit that another service tells of by day: the case is closed at once, and opened by no call.
-- One at a time with the night, which must not write what was read before it was told.
CREATE FUNCTION triage.limit_told(about text, kinds text[], names text[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  IF NOT has_role('batch') THEN
    RAISE EXCEPTION 'limits are told by services alone';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('triage.limits'));
  -- "The only users who may see it" takes the place of those named before; exclusions add up.
  IF EXISTS (SELECT 1 FROM unnest(kinds, names) AS told(k, n) WHERE k = 'restriction' AND n <> '')
  THEN
    DELETE FROM limits WHERE crn = about AND kind = 'restriction';
  END IF;
  INSERT INTO limits (crn, kind, username, told_at)
    SELECT DISTINCT about, k, n, now() FROM unnest(kinds, names) AS told(k, n)
    ON CONFLICT (crn, kind, username) DO UPDATE SET ended_on = NULL, told_at = EXCLUDED.told_at;
  UPDATE items SET limited = true, person = '{}' WHERE crn = about AND NOT limited;
  UPDATE acute SET limited = true, listed_as = '', what = '', detail = '', source = '',
    certainty = '' WHERE crn = about AND NOT limited;
  UPDATE caseload SET limited = true, practitioner_code = NULL WHERE crn = about AND NOT limited;
  DELETE FROM facts WHERE crn = about;
  RETURN EXISTS (SELECT 1 FROM caseload WHERE crn = about);
END $$;

-- Told by day and not yet in the list that the night reads.
CREATE FUNCTION triage.told_limited(about text) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT EXISTS (SELECT 1 FROM limits WHERE crn = about AND told_at IS NOT NULL) $$;

-- What was asked about a case limited since, for whom it is not open: that it was, and no more.
CREATE FUNCTION triage.closed_requests()
RETURNS TABLE (item_id bigint, crn text, asked_at timestamptz) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT i.id, i.crn, c.at FROM items i JOIN conclusions c ON c.item_id = i.id
     WHERE i.limited AND c.outcome IN ('ask_reassessment', 'need_information')
       AND (i.pdu_code = own_pdu() OR i.practitioner_code = own_staff_code())
       AND access(i.crn) <> 'named'
       AND i.id NOT IN (SELECT blind_to())
       AND NOT EXISTS (SELECT 1 FROM answers a WHERE a.item_id = i.id AND a.kind = 'reassessed')
  $$;

-- Which of a reader's own reviews were the last: found first, so that the rules are asked of these.
CREATE FUNCTION triage.my_last_reviews(most integer) RETURNS SETOF bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT c.item_id FROM conclusions c JOIN items i ON i.id = c.item_id
     WHERE c.username = app_user() AND NOT i.limited ORDER BY c.at DESC LIMIT most $$;

-- Limited cases of the own unit, or held by oneself, that let this reader in by name. What was
-- asked of them is told by functions of its own: in the policies it would slow every other case.
CREATE FUNCTION triage.named_to_me() RETURNS SETOF bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT i.id FROM items i WHERE i.limited
       AND (i.pdu_code = own_pdu() OR i.practitioner_code = own_staff_code())
       AND access(i.crn) = 'named' $$;

CREATE FUNCTION triage.named_requests()
RETURNS TABLE (item_id bigint, about text, holder text, outcome text, groups jsonb, reasons text,
               asked_by text, asked_at timestamptz) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT i.id, i.crn, i.practitioner_code, c.outcome, c.groups, c.reasons, u.name, c.at
     FROM items i JOIN conclusions c ON c.item_id = i.id JOIN users u ON u.username = c.username
     WHERE i.id IN (SELECT named_to_me()) AND i.id NOT IN (SELECT blind_to())
       AND c.outcome IN ('ask_reassessment', 'need_information') $$;

CREATE FUNCTION triage.named_answers()
RETURNS TABLE (item_id bigint, kind text, words text, planned_on date, at timestamptz, name text)
STABLE LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT a.item_id, a.kind, a.words, a.planned_on, a.at, u.name
     FROM answers a LEFT JOIN users u ON u.username = a.username
     WHERE a.item_id IN (SELECT named_to_me()) AND a.item_id NOT IN (SELECT blind_to())
     ORDER BY a.id $$;

-- The unit's limited cases: those that it holds, and those that wait in its queue (whoever holds
-- them now), with whether they wait, and who looked last.
CREATE FUNCTION triage.limited_of_unit()
RETURNS TABLE (about text, let_in text, waiting boolean, checked_at timestamptz, checked_by text)
STABLE LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
  WITH ours AS (
    SELECT c.crn FROM caseload c WHERE c.limited AND c.pdu_code = own_pdu()
    UNION
    SELECT i.crn FROM items i WHERE i.limited AND i.state = 'open' AND i.pdu_code = own_pdu())
  SELECT o.crn, access(o.crn),
         EXISTS (SELECT 1 FROM items i WHERE i.crn = o.crn AND i.limited AND i.state = 'open'),
         k.at, u.name
  FROM ours o
  LEFT JOIN LATERAL (SELECT at, username FROM limited_checks
                     WHERE crn = o.crn ORDER BY id DESC LIMIT 1) k ON true
  LEFT JOIN users u ON u.username = k.username
  ORDER BY 3 DESC, k.at NULLS FIRST, o.crn $$;

CREATE FUNCTION triage.acute_done(entry bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT EXISTS (SELECT 1 FROM acknowledgements k JOIN acute a ON a.id = k.acute_id
       WHERE a.id = entry
         AND (a.pdu_code = own_pdu() OR a.practitioner_code = own_staff_code())) $$;

-- What was concluded of a case that is limited now is not sent out: its CRN is.
CREATE OR REPLACE FUNCTION triage.events_after(known bigint, most integer)
RETURNS TABLE (id bigint, body jsonb) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT e.id, CASE WHEN EXISTS (
         SELECT 1 FROM items i WHERE i.limited AND i.state <> 'by_hand'
           AND i.crn = e.body #>> '{personReference,identifiers,0,value}')
         OR EXISTS (SELECT 1 FROM limits l
                    WHERE l.crn = e.body #>> '{personReference,identifiers,0,value}')
       THEN e.body - 'additionalInformation' ELSE e.body END
     FROM (SELECT * FROM events WHERE has_role('batch') AND events.id > known
           ORDER BY events.id LIMIT most) e ORDER BY e.id $$;

CREATE FUNCTION triage.looked_at_by_hand() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  UPDATE items SET state = 'by_hand', person = '{}'
    WHERE crn = NEW.crn AND state = 'open' AND limited;
  RETURN NEW;
END $$;
CREATE FUNCTION triage.only_these_turns() RETURNS trigger
LANGUAGE plpgsql SET search_path = triage, pg_temp AS $$
BEGIN
  IF OLD.state <> NEW.state AND (OLD.state <> 'open' OR NOT (
       NEW.state = 'concluded' OR (NEW.state = 'by_hand' AND OLD.limited))) THEN
    RAISE EXCEPTION 'no such turn leads out of the queue';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER only_these_turns BEFORE UPDATE ON triage.items
  FOR EACH ROW EXECUTE FUNCTION triage.only_these_turns();
CREATE TRIGGER leaves_the_queue AFTER INSERT ON triage.limited_checks
  FOR EACH ROW EXECUTE FUNCTION triage.looked_at_by_hand();
"""

READ_BY_NAME = (
    "EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited)"
    " OR item_id IN (SELECT triage.named_to_me())"
)
ACUTE_OPEN = (
    "EXISTS (SELECT 1 FROM triage.acute a WHERE a.id = acute_id"
    " AND (NOT a.limited OR triage.access(a.crn) <> 'closed'))"
)
MINE = "username = triage.app_user()"

POLICIES = f"""
DROP POLICY practitioner ON triage.answers;
CREATE POLICY practitioner ON triage.answers FOR INSERT TO rosh_web
  WITH CHECK ({MINE} AND triage.own_staff_code() IS NOT NULL AND ({READ_BY_NAME}));
DROP POLICY mine ON triage.limited_checks;
CREATE POLICY mine ON triage.limited_checks FOR INSERT TO rosh_web WITH CHECK (
  {MINE} AND EXISTS (SELECT 1 FROM triage.limited_of_unit() l
                     WHERE l.about = limited_checks.crn AND l.let_in <> 'closed'));
DROP POLICY unit ON triage.limited_checks;
CREATE POLICY asked_later ON triage.limited_checks FOR SELECT TO rosh_web
  USING (triage.asking(crn));
DROP POLICY seen ON triage.acknowledgements;
CREATE POLICY seen ON triage.acknowledgements FOR SELECT TO rosh_web USING (
  EXISTS (SELECT 1 FROM triage.acute a WHERE a.id = acute_id
          AND (NOT a.limited OR triage.access(a.crn) = 'named')));
DROP POLICY mine ON triage.acknowledgements;
CREATE POLICY mine ON triage.acknowledgements FOR INSERT TO rosh_web
  WITH CHECK ({MINE} AND {ACUTE_OPEN});
"""

GRANTS = """
REVOKE ALL ON FUNCTION triage.access(text), triage.limit_told(text, text[], text[]),
  triage.told_limited(text), triage.closed_requests(), triage.limited_of_unit(),
  triage.named_to_me(), triage.named_requests(), triage.named_answers(),
  triage.my_last_reviews(integer), triage.acute_done(bigint), triage.looked_at_by_hand(),
  triage.only_these_turns() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION triage.access(text), triage.limit_told(text, text[], text[]),
  triage.told_limited(text), triage.closed_requests(), triage.limited_of_unit(),
  triage.named_to_me(), triage.named_requests(), triage.named_answers(),
  triage.my_last_reviews(integer), triage.acute_done(bigint) TO rosh_web;
REVOKE SELECT ON triage.limited_checks FROM rosh_web;
GRANT SELECT (id, crn, username, at) ON triage.limited_checks TO rosh_web;
GRANT EXECUTE ON FUNCTION triage.told_limited(text) TO rosh_night;
GRANT SELECT, INSERT, UPDATE, DELETE ON triage.limits TO rosh_night;
"""


def upgrade() -> None:
    """Add to what stands; no row that was kept is touched."""
    for part in (TABLES, FUNCTIONS, POLICIES, GRANTS):
        op.execute(part)
