"""Makes the roles and brings the tables up to date; run by an administrator."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from psycopg import sql
from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from features.errors import SetupProblem, UserError
from serving.db import identity, past
from serving.db.install_rules import install_rules
from serving.db.server import NIGHT, OWNER, WEB, admin_engine, reach_database
from serving.db.tables import SCHEMA
from serving.settings import Settings

LOCK_TIMEOUT = "20s"
"""How long a migration waits for the tables; pages that read them wait behind it meanwhile."""
NO_RIGHTS = "NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE"
RIGHTS_OF_ROLE = text(
    "SELECT rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole FROM pg_roles"
    " WHERE rolname = :role"
)


def make_roles(settings: Settings) -> None:
    """Make the owner and the service roles alone: a database that is restored names them."""
    with admin_engine(settings) as engine, engine.begin() as connection:
        _make_roles(connection, settings)


def migrate_database(settings: Settings) -> tuple[str, str]:
    """Bring roles, tables and rules up to date, in one transaction; twice is harmless.

    Returns the revision before (empty where there was none) and the one now.
    """
    try:
        with admin_engine(settings) as engine:
            reach_database(engine)
            with engine.begin() as connection:
                return _migrate(connection, settings)
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        raise SetupProblem(
            f"Somebody is using the tables, so they could not be changed within {LOCK_TIMEOUT}. "
            "Nothing was changed. Run the command again."
        ) from error
    except CommandError as error:
        raise UserError(
            "The tables are of another release, which this one does not know, most likely a later "
            "one. Nothing was changed. Run the migration of that release, or restore a backup of "
            "this one."
        ) from error


def _migrate(connection: Connection, settings: Settings) -> tuple[str, str]:
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
    _make_roles(connection, settings)
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA} AUTHORIZATION {OWNER}"))
    connection.execute(text(f"SET LOCAL ROLE {OWNER}"))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    before = _current_revision(connection)
    command.upgrade(config, "head")
    install_rules(connection)
    past.set_clock(connection, timedelta(0))
    identity.keep_key(connection, identity.key_from(settings.session_secret))
    return before, _current_revision(connection)


def _current_revision(connection: Connection) -> str:
    return (
        MigrationContext.configure(
            connection, opts={"version_table_schema": SCHEMA}
        ).get_current_revision()
        or ""
    )


def _make_roles(connection: Connection, settings: Settings) -> None:
    """Make the owner, who cannot sign in, and the two service roles, who own nothing.

    Only a superuser may say that a role is none, and the administrator of a managed database is not
    one: it is said of a new role, which anybody may, and where a role has too many rights.
    """
    passwords = {OWNER: None, WEB: settings.web_password, NIGHT: settings.night_password}
    raw = connection.connection.driver_connection
    assert raw is not None  # noqa: S101 (a connection in use has a driver connection)
    for role, password in passwords.items():
        has_rights = connection.execute(RIGHTS_OF_ROLE, {"role": role}).scalar()
        verb = sql.SQL("CREATE ROLE" if has_rights is None else "ALTER ROLE")
        login = (
            sql.SQL("NOLOGIN")
            if password is None
            else sql.SQL("LOGIN PASSWORD {}").format(sql.Literal(password))
        )
        rights = sql.SQL("" if has_rights is False else NO_RIGHTS)
        raw.execute(sql.SQL("{} {} WITH {} {}").format(verb, sql.Identifier(role), login, rights))
    raw.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(OWNER)))
