-- What becomes of a conclusion: answers of practitioners, acute entries, events for other systems.

CREATE OR REPLACE FUNCTION triage.asked_about(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT EXISTS (SELECT 1 FROM conclusions
     WHERE item_id = item AND outcome IN ('ask_reassessment', 'need_information')) $$;

CREATE OR REPLACE FUNCTION triage.answer_to_what_was_asked() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  IF NOT asked_about(NEW.item_id) THEN
    RAISE EXCEPTION 'nothing was asked about this case';
  END IF;
  RETURN NEW;
END $$;

-- How many answers wait for a word of whoever asked.
CREATE OR REPLACE FUNCTION triage.answers_for_me() RETURNS bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT count(*) FROM conclusions c JOIN items i ON i.id = c.item_id
     WHERE c.username = (SELECT app_user())
       AND c.outcome IN ('ask_reassessment', 'need_information')
       AND NOT i.limited AND i.pdu_code = (SELECT own_pdu())
       AND NOT EXISTS (SELECT 1 FROM answers o WHERE o.item_id = c.item_id
                       AND o.kind IN ('settled', 'reassessed'))
       AND EXISTS (SELECT 1 FROM answers a WHERE a.item_id = c.item_id
         AND (a.kind IN ('declined', 'second_look')
              OR (a.kind = 'fact' AND c.outcome = 'need_information'))
         AND NOT EXISTS (SELECT 1 FROM answers b WHERE b.item_id = a.item_id AND b.id > a.id
                         AND b.kind IN ('reply', 'accepted'))) $$;

CREATE OR REPLACE FUNCTION triage.acute_done(entry bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT EXISTS (SELECT 1 FROM acknowledgements k JOIN acute a ON a.id = k.acute_id
       WHERE a.id = entry
         AND (a.pdu_code = own_pdu() OR a.practitioner_code = own_staff_code()
              OR a.pdu_code IN (SELECT covered_by_me()))) $$;

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
CREATE OR REPLACE FUNCTION triage.events_as_sent(known bigint, most integer)
RETURNS TABLE (id bigint, body jsonb) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT e.id, CASE WHEN EXISTS (
         SELECT 1 FROM items i WHERE i.limited AND i.state <> 'by_hand'
           AND i.crn = e.body #>> '{personReference,identifiers,0,value}')
         OR EXISTS (SELECT 1 FROM limits l
                    WHERE l.crn = e.body #>> '{personReference,identifiers,0,value}')
       THEN e.body - 'additionalInformation' ELSE e.body END
     FROM (SELECT * FROM events WHERE events.id > known
           ORDER BY events.id LIMIT most) e ORDER BY e.id $$;

CREATE OR REPLACE FUNCTION triage.events_after(known bigint, most integer)
RETURNS TABLE (id bigint, body jsonb) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT e.id, e.body FROM events_as_sent(known, most) e WHERE has_role('batch') $$;

CREATE OR REPLACE FUNCTION triage.conclusion_for_batch(item bigint)
RETURNS TABLE (crn text, outcome text, groups jsonb, reasons text, name text, at timestamptz) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT i.crn, c.outcome, c.groups, c.reasons, u.name, c.at
     FROM conclusions c JOIN items i ON i.id = c.item_id JOIN users u USING (username)
     WHERE has_role('batch') AND c.item_id = item AND NOT i.limited $$;

CREATE TRIGGER asked BEFORE INSERT ON triage.answers
  FOR EACH ROW EXECUTE FUNCTION triage.answer_to_what_was_asked();

CREATE POLICY seen ON triage.answers
  FOR SELECT TO rosh_web
  USING (EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited));
CREATE POLICY practitioner ON triage.answers
  FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND triage.own_staff_code() IS NOT NULL AND (EXISTS
    (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited) OR item_id IN (SELECT
    triage.named_to_me())));
CREATE POLICY night ON triage.answers
  FOR ALL TO rosh_night
  USING (true)
  WITH CHECK (kind = 'reassessed');
CREATE POLICY blind ON triage.answers
  AS RESTRICTIVE FOR SELECT TO rosh_web
  USING (item_id NOT IN (SELECT triage.blind_to()));
CREATE POLICY reader ON triage.answers
  FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND kind IN ('reply', 'settled')
    AND (triage.has_role('spo') OR triage.has_role('head')) AND EXISTS (SELECT 1
    FROM triage.items i WHERE i.id = item_id AND NOT i.limited AND i.pdu_code = triage.own_pdu()));
CREATE POLICY who_says_what ON triage.answers
  AS RESTRICTIVE FOR INSERT TO rosh_web
  WITH CHECK ((kind IN ('reply', 'settled')) = (triage.has_role('spo')
    OR triage.has_role('head')));
CREATE POLICY unit ON triage.acute
  FOR SELECT TO rosh_web
  USING (pdu_code = triage.own_pdu() OR practitioner_code = triage.own_staff_code());
CREATE POLICY night ON triage.acute FOR ALL TO rosh_night
  USING (true)
  WITH CHECK (true);
CREATE POLICY asked_later ON triage.acute FOR SELECT TO rosh_web
  USING (triage.asking(crn));
CREATE POLICY deputy ON triage.acute
  FOR SELECT TO rosh_web
  USING (pdu_code IN (SELECT triage.covered_by_me()));
CREATE POLICY seen ON triage.acknowledgements
  FOR SELECT TO rosh_web
  USING (EXISTS (SELECT 1 FROM triage.acute a WHERE a.id = acute_id AND (NOT a.limited
    OR triage.access(a.crn) = 'named')));
CREATE POLICY night ON triage.acknowledgements FOR SELECT TO rosh_night
  USING (true);
CREATE POLICY mine ON triage.acknowledgements
  FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND EXISTS (SELECT 1 FROM triage.acute a WHERE a.id =
    acute_id AND (NOT a.limited OR triage.access(a.crn) <> 'closed')));

GRANT SELECT, INSERT ON triage.answers TO rosh_night;
GRANT SELECT ON triage.answers TO rosh_web;
GRANT INSERT (item_id, kind, planned_on, username, words) ON triage.answers TO rosh_web;
GRANT SELECT, INSERT ON triage.acute TO rosh_night;
GRANT SELECT ON triage.acute TO rosh_web;
GRANT UPDATE (certainty, detail, disclosable, disputed, limited, listed_as, pdu_code,
    practitioner_code, source, what, withdrawn) ON triage.acute TO rosh_night;
GRANT SELECT ON triage.acknowledgements TO rosh_web, rosh_night;
GRANT INSERT (acute_id, done, username) ON triage.acknowledgements TO rosh_web;
GRANT EXECUTE ON FUNCTION triage.asked_about(bigint) TO rosh_web, rosh_night;
GRANT EXECUTE ON FUNCTION triage.answers_for_me(), triage.acute_done(bigint),
    triage.events_after(bigint,integer), triage.conclusion_for_batch(bigint) TO rosh_web;
