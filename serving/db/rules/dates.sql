-- Days are those of England and Wales; working days leave out weekends and bank holidays.

CREATE OR REPLACE FUNCTION triage.day_of(moment timestamptz) RETURNS date IMMUTABLE
LANGUAGE sql AS
  $$ SELECT (moment AT TIME ZONE 'Europe/London')::date $$;

CREATE OR REPLACE FUNCTION triage.today() RETURNS date STABLE
LANGUAGE sql AS
  $$ SELECT (now() AT TIME ZONE 'Europe/London')::date $$;

CREATE OR REPLACE FUNCTION triage.working_days(since date) RETURNS bigint STABLE
LANGUAGE sql AS
  $$ SELECT count(*) FROM generate_series(since + 1, triage.today(), interval '1 day') day
     WHERE extract(isodow FROM day) < 6
       AND day::date NOT IN (SELECT b.day FROM triage.bank_holidays b) $$;

ALTER TABLE triage.items ALTER COLUMN queued_on SET DEFAULT triage.today();

GRANT SELECT, INSERT ON triage.bank_holidays TO rosh_night;
GRANT SELECT ON triage.bank_holidays TO rosh_web;
GRANT EXECUTE ON FUNCTION triage.day_of(timestamp with time zone), triage.today(),
    triage.working_days(date) TO rosh_web, rosh_night;
