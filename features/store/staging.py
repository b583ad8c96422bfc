"""Writes to the store atomically: files beside it first, then the manifest is replaced."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

import polars as pl

from features.errors import SetupProblem, UserError
from features.store import s3_store
from features.store.digests import flush_and_digest
from features.store.load_folder import LoadFolder
from features.store.locks import hold_lock
from features.store.merging import merge_loads
from features.store.objects import ChangedMeanwhile
from features.store.store import Load, Store


def check_writable(folder: Path) -> None:
    """Make a folder if needed; raise SetupProblem where it cannot be written to.

    Asked before long work begins: its result must have a place.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SetupProblem(
            f"Nothing can be written into {folder} ({error.strerror}). Nothing was done. Name "
            "another folder, or make this one writable."
        ) from error


class Staged:
    """A load being written beside the store; it counts only after `commit`."""

    def __init__(self, path: Path, buckets: int) -> None:
        self._made = not path.exists()
        path.mkdir(parents=True, exist_ok=True)
        self._alone = ExitStack()
        self._alone.enter_context(hold_lock(path))
        sweep_orphans(path)
        self.path = path = path.absolute()
        # Opened under the lock: a load that was committed meanwhile has taken its number.
        self.store = open_or_make(path, buckets)
        self.buckets, self.number = self.store.buckets, self.store.next_number
        self._committed = self._renamed = False
        # No other load has this name: a machine of a cluster that is late finds no folder.
        self._folder = path / "loads" / f"{self.number:04d}-{token_hex(4)}.tmp"
        self._folder.mkdir(parents=True)
        self.folder = LoadFolder(self._folder, self.number, self.buckets, self.store.origin)
        self.files: dict[str, str] = {}
        self.refused: dict[str, str] = {}

    @property
    def scratch(self) -> Path:
        """A folder for working files, removed at the end however that comes."""
        return self._folder.with_suffix(".scratch")

    def add(self, name: str, rows: pl.DataFrame, folder: str = "") -> None:
        """Write rows of a table to the files of their buckets (`LoadFolder.write_rows`)."""
        self.files |= self.folder.write_rows(name, rows, folder)

    def add_refused(self, name: str, rows: pl.DataFrame) -> None:
        """Write the refused rows of a table, with their reasons, to the load being written."""
        target = self.path / "refused" / f"{self.number:04d}" / f"{name}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        rows.with_columns(load=pl.lit(self.number, dtype=pl.Int32())).write_parquet(target)
        relative = target.relative_to(self.path).as_posix()
        self.refused[relative] = flush_and_digest(target)

    def commit(self, load: Load) -> str:
        """Commit the load, then merge earlier ones; returns why these could not be merged, or ''.

        Merging has a manifest of its own: what fails in it does not undo the load, and is tried
        again by the next.
        """
        target = self.path / "loads" / f"{self.number:04d}"
        if target.exists():
            # A page has fetched files of a load that another machine committed meanwhile.
            raise ChangedMeanwhile(
                f"Load {self.number} of {self.path} was made by another command meanwhile. Nothing "
                "was changed by this one. Start it again."
            )
        self._folder.rename(target)
        self._renamed = True
        self.store.loads.append(replace(load, files=self.files, refused=self.refused))
        self.store.superseded = []
        replace_manifest(self.store)
        self._committed = True
        try:
            if merge_loads(self.store):
                replace_manifest(self.store)
        except (OSError, UserError) as error:
            with suppress(UserError):
                sweep_files(self.path)
            return getattr(error, "strerror", None) or str(error) or type(error).__name__
        try:
            sweep_orphans(self.path)
        except UserError as error:
            return str(error)
        return ""

    def __enter__(self) -> Staged:
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the files of a load that was not committed, and a store that has no load."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        if not self._committed:
            number = f"{self.number:04d}"
            shutil.rmtree(self._folder, ignore_errors=True)
            own = ("loads", "refused") if self._renamed or not self.store.origin else ("refused",)
            for folder in own:
                shutil.rmtree(self.path / folder / number, ignore_errors=True)
            for folder in ("loads", "refused"):
                with suppress(OSError):
                    (self.path / folder).rmdir()
        self._alone.close()
        if self._made and not (self.path / "manifest.json").exists():
            (self.path / "lock").unlink()
            with suppress(OSError):
                self.path.rmdir()


def sweep_orphans(path: Path) -> list[str]:
    """Remove what a killed command left, and merged files of earlier loads; returns the names.

    Files that the newest load merged into others stay: somebody may be reading them. In S3 too:
    raises SetupProblem where that refuses.
    """
    removed = sweep_files(path)
    s3_store.remove_unlisted_objects(path)
    return removed


def sweep_files(path: Path) -> list[str]:
    """Remove files of a store that its manifest does not list; returns their names."""
    load_of: dict[str, Load] = {}
    superseded: set[str] = set()
    s3_store.refresh_manifest(path)
    if (path / "manifest.json").exists():
        opened = Store.open(path)
        load_of = {f"{load.number:04d}": load for load in opened.loads}
        superseded = set(opened.superseded)
    removed = []
    for folder in ("loads", "refused"):
        for child in sorted((path / folder).glob("*")):
            if child.is_dir() and child.name not in load_of:
                shutil.rmtree(child)
                removed.append(f"{folder}/{child.name}")
    for number, load in load_of.items():
        folders = ["loads"] if load.refused is None else ["loads", "refused"]
        files = [f for one in folders for f in (path / one / number).rglob("*") if f.is_file()]
        for file in sorted(files):
            relative = file.relative_to(path).as_posix()
            if relative not in load.file_digests and relative not in superseded:
                file.unlink()
                removed.append(relative)
    return removed


def replace_manifest(opened: Store, check: Callable[[], None] = lambda: None) -> None:
    """Replace the manifest atomically by the loads and deletions of an opened store.

    `check` is called last before that, and may raise: then nothing is changed.

    Of a cache, in S3 first: that is the source of truth.
    """
    content = {
        "buckets": opened.buckets,
        "loads": [item.as_json() for item in opened.loads],
        "forgotten": opened.forgotten,
        "undone": opened.undone,
        "superseded": opened.superseded,
    }
    committed = s3_store.commit_manifest(opened.path, content, opened.manifest_digest, check)
    written = s3_store.as_bytes(committed)
    s3_store.write_manifest(opened.path, written)
    opened.manifest_digest = sha256(written).hexdigest()


def open_or_make(path: Path, buckets: int) -> Store:
    """The store at a path, or one without loads, cut into so many buckets."""
    s3_store.refresh_manifest(path)
    if (path / "manifest.json").exists():
        return Store.open(path)
    return Store(path, buckets, origin=s3_store.address_of(path))
