"""Writes an extract into an empty place, from whichever process or machine works part of it.

While the command runs, extract.json says that the extract is unfinished, and holds a random token:
no load takes such an extract, and no other command writes into that place. A worker writes only
where it finds the token, so one that is late, after the command failed and removed everything,
writes nothing. At the end the final description replaces it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from socket import gethostname
from typing import Any, Self
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
class Destination:
    """The place: a folder that every machine reaches by the same path, or an address in S3."""

    place: Path | str
    token: str

    @classmethod
    @contextmanager
    def opened(cls, place: Path | str, source: Path | str) -> Iterator[Self]:
        """An empty place for the block, which is emptied again where the block fails.

        Raises UserError where it is not empty, or lies within the source or around it.
        """
        _check_apart(place, source)
        if isinstance(place, Path):
            check_writable(place)
            place = place.absolute()
            is_empty = not any(place.iterdir())
        else:
            is_empty = not ObjectFolder.parse(place).list_names()
        if not is_empty:
            raise UserError(f"{place} is not empty. Name another folder. Nothing was written.")
        destination = cls(place, token_hex(8))
        is_finished = False
        destination._claim()
        try:
            yield destination
            is_finished = True
        finally:
            if not is_finished:
                destination._empty()

    def _claim(self) -> None:
        content = json.dumps({UNFINISHED: self.token}).encode()
        if isinstance(self.place, str):
            ObjectFolder.parse(self.place).write(ABOUT, content, None)
            return
        about = self.place / ABOUT
        try:
            handle = about.open("xb")
        except FileExistsError as error:
            raise UserError(
                f"Another command began to write into {self.place}. Nothing was written."
            ) from error
        with ExitStack() as on_failure:
            on_failure.callback(about.unlink)
            with handle:
                handle.write(content)
            on_failure.pop_all()

    def _empty(self) -> None:
        """Remove what was written; the token first, without which no worker writes any more."""
        if isinstance(self.place, Path):
            (self.place / ABOUT).unlink(missing_ok=True)
            for path in self.place.iterdir():
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
            return
        objects = ObjectFolder.parse(self.place)
        objects.remove([ABOUT])
        objects.remove(objects.list_names())

    @contextmanager
    def working_folder(self) -> Iterator[Path]:
        """A folder for the files of one piece of work, on the disk of the place where it is one."""
        if isinstance(self.place, str):
            with shared_folder() as working:
                yield working
            return
        self._check_token()
        own = self.place / SPLIT / f"work-{uuid4().hex}"
        own.mkdir(parents=True)
        try:
            yield own
        finally:
            shutil.rmtree(own, ignore_errors=True)

    def put(self, name: str, path: Path) -> None:
        """Put a file of a working folder there under a name, or the same file again.

        Raises SetupProblem where the place is not the one that was opened, or is so no more.
        """
        self._check_token()
        if isinstance(self.place, str):
            objects = ObjectFolder.parse(self.place)
            objects.send({name: (path, digest_of(path))})
            with ExitStack() as on_failure:
                # Sending takes long, and the command may have failed and removed everything.
                on_failure.callback(objects.remove, [name])
                self._check_token()
                on_failure.pop_all()
            return
        target = self.place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)

    def get(self, name: str, working: Path) -> Path:
        """The file of a name, fetched into a working folder where it is in S3."""
        if isinstance(self.place, Path):
            self._check_token()
            return self.place / name
        target = working / name
        ObjectFolder.parse(self.place).fetch({target: (name, "")}, working / "fetching")
        return target

    def _check_token(self) -> None:
        if isinstance(self.place, Path):
            about = self.place / ABOUT
            content = about.read_bytes() if about.exists() else b"{}"
        else:
            content = (ObjectFolder.parse(self.place).read(ABOUT) or (b"{}", ""))[0]
        try:
            token = json.loads(content).get(UNFINISHED)
        except ValueError:
            token = None
        if token != self.token:
            raise SetupProblem(
                f"{self.place} is not the same place on {gethostname()}, or was removed meanwhile. "
                "Give every machine of the cluster the folder at the same path, or name an address "
                "in S3. Nothing was kept."
            )

    def describe(self, about: dict[str, Any]) -> None:
        """Replace the description, at the end by the final one."""
        content = json.dumps(about, indent=1).encode()
        if isinstance(self.place, Path):
            written = self.place / f"{ABOUT}.tmp"
            written.write_bytes(content)
            written.replace(self.place / ABOUT)
            return
        objects = ObjectFolder.parse(self.place)
        present = objects.read(ABOUT)
        objects.write(ABOUT, content, present[1] if present else None)

    def remove_split(self) -> None:
        """Remove the pieces of files, which are joined by now."""
        if isinstance(self.place, Path):
            shutil.rmtree(self.place / SPLIT, ignore_errors=True)
            return
        objects = ObjectFolder.parse(self.place)
        objects.remove([name for name in objects.list_names() if name.startswith(f"{SPLIT}/")])


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
