"""How often a model is right by how many readings: people who taught nothing, one at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.errors import UserError
from features.store.store import Store
from tests.conftest import AS_OF
from training import __main__ as commands
from training import config, learning_curve, truth
from training.labels import Labelled


def held(rows: list[tuple[str, str, str, int]]) -> Labelled:
    """Rows of (person, group, recorded level, true level)."""
    return Labelled(pl.DataFrame(rows, schema=["crn", "group", "level", "reviewed"], orient="row"))


def test_a_person_counts_once_at_a_level_by_the_best_row_there() -> None:
    people = held(
        [
            ("A", "public", "LOW", 0),
            ("A", "staff", "LOW", 2),
            ("A", "children", "HIGH", 2),
            ("B", "public", "LOW", 0),
            ("C", "public", "VERY_HIGH", 3),
        ]
    )
    rows = learning_curve._by_person(people, np.array([0.1, 0.3, 0.9, 0.2, 0.0]))
    assert rows.rows() == [
        ("A", "HIGH", 0.9, False),
        ("A", "LOW", 0.3, True),
        ("B", "LOW", 0.2, False),
    ]


def test_right_is_counted_over_the_first_people_of_each_level() -> None:
    levels = np.array(["LOW"] * 10 + ["HIGH"] * 10, dtype=object)
    score = np.concatenate([np.arange(10.0), np.arange(10.0)])
    too_low = np.zeros(20, dtype=bool)
    too_low[[9, 18]] = True
    right = [
        learning_curve._right_in(levels, share, score, too_low, np.ones(20)) for share in (0.1, 0.2)
    ]
    assert right == [0.5, 0.5]


def test_a_larger_number_of_readings_holds_a_smaller_one() -> None:
    people = Labelled(pl.DataFrame({"crn": [f"A{n // 2}" for n in range(100)]}))
    small, large = (learning_curve._first_people(people, n).frame["crn"] for n in (10, 40))
    assert large.head(10).equals(small)
    assert small.n_unique() == 5, "with all their readings"


@pytest.mark.parametrize(
    ("sizes", "words"),
    [((), "at least one number"), ((10,), "are needed to train"), ((10**7,), "There are")],
)
def test_numbers_of_readings_that_cannot_be(
    made_up: Path, sizes: tuple[int, ...], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        learning_curve.measure_curve(
            Store.open(made_up / "store"), made_up / "truth", AS_OF, config.read_config(), sizes
        )


def test_the_command_writes_the_table_and_the_picture(
    made_up: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["learning-curve", "--store", f"{made_up / 'store'}", "--as-of", AS_OF.isoformat()]
    command += ["--truth", f"{made_up / 'truth'}", "--out", f"{tmp_path}", "--rows", "400,600"]
    assert commands.main(command) == 0
    assert "plumbing, not accuracy" in capsys.readouterr().out
    table = pl.read_csv(tmp_path / "learning-curve.csv")
    by_size = dict(table.group_by("model").agg(pl.col("readings").sort()).iter_rows())
    assert by_size[truth.MODEL] == [400, 600]
    assert by_size["prior"] == [0]
    assert by_size[truth.TAUGHT_BY_TRUTH] == [600]
    shares = [f"right_{share:g}" for share in learning_curve.SHARES]
    assert table.select(pl.col(shares).is_between(0, 1).all()).row(0) == (True,) * len(shares)
    assert (tmp_path / "learning-curve.png").stat().st_size > 10_000
    with pytest.raises(SystemExit):
        commands.main([*command[:-1], "many"])
    assert "write whole numbers" in capsys.readouterr().err
