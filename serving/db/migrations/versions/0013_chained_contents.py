"""The chain of audit rows covers contents: a changed view, conclusion or approval shows.

Every row of the tables below leaves an audit row with its digest when its transaction commits, last
of all (after the service's own audit rows, whose lock it needs). A row that stood before is
digested now. `rows_not_as_kept` names what was changed, taken away or put in since.

Its rules are history: what holds now stands in `serving/db/rules`.
"""

from alembic import op

revision = "2026_11_28_chained_contents"
down_revision = "2026_11_28_one_clock"

CHAINED = (
    "approvals",
    "signatures",
    "withdrawals",
    "stops",
    "incidents",
    "runs",
    "own_views",
    "openings",
    "conclusions",
    "answers",
    "acknowledgements",
    "second_reads",
    "limited_checks",
    "holds",
)
"""What people said and decided, and what ran. None of these rows is ever changed."""

FUNCTIONS = r"""
-- Nulls are left out, so that a column that is added later changes no digest of an older row.
CREATE FUNCTION triage.digest_of_row(content jsonb) RETURNS text IMMUTABLE LANGUAGE sql AS
  $$ SELECT encode(sha256(convert_to(jsonb_strip_nulls(content)::text, 'UTF8')), 'hex') $$;

CREATE FUNCTION triage.name_of_row(of_table text, content jsonb, keys text[]) RETURNS text IMMUTABLE
LANGUAGE sql AS
  $$ SELECT of_table || '/' || string_agg(content ->> k, '/' ORDER BY n)
     FROM unnest(keys) WITH ORDINALITY AS u(k, n) $$;

CREATE FUNCTION triage.keys_of(of_table text) RETURNS text[] STABLE
LANGUAGE sql SET search_path = triage, pg_temp AS
  $$ SELECT array_agg(a.attname::text ORDER BY array_position(i.indkey::int2[], a.attnum))
     FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
     WHERE i.indrelid = ('triage.' || of_table)::regclass AND i.indisprimary $$;

CREATE FUNCTION triage.chain_row() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = triage, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  content jsonb := to_jsonb(NEW);
BEGIN
  PERFORM audit_append('KEPT_ROW', 'ROW',
    name_of_row(TG_TABLE_NAME, content, string_to_array(TG_ARGV[0], ',')),
    jsonb_build_object('sha256', digest_of_row(content)));
  RETURN NULL;
END $$;

CREATE TABLE triage.chained (name text PRIMARY KEY);
REVOKE ALL ON triage.chained FROM PUBLIC;

CREATE FUNCTION triage.rows_not_as_kept() RETURNS SETOF text STABLE LANGUAGE plpgsql
SECURITY DEFINER SET search_path = triage, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  of_table text;
BEGIN
  FOR of_table IN SELECT name FROM chained ORDER BY name LOOP
    RETURN QUERY EXECUTE format(
      'WITH now AS (SELECT name_of_row(%1$L, to_jsonb(t), keys_of(%1$L)) AS id,
                           digest_of_row(to_jsonb(t)) AS sha FROM %1$I t),
            kept AS (SELECT subject_id AS id, details ->> ''sha256'' AS sha FROM audit
                     WHERE what = ''KEPT_ROW'' AND subject_id LIKE %2$L)
       SELECT coalesce(now.id, kept.id) FROM now FULL JOIN kept USING (id)
       WHERE now.sha IS DISTINCT FROM kept.sha ORDER BY 1',
      of_table, of_table || '/%');
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION triage.digest_of_row(jsonb), triage.name_of_row(text, jsonb, text[]),
  triage.keys_of(text), triage.chain_row(), triage.rows_not_as_kept() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION triage.rows_not_as_kept() TO rosh_night;

-- Whether anything was ever kept: an empty chain beside it is a chain that was emptied.
CREATE FUNCTION triage.audit_newest_run() RETURNS bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT max(seq) FROM audit WHERE what = 'COMMITTED_RUN' $$;
REVOKE ALL ON FUNCTION triage.audit_newest_run() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION triage.audit_newest_run() TO rosh_night;
"""

CHAIN = r"""
INSERT INTO triage.chained VALUES ('{name}');
DO $do$
DECLARE
  content jsonb;
BEGIN
  SET LOCAL timezone = 'UTC';
  FOR content IN SELECT to_jsonb(t) FROM triage.{name} t ORDER BY 1 LOOP
    PERFORM triage.audit_append('KEPT_ROW', 'ROW',
      triage.name_of_row('{name}', content, triage.keys_of('{name}')),
      jsonb_build_object('sha256', triage.digest_of_row(content)));
  END LOOP;
  EXECUTE format(
    'CREATE CONSTRAINT TRIGGER chain_row AFTER INSERT ON triage.{name}
       DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION triage.chain_row(%L)',
    array_to_string(triage.keys_of('{name}'), ','));
END $do$;
"""


def upgrade() -> None:
    """Add to what stands; no row that was kept is touched."""
    op.execute(FUNCTIONS)
    for name in CHAINED:
        op.execute(CHAIN.format(name=name))
