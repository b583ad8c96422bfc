"""First light: tables, roles' rights, row-level security, sealed findings, append-only audit.

The promises that the database keeps by itself: nothing but a named person's own conclusion, with
reasons, after that person's own view (1, 4); an SPO sees the own unit (7); approvals by two board
members (8); nothing kept is changed afterwards (10).

Its rules are history: what holds now stands in `serving/db/rules`.
"""

from alembic import op

revision = "2026_11_22_first_light"
down_revision = None

REASON = "length(btrim(reasons)) >= 20"

TABLES = f"""
CREATE TABLE triage.users (
  username text PRIMARY KEY,
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('spo', 'board')),
  pdu_code text,
  made_up boolean NOT NULL,
  CHECK ((role = 'spo') = (pdu_code IS NOT NULL))
);
CREATE TABLE triage.approvals (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  bundle_id text NOT NULL,
  bundle_folder text NOT NULL,
  catalogue text NOT NULL,
  rates jsonb NOT NULL,
  random_share double precision NOT NULL CHECK (random_share > 0 AND random_share < 1),
  demo boolean NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  withdrawn_at timestamptz,
  CHECK (expires_at > at AND expires_at <= at + interval '90 days')
);
CREATE TABLE triage.signatures (
  approval_id bigint NOT NULL REFERENCES triage.approvals,
  username text NOT NULL REFERENCES triage.users,
  reasons text NOT NULL CHECK ({REASON}),
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (approval_id, username)
);
CREATE TABLE triage.runs (
  id text PRIMARY KEY,
  as_of date NOT NULL,
  approval_id bigint NOT NULL REFERENCES triage.approvals,
  bundle_id text NOT NULL,
  store_load integer NOT NULL,
  store_fingerprint text NOT NULL,
  scores_file text NOT NULL,
  scores_sha256 text NOT NULL,
  counts jsonb NOT NULL,
  made_up boolean NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE triage.items (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id text NOT NULL REFERENCES triage.runs,
  crn text NOT NULL,
  pdu_code text NOT NULL,
  as_of date NOT NULL,
  due_on date NOT NULL,
  shuffle text NOT NULL,
  limited boolean NOT NULL DEFAULT false,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'concluded')),
  person jsonb NOT NULL
);
CREATE UNIQUE INDEX one_open_item_a_person ON triage.items (crn) WHERE state = 'open';
CREATE INDEX ON triage.items (pdu_code, state);
CREATE TABLE triage.entries (
  item_id bigint NOT NULL REFERENCES triage.items,
  position integer NOT NULL,
  source_table text NOT NULL,
  record_id text NOT NULL,
  occurred_on date NOT NULL,
  recorded_at timestamp NOT NULL,
  what text NOT NULL,
  detail text NOT NULL,
  source text NOT NULL,
  certainty text NOT NULL,
  disclosable boolean NOT NULL,
  disputed boolean NOT NULL,
  system boolean NOT NULL,
  PRIMARY KEY (item_id, position)
);
CREATE TABLE triage.findings (
  item_id bigint PRIMARY KEY REFERENCES triage.items,
  drawn_as text NOT NULL CHECK (drawn_as IN ('flagged', 'random')),
  risk_group text NOT NULL,
  stratum text NOT NULL,
  probability double precision,
  inclusion_probability double precision NOT NULL
    CHECK (inclusion_probability > 0 AND inclusion_probability <= 1),
  reasons jsonb NOT NULL,
  shown_only jsonb NOT NULL
);
CREATE TABLE triage.own_views (
  item_id bigint NOT NULL REFERENCES triage.items,
  username text NOT NULL REFERENCES triage.users,
  levels jsonb NOT NULL CHECK (levels ?& array['children', 'public', 'known_adult', 'staff']),
  reasons text NOT NULL CHECK ({REASON}),
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (item_id, username)
);
CREATE TABLE triage.openings (
  item_id bigint NOT NULL REFERENCES triage.items,
  username text NOT NULL REFERENCES triage.users,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (item_id, username)
);
CREATE TABLE triage.conclusions (
  item_id bigint PRIMARY KEY REFERENCES triage.items,
  username text NOT NULL REFERENCES triage.users,
  outcome text NOT NULL CHECK (outcome IN ('too_low', 'about_right', 'too_high', 'cannot_tell')),
  reasons text NOT NULL CHECK ({REASON}),
  asked text NOT NULL DEFAULT '',
  at timestamptz NOT NULL DEFAULT now(),
  CHECK (outcome <> 'too_low' OR length(btrim(asked)) >= 10)
);
CREATE TABLE triage.audit (
  seq bigint PRIMARY KEY,
  at timestamptz NOT NULL,
  who text NOT NULL,
  what text NOT NULL,
  subject_type text NOT NULL,
  subject_id text NOT NULL,
  details jsonb NOT NULL,
  previous text NOT NULL,
  digest text NOT NULL
);
"""

FUNCTIONS = r"""
CREATE FUNCTION triage.app_user() RETURNS text STABLE LANGUAGE sql AS
  $$ SELECT nullif(current_setting('rosh.username', true), '') $$;

CREATE FUNCTION triage.own_pdu() RETURNS text STABLE LANGUAGE sql AS
  $$ SELECT pdu_code FROM triage.users WHERE username = triage.app_user() AND role = 'spo' $$;

CREATE FUNCTION triage.on_board() RETURNS boolean STABLE LANGUAGE sql AS
  $$ SELECT EXISTS (SELECT 1 FROM triage.users
     WHERE username = triage.app_user() AND role = 'board') $$;

CREATE FUNCTION triage.never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME;
END $$;

CREATE FUNCTION triage.conclusion_is_a_persons_own() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  IF NEW.username IS DISTINCT FROM app_user() THEN
    RAISE EXCEPTION 'a conclusion is recorded by the person who reached it';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM items WHERE id = NEW.item_id AND state = 'open') THEN
    RAISE EXCEPTION 'the case is not open for a conclusion';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM own_views
                 WHERE item_id = NEW.item_id AND username = NEW.username) THEN
    RAISE EXCEPTION 'an own view comes before a conclusion';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM openings
                 WHERE item_id = NEW.item_id AND username = NEW.username) THEN
    RAISE EXCEPTION 'the findings are seen before a conclusion';
  END IF;
  UPDATE items SET state = 'concluded' WHERE id = NEW.item_id;
  RETURN NEW;
END $$;

CREATE FUNCTION triage.opening_follows_view() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM own_views
                 WHERE item_id = NEW.item_id AND username = NEW.username) THEN
    RAISE EXCEPTION 'an own view comes before the findings';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION triage.audit_payload(a triage.audit) RETURNS text IMMUTABLE LANGUAGE sql AS $$
  SELECT jsonb_build_object(
    'seq', a.seq, 'at', to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
    'who', a.who, 'what', a.what, 'subject_type', a.subject_type, 'subject_id', a.subject_id,
    'details', a.details)::text
$$;

CREATE FUNCTION triage.audit_append(what text, subject_type text, subject_id text, details jsonb)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
DECLARE
  last audit;
  fresh audit;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('triage.audit'));
  SELECT * INTO last FROM audit ORDER BY seq DESC LIMIT 1;
  fresh := ROW(coalesce(last.seq, 0) + 1, clock_timestamp(), coalesce(app_user(), session_user),
               what, subject_type, subject_id, details, coalesce(last.digest, ''), '')::audit;
  fresh.digest := encode(
    sha256(convert_to(fresh.previous || audit_payload(fresh), 'UTF8')), 'hex');
  INSERT INTO audit SELECT (fresh).*;
  RETURN fresh.digest;
END $$;

CREATE FUNCTION triage.audit_first_broken() RETURNS bigint STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS $$
  SELECT min(a.seq) FROM (
    SELECT audit.*, coalesce(lag(audit.digest) OVER w, '') AS expected,
           coalesce(lag(audit.seq) OVER w, 0) + 1 AS expected_seq,
           encode(sha256(convert_to(audit.previous || audit_payload(audit), 'UTF8')), 'hex') AS own
    FROM audit WINDOW w AS (ORDER BY audit.seq)
  ) a WHERE a.previous <> a.expected OR a.digest <> a.own OR a.seq <> a.expected_seq
$$;

CREATE FUNCTION triage.audit_head() RETURNS TABLE (seq bigint, digest text) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = triage, pg_temp AS
  $$ SELECT a.seq, a.digest FROM audit a ORDER BY a.seq DESC LIMIT 1 $$;
"""

KEPT = (
    "signatures",
    "runs",
    "entries",
    "findings",
    "own_views",
    "openings",
    "conclusions",
    "audit",
)

TRIGGERS = (
    "".join(
        f"""
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON triage.{name}
  FOR EACH ROW EXECUTE FUNCTION triage.never_changed();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON triage.{name}
  FOR EACH STATEMENT EXECUTE FUNCTION triage.never_changed();
"""
        for name in KEPT
    )
    + """
CREATE TRIGGER own BEFORE INSERT ON triage.conclusions
  FOR EACH ROW EXECUTE FUNCTION triage.conclusion_is_a_persons_own();
CREATE TRIGGER after_view BEFORE INSERT ON triage.openings
  FOR EACH ROW EXECUTE FUNCTION triage.opening_follows_view();
"""
)

SEEN = "EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id)"
SEEN_WHOLE = "EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited)"
SEEN_OPEN = (
    "EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND NOT i.limited"
    " AND i.state = 'open')"
)
CONCLUDED = "EXISTS (SELECT 1 FROM triage.items i WHERE i.id = item_id AND i.state = 'concluded')"
MINE = "username = triage.app_user()"

POLICIES = f"""
CREATE POLICY own_unit ON triage.items FOR SELECT TO rosh_web USING (pdu_code = triage.own_pdu());
CREATE POLICY seen ON triage.entries FOR SELECT TO rosh_web USING ({SEEN_WHOLE});
CREATE POLICY sealed ON triage.findings FOR SELECT TO rosh_web USING ({SEEN_WHOLE} AND EXISTS (
  SELECT 1 FROM triage.own_views v WHERE v.item_id = findings.item_id AND v.{MINE}));
CREATE POLICY mine_first ON triage.own_views FOR SELECT TO rosh_web
  USING ({SEEN_WHOLE} AND ({MINE} OR {CONCLUDED}));
CREATE POLICY mine ON triage.own_views FOR INSERT TO rosh_web WITH CHECK ({MINE} AND {SEEN_OPEN});
CREATE POLICY seen ON triage.openings FOR SELECT TO rosh_web USING ({SEEN_WHOLE} AND {MINE});
CREATE POLICY mine ON triage.openings FOR INSERT TO rosh_web WITH CHECK ({MINE} AND {SEEN_WHOLE});
CREATE POLICY seen ON triage.conclusions FOR SELECT TO rosh_web USING ({SEEN_WHOLE});
CREATE POLICY mine ON triage.conclusions FOR INSERT TO rosh_web
  WITH CHECK ({MINE} AND {SEEN_WHOLE});
CREATE POLICY everyone ON triage.approvals FOR SELECT TO rosh_web, rosh_night USING (true);
CREATE POLICY board ON triage.approvals FOR INSERT TO rosh_web WITH CHECK (triage.on_board());
CREATE POLICY everyone ON triage.signatures FOR SELECT TO rosh_web, rosh_night USING (true);
CREATE POLICY board ON triage.signatures FOR INSERT TO rosh_web
  WITH CHECK ({MINE} AND triage.on_board());
CREATE POLICY everyone ON triage.runs FOR SELECT TO rosh_web, rosh_night USING (true);
CREATE POLICY night ON triage.runs FOR INSERT TO rosh_night WITH CHECK (true);
CREATE POLICY night ON triage.items FOR ALL TO rosh_night USING (true) WITH CHECK (true);
CREATE POLICY night ON triage.entries FOR ALL TO rosh_night USING (true) WITH CHECK (true);
CREATE POLICY night ON triage.findings FOR ALL TO rosh_night USING (true) WITH CHECK (true);
CREATE POLICY night ON triage.conclusions FOR SELECT TO rosh_night USING (true);
"""

SECURED = (
    "approvals",
    "signatures",
    "runs",
    "items",
    "entries",
    "findings",
    "own_views",
    "openings",
    "conclusions",
    "audit",
)

GRANTS = """
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA triage FROM PUBLIC;
GRANT USAGE ON SCHEMA triage TO rosh_web, rosh_night;
GRANT EXECUTE ON FUNCTION triage.app_user(), triage.own_pdu(), triage.on_board(),
  triage.audit_append(text, text, text, jsonb), triage.audit_head() TO rosh_web, rosh_night;
GRANT EXECUTE ON FUNCTION triage.audit_first_broken() TO rosh_night;
GRANT SELECT ON triage.users, triage.approvals, triage.signatures, triage.runs
  TO rosh_web, rosh_night;
GRANT SELECT ON triage.items, triage.entries, triage.findings, triage.own_views, triage.openings,
  triage.conclusions TO rosh_web;
GRANT INSERT ON triage.own_views, triage.openings, triage.conclusions, triage.approvals,
  triage.signatures TO rosh_web;
GRANT SELECT, INSERT ON triage.items, triage.entries, triage.findings TO rosh_night;
GRANT INSERT ON triage.runs TO rosh_night;
GRANT SELECT ON triage.conclusions TO rosh_night;
GRANT UPDATE (limited, person) ON triage.items TO rosh_night;
"""


def upgrade() -> None:
    """Make everything, owned by a role that no one signs in as."""
    op.execute(TABLES)
    op.execute(FUNCTIONS)
    op.execute(TRIGGERS)
    for name in SECURED:
        op.execute(f"ALTER TABLE triage.{name} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE triage.{name} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY owner ON triage.{name} FOR ALL TO rosh_owner"
            " USING (true) WITH CHECK (true)"
        )
    op.execute(POLICIES)
    op.execute(GRANTS)
