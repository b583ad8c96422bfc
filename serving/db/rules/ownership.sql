-- Every table is closed to all but its owner; the other files say what is opened, and to whom.

REVOKE ALL ON ALL TABLES IN SCHEMA triage FROM PUBLIC, rosh_web, rosh_night;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA triage FROM PUBLIC, rosh_web, rosh_night;
GRANT USAGE ON SCHEMA triage TO rosh_web, rosh_night;

-- Row-level security holds for the owner too; these hold nothing of a case.
DO $do$
DECLARE
  of_table text;
BEGIN
  FOR of_table IN SELECT tablename FROM pg_tables WHERE schemaname = 'triage' AND tablename NOT IN
      ('alembic_version', 'bank_holidays', 'chained', 'identity_keys', 'installed_rules', 'users')
  LOOP
    EXECUTE format('ALTER TABLE triage.%I ENABLE ROW LEVEL SECURITY', of_table);
    EXECUTE format('ALTER TABLE triage.%I FORCE ROW LEVEL SECURITY', of_table);
    EXECUTE format('CREATE POLICY owner ON triage.%I FOR ALL TO rosh_owner
                      USING (true) WITH CHECK (true)', of_table);
  END LOOP;
END $do$;
