-- A reader reads a case once more, half a year later, without seeing what was recorded the first time.

-- Only the reader who concluded the case, while still in its unit; a case that is limited by now is not read.
CREATE OR REPLACE FUNCTION triage.repeat_reads_for_me() RETURNS SETOF bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT r.item_id FROM repeat_reads r JOIN items i ON i.id = r.item_id
     WHERE r.username = app_user() AND has_role('spo') AND i.pdu_code = own_pdu() AND NOT i.limited
       AND NOT had_a_hand(r.item_id)
       AND r.at > triage.now() - interval '{{ REPEAT_READ_DAYS }} days'
       AND NOT EXISTS (SELECT 1 FROM repeat_views v WHERE v.item_id = r.item_id) $$;

-- After the event alone, like second readings.
CREATE OR REPLACE FUNCTION triage.repeat_reads_asked(about text)
RETURNS TABLE (item_id bigint, username text, at timestamptz, viewed_at timestamptz, verdicts jsonb) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT r.item_id, r.username, r.at, v.at, v.verdicts
     FROM repeat_reads r JOIN items i ON i.id = r.item_id LEFT JOIN repeat_views v USING (item_id)
     WHERE i.crn = about AND NOT i.limited AND asking(about) ORDER BY r.at $$;

CREATE POLICY seen ON triage.repeat_reads
  FOR SELECT TO rosh_web
  USING (username = triage.app_user());
CREATE POLICY night ON triage.repeat_reads FOR ALL TO rosh_night
  USING (true)
  WITH CHECK (true);
CREATE POLICY mine ON triage.repeat_views
  FOR SELECT TO rosh_web
  USING (username = triage.app_user() AND EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id
    AND NOT i.limited));
CREATE POLICY mine_to_record ON triage.repeat_views
  FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND item_id IN (SELECT triage.repeat_reads_for_me()));
CREATE POLICY night ON triage.repeat_views FOR SELECT TO rosh_night
  USING (true);

-- Until the case is read again, or the time for it is over, its first review is closed to its reader.
{% for table in ['answers', 'conclusions', 'findings', 'note_answers', 'openings', 'own_views'] %}
CREATE POLICY repeat ON triage.{{ table }}
  AS RESTRICTIVE FOR SELECT TO rosh_web
  USING (item_id NOT IN (SELECT triage.repeat_reads_for_me()));
{% endfor %}

GRANT SELECT, INSERT ON triage.repeat_reads TO rosh_night;
GRANT SELECT (due_on, item_id, username) ON triage.repeat_reads TO rosh_web;
GRANT SELECT ON triage.repeat_views TO rosh_night;
GRANT SELECT ON triage.repeat_views TO rosh_web;
GRANT INSERT (item_id, levels, username, verdicts) ON triage.repeat_views TO rosh_web;
GRANT EXECUTE ON FUNCTION triage.repeat_reads_for_me() TO rosh_web, rosh_night;
GRANT EXECUTE ON FUNCTION triage.repeat_reads_asked(text) TO rosh_web;
