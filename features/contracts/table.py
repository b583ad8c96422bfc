"""Defines what describes a source table: its columns with types, meanings, codes and gaps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from features.errors import UserError, did_you_mean

CRN_PATTERN = r"^[A-Z][0-9]{6}$"


def is_crn(text: str) -> bool:
    """Whether a text is a case reference number: a letter and six digits, and nothing else."""
    return re.fullmatch(CRN_PATTERN, text) is not None


TYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "code": pl.String(),
    "date": pl.Date(),
    "time": pl.Datetime("us"),
    "int": pl.Int64(),
    "number": pl.Float64(),
    "flag": pl.Boolean(),
}


@dataclass(frozen=True)
class Column:
    """One column: its type, what it means, and which codes it may hold."""

    name: str
    type: str
    meaning: str
    required: bool = False
    codes: Mapping[str, str] | None = None
    settled_by: str | None = None
    """The date column that must have passed before this value was known (see asof)."""
    unsettled: str | None = None
    """What the value was until then, where it was not simply absent."""
    plan: bool = False
    """A date that may lie ahead (due dates); other dates count only once they have passed."""

    @property
    def dtype(self) -> pl.DataType:
        """The Polars type; times are UTC without a zone, dates are local calendar dates."""
        return TYPES[self.type]


@dataclass(frozen=True)
class Table:
    """One source table: what a row is, its columns, and what its supplier leaves out."""

    name: str
    row: str
    gaps: str
    common: tuple[Column, ...]
    own: tuple[Column, ...]
    planned: bool = False
    """Rows may be recorded before they occur (appointments, orders); they count only after."""

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns common to all tables, followed by those of this table."""
        return (*self.common, *self.own)

    @cached_property
    def schema(self) -> dict[str, pl.DataType]:
        """The table's columns as a Polars schema: column name to type, in order."""
        return {column.name: column.dtype for column in self.columns}

    def column(self, name: str) -> Column:
        """The named column, or a UserError that suggests the closest name."""
        for column in self.columns:
            if column.name == name:
                return column
        raise UserError(
            f"The table {self.name!r} has no column {name!r}.{did_you_mean(name, self.schema)}"
        )
