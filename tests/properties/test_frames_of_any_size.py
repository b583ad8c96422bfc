"""A frame of several cases is the frames of the same cases one by one, whatever their number."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from features.frame import build
from features.frame.broadcast import GROUPS
from tests.factories import known_histories
from tests.properties.histories import TABLES, dense

MOST = 60
CASES = {f"C{seed:06d}": dense(seed, f"C{seed:06d}") for seed in range(MOST)}


@pytest.fixture(scope="module")
def one_by_one() -> list[pl.DataFrame]:
    """The frame of each case by itself."""
    return [build.build_frame(known_histories(own, crns=(crn,))) for crn, own in CASES.items()]


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_cases_together_are_the_cases_one_by_one(one_by_one: list[pl.DataFrame], size: int) -> None:
    crns = tuple(CASES)[:size]
    rows = {table: [r for crn in crns for r in CASES[crn][table]] for table in TABLES}
    assert_frame_equal(
        build.build_frame(known_histories(rows, crns=crns)), pl.concat(one_by_one[:size])
    )


@pytest.mark.parametrize("cases", [1, 2, 21, 22])
def test_as_many_rows_as_indicators_are_not_taken_for_columns(
    one_by_one: list[pl.DataFrame], cases: int
) -> None:
    """22 cases of five groups and 110 indicators: 57 in a hundred cells were another's."""
    some = build.indicator_columns()[: cases * len(GROUPS)]
    crns = tuple(CASES)[:cases]
    rows = {table: [r for crn in crns for r in CASES[crn][table]] for table in TABLES}
    together = build.build_frame(known_histories(rows, crns=crns), some)
    apart = pl.concat(one_by_one[:cases]).select(build.ABOUT + some)
    assert together.height == len(some)
    assert_frame_equal(together, apart)
