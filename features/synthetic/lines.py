"""A line of the comparison: one target beside what was generated."""

from __future__ import annotations

import polars as pl

from features.synthetic.figures import Figure
from features.synthetic.measure import Line


def make_line(
    name: str,
    figure: Figure[object],
    target: float | tuple[float, float],
    generated: float,
    slack: float,
    unit: str = "share",
) -> Line:
    """One target, a value or the two ends of a range, beside the value generated."""
    pair = target if isinstance(target, tuple) else (target, target)
    return Line(name, pair, generated, slack, figure, unit)


def share_lines(
    name: str, figure: Figure[dict[str, float]], column: pl.Series, slack: float
) -> list[Line]:
    """The share of each value of a figure beside its share in a column without blanks."""
    total = sum(figure.value.values())
    names = column.drop_nulls()
    counts = {key: int((names == key).sum()) for key in figure.value}
    size = max(names.len(), 1)
    return [
        make_line(f"{name}: {key}", figure, share / total, counts[key] / size, slack)
        for key, share in figure.value.items()
    ]


def mean_of(flags: pl.Series) -> float:
    """The share of a column that is true, or its mean; nought for an empty column."""
    mean = flags.mean()
    return float(mean) if isinstance(mean, int | float) else 0.0
