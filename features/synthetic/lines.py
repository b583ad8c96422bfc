"""Makes the lines of the comparison: a target beside the generated value."""

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
    """Put one target, a value or a range, beside the value of the made-up caseload."""
    pair = target if isinstance(target, tuple) else (target, target)
    return Line(name, pair, generated, slack, figure, unit)


def share_lines(
    name: str, figure: Figure[dict[str, float]], column: pl.Series, slack: float
) -> list[Line]:
    """Put the target share of each value beside its share in a column; nulls are left out."""
    total = sum(figure.value.values())
    names = column.drop_nulls()
    counts = {key: int((names == key).sum()) for key in figure.value}
    size = max(names.len(), 1)
    return [
        make_line(f"{name}: {key}", figure, share / total, counts[key] / size, slack)
        for key, share in figure.value.items()
    ]


def mean_of(flags: pl.Series) -> float:
    """The mean of a column, or the share that is true; 0 for an empty column."""
    mean = flags.mean()
    return float(mean) if isinstance(mean, int | float) else 0.0
