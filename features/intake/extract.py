"""Describes an extract: when it was taken, and its files, Parquet or CSV, one or several a table.

EXTRACT/extract.json      when it was taken, which feeds are complete, whether made up
EXTRACT/contacts.parquet  or contacts.csv, contacts-1.csv …, or contacts/*.parquet

An extract that says `"buckets": 48` has, for every table, the files 00 to 47, each with the cases
whose number modulo 48 is the file's: it can be read a bucket at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from features import clock
from features.contracts import records
from features.errors import MissingInput, UnreadableInput, UserError, did_you_mean
from features.store import working_copy

ABOUT = "extract.json"
EARLIEST = date(2000, 1, 1)
"""Before this no extract can have been taken, and no feed ended."""
SKEW = timedelta(hours=2)
"""How far a supplier's clock may be ahead: a time without a zone may be British summer time."""


@dataclass(frozen=True)
class Extract:
    """An extract folder: when it was taken, its feeds, and its files by table."""

    folder: Path
    extracted_at: datetime
    complete: frozenset[str] = frozenset()
    made_up: bool = False
    feeds: dict[str, datetime] = field(default_factory=dict)
    files: dict[str, list[Path]] = field(default_factory=dict)
    buckets: int | None = None
    """The number of buckets into which the files are split; None where they are not."""
    whole: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By table: how the numbers of records begin of which the extract has all that there are."""
    passed_over: tuple[str, ...] = ()
    """Files that a Macintosh leaves beside its own, and that hold no rows."""
    address: str = ""
    """The address in S3 of which the folder is a copy; empty where it is none."""

    def check_any_table(self) -> None:
        """Raise UserError where the extract has no file of any table."""
        if self.files:
            return
        left = f" Passed over: {', '.join(self.passed_over)}." if self.passed_over else ""
        tables = ", ".join(records.TABLES)
        raise UserError(f"{self.address or self.folder} holds none of the tables: {tables}.{left}")

    def as_json(self, buckets: int) -> dict[str, Any]:
        """Its description, as extract.json holds it, in so many buckets of cases."""
        return {
            "extracted_at": self.extracted_at.isoformat(),
            "complete": sorted(self.complete),
            "feeds": {name: at.isoformat() for name, at in self.feeds.items()},
            "whole": {name: list(starts) for name, starts in self.whole.items()},
            "made_up": self.made_up,
            "buckets": buckets,
        }

    def source_of(self, path: Path) -> str:
        """The name that messages give a file of the extract: where its supplier put it."""
        if not self.address:
            return str(path)
        return f"{self.address}/{path.relative_to(self.folder).as_posix()}"


@contextmanager
def open_extract(place: Path | str, extracted_at: datetime | None = None) -> Iterator[Extract]:
    """The description of an extract for the block; one at an address in S3 is copied here first.

    Raises what `describe_extract` raises.
    """
    with working_copy.folder_of(place) as folder:
        address = "" if isinstance(place, Path) else place.rstrip("/")
        yield describe_extract(folder, extracted_at, address)


def describe_extract(
    folder: Path, extracted_at: datetime | None = None, address: str = ""
) -> Extract:
    """Read extract.json and list the files of an extract; a UserError where it cannot be used.

    `address` is where the folder was copied from, if from S3.
    """
    if not folder.is_dir():
        raise MissingInput(
            f"There is no extract folder {folder}. Make one up with: python -m features synthesise"
        )
    # A machine of a cluster works in another folder.
    folder = folder.absolute()
    description = _read_description(folder / ABOUT)
    taken_at = _parse_time(extracted_at or description.get("extracted_at"), "extracted_at")
    if taken_at is None:
        raise MissingInput(
            f"{folder} does not say when it was taken. Add {ABOUT} with "
            '{"extracted_at": "2026-11-20T02:00:00"}, or pass --extracted-at.'
        )
    complete = _known_tables(description["complete"], "complete")
    feeds = {
        name: _parse_time(at, f"feeds.{name}") or taken_at
        for name, at in description["feeds"].items()
    }
    _known_tables(feeds, "feeds")
    whole = {name: _number_starts(value) for name, value in description["whole"].items()}
    _known_tables(whole, "whole")
    _check_against_the_clock(taken_at, feeds)
    files, passed_over = _list_files(folder)
    buckets = _bucket_count(description["buckets"], files)
    return Extract(
        folder=folder,
        extracted_at=taken_at,
        complete=frozenset(complete),
        made_up=description["made_up"],
        feeds=feeds,
        files=files,
        buckets=buckets,
        whole=whole,
        passed_over=passed_over,
        address=address,
    )


def _bucket_count(buckets: int, files: dict[str, list[Path]]) -> int | None:
    if buckets < 1:
        return None
    for name, paths in files.items():
        stems = [int(path.stem) if path.stem.isdigit() else -1 for path in paths]
        absent = [f"{name}/{n:02d}.parquet" for n in range(buckets) if n not in stems]
        if absent:
            wrong = f"{', '.join(absent[:3])} {'are' if len(absent) > 1 else 'is'} missing"
            wrong += f" (and {len(absent) - 3} more)" if len(absent) > 3 else ""
        elif len(stems) > buckets:
            spare = [p for p, n in zip(paths, stems, strict=True) if n not in range(buckets)]
            wrong = f"{(spare or paths)[0]} is not one of them or stands there twice"
        else:
            continue
        raise UnreadableInput(
            f"{ABOUT} says that the extract is in {buckets} buckets of cases, files 00 to "
            f"{buckets - 1:02d} of each table, and {wrong}. Nothing was changed. Copy the extract "
            f'again, or take "buckets" out of {ABOUT} if its files are whole without it.'
        )
    return buckets


_NOTES = ("parameters", "planted", "rows", "digests")
"""How a made-up caseload was made, from its extract.json; intake does not use it."""
UNFINISHED = "unfinished"
"""In extract.json while an extract is being written; its value says by which command."""
_KINDS: dict[str, tuple[type | tuple[type, ...], Any, str]] = {
    "extracted_at": ((str, type(None)), None, "a time such as 2026-11-20T02:00:00"),
    "complete": (list, [], "a list of tables"),
    "feeds": (dict, {}, "an object of tables and times"),
    "whole": (dict, {}, "an object of tables and lists of beginnings of record numbers"),
    "made_up": (bool, False, "true or false"),
    "buckets": (int, 0, "a whole number"),
}


def _read_description(path: Path) -> dict[str, Any]:
    """The contents of extract.json with its types checked and missing parts filled in."""
    content: Any = {}
    if path.exists():
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError, RecursionError) as error:
            raise UnreadableInput(
                f"{path} cannot be read as JSON ({type(error).__name__}). Write it anew, such as "
                '{"extracted_at": "2026-11-20T02:00:00"}. Nothing was changed.'
            ) from error
    if not isinstance(content, dict):
        raise UnreadableInput(f"{path} must hold an object such as {{'extracted_at': …}}.")
    if UNFINISHED in content:
        raise UnreadableInput(
            f"{path.parent} is being written, or the command that wrote it was stopped. Nothing "
            "was changed. Wait for it, or remove the folder and write it again."
        )
    for name in content:
        if name not in _KINDS and name not in _NOTES:
            hint = did_you_mean(name, _KINDS)
            raise UnreadableInput(
                f"{path} has {name!r}, which says nothing to this service.{hint} Known: "
                f"{', '.join(_KINDS)}. Nothing was changed."
            )
    description = dict(content)
    for name, (kind, absent, words) in _KINDS.items():
        value = description.setdefault(name, absent)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise UnreadableInput(f"{path}: {name} must be {words}, not {description[name]!r}.")
    return description


def _number_starts(value: Any) -> tuple[str, ...]:
    """Beginnings of record numbers: an empty one would stand for every record."""
    if isinstance(value, list) and all(isinstance(one, str) and one for one in value):
        return tuple(value)
    raise UnreadableInput(
        f"{ABOUT}: whole must give, for each table, a list of beginnings of record numbers, none "
        "empty. Nothing was changed."
    )


def _parse_time(value: Any, name: str) -> datetime | None:
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(str(value))
        at = at.replace(tzinfo=None) - (at.utcoffset() or timedelta())
    except (ValueError, OverflowError) as error:
        raise UnreadableInput(
            f"{ABOUT}: {name} is {value!r}, not a time such as 2026-11-20T02:00:00."
        ) from error
    if at.date() < EARLIEST:
        raise UnreadableInput(f"{ABOUT}: {name} is {value!r}, before {EARLIEST}.")
    return at


def _check_against_the_clock(taken_at: datetime, feeds: dict[str, datetime]) -> None:
    """Refuse an extract dated in the future, which would block every later one."""
    if taken_at > clock.now_as_recorded() + SKEW:
        raise UnreadableInput(
            f"{ABOUT} says that the extract was taken at {taken_at:%Y-%m-%d %H:%M} (UTC), which is "
            "yet to come. Put extracted_at right. Nothing was changed."
        )
    for name, until in feeds.items():
        if until > taken_at:
            raise UnreadableInput(
                f"{ABOUT}: feeds.{name} is covered until {until:%Y-%m-%d %H:%M}, after the extract "
                f"was taken ({taken_at:%Y-%m-%d %H:%M}). Put it right. Nothing was changed."
            )


def _known_tables(names: Any, where: str) -> list[str]:
    for name in names:
        if not isinstance(name, str) or name not in records.TABLES:
            hint = did_you_mean(str(name), records.TABLES)
            raise UnreadableInput(f"{ABOUT}: {where} names no table of ours: {name!r}.{hint}")
    return list(names)


def _list_files(folder: Path) -> tuple[dict[str, list[Path]], tuple[str, ...]]:
    """The files of each table, and the names of files that belong to no table."""
    files: dict[str, list[Path]] = {}
    passed_over = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in (".parquet", ".csv") or not path.is_file():
            continue
        if path.name.startswith("._") or "__MACOSX" in path.relative_to(folder).parts:
            passed_over.append(path.relative_to(folder).as_posix())
            continue
        name = path.stem if path.parent == folder else path.relative_to(folder).parts[0]
        table = name if name in records.TABLES else name.rsplit("-", 1)[0]
        if table not in records.TABLES:
            raise UnreadableInput(
                f"{path} belongs to no table of ours.{did_you_mean(name, records.TABLES)} "
                f"Tables: {', '.join(records.TABLES)}."
            )
        files.setdefault(table, []).append(path)
    return files, tuple(passed_over)
