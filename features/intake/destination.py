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
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from socket import gethostname
from typing import Any, Self
from uuid import uuid4

from features.errors import SetupProblem, UserError
from features.intake.extract import ABOUT, UNFINISHED
from features.store import working_copy
from features.store.digests import digest_of
from features.store.objects import ObjectFolder
from features.store.staging import check_writable


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
        destination._claim()
        is_finished = False
        try:
            yield destination
            is_finished = True
        finally:
            if not is_finished:
                destination._empty()

    def _claim(self) -> None:
        content = json.dumps({UNFINISHED: self.token})
        if isinstance(self.place, Path):
            try:
                with (self.place / ABOUT).open("x", encoding="utf-8") as handle:
                    handle.write(content)
            except FileExistsError as error:
                raise UserError(
                    f"Another command began to write into {self.place}. Nothing was written."
                ) from error
        else:
            ObjectFolder.parse(self.place).write(ABOUT, content.encode(), None)

    def _empty(self) -> None:
        """Remove what was written; no worker writes any more as soon as the token is gone."""
        self.describe({UNFINISHED: ""})
        self.remove("")
        if isinstance(self.place, Path):
            (self.place / ABOUT).unlink(missing_ok=True)
        else:
            ObjectFolder.parse(self.place).remove([ABOUT])

    def put(self, name: str, path: Path) -> None:
        """Put a file there under a name, or the same file again; in a folder it is moved.

        Raises SetupProblem where the place is not the one that was opened.
        """
        self._check_token()
        if isinstance(self.place, str):
            ObjectFolder.parse(self.place).send({name: (path, digest_of(path))})
            return
        target = self.place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f"{uuid4().hex}.tmp")
        shutil.move(path, temporary)
        temporary.replace(target)

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
        if json.loads(content).get(UNFINISHED) != self.token:
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

    def remove(self, below: str) -> None:
        """Remove the files below a folder, or every file but the description."""
        if isinstance(self.place, Path):
            for folder in [self.place / below] if below else self.place.glob("*/"):
                shutil.rmtree(folder, ignore_errors=True)
            return
        objects = ObjectFolder.parse(self.place)
        start = f"{below}/" if below else ""
        names = [name for name in objects.list_names() if name.startswith(start)]
        objects.remove([name for name in names if name != ABOUT])


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
