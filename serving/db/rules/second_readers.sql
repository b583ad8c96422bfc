-- A share of concluded cases is read again by somebody who does not know the first conclusion.

-- Only views after the conclusion are those of a second reader: one given up before it is none.
CREATE OR REPLACE FUNCTION triage.second_reader(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT EXISTS (
       SELECT 1 FROM second_reads s JOIN conclusions c USING (item_id)
       WHERE s.item_id = item AND has_role('spo') AND s.pdu_code = own_pdu()
         AND s.at > triage.now() - interval '{{ SECOND_READ_DAYS }} days' AND c.username <> app_user()
         AND NOT EXISTS (SELECT 1 FROM own_views v WHERE v.item_id = s.item_id
                         AND ((v.at > c.at AND v.username <> app_user())
                              OR (v.at <= c.at AND v.username = app_user())))) $$;

CREATE OR REPLACE FUNCTION triage.second_reads_for_me() RETURNS SETOF bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT s.item_id FROM second_reads s
     WHERE s.at > triage.now() - interval '{{ SECOND_READ_DAYS }} days' AND s.pdu_code = own_pdu()
       AND second_reader(s.item_id) $$;

CREATE OR REPLACE FUNCTION triage.blind_to() RETURNS SETOF bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT s.item_id FROM second_reads s JOIN conclusions c USING (item_id)
     WHERE has_role('spo') AND s.pdu_code IS NOT NULL AND s.at > triage.now() - interval '{{ SECOND_READ_DAYS }} days'
       AND c.username <> app_user()
       AND NOT EXISTS (SELECT 1 FROM own_views v WHERE v.item_id = s.item_id AND v.at > c.at) $$;

-- After the event alone: before both readers are done nobody is told that there is a second one.
CREATE OR REPLACE FUNCTION triage.second_reads_asked(about text)
RETURNS TABLE (item_id bigint, pdu_code text, at timestamptz, due_on date) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT s.item_id, s.pdu_code, s.at, s.due_on FROM second_reads s
     JOIN items i ON i.id = s.item_id WHERE i.crn = about AND asking(about) ORDER BY s.at $$;

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
  -- Of the cases drawn at random: every "too low", a fifth of the rest. Of those drawn for what
  -- they hold: one in twenty whatever was concluded, so that being asked tells a second reader nothing.
  rate := CASE WHEN said.drawn_as <> 'random' THEN {{ SECOND_READ_OF_FLAGGED }}
               WHEN low THEN 1 ELSE {{ SECOND_READ_OF_RANDOM }} END;
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
      VALUES (NEW.item_id, unit, rate, triage.today() + {{ SECOND_READ_DUE_DAYS }});
  END IF;
  RETURN NEW;
END $$;

CREATE POLICY seen ON triage.second_reads
  FOR SELECT TO rosh_web
  USING (item_id IN (SELECT triage.second_reads_for_me()));
CREATE POLICY night ON triage.second_reads FOR SELECT TO rosh_night
  USING (true);

GRANT SELECT ON triage.second_reads TO rosh_night;
GRANT SELECT (due_on, item_id) ON triage.second_reads TO rosh_web;
GRANT EXECUTE ON FUNCTION triage.second_reader(bigint), triage.second_reads_for_me(),
    triage.blind_to() TO rosh_web, rosh_night;
GRANT EXECUTE ON FUNCTION triage.second_reads_asked(text) TO rosh_web;
