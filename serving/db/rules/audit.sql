-- The hash chain of audit rows, and the digests of contents that it covers.

CREATE OR REPLACE FUNCTION triage.audit_payload(a triage.audit) RETURNS text IMMUTABLE
LANGUAGE sql AS $$
  SELECT jsonb_build_object(
    'seq', a.seq, 'at', to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
    'who', a.who, 'what', a.what, 'subject_type', a.subject_type, 'subject_id', a.subject_id,
    'details', a.details)::text
$$;

CREATE OR REPLACE FUNCTION triage.audit_append(what text, subject_type text, subject_id text, details jsonb)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
DECLARE
  last audit;
  fresh audit;
BEGIN
  -- What is deleted is named by the owner's functions alone (erasure.sql).
  IF what IN ('ERASED_ROW', 'ERASED_PERSON', 'PURGED_RECORDS')
     AND session_user IN ('rosh_web', 'rosh_night') THEN
    RAISE EXCEPTION 'a role of the service does not record a deletion';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('triage.audit'));
  SELECT * INTO last FROM audit ORDER BY seq DESC LIMIT 1;
  fresh := ROW(coalesce(last.seq, 0) + 1, triage.moment(), coalesce(app_user(), session_user),
               what, subject_type, subject_id, details, coalesce(last.digest, ''), '')::audit;
  fresh.digest := encode(
    sha256(convert_to(fresh.previous || audit_payload(fresh), 'UTF8')), 'hex');
  INSERT INTO audit SELECT (fresh).*;
  RETURN fresh.digest;
END $$;

CREATE OR REPLACE FUNCTION triage.audit_head() RETURNS TABLE (seq bigint, digest text) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT a.seq, a.digest FROM audit a ORDER BY a.seq DESC LIMIT 1 $$;

CREATE OR REPLACE FUNCTION triage.audit_digest(row_number bigint) RETURNS text STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT digest FROM audit WHERE seq = row_number $$;

CREATE OR REPLACE FUNCTION triage.audit_first_broken() RETURNS bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
  SELECT min(a.seq) FROM (
    SELECT audit.*, coalesce(lag(audit.digest) OVER w, '') AS expected,
           coalesce(lag(audit.seq) OVER w, 0) + 1 AS expected_seq,
           encode(sha256(convert_to(audit.previous || audit_payload(audit), 'UTF8')), 'hex') AS own
    FROM audit WINDOW w AS (ORDER BY audit.seq)
  ) a WHERE a.previous <> a.expected OR a.digest <> a.own OR a.seq <> a.expected_seq
$$;

-- Whether anything was ever kept: an empty chain beside it is a chain that was emptied.
CREATE OR REPLACE FUNCTION triage.audit_newest_run() RETURNS bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT max(seq) FROM audit WHERE what = 'COMMITTED_RUN' $$;

-- Nulls are left out, so that a column that is added later changes no digest of an older row.
CREATE OR REPLACE FUNCTION triage.digest_of_row(content jsonb) RETURNS text IMMUTABLE
LANGUAGE sql AS
  $$ SELECT encode(sha256(convert_to(jsonb_strip_nulls(content)::text, 'UTF8')), 'hex') $$;

CREATE OR REPLACE FUNCTION triage.name_of_row(of_table text, content jsonb, keys text[])
RETURNS text IMMUTABLE
LANGUAGE sql AS
  $$ SELECT of_table || '/' || string_agg(content ->> k, '/' ORDER BY n)
     FROM unnest(keys) WITH ORDINALITY AS u(k, n) $$;

CREATE OR REPLACE FUNCTION triage.keys_of(of_table text) RETURNS text[] STABLE
LANGUAGE sql SET search_path = triage, pg_temp AS
  $$ SELECT array_agg(a.attname::text ORDER BY array_position(i.indkey::int2[], a.attnum))
     FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
     WHERE i.indrelid = ('triage.' || of_table)::regclass AND i.indisprimary $$;

CREATE OR REPLACE FUNCTION triage.chain_row() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = triage, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  content jsonb := to_jsonb(NEW);
BEGIN
  PERFORM audit_append('KEPT_ROW', 'ROW',
    name_of_row(TG_TABLE_NAME, content, string_to_array(TG_ARGV[0], ',')),
    jsonb_build_object('sha256', digest_of_row(content)));
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION triage.rows_not_as_kept() RETURNS SETOF text STABLE
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = triage, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  of_table text;
BEGIN
  FOR of_table IN SELECT name FROM chained ORDER BY name LOOP
    RETURN QUERY EXECUTE format(
      'WITH now AS (SELECT name_of_row(%1$L, to_jsonb(t), keys_of(%1$L)) AS id,
                           digest_of_row(to_jsonb(t)) AS sha FROM %1$I t),
            kept AS (SELECT subject_id AS id, details ->> ''sha256'' AS sha FROM audit k
                     WHERE what = ''KEPT_ROW'' AND subject_id LIKE %2$L
                       AND NOT EXISTS (SELECT 1 FROM audit e WHERE e.what = ''ERASED_ROW''
                                       AND e.subject_id = k.subject_id AND e.seq > k.seq))
       SELECT coalesce(now.id, kept.id) FROM now FULL JOIN kept USING (id)
       WHERE now.sha IS DISTINCT FROM kept.sha OR EXISTS (
         SELECT 1 FROM audit e WHERE e.what = ''ERASED_ROW'' AND e.subject_id = now.id)
       ORDER BY 1',
      of_table, of_table || '/%');
  END LOOP;
END $$;

-- A row that is inserted leaves an audit row with its digest when its transaction commits, after the
-- service's own audit rows, which take the lock first. Where a table is covered for the first time,
-- its existing rows are digested now.
DO $do$
DECLARE
  of_table text;
  content jsonb;
BEGIN
  SET LOCAL timezone = 'UTC';
  FOREACH of_table IN ARRAY ARRAY[
    'acknowledgements', 'answers', 'approvals', 'conclusions', 'holds', 'incidents',
    'limited_checks', 'note_answers', 'note_switches', 'openings', 'own_views', 'repeat_reads', 'repeat_views', 'rewritten_scores', 'runs', 'second_reads', 'signatures', 'stops',
    'withdrawals'] LOOP
    IF NOT EXISTS (SELECT 1 FROM triage.chained WHERE name = of_table) THEN
      INSERT INTO triage.chained VALUES (of_table);
      FOR content IN EXECUTE format('SELECT to_jsonb(t) FROM triage.%I t ORDER BY 1', of_table) LOOP
        PERFORM triage.audit_append('KEPT_ROW', 'ROW',
          triage.name_of_row(of_table, content, triage.keys_of(of_table)),
          jsonb_build_object('sha256', triage.digest_of_row(content)));
      END LOOP;
    END IF;
    EXECUTE format(
      'CREATE CONSTRAINT TRIGGER chain_row AFTER INSERT ON triage.%I DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION triage.chain_row(%L)',
      of_table, array_to_string(triage.keys_of(of_table), ','));
  END LOOP;
END $do$;

GRANT EXECUTE ON FUNCTION triage.audit_append(text,text,text,jsonb), triage.audit_head() TO
    rosh_web, rosh_night;
GRANT EXECUTE ON FUNCTION triage.audit_digest(bigint), triage.audit_first_broken(),
    triage.audit_newest_run(), triage.rows_not_as_kept() TO rosh_night;
