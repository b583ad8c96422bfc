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
  PERFORM set_config('rosh.erasing', 'on', true);
  SELECT coalesce(array_agg(id::text), '{}') INTO item_ids FROM items WHERE crn = about;
  SELECT coalesce(array_agg(id::text), '{}') INTO acute_ids FROM acute WHERE crn = about;
  FOREACH part IN ARRAY ARRAY['repeat_views', 'repeat_reads', 'note_answers', 'newer_scores',
      'second_reads', 'answers', 'openings', 'conclusions', 'own_views', 'claims', 'findings',
      'entries'] LOOP
    RETURN QUERY SELECT part, erase_rows(part, 'item_id', item_ids);
  END LOOP;
  RETURN QUERY SELECT 'items'::text, erase_rows('items', 'id', item_ids);
  RETURN QUERY SELECT 'acknowledgements'::text, erase_rows('acknowledgements', 'acute_id', acute_ids);
  FOREACH part IN ARRAY ARRAY['acute', 'limited_checks', 'facts', 'caseload', 'limits'] LOOP
    RETURN QUERY SELECT part, erase_rows(part, 'crn', ARRAY[about]);
  END LOOP;
  DELETE FROM drafts d USING unnest(item_ids) AS u(id) WHERE d.path LIKE '/cases/' || u.id || '/%';
  DELETE FROM events WHERE position(about IN body::text) > 0;
  UPDATE findings SET shown_only = replace(shown_only::text, about, 'deleted')::jsonb,
                      other_groups = replace(other_groups::text, about, 'deleted')::jsonb
    WHERE position(about IN shown_only::text || other_groups::text) > 0;
  PERFORM set_config('rosh.erasing', 'off', true);
END $$;

CREATE POLICY night ON triage.rewritten_scores FOR SELECT TO rosh_night
  USING (true);

GRANT SELECT ON triage.rewritten_scores TO rosh_night;
