"""Days are those of England and Wales; a deadline runs from when a case could be seen.

`triage.today()` is the only reading of the calendar by the rules of the database. A case has the
day on which it came into the queue (`queued_on`) beside the day that its record is about (`as_of`):
what waits too long is counted from the first.

Its rules are history: what holds now stands in `serving/db/rules`.
"""

from alembic import op

revision = "2026_11_28_one_clock"
down_revision = "2026_11_25_followed_through"

TABLES = """
CREATE FUNCTION triage.day_of(moment timestamptz) RETURNS date IMMUTABLE LANGUAGE sql AS
  $$ SELECT (moment AT TIME ZONE 'Europe/London')::date $$;
CREATE FUNCTION triage.today() RETURNS date STABLE LANGUAGE sql AS
  $$ SELECT (now() AT TIME ZONE 'Europe/London')::date $$;
REVOKE ALL ON FUNCTION triage.day_of(timestamptz), triage.today() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION triage.day_of(timestamptz), triage.today() TO rosh_web, rosh_night;

ALTER TABLE triage.items ADD COLUMN queued_on date;
UPDATE triage.items i SET queued_on = triage.day_of(r.at) FROM triage.runs r WHERE r.id = i.run_id;
ALTER TABLE triage.items ALTER COLUMN queued_on SET DEFAULT triage.today();
ALTER TABLE triage.items ALTER COLUMN queued_on SET NOT NULL;
"""

FUNCTIONS = r"""
CREATE OR REPLACE FUNCTION triage.working_days(since date) RETURNS bigint STABLE LANGUAGE sql AS
  $$ SELECT count(*) FROM generate_series(since + 1, triage.today(), interval '1 day') day
     WHERE extract(isodow FROM day) < 6
       AND day::date NOT IN (SELECT b.day FROM triage.bank_holidays b) $$;

CREATE OR REPLACE FUNCTION triage.nobody_began(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT holder_of(item) IS NULL AND NOT EXISTS (
       SELECT 1 FROM own_views v WHERE v.item_id = item AND working_days(day_of(v.at)) <= 2) $$;

CREATE OR REPLACE FUNCTION triage.begun(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT held_by(item) IS NOT NULL OR EXISTS (
       SELECT 1 FROM own_views v WHERE v.item_id = item AND working_days(day_of(v.at)) <= 2) $$;

CREATE OR REPLACE FUNCTION triage.granted_to_me() RETURNS SETOF bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT second_reads_for_me()
     UNION ALL
     SELECT item_id FROM own_views WHERE has_role('spo') AND username = app_user()
       AND at > now() - interval '90 days'
     UNION ALL
     SELECT item_id FROM (SELECT DISTINCT item_id FROM claims WHERE username = app_user()
                            AND until > clock_timestamp()) held
     WHERE taken_by_me(item_id)
     UNION ALL
     SELECT i.id FROM items i
     WHERE i.state = 'open'
       AND i.pdu_code IN (SELECT unit FROM (SELECT DISTINCT pdu_code AS unit FROM cover) u
                          WHERE stands_in(unit))
       AND working_days(i.queued_on) > 2 AND nobody_began(i.id) $$;

CREATE OR REPLACE FUNCTION triage.readable(item bigint) RETURNS boolean STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT EXISTS (SELECT 1 FROM items i WHERE i.id = item AND (
       i.pdu_code = own_pdu() OR taken_by_me(i.id) OR second_reader(i.id)
       OR (i.state = 'open' AND stands_in(i.pdu_code) AND working_days(i.queued_on) > 2
           AND nobody_began(i.id)))) $$;
"""

RESTATED = r"""
DO $do$
DECLARE
  changed text;
  f regprocedure;
BEGIN
  -- The rest of a rule stands as it was: only the reading of the calendar is another.
  FOREACH f IN ARRAY ARRAY['triage.draw_second_reader()', 'triage.access(text)']::regprocedure[]
  LOOP
    changed := replace(pg_get_functiondef(f), 'current_date', 'triage.today()');
    EXECUTE changed;
  END LOOP;
END $do$;
"""


def upgrade() -> None:
    """Add to what stands; no row that was kept is touched but for its day in the queue."""
    op.execute(TABLES)
    op.execute(FUNCTIONS)
    op.execute(RESTATED)
