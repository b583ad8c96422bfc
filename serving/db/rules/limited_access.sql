-- Cases of limited access: what is left of them, who may know of them, and checks by hand.

-- 'named': a limit in force lets this reader in; 'unknown': it does not say whom; else 'closed'.
CREATE OR REPLACE FUNCTION triage.access(about text) RETURNS text STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
  WITH me AS (
    SELECT upper(username) AS name FROM users
    WHERE username = app_user() AND ended_at IS NULL AND role IN ('spo', 'head', 'practitioner')
      -- Who is not known to NDelius is let in by no name (the rule of HMPPS services).
      AND (staff_code IS NOT NULL OR made_up)),
  l AS (
    SELECT kind, upper(username) AS name FROM limits
    WHERE crn = about AND (ended_on IS NULL OR ended_on > triage.today()))
  SELECT CASE
    WHEN NOT EXISTS (SELECT 1 FROM me)
      OR EXISTS (SELECT 1 FROM l, me WHERE kind = 'exclusion' AND l.name = me.name)
      OR (EXISTS (SELECT 1 FROM l WHERE kind = 'restriction' AND name <> '')
          AND NOT EXISTS (SELECT 1 FROM l, me WHERE kind = 'restriction' AND l.name = me.name))
    THEN 'closed'
    WHEN NOT EXISTS (SELECT 1 FROM l) OR EXISTS (SELECT 1 FROM l WHERE name = '') THEN 'unknown'
    ELSE 'named' END $$;

-- Told by day and not yet in the list that the night reads.
CREATE OR REPLACE FUNCTION triage.told_limited(about text) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT EXISTS (SELECT 1 FROM limits WHERE crn = about AND told_at IS NOT NULL) $$;

-- Whether access to any case is limited, by the newest list or a report since: for links to it.
CREATE OR REPLACE FUNCTION triage.is_limited(about text) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT EXISTS (SELECT 1 FROM limits WHERE crn = about) $$;

-- A limit that another service tells of by day: the case is closed at once, and opened by no call.
-- One at a time with the night, which must not write what was read before it was told.
CREATE OR REPLACE FUNCTION triage.limit_told(about text, kinds text[], names text[])
RETURNS boolean
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
    SELECT DISTINCT about, k, n, triage.now() FROM unnest(kinds, names) AS told(k, n)
    ON CONFLICT (crn, kind, username) DO UPDATE SET ended_on = NULL, told_at = EXCLUDED.told_at;
  UPDATE items SET limited = true, person = '{}' WHERE crn = about AND NOT limited;
  UPDATE acute SET limited = true, listed_as = '', what = '', detail = '', source = '',
    certainty = '' WHERE crn = about AND NOT limited;
  UPDATE caseload SET limited = true, practitioner_code = NULL WHERE crn = about AND NOT limited;
  DELETE FROM facts WHERE crn = about;
  RETURN EXISTS (SELECT 1 FROM caseload WHERE crn = about);
END $$;

-- The unit's limited cases: those that it holds, and those that wait in its queue (whoever holds
-- them now), with whether they wait, and who looked last.
CREATE OR REPLACE FUNCTION triage.limited_of_unit()
RETURNS TABLE (about text, let_in text, waiting boolean, checked_at timestamptz, checked_by text)
STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
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

CREATE OR REPLACE FUNCTION triage.looked_at_by_hand() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  UPDATE items SET state = 'by_hand', person = '{}'
    WHERE crn = NEW.crn AND state = 'open' AND limited;
  RETURN NEW;
END $$;

-- Limited cases of the own unit, or held by oneself, that let this reader in by name. What was
-- asked of them is told by functions of its own: in the policies it would slow every other case.
CREATE OR REPLACE FUNCTION triage.named_to_me() RETURNS SETOF bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT i.id FROM items i WHERE i.limited
       AND (i.pdu_code = own_pdu() OR i.practitioner_code = own_staff_code())
       AND access(i.crn) = 'named' $$;

CREATE OR REPLACE FUNCTION triage.named_requests()
RETURNS TABLE (item_id bigint, about text, holder text, outcome text, groups jsonb, reasons text,
               asked_by text, asked_at timestamptz) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT i.id, i.crn, i.practitioner_code, c.outcome, c.groups, c.reasons, u.name, c.at
     FROM items i JOIN conclusions c ON c.item_id = i.id JOIN users u ON u.username = c.username
     WHERE i.id IN (SELECT named_to_me()) AND i.id NOT IN (SELECT blind_to())
       AND c.outcome IN ('ask_reassessment', 'need_information') $$;

CREATE OR REPLACE FUNCTION triage.named_answers()
RETURNS TABLE (item_id bigint, kind text, words text, planned_on date, at timestamptz, name text)
STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT a.item_id, a.kind, a.words, a.planned_on, a.at, u.name
     FROM answers a LEFT JOIN users u ON u.username = a.username
     WHERE a.item_id IN (SELECT named_to_me()) AND a.item_id NOT IN (SELECT blind_to())
     ORDER BY a.id $$;

-- What was asked about a case limited since, for whom it is not open: that it was, and no more.
CREATE OR REPLACE FUNCTION triage.closed_requests()
RETURNS TABLE (item_id bigint, crn text, asked_at timestamptz) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT i.id, i.crn, c.at FROM items i JOIN conclusions c ON c.item_id = i.id
     WHERE i.limited AND c.outcome IN ('ask_reassessment', 'need_information')
       AND (i.pdu_code = own_pdu() OR i.practitioner_code = own_staff_code())
       AND access(i.crn) <> 'named'
       AND i.id NOT IN (SELECT blind_to())
       AND NOT EXISTS (SELECT 1 FROM answers a WHERE a.item_id = i.id
                       AND a.kind IN ('reassessed', 'settled'))
  $$;

-- A reader's own reviews of cases limited since: that they were, and nothing of them.
CREATE OR REPLACE FUNCTION triage.my_limited_reviews()
RETURNS TABLE (item_id bigint, crn text, at timestamptz) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT i.id, i.crn, c.at FROM conclusions c JOIN items i ON i.id = c.item_id
     WHERE i.limited AND c.username = app_user() AND (has_role('spo') OR has_role('head')) $$;

CREATE TRIGGER leaves_the_queue AFTER INSERT ON triage.limited_checks
  FOR EACH ROW EXECUTE FUNCTION triage.looked_at_by_hand();

CREATE POLICY night ON triage.limits FOR ALL TO rosh_night
  USING (true)
  WITH CHECK (true);
CREATE POLICY mine ON triage.limited_checks
  FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND EXISTS (SELECT 1 FROM triage.limited_of_unit() l
    WHERE l.about = limited_checks.crn AND l.let_in <> 'closed'));
CREATE POLICY asked_later ON triage.limited_checks FOR SELECT TO rosh_web
  USING (triage.asking(crn));

GRANT SELECT, INSERT, UPDATE, DELETE ON triage.limits TO rosh_night;
GRANT INSERT (crn, username, words) ON triage.limited_checks TO rosh_web;
GRANT SELECT (at, crn, id, username) ON triage.limited_checks TO rosh_web;
GRANT EXECUTE ON FUNCTION triage.access(text), triage.limit_told(text,text[],text[]),
    triage.limited_of_unit(), triage.named_to_me(), triage.named_requests(),
    triage.named_answers(), triage.closed_requests(), triage.my_limited_reviews() TO rosh_web;
GRANT EXECUTE ON FUNCTION triage.is_limited(text), triage.told_limited(text) TO rosh_web, rosh_night;
