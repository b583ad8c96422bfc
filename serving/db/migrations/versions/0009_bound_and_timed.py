"""An approval binds the list of acute entries and names its run; how long a case was read is kept.

An approval from before holds no list, so nothing is flagged with it: a new one is needed.

Its rules are history: what holds now stands in `serving/db/rules`.
"""

from alembic import op

revision = "2026_11_25_bound_and_timed"
down_revision = "2026_11_25_bank_holidays"

TABLES = """
ALTER TABLE triage.approvals
  ADD COLUMN acute jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN tracked text NOT NULL DEFAULT '' CHECK (tracked ~ '^([0-9]+/runs/[0-9a-f]{32})?$');
ALTER TABLE triage.own_views ADD COLUMN opened_at timestamptz;
"""

FUNCTIONS = r"""
-- When this reader first opened the page of the case in the day before the view, as audited.
CREATE FUNCTION triage.when_opened() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  SELECT min(a.at) INTO NEW.opened_at FROM audit a JOIN items i ON a.subject_id = i.crn
    WHERE i.id = NEW.item_id AND a.who = NEW.username AND a.what = 'PAGE_VIEW_CASE'
      AND a.at > now() - interval '1 day';
  RETURN NEW;
END $$;
CREATE TRIGGER when_opened BEFORE INSERT ON triage.own_views
  FOR EACH ROW EXECUTE FUNCTION triage.when_opened();
REVOKE ALL ON FUNCTION triage.when_opened() FROM PUBLIC;
"""


def upgrade() -> None:
    """Add to what stands; no row that was kept is touched."""
    op.execute(TABLES)
    op.execute(FUNCTIONS)
