"""Writes an extract into an empty place, from whichever process or machine works part of it.

While the command runs, extract.json says that the extract is unfinished, and holds a random token:
no load takes such an extract, and no other command writes into that place. A worker writes only
where it finds the token, so one that is late, after the command failed and removed everything,
writes nothing. At the end the final description replaces it.
"""

from __future__ import annotations

import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from socket import gethostname
from uuid import uuid4

from features.errors import SetupProblem, UserError
from features.intake.extract import ABOUT, UNFINISHED
from features.processes import shared_folder
from features.store import working_copy
from features.store.digests import digest_of
from features.store.objects import ObjectFolder
from features.store.staging import check_writable

SPLIT = "splitting"
"""The folder of the pieces of files, removed at the end."""


@dataclass(frozen=True)
class Destination(ABC):
    """A place for an extract, and the token of the command that writes it."""

    token: str

    def put(self, name: str, path: Path) -> None:
        """Put a file of a working folder there under a name, or the same file again.

        Raises SetupProblem where the place is not the one that was opened, or is so no more.
        """
        self._check_token()
        self._put(name, path)

    def _check_token(self) -> None:
        try:
            token = json.loads(self._read_description()).get(UNFINISHED)
        except ValueError:
            token = None
        if token != self.token:
            raise SetupProblem(
                f"{self.name} is not the same place on {gethostname()}, or was removed meanwhile. "
                "Give every machine of the cluster the folder at the same path, or name an address "
                "in S3. Nothing was kept."
            )

    @property
    @abstractmethod
    def name(self) -> str:
        """The place as messages name it."""

    @abstractmethod
    def is_empty(self) -> bool:
        """Whether nothing is there."""

    @abstractmethod
    def claim(self, description: bytes) -> None:
        """Write the first description; raises UserError where another command was quicker."""

    @abstractmethod
    def describe(self, description: bytes) -> None:
        """Replace the description by the final one."""

    @abstractmethod
    def working_folder(self) -> AbstractContextManager[Path]:
        """A folder for the files of one piece of work, removed after it."""

    @abstractmethod
    def get(self, name: str, working: Path) -> Path:
        """The file of a name, in a working folder where it must be fetched."""

    @abstractmethod
    def remove_split(self) -> None:
        """Remove the pieces of files, which are joined by now."""

    @abstractmethod
    def remove_everything(self) -> None:
        """Remove what was written; the token first, without which no worker writes any more."""

    @abstractmethod
    def _read_description(self) -> bytes: ...

    @abstractmethod
    def _put(self, name: str, path: Path) -> None: ...


@dataclass(frozen=True)
class _Folder(Destination):
    """A folder that every machine reaches by the same path."""

    folder: Path

    @property
    def name(self) -> str:
        """The place as messages name it."""
        return str(self.folder)

    def is_empty(self) -> bool:
        """Whether nothing is there."""
        return not any(self.folder.iterdir())

    def claim(self, description: bytes) -> None:
        """Write the first description; raises UserError where another command was quicker."""
        about = self.folder / ABOUT
        try:
            handle = about.open("xb")
        except FileExistsError as error:
            raise UserError(
                f"Another command began to write into {self.folder}. Nothing was written."
            ) from error
        with ExitStack() as on_failure:
            on_failure.callback(about.unlink)
            with handle:
                handle.write(description)
            on_failure.pop_all()

    def describe(self, description: bytes) -> None:
        """Replace the description by the final one."""
        written = self.folder / f"{ABOUT}.tmp"
        written.write_bytes(description)
        written.replace(self.folder / ABOUT)

    @contextmanager
    def working_folder(self) -> Iterator[Path]:
        """A folder on the disk of the place: a file is put there by its new name alone."""
        self._check_token()
        own = self.folder / SPLIT / f"work-{uuid4().hex}"
        own.mkdir(parents=True)
        try:
            yield own
        finally:
            shutil.rmtree(own, ignore_errors=True)

    def get(self, name: str, working: Path) -> Path:
        """The file of a name, where it is."""
        del working
        self._check_token()
        return self.folder / name

    def remove_split(self) -> None:
        """Remove the pieces of files."""
        shutil.rmtree(self.folder / SPLIT, ignore_errors=True)

    def remove_everything(self) -> None:
        """Remove what was written; the token first."""
        (self.folder / ABOUT).unlink(missing_ok=True)
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _read_description(self) -> bytes:
        about = self.folder / ABOUT
        return about.read_bytes() if about.exists() else b"{}"

    def _put(self, name: str, path: Path) -> None:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)


@dataclass(frozen=True)
class _Address(Destination):
    """An address in S3."""

    objects: ObjectFolder

    @property
    def name(self) -> str:
        """The place as messages name it."""
        return self.objects.address

    def is_empty(self) -> bool:
        """Whether nothing is there."""
        return not self.objects.list_names()

    def claim(self, description: bytes) -> None:
        """Write the first description; raises UserError where another command was quicker."""
        self.objects.write(ABOUT, description, None)

    def describe(self, description: bytes) -> None:
        """Replace the description by the final one."""
        present = self.objects.read(ABOUT)
        self.objects.write(ABOUT, description, present[1] if present else None)

    def working_folder(self) -> AbstractContextManager[Path]:
        """A folder for temporary files of this machine."""
        return shared_folder()

    def get(self, name: str, working: Path) -> Path:
        """The file of a name, fetched into a working folder."""
        target = working / name
        self.objects.fetch({target: (name, "")}, working / "fetching")
        return target

    def remove_split(self) -> None:
        """Remove the pieces of files."""
        names = self.objects.list_names()
        self.objects.remove([name for name in names if name.startswith(f"{SPLIT}/")])

    def remove_everything(self) -> None:
        """Remove what was written; the token first."""
        self.objects.remove([ABOUT])
        self.objects.remove(self.objects.list_names())

    def _read_description(self) -> bytes:
        return (self.objects.read(ABOUT) or (b"{}", ""))[0]

    def _put(self, name: str, path: Path) -> None:
        self.objects.send({name: (path, digest_of(path))})
        with ExitStack() as on_failure:
            # Sending takes long, and the command may have failed and removed everything.
            on_failure.callback(self.objects.remove, [name])
            self._check_token()
            on_failure.pop_all()


@contextmanager
def open_destination(place: Path | str, source: Path | str) -> Iterator[Destination]:
    """An empty place for the block, which is emptied again where the block fails.

    Raises UserError where it is not empty, or lies within the source or around it.
    """
    _check_apart(place, source)
    token = token_hex(8)
    destination: Destination
    if isinstance(place, Path):
        check_writable(place)
        destination = _Folder(token, place.absolute())
    else:
        destination = _Address(token, ObjectFolder.parse(place))
    if not destination.is_empty():
        raise UserError(f"{place} is not empty. Name another folder. Nothing was written.")
    destination.claim(json.dumps({UNFINISHED: token}).encode())
    with ExitStack() as on_failure:
        on_failure.callback(destination.remove_everything)
        yield destination
        on_failure.pop_all()


def _check_apart(place: Path | str, source: Path | str) -> None:
    """Raise UserError where one of two places lies within the other, or is a store's cache."""
    ours, theirs = _as_text(place), _as_text(source)
    if ours.startswith(theirs) or theirs.startswith(ours):
        raise UserError(
            f"{place} must not be the extract {source}, nor lie in it or around it. Name another "
            "place. Nothing was written."
        )
    if isinstance(place, Path) and working_copy.origin_of(place.absolute()):
        raise UserError(
            f"{place} is inside the local cache of a store in S3. Name another place. Nothing was "
            "written."
        )


def _as_text(place: Path | str) -> str:
    resolved = ObjectFolder.parse(place).address if isinstance(place, str) else place.resolve()
    return f"{str(resolved).rstrip('/')}/"
