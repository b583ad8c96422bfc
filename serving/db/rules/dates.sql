-- The one clock of the database, its days (those of England and Wales) and its working days.

-- How far the clock is set back: nothing, but while a demo makes its past (serving/db/past.py).
CREATE OR REPLACE FUNCTION triage.set_back() RETURNS interval STABLE
LANGUAGE sql AS
  $$ SELECT interval '0' $$;

-- The moment at which the transaction began.
CREATE OR REPLACE FUNCTION triage.now() RETURNS timestamptz STABLE
LANGUAGE sql AS
  $$ SELECT now() - triage.set_back() $$;

-- The moment at which the statement runs, which a wait for a lock makes later than triage.now().
CREATE OR REPLACE FUNCTION triage.moment() RETURNS timestamptz VOLATILE
LANGUAGE sql AS
  $$ SELECT clock_timestamp() - triage.set_back() $$;

CREATE OR REPLACE FUNCTION triage.day_of(moment timestamptz) RETURNS date IMMUTABLE
LANGUAGE sql AS
  $$ SELECT (moment AT TIME ZONE 'Europe/London')::date $$;

CREATE OR REPLACE FUNCTION triage.today() RETURNS date STABLE
LANGUAGE sql AS
  $$ SELECT (triage.now() AT TIME ZONE 'Europe/London')::date $$;

CREATE OR REPLACE FUNCTION triage.working_days(since date) RETURNS bigint STABLE
LANGUAGE sql AS
  $$ SELECT count(*) FROM generate_series(since + 1, triage.today(), interval '1 day') day
     WHERE extract(isodow FROM day) < 6
       AND day::date NOT IN (SELECT b.day FROM triage.bank_holidays b) $$;

ALTER TABLE triage.items ALTER COLUMN queued_on SET DEFAULT triage.today();

-- A row that does not say when it was written has the time of the one clock.
DO $do$
DECLARE
  named record;
BEGIN
  FOR named IN SELECT table_name, column_name FROM information_schema.columns
               WHERE table_schema = 'triage' AND column_default = 'now()' LOOP
    EXECUTE format('ALTER TABLE triage.%I ALTER COLUMN %I SET DEFAULT triage.now()',
                   named.table_name, named.column_name);
  END LOOP;
END $do$;

GRANT SELECT, INSERT ON triage.bank_holidays TO rosh_night;
GRANT SELECT ON triage.bank_holidays TO rosh_web;
GRANT EXECUTE ON FUNCTION triage.set_back(), triage.now(), triage.moment(),
    triage.day_of(timestamp with time zone), triage.today(),
    triage.working_days(date) TO rosh_web, rosh_night;
