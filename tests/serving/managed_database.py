"""A database as a managed service gives it: its administrator may make roles, and is no superuser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from serving.db.server import admin_url, program_of
from serving.settings import Settings

PASSWORD = "of-a-managed-database"


@contextmanager
def managed_database(place: Settings) -> Iterator[Settings]:
    """The settings of a place, with a database of its own by DATABASE_URL.

    The programs of PostgreSQL are on the path meanwhile.
    """
    url, programs = admin_url(place), program_of(place, "pg_dump").parent
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(
            text(f"CREATE ROLE managed LOGIN CREATEROLE CREATEDB PASSWORD '{PASSWORD}'")
        )
        connection.execute(text("CREATE DATABASE managed OWNER managed"))
    engine.dispose()
    theirs = url.set(username="managed", password=PASSWORD, database="managed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(programs), prepend=":")
        yield replace(place, database_url=theirs.render_as_string(hide_password=False))


def write_program(folder: Path, name: str, version: str) -> None:
    """A program of PostgreSQL that says its version and nothing else."""
    path = folder / name
    path.write_text(f'#!/bin/sh\necho "{name} (PostgreSQL) {version}"\n', encoding="utf-8")
    path.chmod(0o755)
