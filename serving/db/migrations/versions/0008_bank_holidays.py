"""Bank holidays are no working days: how long a case waited before a deputy may read it.

Its rules are history: what holds now stands in `serving/db/rules`.
"""

from alembic import op

revision = "2026_11_25_bank_holidays"
down_revision = "2026_11_25_limits_by_name"

TABLES = """
CREATE TABLE triage.bank_holidays (day date PRIMARY KEY);
GRANT SELECT ON triage.bank_holidays TO rosh_web, rosh_night;
GRANT INSERT ON triage.bank_holidays TO rosh_night;
CREATE OR REPLACE FUNCTION triage.working_days(since date) RETURNS bigint STABLE LANGUAGE sql AS
  $$ SELECT count(*) FROM generate_series(since + 1, current_date, interval '1 day') day
     WHERE extract(isodow FROM day) < 6
       AND day::date NOT IN (SELECT b.day FROM triage.bank_holidays b) $$;
"""


def upgrade() -> None:
    """Add to what stands; no row that was kept is touched."""
    op.execute(TABLES)
