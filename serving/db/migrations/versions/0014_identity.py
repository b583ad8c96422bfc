"""Who acts is proved to the database: a name alone, which the web role could make up, is nobody.

The service signs the name and an end with a key that the web role cannot read (HMAC-SHA256 by
RFC 2104, from the inner and outer padded key). `app_user()` holds the name only where the proof is
right and has not ended; every rule of the database asks it. A session begins in its own user's
proved name.
Moments of what people did are the database's own, whatever is sent.

Its rules are history: what holds now stands in `serving/db/rules`.
"""

from alembic import op

revision = "2026_11_28_identity"
down_revision = "2026_11_28_chained_contents"

STAMPED = ("approvals", "signatures", "own_views", "openings", "conclusions")

FUNCTIONS = r"""
CREATE TABLE triage.identity_keys (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  inner_pad bytea NOT NULL CHECK (length(inner_pad) = 64),
  outer_pad bytea NOT NULL CHECK (length(outer_pad) = 64)
);
REVOKE ALL ON triage.identity_keys FROM PUBLIC;

CREATE OR REPLACE FUNCTION triage.app_user() RETURNS text STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
  SELECT said.who FROM identity_keys k,
    (SELECT nullif(current_setting('rosh.username', true), '') AS who,
            nullif(current_setting('rosh.until', true), '') AS until,
            current_setting('rosh.proof', true) AS proof) said
  WHERE said.who IS NOT NULL
    AND said.until::bigint > extract(epoch FROM clock_timestamp())
    AND said.proof = encode(sha256(k.outer_pad || sha256(
          k.inner_pad || convert_to(said.who || '|' || said.until, 'UTF8'))), 'hex') $$;

CREATE OR REPLACE FUNCTION triage.session_begin(new_id text, who text, ends timestamptz)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ INSERT INTO sessions (id, username, until)
     SELECT new_id, username, ends FROM users
     WHERE username = who AND who = app_user() AND ended_at IS NULL $$;

CREATE FUNCTION triage.stamp_moment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_user = 'rosh_web' THEN
    NEW.at := now();
  END IF;
  RETURN NEW;
END $$;
CREATE FUNCTION triage.stamp_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_user = 'rosh_web' THEN
    NEW.expires_at := least(NEW.expires_at, now() + interval '90 days');
  END IF;
  RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION triage.stamp_moment(), triage.stamp_end() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION triage.stamp_moment(), triage.stamp_end() TO rosh_web, rosh_night;
CREATE TRIGGER a_stamp_end BEFORE INSERT ON triage.approvals
  FOR EACH ROW EXECUTE FUNCTION triage.stamp_end();
"""


def upgrade() -> None:
    """Add to what stands; no row that was kept is touched."""
    op.execute(FUNCTIONS)
    for name in STAMPED:
        op.execute(
            f"CREATE TRIGGER a_stamp_moment BEFORE INSERT ON triage.{name}"
            " FOR EACH ROW EXECUTE FUNCTION triage.stamp_moment()"
        )
