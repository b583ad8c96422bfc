-- Deletes what the database holds of one person, on request; the audit keeps which rows went, and no word of them.

-- Each row that the chain covers is named in the audit as deleted, so that it is no gap in what was kept.
CREATE OR REPLACE FUNCTION triage.erase_rows(of_table text, of_column text, ids text[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = triage, pg_temp AS $$
DECLARE
  row_name text;
  deleted bigint;
BEGIN
  IF EXISTS (SELECT 1 FROM chained WHERE name = of_table) THEN
    FOR row_name IN EXECUTE format(
      'SELECT name_of_row(%1$L, to_jsonb(t), keys_of(%1$L)) FROM %1$I t WHERE %2$I::text = ANY ($1)',
      of_table, of_column) USING ids LOOP
      PERFORM audit_append('ERASED_ROW', 'ROW', row_name, '{}');
    END LOOP;
  END IF;
  EXECUTE format('DELETE FROM %I WHERE %I::text = ANY ($1)', of_table, of_column) USING ids;
  GET DIAGNOSTICS deleted = ROW_COUNT;
  RETURN deleted;
END $$;

-- Every row about cases in the queue, by table: from those that refer to others to the cases themselves.
CREATE OR REPLACE FUNCTION triage.erase_items(item_ids text[]) RETURNS TABLE (of_table text, deleted bigint)
LANGUAGE plpgsql SET search_path = triage, pg_temp AS $$
DECLARE
  part text;
BEGIN
  PERFORM set_config('rosh.erasing', 'on', true);
  FOREACH part IN ARRAY ARRAY['repeat_views', 'repeat_reads', 'note_answers', 'newer_scores',
      'second_reads', 'answers', 'openings', 'conclusions', 'own_views', 'claims', 'findings',
      'entries'] LOOP
    RETURN QUERY SELECT part, erase_rows(part, 'item_id', item_ids);
  END LOOP;
  RETURN QUERY SELECT 'items'::text, erase_rows('items', 'id', item_ids);
  DELETE FROM drafts d USING unnest(item_ids) AS u(id) WHERE d.path LIKE '/cases/' || u.id || '/%';
  PERFORM set_config('rosh.erasing', 'off', true);
END $$;

-- What came to its end before a day, by table: reviews, urgent entries that were acknowledged, checks by hand.
CREATE OR REPLACE FUNCTION triage.erase_before(day date) RETURNS TABLE (of_table text, deleted bigint)
LANGUAGE plpgsql SET search_path = triage, pg_temp AS $$
DECLARE
  held text[];
  item_ids text[];
  acute_ids text[];
  check_ids text[];
BEGIN
  SELECT coalesce(array_agg(crn), '{}') INTO held FROM holds h WHERE placed
    AND NOT EXISTS (SELECT 1 FROM holds later WHERE later.crn = h.crn AND later.id > h.id);
  SELECT coalesce(array_agg(i.id::text), '{}') INTO item_ids FROM items i
    WHERE i.state <> 'open' AND i.queued_on < day AND i.crn <> ALL (held)
      AND NOT EXISTS (SELECT 1 FROM conclusions c WHERE c.item_id = i.id AND day_of(c.at) >= day)
      AND NOT EXISTS (SELECT 1 FROM answers a WHERE a.item_id = i.id AND day_of(a.at) >= day)
      AND NOT EXISTS (SELECT 1 FROM conclusions c WHERE c.item_id = i.id AND c.outcome <> 'keep_level'
                      AND NOT EXISTS (SELECT 1 FROM answers a WHERE a.item_id = c.item_id
                                      AND a.kind IN ('reassessed', 'settled')))
      AND NOT EXISTS (SELECT 1 FROM repeat_reads r WHERE r.item_id = i.id AND day_of(r.at) >= day);
  SELECT coalesce(array_agg(a.id::text), '{}') INTO acute_ids FROM acute a
    WHERE a.crn <> ALL (held) AND EXISTS (SELECT 1 FROM acknowledgements k WHERE k.acute_id = a.id)
      AND NOT EXISTS (SELECT 1 FROM acknowledgements k WHERE k.acute_id = a.id AND day_of(k.at) >= day);
  SELECT coalesce(array_agg(l.id::text), '{}') INTO check_ids FROM limited_checks l
    WHERE l.crn <> ALL (held) AND day_of(l.at) < day;
  RETURN QUERY SELECT * FROM erase_items(item_ids);
  PERFORM set_config('rosh.erasing', 'on', true);
  DELETE FROM events WHERE day_of(at) < day;
  RETURN QUERY SELECT 'acknowledgements'::text, erase_rows('acknowledgements', 'acute_id', acute_ids);
  RETURN QUERY SELECT 'acute'::text, erase_rows('acute', 'id', acute_ids);
  RETURN QUERY SELECT 'limited_checks'::text, erase_rows('limited_checks', 'id', check_ids);
  PERFORM set_config('rosh.erasing', 'off', true);
END $$;

-- By table, how many rows of the person were deleted; what others' findings say of a link to them is made nameless.
CREATE OR REPLACE FUNCTION triage.erase_case(about text) RETURNS TABLE (of_table text, deleted bigint)
LANGUAGE plpgsql SET search_path = triage, pg_temp AS $$
DECLARE
  item_ids text[];
  acute_ids text[];
  part text;
BEGIN
  IF coalesce((SELECT placed FROM holds WHERE crn = about ORDER BY id DESC LIMIT 1), false) THEN
    RAISE EXCEPTION 'the case is held for an inspection, an inquest or a review';
  END IF;
  SELECT coalesce(array_agg(id::text), '{}') INTO item_ids FROM items WHERE crn = about;
  SELECT coalesce(array_agg(id::text), '{}') INTO acute_ids FROM acute WHERE crn = about;
  RETURN QUERY SELECT * FROM erase_items(item_ids);
  PERFORM set_config('rosh.erasing', 'on', true);
  RETURN QUERY SELECT 'acknowledgements'::text, erase_rows('acknowledgements', 'acute_id', acute_ids);
  FOREACH part IN ARRAY ARRAY['acute', 'limited_checks', 'facts', 'caseload', 'limits'] LOOP
    RETURN QUERY SELECT part, erase_rows(part, 'crn', ARRAY[about]);
  END LOOP;
  DELETE FROM drafts WHERE position(about IN path || form::text) > 0;
  DELETE FROM events WHERE position(about IN body::text) > 0;
  UPDATE findings SET shown_only = replace(shown_only::text, about, 'deleted')::jsonb,
                      other_groups = replace(other_groups::text, about, 'deleted')::jsonb
    WHERE position(about IN shown_only::text || other_groups::text) > 0;
  PERFORM set_config('rosh.erasing', 'off', true);
END $$;

-- What the audit names as deleted: for whoever verifies it.
CREATE OR REPLACE FUNCTION triage.deletions() RETURNS TABLE (what text) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT a.what FROM audit a WHERE a.what IN ('ERASED_ROW', 'ERASED_PERSON', 'PURGED_RECORDS') $$;

CREATE POLICY night ON triage.rewritten_scores FOR SELECT TO rosh_night
  USING (true);

GRANT SELECT ON triage.rewritten_scores TO rosh_night;
GRANT EXECUTE ON FUNCTION triage.deletions() TO rosh_night;
