-- The findings stay sealed until the reader's own view is recorded; a conclusion is a person's own.

-- When this reader first opened the page of the case in the day before the view, as audited.
CREATE OR REPLACE FUNCTION triage.when_opened() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  SELECT min(a.at) INTO NEW.opened_at FROM audit a JOIN items i ON a.subject_id = i.crn
    WHERE i.id = NEW.item_id AND a.who = NEW.username AND a.what = 'PAGE_VIEW_CASE'
      AND a.at > triage.now() - interval '1 day';
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION triage.opening_follows_view() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM own_views
                 WHERE item_id = NEW.item_id AND username = NEW.username) THEN
    RAISE EXCEPTION 'an own view comes before the findings';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION triage.conclusion_is_a_persons_own() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  IF NEW.username IS DISTINCT FROM app_user() THEN
    RAISE EXCEPTION 'a conclusion is recorded by the person who reached it';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM items WHERE id = NEW.item_id AND state = 'open') THEN
    RAISE EXCEPTION 'the case is not open for a conclusion';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM own_views
                 WHERE item_id = NEW.item_id AND username = NEW.username) THEN
    RAISE EXCEPTION 'an own view comes before a conclusion';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM openings
                 WHERE item_id = NEW.item_id AND username = NEW.username) THEN
    RAISE EXCEPTION 'the findings are seen before a conclusion';
  END IF;
  UPDATE items SET state = 'concluded' WHERE id = NEW.item_id;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION triage.only_these_turns() RETURNS trigger
LANGUAGE plpgsql SET search_path = triage, pg_temp AS $$
BEGIN
  IF OLD.state <> NEW.state AND (OLD.state <> 'open' OR NOT (
       NEW.state = 'concluded' OR (NEW.state = 'by_hand' AND OLD.limited))) THEN
    RAISE EXCEPTION 'no such turn leads out of the queue';
  END IF;
  RETURN NEW;
END $$;

-- Which of a reader's own reviews were the last: found first, so that the rules are asked of these.
CREATE OR REPLACE FUNCTION triage.my_last_reviews(most integer) RETURNS SETOF bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT c.item_id FROM conclusions c JOIN items i ON i.id = c.item_id
     WHERE c.username = app_user() AND NOT i.limited ORDER BY c.at DESC LIMIT most $$;

CREATE TRIGGER only_these_turns BEFORE UPDATE ON triage.items
  FOR EACH ROW EXECUTE FUNCTION triage.only_these_turns();
CREATE TRIGGER holder BEFORE INSERT ON triage.own_views
  FOR EACH ROW EXECUTE FUNCTION triage.holder_records();
CREATE TRIGGER when_opened BEFORE INSERT ON triage.own_views
  FOR EACH ROW EXECUTE FUNCTION triage.when_opened();
CREATE TRIGGER after_view BEFORE INSERT ON triage.openings
  FOR EACH ROW EXECUTE FUNCTION triage.opening_follows_view();
CREATE TRIGGER holder BEFORE INSERT ON triage.conclusions
  FOR EACH ROW EXECUTE FUNCTION triage.nobody_else_holds();
CREATE TRIGGER own BEFORE INSERT ON triage.conclusions
  FOR EACH ROW EXECUTE FUNCTION triage.conclusion_is_a_persons_own();
CREATE TRIGGER second AFTER INSERT ON triage.conclusions
  FOR EACH ROW EXECUTE FUNCTION triage.draw_second_reader();
CREATE TRIGGER told AFTER INSERT ON triage.conclusions
  FOR EACH ROW EXECUTE FUNCTION triage.leave_event();

CREATE POLICY night ON triage.items FOR ALL TO rosh_night
  USING (true)
  WITH CHECK (true);
CREATE POLICY own_cases ON triage.items
  FOR SELECT TO rosh_web
  USING (practitioner_code = (SELECT triage.own_staff_code()) AND state = 'concluded'
    AND triage.asked_about(id));
CREATE POLICY own_unit ON triage.items
  FOR SELECT TO rosh_web
  USING (pdu_code = (SELECT triage.own_pdu()));
CREATE POLICY granted ON triage.items
  FOR SELECT TO rosh_web
  USING (id IN (SELECT triage.granted_to_me()));
CREATE POLICY asked_later ON triage.items
  FOR SELECT TO rosh_web
  USING (crn = (SELECT triage.asked_crn()));
CREATE POLICY seen ON triage.entries
  FOR SELECT TO rosh_web
  USING (EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited));
CREATE POLICY night ON triage.entries FOR ALL TO rosh_night
  USING (true)
  WITH CHECK (true);
-- An item "exists" in these conditions only where the policies of triage.items show it to the user:
-- the own unit, own concluded cases that something was asked about, what was granted. Owners and
-- forced row-level security for every table: ownership.sql.
-- sealed: a reader who has recorded a view. asked: a practitioner who was asked about the case.
-- asked_later: an inspector who asked for the account of this person.
CREATE POLICY sealed ON triage.findings
  FOR SELECT TO rosh_web
  USING (EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited) AND EXISTS
    (SELECT 1 FROM triage.own_views v WHERE v.item_id = findings.item_id
    AND v.username = triage.app_user()));
CREATE POLICY night ON triage.findings FOR ALL TO rosh_night
  USING (true)
  WITH CHECK (true);
CREATE POLICY asked ON triage.findings
  FOR SELECT TO rosh_web
  USING (triage.own_staff_code() IS NOT NULL AND EXISTS (SELECT 1 FROM triage.items i WHERE
    i.id = item_id AND NOT i.limited));
CREATE POLICY asked_later ON triage.findings
  FOR SELECT TO rosh_web
  USING (EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited
    AND triage.asking(i.crn)));
CREATE POLICY sealed ON triage.newer_scores
  FOR SELECT TO rosh_web
  USING (EXISTS (SELECT 1 FROM triage.findings f WHERE f.item_id = newer_scores.item_id));
CREATE POLICY night ON triage.newer_scores FOR ALL TO rosh_night
  USING (true)
  WITH CHECK (true);
CREATE POLICY mine_first ON triage.own_views
  FOR SELECT TO rosh_web
  USING (EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited)
    AND triage.own_staff_code() IS NULL AND (username = triage.app_user() OR EXISTS (SELECT 1
    FROM triage.items i WHERE i.id = item_id AND i.state = 'concluded')));
CREATE POLICY mine ON triage.own_views
  FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND EXISTS (SELECT 1 FROM triage.items i WHERE
    i.id = item_id AND NOT i.limited AND (i.state = 'open' OR triage.second_reader(i.id))));
CREATE POLICY blind ON triage.own_views
  AS RESTRICTIVE FOR SELECT TO rosh_web
  USING (username = triage.app_user() OR item_id NOT IN (SELECT triage.blind_to()));
CREATE POLICY asked_later ON triage.own_views
  FOR SELECT TO rosh_web
  USING (EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited
    AND triage.asking(i.crn)));
CREATE POLICY night ON triage.own_views FOR SELECT TO rosh_night
  USING (true);
CREATE POLICY seen ON triage.openings
  FOR SELECT TO rosh_web
  USING (EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited)
    AND username = triage.app_user());
CREATE POLICY mine ON triage.openings
  FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND EXISTS (SELECT 1 FROM triage.items i WHERE
    i.id = item_id AND NOT i.limited));
CREATE POLICY asked_later ON triage.openings
  FOR SELECT TO rosh_web
  USING (EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited
    AND triage.asking(i.crn)));
CREATE POLICY night ON triage.openings FOR SELECT TO rosh_night
  USING (true);
CREATE POLICY seen ON triage.conclusions
  FOR SELECT TO rosh_web
  USING (EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited));
CREATE POLICY mine ON triage.conclusions
  FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND EXISTS (SELECT 1 FROM triage.items i WHERE
    i.id = item_id AND NOT i.limited));
CREATE POLICY night ON triage.conclusions FOR SELECT TO rosh_night
  USING (true);
CREATE POLICY blind ON triage.conclusions
  AS RESTRICTIVE FOR SELECT TO rosh_web
  USING (item_id NOT IN (SELECT triage.blind_to()));

GRANT SELECT, INSERT ON triage.items TO rosh_night;
GRANT SELECT ON triage.items TO rosh_web;
GRANT UPDATE (hands, limited, pdu_code, person, practitioner_code) ON triage.items TO
    rosh_night;
GRANT SELECT, INSERT ON triage.entries TO rosh_night;
GRANT SELECT ON triage.entries TO rosh_web;
GRANT SELECT, INSERT ON triage.findings TO rosh_night;
GRANT SELECT ON triage.findings TO rosh_web;
GRANT SELECT, INSERT ON triage.newer_scores TO rosh_night;
GRANT SELECT ON triage.newer_scores TO rosh_web;
GRANT SELECT ON triage.own_views TO rosh_night;
GRANT SELECT, INSERT ON triage.own_views TO rosh_web;
GRANT SELECT ON triage.openings TO rosh_night;
GRANT SELECT, INSERT ON triage.openings TO rosh_web;
GRANT SELECT ON triage.conclusions TO rosh_night;
GRANT SELECT, INSERT ON triage.conclusions TO rosh_web;
GRANT EXECUTE ON FUNCTION triage.my_last_reviews(integer) TO rosh_web;
