"""Reads and writes a table of learnt weights: a row a feature, a column a kind or an answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from features.errors import MissingInput

CONSTANT = "(constant)"
_FEATURE, _RARITY = "feature", "rarity"
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class WeightTable:
    """The weights of features for each of several columns."""

    columns: tuple[str, ...]
    names: tuple[str, ...]
    """The features by name."""
    rarity: Numbers
    """How rare each feature is among the notes learnt from: the logarithm of one by its share."""
    weights: Numbers
    """A row a feature, a column a column."""
    constant: Numbers

    @classmethod
    def read(cls, path: Path, what: str) -> Self:
        """The table in a file; raises MissingInput, with what it holds, where it is not there."""
        if not path.exists():
            raise MissingInput(
                f"There is no file {path.name} with {what}. Restore it, or learn them again: "
                "python -m training notes"
            )
        table = pl.read_parquet(path)
        columns = tuple(name for name in table.columns if name not in (_FEATURE, _RARITY))
        is_constant = pl.col(_FEATURE) == CONSTANT
        features = table.filter(~is_constant)
        return cls(
            columns,
            tuple(features[_FEATURE]),
            features[_RARITY].to_numpy().astype(float),
            # In rows: a product with sparse rows would copy columns anew each time.
            np.ascontiguousarray(features.select(columns).to_numpy(), dtype=float),
            table.filter(is_constant).select(columns).to_numpy().astype(float)[0],
        )

    def write(self, path: Path, lightest: float) -> None:
        """Write the table, rounded, without features whose weights are all lighter than this."""
        heavy = np.abs(self.weights).max(axis=1) >= lightest
        rows = np.vstack([self.constant, self.weights[heavy]]).round(3)
        names = [CONSTANT, *np.array(self.names, object)[heavy]]
        rarity = np.concatenate([[0], self.rarity[heavy]]).round(3)
        table = pl.DataFrame({_FEATURE: names, _RARITY: rarity}).with_columns(
            pl.Series(column, rows[:, place]) for place, column in enumerate(self.columns)
        )
        numbers = pl.all().exclude(_FEATURE).cast(pl.Float32)
        # The whole file or none: somebody may be reading notes meanwhile.
        temporary = path.with_suffix(".tmp")
        table.with_columns(numbers).write_parquet(
            temporary, compression="zstd", compression_level=19
        )
        temporary.replace(path)

    def weigh(self, counts: csr_matrix) -> csr_matrix:
        """Rows of counted features, rarer ones counting more, each row of length one or nought."""
        rows = counts.copy()
        rows.data = rows.data * self.rarity[rows.indices]
        sizes = np.diff(rows.indptr)
        of = np.repeat(np.arange(rows.shape[0]), sizes)
        lengths = np.sqrt(np.bincount(of, rows.data**2, rows.shape[0]))
        rows.data /= np.repeat(lengths, sizes)
        return rows
