-- What is published to other services, in the order of commits, and how far it was.

CREATE OR REPLACE FUNCTION triage.events_to_publish(known bigint, most integer)
RETURNS TABLE (id bigint, body jsonb) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT e.id, e.body FROM events_as_sent(known, most) e $$;

-- A digest of a row that was kept is about no subject that the audit service knows.
CREATE OR REPLACE FUNCTION triage.audit_to_publish(known bigint, most integer)
RETURNS TABLE (id bigint, seq bigint, at timestamptz, who text, what text, subject_type text,
               subject_id text, details jsonb, digest text) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT a.seq, a.seq, a.at, a.who, a.what, a.subject_type, a.subject_id, a.details, a.digest
     FROM audit a WHERE a.seq > known AND a.what <> 'KEPT_ROW' ORDER BY a.seq LIMIT most $$;

-- How many events wait to be published: a number, for whoever watches.
CREATE OR REPLACE FUNCTION triage.events_unpublished() RETURNS bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT count(*) FROM events
     WHERE id > coalesce((SELECT max(last) FROM publications WHERE kind = 'events'), 0) $$;

CREATE POLICY night ON triage.publications TO rosh_night USING (true) WITH CHECK (true);

GRANT SELECT, INSERT ON triage.publications TO rosh_night;
GRANT EXECUTE ON FUNCTION triage.events_to_publish(bigint,integer),
    triage.audit_to_publish(bigint,integer) TO rosh_night;
GRANT EXECUTE ON FUNCTION triage.events_unpublished() TO rosh_web;
