"""Every indicator has a title that a board member reads without the code."""

from __future__ import annotations

import re

import pytest

from features.indicators import CATALOGUE
from features.indicators.titles import TITLES, title_of

ACRONYMS = {"MAPPA", "RoSH"}
"""What a title may hold in capitals: names that the board uses every day."""


def test_every_indicator_has_one_title_and_no_other_has() -> None:
    assert list(TITLES) == [name for name in CATALOGUE if name in TITLES]
    assert set(TITLES) == set(CATALOGUE)
    assert len(set(TITLES.values())) == len(TITLES), "no two are called alike"


@pytest.mark.parametrize("title", TITLES.values())
def test_a_title_is_short_and_in_words(title: str) -> None:
    assert len(title) <= 60
    assert title[0].isupper()
    assert not re.search(r"_|\d+d\b", title)
    capitals = {word for word in re.findall(r"\w+", title)[1:] if word != word.lower()}
    assert capitals <= ACRONYMS, "sentence case"


def test_an_indicator_without_a_title_is_called_by_its_id() -> None:
    assert title_of("made_up_indicator") == "Made up indicator"
