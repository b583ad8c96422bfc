-- What readers answer about entries of notes: only after the findings, counted without the case.

CREATE OR REPLACE FUNCTION triage.answers_by_kind() RETURNS TABLE (kind text, says_so bigint,
    answered bigint) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
  SELECT last.kind, count(*) FILTER (WHERE last.answer = 'says_so'), count(*)
  FROM (SELECT DISTINCT ON (n.item_id, n.entry_id, n.username) n.kind, n.answer
        FROM note_answers n ORDER BY n.item_id, n.entry_id, n.username, n.id DESC) last
  GROUP BY last.kind $$;

CREATE OR REPLACE FUNCTION triage.answer_is_about_an_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM findings f, jsonb_array_elements(f.notes -> 'entries') e
                 WHERE f.item_id = NEW.item_id AND e ->> 'entry_id' = NEW.entry_id
                   AND e ->> 'kind' = NEW.kind) THEN
    RAISE EXCEPTION 'an answer is about an entry of the case';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER of_entry BEFORE INSERT ON triage.note_answers
  FOR EACH ROW EXECUTE FUNCTION triage.answer_is_about_an_entry();

CREATE POLICY mine ON triage.note_answers
  FOR SELECT TO rosh_web
  USING (username = triage.app_user() AND EXISTS (SELECT 1 FROM triage.items i
    WHERE i.id = item_id AND NOT i.limited));
CREATE POLICY asked_later ON triage.note_answers
  FOR SELECT TO rosh_web
  USING (EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited
    AND triage.asking(i.crn)));
CREATE POLICY night ON triage.note_answers FOR SELECT TO rosh_night
  USING (true);
CREATE POLICY opened ON triage.note_answers
  FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND EXISTS (SELECT 1 FROM triage.openings o
    WHERE o.item_id = note_answers.item_id AND o.username = triage.app_user()));

GRANT SELECT ON triage.note_answers TO rosh_web, rosh_night;
GRANT INSERT (answer, entry_id, item_id, kind, username) ON triage.note_answers TO rosh_web;
GRANT EXECUTE ON FUNCTION triage.answers_by_kind() TO rosh_web, rosh_night;
