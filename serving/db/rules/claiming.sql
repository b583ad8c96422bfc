-- One reader holds a case at a time; who may read a case, and when a deputy may.

CREATE OR REPLACE FUNCTION triage.holder_of(item bigint) RETURNS text STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT last.username FROM (SELECT username, until, at FROM claims
     WHERE item_id = item ORDER BY id DESC LIMIT 1) last WHERE until > triage.moment()
     AND NOT EXISTS (SELECT 1 FROM conclusions c WHERE c.item_id = item AND c.at >= last.at) $$;

-- Who holds a concluded case is its second reader: told to who could be that reader, no one else.
CREATE OR REPLACE FUNCTION triage.held_by(item bigint) RETURNS text STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT holder FROM (SELECT holder_of(item) AS holder) h
     WHERE holder IS NOT NULL AND readable(item)
       AND (holder = app_user() OR second_reader(item)
            OR EXISTS (SELECT 1 FROM items WHERE id = item AND state = 'open')) $$;

-- Whoever began a case may end it, and look at it afterwards, also where the time of standing in is over.
CREATE OR REPLACE FUNCTION triage.taken_by_me(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT has_role('spo') AND (
       EXISTS (SELECT 1 FROM own_views WHERE item_id = item AND username = app_user()
               AND at > triage.now() - interval '{{ OWN_REVIEW_DAYS }} days')
       OR coalesce(holder_of(item) = app_user(), false)) $$;

CREATE OR REPLACE FUNCTION triage.had_a_hand(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT EXISTS (SELECT 1 FROM items i JOIN users u ON u.username = app_user()
     WHERE i.id = item AND i.hands ? u.staff_code) $$;

CREATE OR REPLACE FUNCTION triage.stands_in(unit text) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT coalesce((SELECT deputy FROM cover WHERE pdu_code = unit ORDER BY id DESC LIMIT 1)
       = app_user() AND has_role('spo'), false) $$;

-- Whoever stands in for a unit acts on what was delivered to it.
CREATE OR REPLACE FUNCTION triage.covered_by_me() RETURNS SETOF text STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT unit FROM (SELECT DISTINCT pdu_code AS unit FROM cover) u WHERE stands_in(unit) $$;

CREATE OR REPLACE FUNCTION triage.nobody_began(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT holder_of(item) IS NULL AND NOT EXISTS (
       SELECT 1 FROM own_views v WHERE v.item_id = item AND working_days(day_of(v.at)) <= {{ DEPUTY_AFTER_WORKING_DAYS }}) $$;

CREATE OR REPLACE FUNCTION triage.begun(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT held_by(item) IS NOT NULL OR EXISTS (
       SELECT 1 FROM own_views v WHERE v.item_id = item AND working_days(day_of(v.at)) <= {{ DEPUTY_AFTER_WORKING_DAYS }}) $$;

CREATE OR REPLACE FUNCTION triage.readable(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT EXISTS (SELECT 1 FROM items i WHERE i.id = item AND (
       i.pdu_code = own_pdu() OR taken_by_me(i.id) OR second_reader(i.id)
       OR (i.state = 'open' AND stands_in(i.pdu_code) AND working_days(i.queued_on) > {{ DEPUTY_AFTER_WORKING_DAYS }}
           AND nobody_began(i.id)))) $$;

CREATE OR REPLACE FUNCTION triage.granted_to_me() RETURNS SETOF bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT second_reads_for_me()
     UNION ALL
     SELECT item_id FROM own_views WHERE has_role('spo') AND username = app_user()
       AND at > triage.now() - interval '{{ OWN_REVIEW_DAYS }} days'
     UNION ALL
     SELECT item_id FROM (SELECT DISTINCT item_id FROM claims WHERE username = app_user()
                            AND until > triage.moment()) held
     WHERE taken_by_me(item_id)
     UNION ALL
     SELECT i.id FROM items i
     WHERE i.state = 'open'
       AND i.pdu_code IN (SELECT unit FROM (SELECT DISTINCT pdu_code AS unit FROM cover) u
                          WHERE stands_in(unit))
       AND working_days(i.queued_on) > {{ DEPUTY_AFTER_WORKING_DAYS }} AND nobody_began(i.id) $$;

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

CREATE TRIGGER one_reader BEFORE INSERT ON triage.claims
  FOR EACH ROW EXECUTE FUNCTION triage.one_reader_holds();

CREATE POLICY seen ON triage.claims
  FOR SELECT TO rosh_web
  USING (username = triage.app_user() OR EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id
    AND NOT i.limited AND triage.asking(i.crn)));
CREATE POLICY mine ON triage.claims
  FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND EXISTS (SELECT 1 FROM triage.items i WHERE
    i.id = item_id AND NOT i.limited AND (i.state = 'open' OR triage.second_reader(i.id))));
CREATE POLICY night ON triage.claims FOR SELECT TO rosh_night
  USING (true);
CREATE POLICY seen ON triage.cover FOR SELECT TO rosh_web
  USING (pdu_code = triage.own_pdu());
CREATE POLICY head ON triage.cover
  FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND pdu_code = triage.own_pdu()
    AND triage.has_role('head'));
CREATE POLICY night ON triage.cover FOR SELECT TO rosh_night
  USING (true);

GRANT SELECT ON triage.claims TO rosh_web, rosh_night;
GRANT INSERT (item_id, until, username) ON triage.claims TO rosh_web;
GRANT SELECT ON triage.cover TO rosh_web, rosh_night;
GRANT INSERT (deputy, pdu_code, reviews_at_once, username) ON triage.cover TO rosh_web;
GRANT EXECUTE ON FUNCTION triage.held_by(bigint), triage.taken_by_me(bigint),
    triage.had_a_hand(bigint), triage.stands_in(text), triage.nobody_began(bigint),
    triage.begun(bigint), triage.readable(bigint), triage.granted_to_me() TO rosh_web, rosh_night;
GRANT EXECUTE ON FUNCTION triage.covered_by_me() TO rosh_web;
