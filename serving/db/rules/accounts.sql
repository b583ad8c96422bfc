-- What an inspector may read of one person, asked for by CRN, and holds on deletion.

CREATE OR REPLACE FUNCTION triage.asked_crn() RETURNS text STABLE
LANGUAGE sql AS
  $$ SELECT nullif(current_setting('rosh.asked_crn', true), '')
     WHERE triage.has_role('inspector') $$;

CREATE OR REPLACE FUNCTION triage.asking(about text) RETURNS boolean STABLE
LANGUAGE sql AS
  $$ SELECT coalesce(about = triage.asked_crn(), false) $$;

-- Also the files that the case stood in.
CREATE OR REPLACE FUNCTION triage.audit_about(about text) RETURNS SETOF triage.audit STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT seq, at, who, what, subject_type, subject_id, details - 'crns', previous, digest
     FROM audit WHERE asking(about) AND (subject_id = about OR details -> 'crns' ? about)
     ORDER BY seq $$;

CREATE POLICY seen ON triage.holds FOR SELECT TO rosh_web
  USING (triage.has_role('inspector'));
CREATE POLICY mine ON triage.holds
  FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND triage.has_role('inspector'));
CREATE POLICY night ON triage.holds FOR SELECT TO rosh_night
  USING (true);

GRANT SELECT ON triage.holds TO rosh_web, rosh_night;
GRANT INSERT (crn, placed, reasons, username) ON triage.holds TO rosh_web;
GRANT EXECUTE ON FUNCTION triage.asked_crn(), triage.asking(text) TO rosh_web, rosh_night;
GRANT EXECUTE ON FUNCTION triage.audit_about(text) TO rosh_web;
