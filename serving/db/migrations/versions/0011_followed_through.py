"""What was begun and left, declined, or asked about again has somebody who sees to it.

A review that stopped half-way goes to the deputy like one that nobody began; a case goes with its
unit; whoever asked has the last word on what was declined or asked for again.

Its rules are history: what holds now stands in `serving/db/rules`.
"""

from alembic import op

revision = "2026_11_25_followed_through"
down_revision = "2026_11_25_signed_and_kept"

RULES = r"""
ALTER TABLE triage.answers DROP CONSTRAINT answers_kind_check;
ALTER TABLE triage.answers ADD CONSTRAINT answers_kind_check CHECK (kind IN
  ('accepted', 'declined', 'fact', 'second_look', 'reassessed', 'reply', 'settled'));
CREATE INDEX ON triage.conclusions (username)
  WHERE outcome IN ('ask_reassessment', 'need_information');

-- Readers have the last word on what was asked, practitioners answer: neither speaks for the other.
CREATE POLICY reader ON triage.answers FOR INSERT TO rosh_web WITH CHECK (
  username = triage.app_user() AND kind IN ('reply', 'settled')
  AND (triage.has_role('spo') OR triage.has_role('head'))
  AND EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited
              AND i.pdu_code = triage.own_pdu()));
CREATE POLICY who_says_what ON triage.answers AS RESTRICTIVE FOR INSERT TO rosh_web WITH CHECK (
  (kind IN ('reply', 'settled')) = (triage.has_role('spo') OR triage.has_role('head')));

-- A view recorded and left for more than two working days is no reading under way.
CREATE OR REPLACE FUNCTION triage.nobody_began(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT holder_of(item) IS NULL AND NOT EXISTS (
       SELECT 1 FROM own_views v WHERE v.item_id = item AND working_days(v.at::date) <= 2) $$;
CREATE OR REPLACE FUNCTION triage.begun(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT held_by(item) IS NOT NULL OR EXISTS (
       SELECT 1 FROM own_views v WHERE v.item_id = item AND working_days(v.at::date) <= 2) $$;

-- How many answers wait for a word of whoever asked.
CREATE FUNCTION triage.answers_for_me() RETURNS bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT count(*) FROM conclusions c JOIN items i ON i.id = c.item_id
     WHERE c.username = app_user() AND c.outcome IN ('ask_reassessment', 'need_information')
       AND NOT i.limited AND i.pdu_code = own_pdu()
       AND NOT EXISTS (SELECT 1 FROM answers o WHERE o.item_id = c.item_id
                       AND o.kind IN ('settled', 'reassessed'))
       AND EXISTS (SELECT 1 FROM answers a WHERE a.item_id = c.item_id
         AND (a.kind IN ('declined', 'second_look')
              OR (a.kind = 'fact' AND c.outcome = 'need_information'))
         AND NOT EXISTS (SELECT 1 FROM answers b WHERE b.item_id = a.item_id AND b.id > a.id
                         AND b.kind IN ('reply', 'accepted'))) $$;

-- After the event alone: before both readers are done nobody is told that there is a second one.
CREATE FUNCTION triage.second_reads_asked(about text)
RETURNS TABLE (item_id bigint, pdu_code text, at timestamptz, due_on date) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT s.item_id, s.pdu_code, s.at, s.due_on FROM second_reads s
     JOIN items i ON i.id = s.item_id WHERE i.crn = about AND asking(about) ORDER BY s.at $$;

-- Whoever stands in for a unit acts on what was delivered to it.
CREATE FUNCTION triage.covered_by_me() RETURNS SETOF text STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT unit FROM (SELECT DISTINCT pdu_code AS unit FROM cover) u WHERE stands_in(unit) $$;
CREATE POLICY deputy ON triage.acute FOR SELECT TO rosh_web
  USING (pdu_code IN (SELECT triage.covered_by_me()));
CREATE OR REPLACE FUNCTION triage.acute_done(entry bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT EXISTS (SELECT 1 FROM acknowledgements k JOIN acute a ON a.id = k.acute_id
       WHERE a.id = entry
         AND (a.pdu_code = own_pdu() OR a.practitioner_code = own_staff_code()
              OR a.pdu_code IN (SELECT covered_by_me()))) $$;

REVOKE ALL ON FUNCTION triage.answers_for_me(), triage.second_reads_asked(text),
  triage.covered_by_me() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION triage.answers_for_me(), triage.second_reads_asked(text),
  triage.covered_by_me() TO rosh_web;
GRANT UPDATE (pdu_code) ON triage.items TO rosh_night;
"""


def upgrade() -> None:
    """Add to what stands; no row that was kept is touched."""
    op.execute(RULES)
