"""Reads and commits a store whose files are in S3 (`features.store.working_copy`).

In S3 it is the manifest and its files, each under its path and SHA-256. A commit sends the new
files, then replaces the manifest on condition that it is still the one that was read; else nothing
is changed.
Objects that a manifest listed and the next does not are named in that next one (`unlisted`), and
removed after it: a command that is killed in between leaves their names to the following one. Files
of a load that was killed, or that was refused after machines of a cluster had sent some, are in no
manifest: the next load removes them when they are a day old (docs/decisions/0126).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from features import clock
from features.errors import MissingInput, UserError
from features.store import digests
from features.store.digests import digest_of
from features.store.locks import hold_lock
from features.store.objects import ChangedMeanwhile, ObjectFolder
from features.store.working_copy import (
    ORIGIN,
    files_below,
    name_origin,
    origin_of,
    scratch_of,
)

MANIFEST = "manifest.json"
FILES = "files"
"""The folder in S3 for the files of a store, each under its path and SHA-256."""
UNLISTED = "unlisted"
"""In a manifest: names of objects that an earlier one listed."""
UNSWEPT = ".rosh-unswept"
"""Stands beside a fetched manifest until the files that it does not list were removed here."""
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
    unswept = path / UNSWEPT
    if digest is None:
        if own.exists():
            raise MissingInput(
                f"{origin.address} had a manifest and has none now. Restore the store from a "
                "backup."
            )
        return
    if not own.exists() or sha256(own.read_bytes()).hexdigest() != digest:
        path.mkdir(parents=True, exist_ok=True)
        unswept.touch()
        origin.fetch({own: (MANIFEST, "")}, scratch_of(path))
    if unswept.exists() and remove_unlisted_files(path, json.loads(own.read_bytes())):
        unswept.unlink(missing_ok=True)


def fetch_store_files(path: Path, listed: Mapping[str, str]) -> None:
    """Fetch files of a store, by name with the digest in its manifest, that are not here as such.

    Names of files are not unique: two machines may have begun a load with the same number.
    """
    origin = origin_of_store(path) if listed else None
    if origin is None:
        return
    absent = {
        path / name: (key_of(name, own), own)
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
    if (data / ORIGIN).exists() or not (store / MANIFEST).exists():
        name_origin(data, address, names)
        return
    # A load that committed here meanwhile would be in no manifest of S3.
    with hold_lock(store):
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
            load["refused"] = {name: digest_of(file) for name, file in names.items()}
    content = as_bytes(manifest)
    present = origin.read(MANIFEST)
    if present is not None and present[0] != content:
        raise UserError(
            f"{origin.address} holds a store already, and so does {path}. One of them must be "
            "empty. Nothing was changed."
        )
    listed = files_listed(manifest)
    sent = {key_of(name, own): (path / name, own) for name, own in listed.items()}
    origin.below(FILES).send(sent)
    if present is None:
        origin.write(MANIFEST, content, None)
    write_manifest(path, content)


def commit_manifest(
    path: Path, content: dict[str, Any], read: str, check: Callable[[], None]
) -> dict[str, Any]:
    """Send the new files of a store, then its manifest; the manifest as it stands in S3 then.

    `read` is the SHA-256 of the manifest that the caller read, empty where it read none; `check` is
    called last before the manifest is written. Where the store is no cache the content is returned
    as it is. Raises ChangedMeanwhile where another manifest is in S3 by now: then nothing is
    changed.
    """
    origin = origin_of_store(path)
    if origin is None:
        check()
        return content
    present = origin.read(MANIFEST)
    before = json.loads(present[0]) if present else {"loads": []}
    if (sha256(present[0]).hexdigest() if present else "") != read:
        raise ChangedMeanwhile(
            f"{origin.address} was changed by another command meanwhile. Nothing was changed there "
            "by this one. Start it again."
        )
    earlier, listed = _objects_listed(before), _objects_listed(content)
    # Whatever else lies there may be removed at any time: it is sent again. What another machine of
    # a cluster wrote is not here.
    new = {key: (path / name, own) for key, (name, own) in listed.items() if key not in earlier}
    files = origin.below(FILES)
    files.send({key: file for key, file in new.items() if file[0].exists()})
    there = set(files.list_names())
    _check_sent(new.keys() - there, origin)
    unlisted = {*before.get(UNLISTED, ()), *earlier} - listed.keys()
    committed = content | {UNLISTED: sorted(unlisted & there)}
    check()
    origin.write(MANIFEST, as_bytes(committed), present[1] if present else None)
    return committed


def _check_sent(absent: set[str], origin: ObjectFolder) -> None:
    if absent:
        raise ChangedMeanwhile(
            f"{_name_of(min(absent))} of this load and {len(absent) - 1:,} more of its files are "
            f"not in {origin.address}: they were removed while it was being written. Nothing was "
            "changed there. Start it again."
        )


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
    superseded, listed = set(manifest["superseded"]), _objects_listed(manifest).keys()
    unlisted = set(manifest.get(UNLISTED, ()))
    objects = origin.below(FILES).list_objects()
    old = clock.now() - ORPHANS_STAY
    orphans = {key for key, at in objects.items() if at < old} - listed - unlisted
    gone = {key for key in unlisted & objects.keys() if _name_of(key) not in superseded}
    origin.below(FILES).remove(sorted(gone | orphans))


def remove_sent(data: Path, objects: ObjectFolder, names: Iterable[str]) -> None:
    """Remove from an address what `move_to_s3` sent there of a data folder, and nothing else."""
    manifest = data / "store" / MANIFEST
    own = {} if not manifest.exists() else {f"store/{MANIFEST}": manifest}
    own |= files_below(data, names)
    sent = [name for name, path in own.items() if objects.digest_of(name) == digest_of(path)]
    if manifest.exists():
        listed = _objects_listed(json.loads(manifest.read_bytes()))
        sent += [f"store/{FILES}/{key}" for key in listed]
    objects.remove(sent)


def missing_objects(path: Path) -> list[str]:
    """The files that a store's manifest lists and S3 lacks; none where the store is no cache."""
    origin = origin_of_store(path)
    if origin is None:
        return []
    listed = _objects_listed(json.loads((path / MANIFEST).read_bytes()))
    there = set(origin.below(FILES).list_names())
    return sorted(name for key, (name, _) in listed.items() if key not in there)


def key_of(name: str, digest: str) -> str:
    """The name in S3 of a file: what has another path or another content has another name."""
    return f"{name}/{digest}"


def _name_of(key: str) -> str:
    return key.rpartition("/")[0]


def _objects_listed(manifest: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The objects that a manifest lists, each with the path and the digest of its file."""
    listed = files_listed(manifest).items()
    return {key_of(name, digest): (name, digest) for name, digest in listed}


def files_listed(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The files that a manifest lists, with their digests."""
    listed: dict[str, str] = {}
    for load in manifest["loads"]:
        listed |= {**load["files"], **(load.get("refused") or {})}
    return listed


def as_bytes(manifest: Mapping[str, Any]) -> bytes:
    """A manifest as it is written to disk and to S3."""
    return json.dumps(manifest, indent=1).encode()


def remove_unlisted_files(path: Path, manifest: Mapping[str, Any]) -> bool:
    """Remove files here that a fetched manifest does not list: who was deleted is in none.

    False, and nothing is removed, while another command writes to the same cache.
    """
    listed = {*files_listed(manifest), *manifest.get("superseded", [])}
    try:
        with hold_lock(path, patience=0):
            for folder in ("loads", "refused"):
                for file in sorted((path / folder).rglob("*")):
                    if file.is_file() and file.relative_to(path).as_posix() not in listed:
                        file.unlink(missing_ok=True)
    except UserError:
        return False
    return True


def write_manifest(path: Path, content: bytes) -> None:
    """Replace the manifest of a store here, atomically."""
    temporary = path / f"{MANIFEST}.tmp"
    temporary.write_bytes(content)
    digests.flush_and_digest(temporary)
    temporary.replace(path / MANIFEST)
