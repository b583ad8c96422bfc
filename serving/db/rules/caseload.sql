-- Who holds each case, and the facts that a unit puts right.

CREATE POLICY unit ON triage.caseload
  FOR SELECT TO rosh_web
  USING (pdu_code = (SELECT triage.own_pdu()) OR crn = (SELECT triage.asked_crn()));
CREATE POLICY night ON triage.caseload FOR ALL TO rosh_night
  USING (true)
  WITH CHECK (true);
CREATE POLICY unit ON triage.facts
  FOR SELECT TO rosh_web
  USING (pdu_code = (SELECT triage.own_pdu()));
CREATE POLICY night ON triage.facts FOR ALL TO rosh_night
  USING (true)
  WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON triage.caseload TO rosh_night;
GRANT SELECT ON triage.caseload TO rosh_web;
GRANT SELECT, INSERT, UPDATE, DELETE ON triage.facts TO rosh_night;
GRANT SELECT ON triage.facts TO rosh_web;
