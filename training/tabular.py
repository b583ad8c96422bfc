"""Reads any table of people with a recorded level and an outcome, from a TOML description.

A description (TOML) says which file and columns; the same learner, calibration, review rates and
fairness figures are then used on it as on case histories. docs/benchmark.md explains each setting.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from features.errors import MissingInput, UnreadableInput, UserError, did_you_mean
from models.boosters import Settings
from models.inputs import Matrix
from models.metrics import Flags
from models.ordinal import DIRECTION

KINDS = ("number", "ordered", "category")
UNKNOWN = "unknown"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Input:
    """An input column: `number` (the first number in its text), `ordered` or `category`."""

    name: str
    kind: str = "number"
    direction: str = "0"
    order: tuple[str, ...] = ()
    empty_is: float | None = None
    """What an empty cell counts as; without it, it is its own state: not known."""


@dataclass(frozen=True)
class Derived:
    """An input worked out from others: a sum, or a sum per another (`per`, less `since`).

    The divisor is at least `least`. What is empty adds nothing; where all are, it is not known.
    """

    name: str
    sum: tuple[str, ...]
    per: tuple[str, ...] = ()
    since: float = 0.0
    least: float = 1.0
    direction: str = "0"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs that it is worked out from."""
        return (*self.sum, *self.per)


@dataclass(frozen=True)
class Variant:
    """A benchmark table without some of its inputs, to measure what they contribute."""

    name: str
    without: tuple[str, ...]


@dataclass(frozen=True)
class Description:
    """A description of a table: its files, and what each of its columns is."""

    title: str
    train: str
    id: str
    outcome: str
    recorded: str
    levels: tuple[str, ...]
    inputs: tuple[Input, ...]
    booster: Settings
    derived: tuple[Derived, ...] = ()
    glass_box: bool = False
    """Whether stage 1 is the mean of the booster and an EBM, in log-odds."""
    audit: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    """Columns that are never an input, even if `inputs` lists them."""
    test: str = ""
    time: str = ""
    """A column by which rows are ordered: folds then train on earlier rows only."""
    folds: int = 5
    review_rate: float = 0.10
    parity: str = ""
    """The audited column for which equal review rates and calibration by group are tried."""
    variants: tuple[Variant, ...] = ()
    caution: str = ""


@dataclass(frozen=True)
class Rows:
    """The checked rows of a file: numeric inputs, outcome, recorded level, groups."""

    ids: pl.Series
    values: Matrix
    names: tuple[str, ...]
    directions: tuple[int, ...]
    recorded: npt.NDArray[np.object_]
    audit: dict[str, npt.NDArray[np.object_]] = field(repr=False)
    outcome: Matrix | None = None
    time: pl.Series | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def higher(self) -> Flags:
        """Which people of the table had the outcome; UserError where it has no outcome column."""
        if self.outcome is None:
            raise UserError("A table without outcomes cannot be judged.")
        is_higher: Flags = self.outcome > 0
        return is_higher


def read_description(path: Path) -> Description:
    """Read a description; a UserError names an unknown or missing setting."""
    if not path.exists():
        raise MissingInput(f"There is no description {path} of a table to benchmark.")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UnreadableInput(f"{path} is not TOML: {error}.") from error
    content["inputs"] = tuple(_read_part(path, Input, one) for one in content.pop("input", []))
    content["derived"] = tuple(_read_part(path, Derived, one) for one in content.get("derived", []))
    content["variants"] = tuple(
        _read_part(path, Variant, one) for one in content.pop("variant", [])
    )
    content["booster"] = _read_part(path, Settings, content.get("booster", {}))
    description: Description = _read_part(path, Description, content)
    names = [one.name for one in description.inputs]
    barred = sorted(
        set(names) & {*description.never, description.outcome, description.recorded, description.id}
    )
    if barred:
        raise UserError(f"{path}: {', '.join(barred)} may not be an input. Take it out.")
    for one in description.inputs:
        if one.kind not in KINDS or one.direction not in DIRECTION:
            raise UnreadableInput(
                f"{path}: {one.name} is of kind {one.kind!r} and direction {one.direction!r}. "
                f"Kinds: {', '.join(KINDS)}; directions: {', '.join(DIRECTION)}."
            )
    for variant in description.variants:
        _check_listed(path, variant.without, names, "to leave out")
    numeric = [one.name for one in description.inputs if one.kind != "category"]
    for derived in description.derived:
        _check_listed(path, derived.inputs, numeric, f"to work out {derived.name} from")
        if derived.direction not in DIRECTION or derived.least <= 0:
            raise UnreadableInput(
                f"{path}: {derived.name} needs a direction ({', '.join(DIRECTION)}) and a least "
                "divisor above nought."
            )
    return description


def _check_listed(path: Path, listed: Iterable[str], names: Sequence[str], purpose: str) -> None:
    for name in listed:
        if name not in names:
            raise UserError(f"{path}: no input {name!r} {purpose}.{did_you_mean(name, names)}")


def _read_part(path: Path, kind: type, values: Mapping[str, Any]) -> Any:
    fields_of = kind.__dataclass_fields__  # type: ignore[attr-defined]
    for name in values:
        if name not in fields_of:
            raise UnreadableInput(
                f"{path}: unknown setting {name!r}.{did_you_mean(name, fields_of)}"
            )
    frozen = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    try:
        return kind(**frozen)
    except TypeError as error:
        raise UnreadableInput(f"{path}: a setting is missing: {error}.") from error


def read_rows(path: Path, about: Description, *, with_outcome: bool) -> Rows:
    """Read the rows of a file as described; a UserError says what cannot be used."""
    if not path.exists():
        raise MissingInput(f"There is no file {path}. Pass --data with the folder that holds it.")
    try:
        frame = pl.read_csv(path, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise UnreadableInput(
            f"{path} cannot be read as CSV: {str(error).splitlines()[0]}."
        ) from error
    columns = [about.id, about.recorded, *about.audit, *(one.name for one in about.inputs)]
    columns += [name for name in (about.outcome if with_outcome else "", about.time) if name]
    for name in columns:
        if name not in frame.columns:
            hint = did_you_mean(name, frame.columns)
            raise UnreadableInput(f"{path} has no column {name!r}.{hint}")
    values, names, directions = _read_inputs(path, frame, about)
    has_level = pl.col(about.recorded).is_in(list(about.levels))
    recorded = frame.select(pl.when(has_level).then(about.recorded).otherwise(pl.lit(UNKNOWN)))
    return Rows(
        ids=frame[about.id],
        values=values,
        names=names,
        directions=directions,
        recorded=recorded.to_series().to_numpy().astype(object),
        audit={name: _as_texts(frame[name]) for name in about.audit},
        outcome=_read_outcome(path, frame, about) if with_outcome else None,
        time=_read_times(path, frame, about) if about.time else None,
    )


def _read_times(path: Path, frame: pl.DataFrame, about: Description) -> pl.Series:
    """The time column as numbers or, where some are not, as text that sorts (2026-03-01)."""
    text = frame[about.time]
    if text.null_count():
        raise UnreadableInput(f"{path}: {about.time} is empty in {text.null_count():,} rows.")
    numbers = text.cast(pl.Float64, strict=False)
    return text if numbers.null_count() else numbers


def _as_texts(column: pl.Series) -> npt.NDArray[np.object_]:
    return column.fill_null("not known").replace("", "not known").to_numpy().astype(object)


def _read_outcome(path: Path, frame: pl.DataFrame, about: Description) -> Matrix:
    text = frame[about.outcome]
    numbers = text.cast(pl.Float64, strict=False)
    odd = text.filter(~numbers.is_in([0.0, 1.0]).fill_null(value=False))
    if odd.len():
        raise UnreadableInput(
            f"{path}: {about.outcome} is 0 or 1 in every row, and {odd.len():,} rows say otherwise "
            f"(the first: {odd[0]!r})."
        )
    values: Matrix = numbers.to_numpy().astype(np.float64)
    if values.min() == values.max():
        raise UserError(
            f"{path}: {about.outcome} is {values[0]:.0f} in every row. Nothing to learn."
        )
    return values


def _read_inputs(
    path: Path, frame: pl.DataFrame, about: Description
) -> tuple[Matrix, tuple[str, ...], tuple[int, ...]]:
    columns: list[Matrix] = []
    names: list[str] = []
    directions: list[int] = []
    for one in about.inputs:
        if one.kind == "category":
            for option in one.order or _list_options(frame[one.name]):
                columns.append((frame[one.name] == option).fill_null(value=False).to_numpy() * 1.0)
                names.append(f"{one.name} is {option}")
                directions.append(0)
            continue
        columns.append(_read_numbers(path, frame[one.name], one))
        names.append(one.name)
        directions.append(DIRECTION[one.direction])
    place_of = {name: place for place, name in enumerate(names)}
    for derived in about.derived:
        columns.append(_work_out(derived, columns, place_of))
        names.append(derived.name)
        directions.append(DIRECTION[derived.direction])
    return np.column_stack(columns), tuple(names), tuple(directions)


def _work_out(derived: Derived, columns: Sequence[Matrix], place_of: Mapping[str, int]) -> Matrix:
    """The values of a derived input, from those of the inputs before it."""
    total = _total([columns[place_of[name]] for name in derived.sum])
    if not derived.per:
        return total
    per = _total([columns[place_of[name]] for name in derived.per])
    values: Matrix = total / np.maximum(per - derived.since, derived.least)
    return values


def _total(columns: Sequence[Matrix]) -> Matrix:
    """The sum of columns, an empty cell as nought; not known where every one is empty."""
    stacked = np.column_stack(columns)
    total: Matrix = np.where(np.isnan(stacked).all(axis=1), np.nan, np.nansum(stacked, axis=1))
    return total


def _list_options(column: pl.Series) -> list[str]:
    return sorted(option for option in column.unique().drop_nulls() if option)


def _read_numbers(path: Path, column: pl.Series, about: Input) -> Matrix:
    place_of = {option: float(place) for place, option in enumerate(about.order)}
    numbers = np.full(len(column), np.nan)
    for row, text in enumerate(column):
        if text is None or not text.strip():
            continue
        number = _NUMBER.search(text) if about.kind == "number" else None
        if about.kind == "ordered" and text in place_of:
            numbers[row] = place_of[text]
        elif number is not None:
            numbers[row] = float(number.group())
        else:
            raise UnreadableInput(
                f"{path}, row {row + 1}: {about.name} is {text!r}, which is no {about.kind} value."
            )
    if about.empty_is is not None:
        numbers[np.isnan(numbers)] = about.empty_is
    return numbers
