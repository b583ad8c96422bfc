"""The one day that a sentence names, as somebody means it who writes on Thursday 12 March 2026."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.notes.named_days import NAMES_TIME, named_day

WRITTEN_ON = date(2026, 3, 12)


CASES: list[tuple[str, str | None]] = [
    ("Police attended on 7 March after he hit his neighbour.", "2026-03-07"),
    ("Arrested 7th of March, common assault.", "2026-03-07"),
    ("Arrested March 7th, common assault.", "2026-03-07"),
    ("Arrested on 3 December.", "2025-12-03"),
    ("Assaulted her on 3 December 2019.", "2019-12-03"),
    ("Assaulted her December 3, 2019, recorded crime.", "2019-12-03"),
    ("Fight at the pub 07/03/26.", "2026-03-07"),
    ("Fight at the pub 7.3.2026.", "2026-03-07"),
    ("Fight at the pub on 7/3.", "2026-03-07"),
    ("Fight on the 7/3.", "2026-03-07"),
    ("Punched a man on Saturday.", "2026-03-07"),
    ("Punched a man sat night.", "2026-03-07"),
    ("Punched a man last Tues.", "2026-03-10"),
    ("Punched a man on Thursday.", "2026-03-05"),
    ("Came in drunk yesterday.", "2026-03-11"),
    ("Rowed with her last night.", "2026-03-11"),
    ("Smelt of drink this morning.", "2026-03-12"),
    ("Kicked the door two days ago.", "2026-03-10"),
    ("Kicked the door 12 days ago.", "2026-02-28"),
    # One day named twice is one day.
    ("On Saturday, 7 March, he hit him.", "2026-03-07"),
    # Not on the day, not up to it, or no day.
    ("Hit him on Saturday and again on 2 March.", None),
    ("Hit him, and is due in court on 20 March 2026.", None),
    ("Next appointment for Monday night.", None),
    ("Pain 9/10, sleeping badly.", None),
    ("Available 24/7 for the tag.", None),
    ("Seen at 10.10 smelling of drink.", None),
    ("Convicted of assault in 2019.", None),
    ("Kicked off in March.", None),
    ("Hit him on 31/2.", None),
    ("He is to march on Monday week.", None),
    ("Nothing is dated.", None),
]


@pytest.mark.parametrize(("sentence", "day"), CASES)
def test_the_day_that_a_sentence_names(sentence: str, day: str | None) -> None:
    expected = date.fromisoformat(day) if day else None
    assert named_day(sentence, WRITTEN_ON) == expected


def test_without_the_day_of_writing_no_day_is_known() -> None:
    assert named_day("Hit him on 3 December 2019.", None) is None


@pytest.mark.parametrize(
    ("written_on", "day"), [("2026-03-07", "2026-03-07"), ("2026-03-06", "2025-03-07")]
)
def test_a_date_without_a_year_is_the_last_one(written_on: str, day: str) -> None:
    assert named_day("Hit him on 7 March.", date.fromisoformat(written_on)) == date.fromisoformat(
        day
    )


@pytest.mark.parametrize("sentence", [sentence for sentence, day in CASES if day])
def test_what_names_a_day_may_name_time(sentence: str) -> None:
    """A note without these words is read once for all days, so none that names a day may lack them."""
    assert re.search(NAMES_TIME, sentence)


@given(
    st.text(max_size=30),
    st.sampled_from(["yesterday", "Sat night", "last Fri", "1/2/26", "4 May", "tonight"]),
)
@settings(max_examples=60)
def test_no_named_day_escapes(words: str, day: str) -> None:
    sentence = f"{words} {day}."
    if named_day(sentence, WRITTEN_ON) is not None:
        assert re.search(NAMES_TIME, sentence)
