"""Keeps folders whose files are in S3: the folder here is a cache, and S3 is the source of truth.

The file `.rosh-origin` in a folder names the address whose cache it is. Without one, nothing here
does anything. A file is fetched when it is first needed, its SHA-256 is checked, and it is read
from this machine's disk; a write is committed once it is in S3. Stores: `features.store.s3_store`.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path, PurePosixPath

from features.errors import SetupProblem, UserError
from features.store.digests import digest_of
from features.store.objects import S3, ObjectFolder, run_at_once

ORIGIN = ".rosh-origin"
SCRATCH = ".rosh-fetching"
"""The folder beside the name of the origin for files that are being fetched."""
LEFT_BEHIND = 3600.0
"""Seconds after which a file there is one that a killed process left behind."""
STORE = ("store/manifest.json", "store/files/")
"""What `features.store.s3_store` sends by itself."""
CACHE = "ROSH_CACHE"
"""The setting for the folder of the caches that a command makes for an address."""
DEPTH = 4
"""How many folders above a file are searched for the name of its origin."""


def parse_store(text: str) -> Path:
    """A store as it is named on a command line: a folder, or of `s3://…` its cache here."""
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
        folder = Path(temporary) / "copy"
        names = objects.list_some_names()
        objects.fetch({folder / name: (name, "") for name in names}, Path(temporary) / "scratch")
        yield folder


def working_copy_of(address: str) -> Path:
    """The folder on this machine that is the cache of an address in S3; made if needed.

    Raises SetupProblem where another user of the machine could read or write it.
    """
    folder = ObjectFolder.parse(address)
    named = os.environ.get(CACHE)
    root = Path(named) if named else Path(tempfile.gettempdir()) / f"rosh-triage-{os.getuid()}"
    path = root / sha256(folder.address.encode()).hexdigest()[:16]
    for one in (root, path):
        one.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = one.lstat()
        own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
        if not own or status.st_mode & 0o077:
            raise SetupProblem(
                f"{one} is not a folder of this user alone, and case histories would lie in it. "
                f"Remove it, or set {CACHE} to a folder that nobody else may open."
            )
    name_origin(path, folder.address)
    return path


def name_origin(folder: Path, address: str, names: Iterable[str] = ()) -> None:
    """Make a folder the cache of an address in S3.

    The files that it has already under these `names` (files, or folders of them) are sent first.
    Raises UserError where it is the cache of another address, and where something else is in S3.
    """
    objects = ObjectFolder.parse(address)
    if (folder / ORIGIN).exists():
        earlier = (folder / ORIGIN).read_text(encoding="utf-8")
        if earlier != objects.address:
            raise UserError(
                f"{folder} is the cache of {earlier}, not of {objects.address}. Name another "
                "folder, or move this one away. Nothing was changed."
            )
        return
    own = files_below(folder, names)
    if own:
        _send_first(objects, own)
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / f"{ORIGIN}.{os.getpid()}"
    written.write_text(objects.address, encoding="utf-8")
    written.replace(folder / ORIGIN)


def files_below(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """The files of a folder under some names (files, or folders of them), by name in it."""
    tops = [folder / name for name in names]
    paths = [path for top in tops for path in (top, *sorted(top.rglob("*")))]
    return {path.relative_to(folder).as_posix(): path for path in paths if path.is_file()}


def _send_first(objects: ObjectFolder, own: dict[str, Path]) -> None:
    """Send files to an address where nothing is, or what an earlier attempt sent of the same."""
    digests = {name: digest_of(path) for name, path in own.items()}
    there = objects.list_names()
    others = [name for name in there if not name.startswith(STORE)]
    foreign = [name for name in others if objects.digest_of(name) != digests.get(name)]
    if foreign:
        raise UserError(
            f"{objects.address} holds {foreign[0]} already, and this folder has files of its own. "
            "One of them must be empty. Nothing was changed."
        )
    objects.send({n: (own[n], digest) for n, digest in digests.items() if n not in there})


def origin_of(path: Path) -> tuple[ObjectFolder, str] | None:
    """The folder in S3 that a path has its content from, and its name there; None where in none."""
    root = _root_of(path)
    if root is None:
        return None
    objects = ObjectFolder.parse((root / ORIGIN).read_text(encoding="utf-8"))
    return objects, path.relative_to(root).as_posix()


def scratch_of(path: Path) -> Path:
    """The folder for files that are being fetched into the cache in which a path lies.

    A file there that was not written to for LEFT_BEHIND is removed. Its age goes by the clock of
    the disk, which need not be this machine's, and by the time of its last change, because its date
    is set to that of the object while it is being fetched.
    """
    scratch = (_root_of(path) or path) / SCRATCH
    if files := list(scratch.glob("*")):
        os.utime(scratch)
        now = scratch.stat().st_ctime
        for file in files:
            # Another process may be done with its file at any moment.
            with suppress(FileNotFoundError):
                if now - file.stat().st_ctime > LEFT_BEHIND:
                    file.unlink()
    return scratch


def _root_of(path: Path) -> Path | None:
    folders = (path, *path.parents)[: DEPTH + 1]
    return next((folder for folder in folders if (folder / ORIGIN).is_file()), None)


def fetch_file(path: Path) -> Path:
    """The same path, after its file was made what it is in S3: fetched, replaced or removed."""
    if origin := origin_of(path):
        objects, name = origin
        digest = objects.digest_of(name)
        if digest is None:
            path.unlink(missing_ok=True)
        elif not path.exists() or digest_of(path) != digest:
            objects.fetch({path: (name, "")}, scratch_of(path))
    return path


def fetch_files(paths: Iterable[Path]) -> list[Path]:
    """The same paths, each after `fetch_file`, some at a time."""
    own = list(paths)
    if own and origin_of(own[0]):
        run_at_once(fetch_file, own)
    return own


def fetch_folder(path: Path) -> Path:
    """The same path, after every file below it was fetched that is not there yet."""
    if origin := origin_of(path):
        objects, name = origin
        below = objects.below(name)
        absent = [one for one in below.list_names() if not (path / one).exists()]
        below.fetch({path / one: (one, "") for one in absent}, scratch_of(path))
    return path


def send_files(*paths: Path) -> None:
    """Send files to S3, where their folder is a cache; for files that nobody reads yet."""
    for path in paths:
        if origin := origin_of(path):
            objects, name = origin
            objects.send({name: (path, digest_of(path))})


def replace_file(path: Path, new: Path) -> None:
    """Replace a file by a new one, in S3 first: who reads meanwhile would fetch the earlier one."""
    if origin := origin_of(path):
        objects, name = origin
        objects.send({name: (new, digest_of(new))})
    new.replace(path)


def send_folder(path: Path) -> None:
    """Send every file below a folder to S3, where that is a cache."""
    if origin_of(path):
        send_files(*(one for one in sorted(path.rglob("*")) if one.is_file()))


def remove_file(path: Path) -> None:
    """Remove a file in S3 and here."""
    if origin := origin_of(path):
        objects, name = origin
        objects.remove([name])
    path.unlink(missing_ok=True)


def list_paths(folder: Path) -> list[Path]:
    """The files of a folder, those that are only in S3 too: `fetch_file` fetches one.

    A Parquet file that is not in S3 any more is removed here: it was deleted on another machine.
    """
    paths = {path for path in folder.glob("*") if path.is_file()}
    if origin := origin_of(folder):
        objects, name = origin
        names = objects.below(name).list_names()
        in_s3 = {folder / one for one in names if len(PurePosixPath(one).parts) == 1}
        for path in {one for one in paths - in_s3 if one.suffix == ".parquet"}:
            path.unlink(missing_ok=True)
            paths.remove(path)
        paths |= in_s3
    return sorted(paths)


def check_apart(address: str, folder: Path) -> None:
    """Raise UserError where an address lies within that of a folder's origin, or around it."""
    if origin := origin_of(folder):
        other, _ = origin
        ours, theirs = f"{ObjectFolder.parse(address).address}/", f"{other.address}/"
        if ours.startswith(theirs) or theirs.startswith(ours):
            raise UserError(
                f"{address} and {other.address} are one within the other. Name another bucket, or "
                "a prefix beside it. Nothing was changed."
            )
