"""Installs the rules of the database from `serving/db/rules`: functions, triggers, policies.

Migrations hold tables; a rule is changed in its file, and the next `migrate` installs it.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Connection, insert, select, text

from serving import rule_numbers
from serving.db.tables import SCHEMA, installed_rules

FOLDER = Path(__file__).with_name("rules")
SUBJECTS = (
    "ownership",
    "dates",
    "identity",
    "kept_rows",
    "audit",
    "limited_access",
    "claiming",
    "sealing",
    "note_answers",
    "second_readers",
    "repeat_reads",
    "follow_up",
    "publishing",
    "accounts",
    "board",
    "caseload",
    "erasure",
)
"""The files in the order in which they are run."""

_POLICIES = """
SELECT format('DROP POLICY %I ON %I.%I', policyname, schemaname, tablename)
FROM pg_policies WHERE schemaname = :schema
"""
_TRIGGERS = """
SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass)
FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid
WHERE NOT tgisinternal AND c.relnamespace = to_regnamespace(:schema)
"""


_FUNCTION = re.compile(r"^CREATE OR REPLACE FUNCTION .*?\$\$;$", re.MULTILINE | re.DOTALL)

_TEMPLATES = Environment(  # noqa: S701 - SQL of our own, with numbers of our own
    loader=FileSystemLoader(FOLDER),
    undefined=StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
)


def sql_of(subject: str) -> str:
    """The SQL of one file of rules, with the values of `serving.rule_numbers` filled in."""
    numbers = {name: value for name, value in vars(rule_numbers).items() if name.isupper()}
    return _TEMPLATES.get_template(f"{subject}.sql").render(numbers)


def install_rules(connection: Connection) -> bool:
    """Replace all rules in the database by those of the files, in the connection's transaction.

    Returns whether anything was installed: the same files a second time change nothing.
    """
    statements = [sql_of(subject) for subject in SUBJECTS]
    digest = hashlib.sha256("\0".join(statements).encode()).hexdigest()
    newest = select(installed_rules.c.digest).order_by(installed_rules.c.id.desc()).limit(1)
    if connection.execute(newest).scalar() == digest:
        return False
    for rules in (_POLICIES, _TRIGGERS):
        for statement in connection.execute(text(rules), {"schema": SCHEMA}).scalars().all():
            connection.exec_driver_sql(statement)
    # A function, policy or trigger may name a function that a later file defines.
    connection.exec_driver_sql("SET LOCAL check_function_bodies = off")
    functions = [match for statement in statements for match in _FUNCTION.findall(statement)]
    for statement in [*functions, *(_FUNCTION.sub("", statement) for statement in statements)]:
        connection.exec_driver_sql(statement.replace("%", "%%"))
    _drop_functions_of_no_file(connection, "\n".join(statements))
    connection.execute(insert(installed_rules).values(digest=digest))
    return True


def _drop_functions_of_no_file(connection: Connection, rules: str) -> None:
    named = re.findall(r"^CREATE OR REPLACE FUNCTION \w+\.(\w+)", rules, re.MULTILINE)
    leftover = text(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = to_regnamespace(:schema)"
        " AND NOT proname = ANY (:named)"
    )
    for function in connection.execute(leftover, {"schema": SCHEMA, "named": named}).scalars():
        connection.exec_driver_sql(f"DROP FUNCTION {function}")
