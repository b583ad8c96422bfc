"""How plans are worked out: in memory; over few rows as they stand.

Polars would choose its streaming engine, made for tables that do not fit into memory. Ours are cut
into parts that do (build.CASES_AT_ONCE), and it takes longer at every size: a hundred plans over
20, 1,500 and 15,000 cases in 88, 135 and 378 ms against 16, 57 and 270 ms in memory (2 cores).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import polars as pl

FEW = 1000
"""Of no more case-dates, plans are worked out as they stand: thinking them over costs more."""
AT_A_TIME = 10
"""So many plans over many rows are worked out together: more, and Polars looks longer at each."""


def worked_out(plans: Iterable[pl.LazyFrame], *, few: bool) -> list[pl.DataFrame]:
    """What the plans give, in their order."""
    if few:
        as_they_stand = pl.QueryOptFlags.none()
        return pl.collect_all(list(plans), engine="in-memory", optimizations=as_they_stand)
    parts = (pl.collect_all(part, engine="in-memory") for part in _parts_of(plans))
    return [frame for part in parts for frame in part]


def _parts_of(plans: Iterable[pl.LazyFrame]) -> Iterator[list[pl.LazyFrame]]:
    rest = iter(plans)
    while part := list(islice(rest, AT_A_TIME)):
        yield part
