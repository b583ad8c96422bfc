"""What is approved never changes, is signed by those it waits for alone, and names its model card.

Before, the owner could change a row of approvals, and a third signature moved the day from which an
approval had held.

Its rules are history: what holds now stands in `serving/db/rules`.
"""

from alembic import op

revision = "2026_11_25_signed_and_kept"
down_revision = "2026_11_25_bound_and_timed"

RULES = r"""
ALTER TABLE triage.approvals
  ADD COLUMN card text NOT NULL DEFAULT '' CHECK (card ~ '^([0-9a-f]{64})?$');
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON triage.approvals
  FOR EACH ROW EXECUTE FUNCTION triage.never_changed();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON triage.approvals
  FOR EACH STATEMENT EXECUTE FUNCTION triage.never_changed();

CREATE FUNCTION triage.waits_to_be_signed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  -- One signature at a time: two at once could both be the second.
  PERFORM pg_advisory_xact_lock(hashtext('triage.signatures'));
  IF (SELECT count(*) FROM signatures s WHERE s.approval_id = NEW.approval_id) >= 2
    OR EXISTS (SELECT 1 FROM withdrawals w WHERE w.approval_id = NEW.approval_id)
    OR NOT EXISTS (SELECT 1 FROM approvals a WHERE a.id = NEW.approval_id AND a.expires_at > now())
  THEN
    RAISE EXCEPTION 'this proposal does not wait to be signed';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER waits_to_be_signed BEFORE INSERT ON triage.signatures
  FOR EACH ROW EXECUTE FUNCTION triage.waits_to_be_signed();
REVOKE ALL ON FUNCTION triage.waits_to_be_signed() FROM PUBLIC;

-- What each proposal bound, as the chain of audit rows says it.
CREATE FUNCTION triage.proposals_as_audited() RETURNS TABLE (id bigint, binds text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = triage, pg_temp AS $$
  SELECT a.subject_id::bigint, a.details->>'binds' FROM audit a
  WHERE a.what = 'PROPOSED_MODEL' AND a.details ? 'binds' ORDER BY a.seq
$$;
REVOKE ALL ON FUNCTION triage.proposals_as_audited() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION triage.proposals_as_audited() TO rosh_night;
"""


def upgrade() -> None:
    """Add to what stands; no row that was kept is touched."""
    op.execute(RULES)
