"""The board can stop, and watches: stops and withdrawals in a member's own name, snapshots.

Its rules are history: what holds now stands in `serving/db/rules`.
"""

from alembic import op

revision = "2026_11_25_stop"
down_revision = "2026_11_25_units_and_sessions"

TABLES = """
CREATE TABLE triage.stops (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('stop', 'resume')),
  username text NOT NULL REFERENCES triage.users,
  reasons text NOT NULL CHECK (length(btrim(reasons)) >= 20),
  at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE triage.withdrawals (
  approval_id bigint PRIMARY KEY REFERENCES triage.approvals,
  username text NOT NULL REFERENCES triage.users,
  reasons text NOT NULL CHECK (length(btrim(reasons)) >= 20),
  at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE triage.snapshots (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  as_of date NOT NULL,
  version integer NOT NULL,
  figures jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE triage.signatures ADD COLUMN conditions text NOT NULL DEFAULT '';
"""

RULES = (
    "".join(
        f"""
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON triage.{name}
  FOR EACH ROW EXECUTE FUNCTION triage.never_changed();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON triage.{name}
  FOR EACH STATEMENT EXECUTE FUNCTION triage.never_changed();
ALTER TABLE triage.{name} ENABLE ROW LEVEL SECURITY;
ALTER TABLE triage.{name} FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON triage.{name} FOR ALL TO rosh_owner USING (true) WITH CHECK (true);
CREATE POLICY everyone ON triage.{name} FOR SELECT TO rosh_web, rosh_night USING (true);
CREATE POLICY board ON triage.{name} FOR INSERT TO rosh_web
  WITH CHECK (username = triage.app_user() AND triage.on_board());
GRANT SELECT ON triage.{name} TO rosh_web, rosh_night;
"""
        for name in ("stops", "withdrawals")
    )
    + """
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON triage.snapshots
  FOR EACH ROW EXECUTE FUNCTION triage.never_changed();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON triage.snapshots
  FOR EACH STATEMENT EXECUTE FUNCTION triage.never_changed();
ALTER TABLE triage.snapshots ENABLE ROW LEVEL SECURITY;
ALTER TABLE triage.snapshots FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON triage.snapshots FOR ALL TO rosh_owner USING (true) WITH CHECK (true);
CREATE POLICY board ON triage.snapshots FOR SELECT TO rosh_web
  USING (triage.on_board() OR triage.has_role('analyst'));
CREATE POLICY night ON triage.snapshots FOR ALL TO rosh_night USING (true) WITH CHECK (true);
GRANT SELECT ON triage.snapshots TO rosh_web;
GRANT SELECT, INSERT ON triage.snapshots TO rosh_night;
"""
)

GRANTS = """
GRANT INSERT (kind, username, reasons) ON triage.stops TO rosh_web;
GRANT INSERT (approval_id, username, reasons) ON triage.withdrawals TO rosh_web;
"""


def upgrade() -> None:
    """Add to what stands; no row that was kept is touched."""
    for part in (TABLES, RULES, GRANTS):
        op.execute(part)
