-- Approvals by two members of the board, stops, incidents, and what the board watches.

CREATE OR REPLACE FUNCTION triage.waits_to_be_signed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  -- One signature at a time: two at once could both be the second.
  PERFORM pg_advisory_xact_lock(hashtext('triage.signatures'));
  IF (SELECT count(*) FROM signatures s WHERE s.approval_id = NEW.approval_id) >= 2
    OR EXISTS (SELECT 1 FROM withdrawals w WHERE w.approval_id = NEW.approval_id)
    OR NOT EXISTS (SELECT 1 FROM approvals a WHERE a.id = NEW.approval_id AND a.expires_at > triage.now())
  THEN
    RAISE EXCEPTION 'this proposal does not wait to be signed';
  END IF;
  RETURN NEW;
END $$;

-- What each proposal bound, as the chain of audit rows says it.
CREATE OR REPLACE FUNCTION triage.proposals_as_audited() RETURNS TABLE (id bigint, binds text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = triage, pg_temp AS $$
  SELECT a.subject_id::bigint, a.details->>'binds' FROM audit a
  WHERE a.what = 'PROPOSED_MODEL' AND a.details ? 'binds' ORDER BY a.seq
$$;

ALTER TABLE triage.approvals DROP CONSTRAINT IF EXISTS approvals_check,
  ADD CONSTRAINT approvals_check
    CHECK (expires_at > at AND expires_at <= at + interval '{{ APPROVAL_DAYS }} days') NOT VALID;

CREATE TRIGGER a_stamp_end BEFORE INSERT ON triage.approvals
  FOR EACH ROW EXECUTE FUNCTION triage.stamp_end();
CREATE TRIGGER waits_to_be_signed BEFORE INSERT ON triage.signatures
  FOR EACH ROW EXECUTE FUNCTION triage.waits_to_be_signed();

CREATE POLICY everyone ON triage.approvals FOR SELECT TO rosh_web, rosh_night
  USING (true);
CREATE POLICY board ON triage.approvals FOR INSERT TO rosh_web
  WITH CHECK (triage.on_board());
CREATE POLICY everyone ON triage.signatures FOR SELECT TO rosh_web, rosh_night
  USING (true);
CREATE POLICY board ON triage.signatures
  FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND triage.on_board());
CREATE POLICY everyone ON triage.withdrawals FOR SELECT TO rosh_web, rosh_night
  USING (true);
CREATE POLICY board ON triage.withdrawals
  FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND triage.on_board());
CREATE POLICY everyone ON triage.stops FOR SELECT TO rosh_web, rosh_night
  USING (true);
CREATE POLICY board ON triage.stops
  FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND triage.on_board());
CREATE POLICY everyone ON triage.note_switches FOR SELECT TO rosh_web, rosh_night
  USING (true);
CREATE POLICY board ON triage.note_switches
  FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND triage.on_board());
CREATE POLICY board ON triage.incidents
  FOR SELECT TO rosh_web
  USING (triage.on_board() OR triage.has_role('analyst'));
CREATE POLICY night ON triage.incidents FOR SELECT TO rosh_night
  USING (true);
CREATE POLICY report ON triage.incidents
  FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND (triage.on_board() OR triage.has_role('analyst')));
CREATE POLICY everyone ON triage.runs FOR SELECT TO rosh_web, rosh_night
  USING (true);
CREATE POLICY night ON triage.runs FOR INSERT TO rosh_night
  WITH CHECK (true);
CREATE POLICY board ON triage.snapshots
  FOR SELECT TO rosh_web
  USING (triage.on_board() OR triage.has_role('analyst'));
CREATE POLICY night ON triage.snapshots FOR ALL TO rosh_night
  USING (true)
  WITH CHECK (true);
CREATE POLICY night ON triage.night_shares FOR ALL TO rosh_night
  USING (true)
  WITH CHECK (true);
CREATE POLICY night ON triage.night_outcomes FOR ALL TO rosh_night
  USING (true)
  WITH CHECK (true);
CREATE POLICY board ON triage.shadows
  FOR SELECT TO rosh_web
  USING (triage.on_board() OR triage.has_role('analyst'));
CREATE POLICY night ON triage.shadows FOR ALL TO rosh_night
  USING (true)
  WITH CHECK (true);

GRANT SELECT ON triage.approvals TO rosh_night;
GRANT SELECT, INSERT ON triage.approvals TO rosh_web;
GRANT SELECT ON triage.signatures TO rosh_night;
GRANT SELECT, INSERT ON triage.signatures TO rosh_web;
GRANT SELECT ON triage.withdrawals TO rosh_web, rosh_night;
GRANT INSERT (approval_id, reasons, username) ON triage.withdrawals TO rosh_web;
GRANT SELECT ON triage.stops TO rosh_web, rosh_night;
GRANT INSERT (kind, reasons, username) ON triage.stops TO rosh_web;
GRANT SELECT ON triage.note_switches TO rosh_web, rosh_night;
GRANT INSERT (counts, kind, reasons, username) ON triage.note_switches TO rosh_web;
GRANT SELECT ON triage.incidents TO rosh_web, rosh_night;
GRANT INSERT (closes, follows, kind, username, words) ON triage.incidents TO rosh_web;
GRANT SELECT, INSERT ON triage.runs TO rosh_night;
GRANT SELECT ON triage.runs TO rosh_web;
GRANT SELECT, INSERT ON triage.snapshots TO rosh_night;
GRANT SELECT ON triage.snapshots TO rosh_web;
GRANT SELECT, INSERT ON triage.night_shares TO rosh_night;
GRANT SELECT, INSERT ON triage.night_outcomes TO rosh_night;
GRANT SELECT, INSERT ON triage.shadows TO rosh_night;
GRANT SELECT ON triage.shadows TO rosh_web;
GRANT EXECUTE ON FUNCTION triage.proposals_as_audited() TO rosh_night;
