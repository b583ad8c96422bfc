"""Keeps folders whose files stand in S3: a working copy here, and in S3 what counts.

The file `.rosh-origin` in a folder names the address of which it is a working copy. Without one,
nothing here does anything. A file is fetched when it is first needed, its SHA-256 is checked, and
it is read from this machine's disk; what is written counts when it is in S3.

A store stands in S3 as its manifest and its files, each under its SHA-256, so that no name is ever
written twice. A commit sends the new files and then replaces the manifest, provided that nobody
else has done so meanwhile: then nothing is changed (docs/decisions/0126).
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from features.errors import MissingInput, UserError
from features.store.digests import digest_of
from features.store.objects import S3, ObjectFolder

ORIGIN = ".rosh-origin"
CACHE = "ROSH_CACHE"
"""The setting for the folder of working copies that a command makes for an address."""
MANIFEST, VERSION = "manifest.json", ".manifest-version"
FILES = "files"
"""The folder in S3 for the files of a store, each under its SHA-256."""
DEPTH = 4
"""How many folders above a file are searched for the name of its origin."""


def parse_store(text: str) -> Path:
    """A store as it is named on a command line: a folder, or of `s3://…` the working copy here."""
    return working_copy_of(text) if text.startswith(S3) else Path(text)


@contextmanager
def folder_of(place: str | Path) -> Iterator[Path]:
    """A folder for the block: the one that is named, or a copy of what stands at an address in S3.

    Raises MissingInput where nothing stands there.
    """
    if isinstance(place, Path):
        yield place
        return
    objects = ObjectFolder.parse(place)
    with tempfile.TemporaryDirectory() as temporary:
        objects.fetch({name: (Path(temporary) / name, "") for name in objects.list_some_names()})
        yield Path(temporary)


def working_copy_of(address: str) -> Path:
    """The folder on this machine for the working copy of an address in S3; made if needed."""
    folder = ObjectFolder.parse(address)
    root = os.environ.get(CACHE) or Path(tempfile.gettempdir()) / f"rosh-triage-{os.getuid()}"
    path = Path(root) / sha256(folder.address.encode()).hexdigest()[:16]
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    name_origin(path, folder.address)
    return path


def name_origin(folder: Path, address: str, mirrored: Iterable[str] = ()) -> None:
    """Make a folder the working copy of an address in S3.

    Files that it has already in its `mirrored` folders are sent first, but for those that are in S3
    under the same name. Raises UserError where it is the working copy of another address.
    """
    objects = ObjectFolder.parse(address)
    if (folder / ORIGIN).exists():
        earlier = (folder / ORIGIN).read_text(encoding="utf-8")
        if earlier != objects.address:
            raise UserError(
                f"{folder} is the working copy of {earlier}, not of {objects.address}. Name "
                "another folder, or move this one away. Nothing was changed."
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    tops = [folder / name for name in mirrored]
    paths = [path for top in tops for path in (top, *sorted(top.rglob("*")))]
    own = {path.relative_to(folder).as_posix(): path for path in paths if path.is_file()}
    if own:
        there = set(objects.list_names())
        objects.send({n: (p, digest_of(p)) for n, p in own.items() if n not in there})
    (folder / ORIGIN).write_text(objects.address, encoding="utf-8")


def origin_of(path: Path) -> tuple[ObjectFolder, str] | None:
    """The folder in S3 that a path has its content from, and its name there; None where in none."""
    for folder in (path, *path.parents)[: DEPTH + 1]:
        if (folder / ORIGIN).is_file():
            objects = ObjectFolder.parse((folder / ORIGIN).read_text(encoding="utf-8"))
            return objects, path.relative_to(folder).as_posix()
    return None


def fetch_file(path: Path) -> Path:
    """The same path, after its file was made what it is in S3: fetched, replaced or removed."""
    if origin := origin_of(path):
        objects, name = origin
        digest = objects.digest_of(name)
        if digest is None:
            path.unlink(missing_ok=True)
        elif not path.exists() or digest_of(path) != digest:
            objects.fetch({name: (path, digest)})
    return path


def fetch_folder(path: Path) -> Path:
    """The same path, after every file below it was fetched that is not there yet."""
    if origin := origin_of(path):
        objects, name = origin
        below = objects.below(name)
        absent = [one for one in below.list_names() if not (path / one).exists()]
        below.fetch({one: (path / one, below.digest_of(one) or "") for one in absent})
    return path


def send_files(*paths: Path) -> None:
    """Send files to S3, where their folder is a working copy: from then on they count."""
    for path in paths:
        if origin := origin_of(path):
            objects, name = origin
            objects.send({name: (path, digest_of(path))})


def send_folder(path: Path) -> None:
    """Send every file below a folder to S3, where that is a working copy."""
    if origin_of(path):
        send_files(*(one for one in sorted(path.rglob("*")) if one.is_file()))


def remove_file(path: Path) -> None:
    """Remove a file here and in S3."""
    if origin := origin_of(path):
        objects, name = origin
        objects.remove([name])
    path.unlink(missing_ok=True)


def list_paths(folder: Path) -> list[Path]:
    """The files of a folder, those that are only in S3 too: `fetch_file` fetches one."""
    paths = {path for path in folder.glob("*") if path.is_file()}
    if origin := origin_of(folder):
        objects, name = origin
        names = objects.below(name).list_names()
        paths |= {folder / one for one in names if len(PurePosixPath(one).parts) == 1}
    return sorted(paths)


def refresh_manifest(path: Path) -> None:
    """Fetch the manifest of a store where it is another by now, and let go what it does not list.

    Raises MissingInput where there was one in S3 and is none now.
    """
    origin = _store_origin(path)
    if origin is None:
        return
    version = origin.version_of(MANIFEST)
    if version is None:
        if (path / VERSION).exists():
            raise MissingInput(
                f"{origin.address} had a manifest and has none now. Restore it from a backup."
            )
        return
    if version == read_version(path):
        return
    answer = origin.read(MANIFEST)
    if answer is None:
        raise MissingInput(f"The manifest of {origin.address} was removed while it was read.")
    path.mkdir(parents=True, exist_ok=True)
    content, version = answer
    write_manifest(path, content, version)
    _remove_unlisted(path, json.loads(content))


def write_manifest(path: Path, content: bytes, version: str | None) -> None:
    """Replace the manifest of a store here, atomically; then note its version in S3, if any."""
    temporary = path / f"{MANIFEST}.tmp"
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path / MANIFEST)
    # Last: without it, the manifest is fetched again.
    if version is not None:
        (path / VERSION).write_text(version, encoding="utf-8")


def read_version(path: Path) -> str | None:
    """The version in S3 of the manifest here; None where the manifest is not from there."""
    with suppress(FileNotFoundError):
        return (path / VERSION).read_text(encoding="utf-8")
    return None


def fetch_store_files(path: Path, digests: Mapping[str, str]) -> None:
    """Fetch the files of a store that are not here, by name with the digest in its manifest."""
    absent = {name: digest for name, digest in digests.items() if not (path / name).exists()}
    origin = _store_origin(path) if absent else None
    if origin is not None:
        files = origin.below(FILES)
        files.fetch({digest: (path / name, digest) for name, digest in absent.items()})


def commit_manifest(path: Path, content: bytes) -> str | None:
    """Send the new files of a store and then its manifest; returns the manifest's version in S3.

    None where the store is no working copy. Files in S3 that this manifest does not name are
    removed afterwards. Raises ChangedMeanwhile where the manifest in S3 is not the one that was
    read: then nothing is changed.
    """
    origin = _store_origin(path)
    if origin is None:
        return None
    manifest = json.loads(content)
    files, ours = origin.below(FILES), _listed(manifest)
    there = set(files.list_names())
    own = {digest: (path / name, digest) for name, digest in ours.items() if digest not in there}
    files.send(own)
    version = origin.write(MANIFEST, content, read_version(path))
    files.remove(sorted(there - set(ours.values()) - _superseded(path, manifest)))
    return version


def _superseded(path: Path, manifest: Mapping[str, Any]) -> set[str]:
    """The digests of files that were just merged into others: somebody may be reading them."""
    if not manifest["superseded"]:
        return set()
    before = _listed(json.loads((path / MANIFEST).read_bytes()))
    return {before[name] for name in manifest["superseded"] if name in before}


def store_address(path: Path) -> str:
    """The address in S3 of which a store is a working copy; empty where it is none."""
    origin = _store_origin(path)
    return "" if origin is None else origin.address


def _store_origin(path: Path) -> ObjectFolder | None:
    origin = origin_of(path)
    if origin is None:
        return None
    objects, name = origin
    return objects if name == "." else objects.below(name)


def _listed(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The files that a manifest lists, with their digests."""
    listed: dict[str, str] = {}
    for load in manifest["loads"]:
        listed |= {**load["files"], **(load.get("refused") or {})}
    return listed


def _remove_unlisted(path: Path, manifest: Mapping[str, Any]) -> None:
    """Remove files here that a fetched manifest does not list: who was deleted is in none.

    Not while another command writes to the same working copy: it removes them itself.
    """
    listed = {*_listed(manifest), *manifest.get("superseded", [])}
    with (path / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        for folder in ("loads", "refused"):
            for file in sorted((path / folder).rglob("*")):
                if file.is_file() and file.relative_to(path).as_posix() not in listed:
                    file.unlink()
