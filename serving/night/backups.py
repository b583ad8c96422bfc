"""Writes a backup of the database and the data folder, and restores one into an empty place.

PostgreSQL's own pg_dump and pg_restore do the work on the database. A backup holds everything about
everybody: keep it encrypted, apart from the service, and as long as the retention schedule says.
Secrets are not in it. Who was deleted on request after a backup comes back with it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from features import clock
from features.errors import MissingInput, RunStopped, SetupProblem, UnreadableInput, UserError
from features.store import locks, s3_store, staging, working_copy
from features.store.digests import digest_of
from features.store.objects import ObjectFolder
from serving.db.migrate import make_roles, migrate_database
from serving.db.night_lock import lock_night, no_night_meanwhile
from serving.db.server import OWNER, admin_engine, admin_url, as_owner, program_of
from serving.db.session import AuditEvent, transaction
from serving.db.tables import SCHEMA
from serving.night import backup_places as places
from serving.night.backup_places import MANIFEST
from serving.settings import ANCHORS, Settings

FOLDERS = ("store", "bundles", "scores")
NUMBERS_LEFT_OUT = 1_000_000
"""By how much the numbers of events go on after a restore."""
DUMP = "database.dump"
BEGUN = ".partial"
LEFT_BEHIND = (".tmp", ".rewritten")
"""Suffixes of files that a command was writing when it was killed."""
SECRET_TABLES = ("identity_keys", "sessions", "drafts")
"""Tables of which no row is in a backup: the key that proves names, and who is signed in."""


@dataclass(frozen=True)
class Backup:
    """A whole backup: its folder, and the SHA-256 of each file by its path within."""

    folder: Path
    mode: str
    digests: dict[str, str]
    size: int = 0
    """The bytes of all its files."""
    place: str = ""
    """Where it was written: a folder, or an address in S3."""


def write_backup(
    settings: Settings, engine: Engine, out: Path | str, step: Callable[[str], None]
) -> Backup:
    """Write a backup into a new folder under `out`, named by the time; no night or load meanwhile.

    `out` is a folder, or an address in S3, to which a backup is sent when it is whole. Raises
    UserError where `out` lies in the data folder, MissingInput without a store, SetupProblem
    where pg_dump is not installed or nothing can be written.
    """
    if isinstance(out, str):
        working_copy.check_apart(out, settings.data)
        with tempfile.TemporaryDirectory() as temporary:
            return _write_into(settings, engine, Path(temporary), ObjectFolder.parse(out), step)
    if out.resolve().is_relative_to(settings.data.resolve()):
        raise UserError(f"{out} lies in the data folder, which is what is backed up.")
    return _write_into(settings, engine, out, None, step)


def _write_into(
    settings: Settings,
    engine: Engine,
    out: Path,
    objects: ObjectFolder | None,
    step: Callable[[str], None],
) -> Backup:
    s3_store.refresh_manifest(settings.store)
    if not (settings.store / "manifest.json").exists():
        raise MissingInput(f"There is no store in {settings.store}: nothing to back up.")
    pg_dump = program_of(settings, "pg_dump")
    staging.check_writable(out)
    folder = out / f"{clock.now():%Y-%m-%dT%H%M%SZ}"
    partial = folder.with_name(folder.name + BEGUN)
    partial.mkdir()
    try:
        with lock_night(engine), locks.hold_lock(settings.store):
            # The signed heads first: one signed meanwhile would name rows that the dump lacks.
            # The files last: the dump may name a bundle that was proposed meanwhile.
            _copy_heads(settings, partial / "data")
            step("the database")
            _dump(pg_dump, admin_url(settings), partial / DUMP)
            _copy_files(settings, partial / "data", step)
        digests = {name: digest_of(partial / name) for name in _files_in(partial)}
        _write_manifest(partial, settings, digests)
        partial.rename(folder)
        if objects is not None:
            step("S3")
            places.send_backup(folder, objects.below(folder.name), digests)
    except OSError as error:
        raise SetupProblem(f"The backup could not be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    with transaction(engine, None) as opened:
        details = {"files": len(digests), "manifest_sha256": digest_of(folder / MANIFEST)}
        opened.audit(AuditEvent("WROTE_BACKUP", "NOT_APPLICABLE", "-", details))
    place = f"{folder}" if objects is None else objects.below(folder.name).address
    size = sum((folder / name).stat().st_size for name in digests)
    return Backup(folder, settings.mode, digests, size, place)


def _copy_heads(settings: Settings, target: Path) -> None:
    if working_copy.fetch_file(settings.anchors).exists():
        target.mkdir()
        shutil.copy2(settings.anchors, target / ANCHORS)


def _copy_files(settings: Settings, target: Path, step: Callable[[str], None]) -> None:
    places.fetch_beside_store(settings)
    manifest = (settings.store / "manifest.json").read_bytes()
    content = json.loads(manifest)
    s3_store.fetch_store_files(settings.store, s3_store.files_listed(content))
    for name in _copied_files(settings.data, content):
        step(name.as_posix())
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(settings.data / name, target / name)
    # The manifest that lists what was copied: a page may fetch a newer one meanwhile.
    (target / "store").mkdir(parents=True, exist_ok=True)
    (target / "store" / "manifest.json").write_bytes(manifest)


def read_backup(folder: Path, key: str) -> Backup:
    """The backup in a folder, every file of which is as it was written and signed by `key`.

    Raises MissingInput for a folder without one, UnreadableInput for a file gone or changed.
    """
    path = folder / MANIFEST
    if not path.exists():
        raise MissingInput(f"{folder} holds no whole backup: there is no {MANIFEST} in it.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        backup = Backup(folder, str(content["mode"]), dict(content["files"]))
        signature = str(content["signature"])
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableInput(f"{path} is damaged; take another backup.") from error
    if not hmac.compare_digest(signature, _sign_files(key, backup.mode, backup.digests)):
        raise UnreadableInput(
            f"{path} was not signed with this ROSH_ANCHOR_KEY, or was changed since. Nothing was "
            "changed here. Restore with the key of the service that was backed up."
        )
    wrong = [
        name
        for name, digest in backup.digests.items()
        if not (folder / name).is_file() or digest_of(folder / name) != digest
    ]
    if wrong:
        raise UnreadableInput(
            f"{len(wrong)} files of the backup are gone or are not as they were written, such as "
            f"{wrong[0]}. Take another backup. Nothing was changed."
        )
    return backup


def restore_backup(settings: Settings, folder: Path, step: Callable[[str], None]) -> Backup:
    """Restore a backup into an empty database and data folder, then bring the tables up to date.

    Raises UserError, and changes nothing, where there is something already, or the backup is of the
    other mode. What was restored is removed again where it cannot be finished.
    """
    step("checking the files of the backup")
    backup = read_backup(folder, settings.anchor_key)
    if backup.mode != settings.mode:
        raise UserError(
            f"The backup is of a service in mode {backup.mode}, and this one is {settings.mode}."
        )
    pg_restore = program_of(settings, "pg_restore")
    # Another restore, or a night, would find half of this one.
    with no_night_meanwhile(settings), ExitStack() as unfinished:
        _check_empty(settings)
        origin = working_copy.origin_of(settings.data)
        unfinished.callback(
            places.remove_everything, settings, FOLDERS, origin[0] if origin else None
        )
        for name in backup.digests:
            if name != DUMP:
                step(name)
                target = settings.data / Path(name).relative_to("data")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(folder / name, target)
        places.send_everything(settings)
        step("the database")
        make_roles(settings)
        unfinished.callback(_drop_schema, settings)
        _restore(pg_restore, admin_url(settings), folder / DUMP)
        step("bringing the tables up to date")
        migrate_database(settings)
        _leave_out_numbers(settings)
        unfinished.pop_all()
    return backup


def _drop_schema(settings: Settings) -> None:
    """Remove what was restored into a database that was empty before."""
    with as_owner(settings) as connection:
        connection.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))


def _leave_out_numbers(settings: Settings) -> None:
    """Let events go on from a number that none ever had: those since the backup were received."""
    numbers = text(
        "SELECT setval(pg_get_serial_sequence('triage.events', 'id'), coalesce(max(id), 0) + :more)"
        " FROM triage.events"
    )
    with as_owner(settings) as connection:
        connection.execute(numbers, {"more": NUMBERS_LEFT_OUT})


def _check_empty(settings: Settings) -> None:
    occupied = [name for name in (*FOLDERS, ANCHORS) if (settings.data / name).exists()]
    if (origin := working_copy.origin_of(settings.data)) and (names := origin[0].list_names()):
        occupied += [f"{origin[0].address}/{names[0]}"]
    if occupied:
        raise UserError(
            f"{settings.data} holds {' and '.join(occupied)} already. A backup is restored into an "
            "empty data folder. Nothing was changed."
        )
    with admin_engine(settings) as engine, engine.connect() as connection:
        there = text("SELECT to_regnamespace(:schema) IS NOT NULL")
        if connection.execute(there, {"schema": SCHEMA}).scalar():
            raise UserError(
                f"The database holds the schema {SCHEMA} already. A backup is restored into an "
                "empty database. Nothing was changed."
            )


def _copied_files(data: Path, store_manifest: dict[str, Any]) -> Iterator[Path]:
    """The files of the data folder that a backup holds: of the store those that its manifest lists.

    What a command left half done is in none.
    """
    listed = {f"store/{name}" for name in s3_store.files_listed(store_manifest)}
    unlisted = [one["number"] for one in store_manifest["loads"] if one.get("refused") is None]
    early = tuple(f"store/refused/{number:04d}/" for number in unlisted)
    for name in FOLDERS:
        for path in sorted((data / name).rglob("*")):
            relative = path.relative_to(data).as_posix()
            is_named = relative in listed or relative == "store/holds.json"
            in_store = is_named or (bool(early) and relative.startswith(early))
            if path.is_file() and path.suffix not in LEFT_BEHIND and (name != "store" or in_store):
                yield path.relative_to(data)


def _files_in(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix()


def _sign_files(key: str, mode: str, digests: dict[str, str]) -> str:
    """An HMAC-SHA256 of what a backup holds, by the key that signs the heads of the audit."""
    content = json.dumps(["backup", mode, digests], sort_keys=True)
    return hmac.new(key.encode(), content.encode(), hashlib.sha256).hexdigest()


def _write_manifest(folder: Path, settings: Settings, digests: dict[str, str]) -> None:
    content: dict[str, Any] = {
        "at": clock.now().isoformat(),
        "mode": settings.mode,
        "files": digests,
        "signature": _sign_files(settings.anchor_key, settings.mode, digests),
    }
    (folder / MANIFEST).write_text(json.dumps(content, indent=1), encoding="utf-8")


def _dump(program: Path, url: URL, target: Path) -> None:
    """Dump the schema as its owner, whose policies show every row of every table."""
    options = [
        "--format=custom",
        f"--schema={SCHEMA}",
        f"--role={OWNER}",
        "--enable-row-security",
        *(f"--exclude-table-data={SCHEMA}.{name}" for name in SECRET_TABLES),
        f"--file={target}",
    ]
    _run_program(program, url, options)


def _restore(program: Path, url: URL, source: Path) -> None:
    options = ["--exit-on-error", "--single-transaction", str(source)]
    _run_program(program, url, options)


def _run_program(program: Path, url: URL, options: list[str]) -> None:
    """Run a program of PostgreSQL on a database; RunStopped with the kind of its error.

    Its words are not repeated: they may hold a row.
    """
    # Every user of the machine can read a command line: the password goes by the environment.
    # `URL.set(password=None)` would leave it where it is.
    address = URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database, url.query
    ).render_as_string(hide_password=False)
    finished = subprocess.run(  # noqa: S603 - a program of PostgreSQL, with options of our own
        [program, f"--dbname={address}", *options],
        env={**os.environ, "PGPASSWORD": url.password or ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise RunStopped(
            f"{program.name} ended with {finished.returncode}. Nothing of it was kept. Run it by "
            "hand to read what it says."
        )
