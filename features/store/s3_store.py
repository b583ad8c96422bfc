"""Reads and commits a store whose files are in S3 (`features.store.working_copy`).

In S3 it is the manifest and its files, each under its SHA-256. A commit sends the new files, then
replaces the manifest on condition that it is still the one that was read; else nothing is changed.
Objects that a manifest listed and the next does not are named in that next one (`unlisted`), and
removed after it: a command that is killed in between leaves their names to the following one. Files
of a load that was killed before its manifest are in none, and are removed a day later
(docs/decisions/0126).
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from features import clock
from features.errors import UserError
from features.store import digests
from features.store.objects import ChangedMeanwhile, ObjectFolder
from features.store.working_copy import (
    ORIGIN,
    name_origin,
    no_such_manifest,
    origin_of,
    scratch_of,
)

MANIFEST = "manifest.json"
FILES = "files"
"""The folder in S3 for the files of a store, each under its SHA-256."""
UNLISTED = "unlisted"
"""In a manifest: objects that an earlier one listed, by SHA-256 with the name they had."""
ORPHANS_STAY = timedelta(days=1)
"""How long an object that no manifest ever listed may be part of a load that is under way."""


def origin_of_store(path: Path) -> ObjectFolder | None:
    """The folder in S3 whose cache a store is; None where it is none."""
    origin = origin_of(path)
    if origin is None:
        return None
    objects, name = origin
    return objects if name == "." else objects.below(name)


def address_of(path: Path) -> str:
    """The address in S3 whose cache a store is; empty where it is none."""
    origin = origin_of_store(path)
    return "" if origin is None else origin.address


def refresh_manifest(path: Path) -> None:
    """Fetch the manifest of a store where it is another by now, and remove files it does not list.

    Raises MissingInput where this machine has a manifest and S3 has none.
    """
    origin = origin_of_store(path)
    if origin is None:
        return
    digest, own = origin.digest_of(MANIFEST), path / MANIFEST
    if digest is None:
        if own.exists():
            raise no_such_manifest(origin.address)
        return
    if own.exists() and sha256(own.read_bytes()).hexdigest() == digest:
        return
    origin.fetch({own: (MANIFEST, "")}, scratch_of(path))
    remove_unlisted_files(path, json.loads(own.read_bytes()))


def fetch_store_files(path: Path, listed: Mapping[str, str]) -> None:
    """Fetch files of a store, by name with the digest in its manifest, that are not here as such.

    Names of files are not unique: two machines may have begun a load with the same number.
    """
    origin = origin_of_store(path) if listed else None
    if origin is None:
        return
    absent = {
        path / name: (own, own)
        for name, own in listed.items()
        if not digests.is_file(path / name, own)
    }
    if absent:
        origin.below(FILES).fetch(absent, scratch_of(path))


def move_to_s3(data: Path, address: str, names: Iterable[str]) -> None:
    """Make a data folder the cache of an address in S3, and send what it has already.

    Its store goes first, then files under `names`. Raises UserError where something else is there.
    """
    store = data / "store"
    if not (data / ORIGIN).exists() and (store / MANIFEST).exists():
        _send_store(store, ObjectFolder.parse(address).below("store"))
    name_origin(data, address, names)


def _send_store(path: Path, origin: ObjectFolder) -> None:
    """Send a store that stood in a folder to an address where there is none."""
    manifest = json.loads((path / MANIFEST).read_bytes())
    for load in manifest["loads"]:
        if load.get("refused") is None:
            # A load from before the digests of refused rows were stored.
            files = sorted((path / "refused" / f"{load['number']:04d}").rglob("*.parquet"))
            names = {file.relative_to(path).as_posix(): file for file in files}
            load["refused"] = {name: digests.digest_of(file) for name, file in names.items()}
    content = as_bytes(manifest)
    present = origin.read(MANIFEST)
    if present is not None and present[0] != content:
        raise UserError(
            f"{origin.address} holds a store already, and so does {path}. One of them must be "
            "empty. Nothing was changed."
        )
    listed = files_listed(manifest)
    origin.below(FILES).send({own: (path / name, own) for name, own in listed.items()})
    if present is None:
        origin.write(MANIFEST, content, None)
    write_manifest(path, content)


def commit_manifest(path: Path, content: dict[str, Any], read: str) -> dict[str, Any]:
    """Send the new files of a store, then its manifest; the manifest as it stands in S3 then.

    `read` is the SHA-256 of the manifest that the caller read, empty where it read none. Where the
    store is no cache the content is returned as it is. Raises ChangedMeanwhile where another
    manifest is in S3 by now: then nothing is changed.
    """
    origin = origin_of_store(path)
    if origin is None:
        return content
    present = origin.read(MANIFEST)
    before = json.loads(present[0]) if present else {"loads": []}
    if (sha256(present[0]).hexdigest() if present else "") != read:
        raise ChangedMeanwhile(
            f"{origin.address} was changed by another command meanwhile. Nothing was changed there "
            "by this one. Start it again."
        )
    earlier, listed = files_listed(before), files_listed(content)
    # Whatever else lies there may be removed at any time: it is sent again.
    sent = {own: (path / name, own) for name, own in listed.items() if own not in earlier.values()}
    origin.below(FILES).send(sent)
    unlisted = before.get(UNLISTED, {}) | {own: name for name, own in earlier.items()}
    there = set(origin.below(FILES).list_names()) - set(listed.values())
    still = {own: name for own, name in unlisted.items() if own in there}
    committed = content | {UNLISTED: still}
    origin.write(MANIFEST, as_bytes(committed), present[1] if present else None)
    return committed


def remove_unlisted_objects(path: Path) -> None:
    """Remove the objects of a store that its manifest in S3 names as listed no more, and orphans.

    Files that were just merged into others stay until the next load: somebody may be reading them.
    Raises SetupProblem where S3 refuses: the next command tries again.
    """
    origin = origin_of_store(path)
    present = origin.read(MANIFEST) if origin else None
    if origin is None or present is None:
        return
    manifest = json.loads(present[0])
    superseded, listed = set(manifest["superseded"]), set(files_listed(manifest).values())
    unlisted = manifest.get(UNLISTED, {})
    objects = origin.below(FILES).list_objects()
    old = clock.now() - ORPHANS_STAY
    orphans = {
        own for own, at in objects.items() if own not in listed and own not in unlisted and at < old
    }
    gone = {own for own, name in unlisted.items() if name not in superseded and own in objects}
    origin.below(FILES).remove(sorted(gone | orphans))


def files_listed(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The files that a manifest lists, with their digests."""
    listed: dict[str, str] = {}
    for load in manifest["loads"]:
        listed |= {**load["files"], **(load.get("refused") or {})}
    return listed


def as_bytes(manifest: Mapping[str, Any]) -> bytes:
    """A manifest as it is written to disk and to S3."""
    return json.dumps(manifest, indent=1).encode()


def remove_unlisted_files(path: Path, manifest: Mapping[str, Any]) -> None:
    """Remove files here that a fetched manifest does not list: who was deleted is in none.

    Not while another command writes to the same cache: it removes them itself.
    """
    listed = {*files_listed(manifest), *manifest.get("superseded", [])}
    with (path / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        for folder in ("loads", "refused"):
            for file in sorted((path / folder).rglob("*")):
                if file.is_file() and file.relative_to(path).as_posix() not in listed:
                    file.unlink(missing_ok=True)


def write_manifest(path: Path, content: bytes) -> None:
    """Replace the manifest of a store here, atomically."""
    temporary = path / f"{MANIFEST}.tmp"
    temporary.write_bytes(content)
    digests.flush_and_digest(temporary)
    temporary.replace(path / MANIFEST)
