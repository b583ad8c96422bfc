"""The rules of a database are those of `serving/db/rules`, whatever version it comes from."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from serving import rule_numbers
from serving.db import install_rules, migrate
from serving.db.install_rules import SUBJECTS, sql_of
from serving.db.server import OWNER, admin_url
from serving.settings import Settings
from tests.service import Service

FIRST_VERSION = "2026_11_25_followed_through"
"""The newest migration of 0.1.0."""
FIRST_VERSION_SCHEMA = Path(__file__).with_name("database_0_1_0.sql.gz")
"""What `pg_dump --schema-only --schema=triage` wrote of the database of 0.1.0, without comments."""
FILES = {subject: sql_of(subject) for subject in SUBJECTS}
ALL_RULES = "\n".join(FILES.values())
FUNCTION = re.compile(
    r"^CREATE OR REPLACE FUNCTION triage\.(\w+)\(.*?\$\$(.*?)\$\$;", re.MULTILINE | re.DOTALL
)
POLICY = re.compile(r"^CREATE POLICY (\w+) ON triage\.(\w+)", re.MULTILINE)
TRIGGER = re.compile(r"^CREATE TRIGGER (\w+) .*?\bON triage\.(\w+)", re.MULTILINE | re.DOTALL)

CATALOGUE = {
    "functions": "SELECT p.oid::regprocedure::text, pg_get_functiondef(p.oid) || coalesce((SELECT"
    " string_agg(x::text, ',' ORDER BY x::text) FROM unnest(proacl) x), '') FROM pg_proc p"
    " WHERE pronamespace = 'triage'::regnamespace",
    "triggers": "SELECT tgrelid::regclass || '.' || tgname, pg_get_triggerdef(t.oid) FROM pg_trigger"
    " t JOIN pg_class c ON c.oid = tgrelid WHERE NOT tgisinternal"
    " AND relnamespace = 'triage'::regnamespace",
    "policies": "SELECT tablename || '.' || policyname, (cmd, roles, qual, with_check)::text"
    " FROM pg_policies WHERE schemaname = 'triage'",
    "tables": "SELECT relname, concat_ws(' ', (SELECT string_agg(x::text, ',' ORDER BY x::text)"
    " FROM unnest(relacl) x), relrowsecurity, relforcerowsecurity) FROM pg_class"
    " WHERE relnamespace = 'triage'::regnamespace AND relkind = 'r'",
    "columns": "SELECT attrelid::regclass || '.' || attname, concat_ws(' ', format_type(atttypid,"
    " atttypmod), attnotnull, (SELECT string_agg(x::text, ',' ORDER BY x::text) FROM"
    " unnest(attacl) x)) FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid"
    " WHERE relnamespace = 'triage'::regnamespace AND relkind = 'r' AND attnum > 0",
    "constraints": "SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)"
    " FROM pg_constraint WHERE connamespace = 'triage'::regnamespace",
}


def catalogue(connection: Connection) -> dict[str, dict[str, str]]:
    """Every rule of a database by kind and name, as PostgreSQL writes it."""
    return {
        kind: {row[0]: row[1] for row in connection.execute(text(query))}
        for kind, query in CATALOGUE.items()
    }


@dataclass(frozen=True)
class Other:
    """Another database on the server of the tests."""

    settings: Settings
    engine: Engine


@pytest.fixture
def other(service: Service) -> Iterator[Other]:
    """An empty database beside that of the service."""
    admin = create_engine(admin_url(service.settings), isolation_level="AUTOCOMMIT")
    address = admin_url(service.settings).set(database="other_version")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE other_version"))
    settings = replace(service.settings, database_url=address.render_as_string(hide_password=False))
    engine = create_engine(address)
    yield Other(settings, engine)
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE other_version WITH (FORCE)"))
    admin.dispose()


def make_first_version(other: Other) -> None:
    """Make the empty database of 0.1.0: its tables, functions, policies and triggers."""
    schema = gzip.decompress(FIRST_VERSION_SCHEMA.read_bytes()).decode("utf-8")
    with other.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL check_function_bodies = off")
        connection.exec_driver_sql(schema.replace("%", "%%"))
        connection.execute(
            text("INSERT INTO triage.alembic_version VALUES (:revision)"),
            {"revision": FIRST_VERSION},
        )


PEOPLE_AND_REVIEWS = (
    "INSERT INTO triage.users (username, name, role, pdu_code, staff_code, made_up) VALUES"
    " ('SPO-1', 'Made Up', 'spo', 'N54ALD', 'N54A001', true)",
    "INSERT INTO triage.approvals (bundle_id, bundle_folder, catalogue, rates, random_share, demo,"
    " expires_at) VALUES ('b', 'b', 'c', '{}', 0.2, true, now() + interval '80 days')",
    "INSERT INTO triage.runs (id, as_of, approval_id, bundle_id, store_load, store_fingerprint,"
    " scores_file, scores_sha256, counts, made_up)"
    " SELECT 'r', '2026-11-20', id, 'b', 1, 'f', 's', 's', '{}', true FROM triage.approvals",
    "INSERT INTO triage.items (run_id, crn, pdu_code, as_of, due_on, shuffle, person, state)"
    " VALUES ('r', 'X000001', 'N54ALD', '2026-11-20', '2026-11-27', 's', '{}', 'concluded')",
    "INSERT INTO triage.own_views (item_id, username, levels, reasons, verdicts) SELECT id, 'SPO-1',"
    ' \'{"children": "LOW", "public": "LOW", "known_adult": "LOW", "staff": "LOW"}\','
    " 'reasons of a made-up reader', '{\"public\": \"about_right\"}' FROM triage.items",
    "INSERT INTO triage.conclusions (item_id, username, outcome, groups, reasons) SELECT id,"
    " 'SPO-1', 'keep_level', '{}', 'reasons of a made-up reader' FROM triage.items",
)
CHAINED_ROWS = 4
"""The approval, the run, the own view and the conclusion."""
TABLES = ("users", "approvals", "runs", "items", "own_views", "conclusions")


def rows(connection: Connection) -> dict[str, list[dict[str, object]]]:
    """What is kept of people and reviews."""
    return {
        table: [dict(row) for row in connection.execute(text(f"TABLE triage.{table}")).mappings()]
        for table in TABLES
    }


def test_no_migration_gives_kept_rows_a_value_that_they_did_not_have() -> None:
    """The audit holds a digest of each kept row, of what is not null in it."""
    listed = re.search(r"FOREACH of_table IN ARRAY ARRAY\[(.*?)\]", FILES["audit"], re.DOTALL)
    assert listed is not None
    chained = set(re.findall(r"'(\w+)'", listed[1]))
    added = re.compile(r"ALTER TABLE triage\.(\w+)((?:(?!ALTER TABLE).)*?;)", re.DOTALL)
    wrong = []
    for path in sorted(Path(migrate.__file__).parent.glob("migrations/versions/00*.py")):
        # Before that migration no digest was kept; 0027 mends what 0018 did.
        if path.name < "0014" or path.name.startswith("0018"):
            continue
        for table, change in added.findall(path.read_text("utf-8")):
            columns = re.findall(r"ADD COLUMN[^,;]*", change)
            if table in chained and any(re.search("NOT NULL|DEFAULT", one) for one in columns):
                wrong.append(path.name)
    assert len(chained) > 15
    assert not wrong


def test_a_database_of_the_first_version_keeps_its_reviews_and_gets_the_rules_of_today(
    service: Service, other: Other
) -> None:
    make_first_version(other)
    with other.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in PEOPLE_AND_REVIEWS:
            connection.exec_driver_sql(statement)
        before = rows(connection)
    assert migrate.migrate_database(other.settings) == (
        FIRST_VERSION,
        migrate.migrate_database(other.settings)[1],
    )
    with other.engine.connect() as connection, service.admin.connect() as fresh:
        after = rows(connection)
        for table in TABLES:
            assert [
                {name: row[name] for name in old}
                for row, old in zip(after[table], before[table], strict=True)
            ] == before[table], table
        assert catalogue(connection) == catalogue(fresh)
        connection.execute(text(f"SET ROLE {OWNER}"))
        assert not connection.execute(text("SELECT triage.rows_not_as_kept()")).all()
        digests = text("SELECT count(*) FROM triage.audit WHERE what = 'KEPT_ROW'")
        assert connection.execute(digests).scalar() == CHAINED_ROWS


def test_the_installed_rules_are_those_of_the_files(service: Service) -> None:
    bodies = dict(FUNCTION.findall(ALL_RULES))
    assert len(bodies) == len(FUNCTION.findall(ALL_RULES)) == ALL_RULES.count("REPLACE FUNCTION")
    with service.admin.connect() as connection:
        functions = connection.execute(
            text("SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'triage'::regnamespace")
        ).all()
        assert {row.proname: row.prosrc for row in functions} == bodies
        assert len(functions) == len(bodies)
        rules = catalogue(connection)
    policies = {f"{table}.{name}" for name, table in POLICY.findall(ALL_RULES)}
    assert {name for name in rules["policies"] if not name.endswith(".owner")} == policies
    triggers = {f"triage.{table}.{name}" for name, table in TRIGGER.findall(ALL_RULES)}
    assert {name for name in rules["triggers"] if not name.endswith(".chain_row")} == triggers


def test_every_table_is_closed_by_row_level_security_but_those_without_a_case(
    service: Service,
) -> None:
    with service.admin.connect() as connection:
        tables = catalogue(connection)["tables"]
    open_tables = {name for name, rule in tables.items() if not rule.endswith("t t")}
    assert open_tables == {
        "alembic_version",
        "bank_holidays",
        "chained",
        "identity_keys",
        "installed_rules",
        "users",
    }


def test_a_number_of_a_rule_stands_in_one_place(
    service: Service, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another number reaches the database with the next `migrate`, and rows that stand, stand."""
    migrate.migrate_database(other.settings)
    with other.engine.begin() as connection:
        connection.execute(
            text("CREATE FUNCTION triage.of_no_file() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        )
    monkeypatch.setattr(rule_numbers, "LEAST_REASONS", 31)
    migrate.migrate_database(other.settings)
    with other.engine.connect() as connection:
        rules = catalogue(connection)["constraints"]
        assert "triage.of_no_file()" not in catalogue(connection)["functions"]
        installed = connection.execute(text("SELECT count(*) FROM triage.installed_rules"))
        assert installed.scalar_one() == 2
    assert ">= 31" in rules["triage.conclusions.conclusions_reasons_check"]


def test_the_same_rules_again_change_nothing(service: Service) -> None:
    with service.admin.begin() as connection:
        connection.execute(text(f"SET LOCAL ROLE {OWNER}"))
        assert not install_rules.install_rules(connection)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_file_of_rules_says_first_what_it_is_about(subject: str) -> None:
    assert re.match(r"-- [A-Z].+\.\n", FILES[subject])


def test_every_file_of_rules_is_installed() -> None:
    assert {path.stem for path in install_rules.FOLDER.glob("*.sql")} == set(SUBJECTS)
