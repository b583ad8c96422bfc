"""How a reading age is worked out; that of each page is in test_pages."""

from __future__ import annotations

import pytest

from tests.reading_age import count_syllables, reading_age, sentences_of


@pytest.mark.parametrize(
    ("word", "syllables"),
    [
        ("the", 1),
        ("risk", 1),
        ("name", 1),
        ("cases", 2),
        ("levels", 2),
        ("asked", 1),
        ("recorded", 3),
        ("people", 2),
        ("settle", 2),
        ("assessment", 3),
        ("practitioner", 4),
        ("probation", 3),
    ],
)
def test_syllables_are_groups_of_vowels(word: str, syllables: int) -> None:
    assert count_syllables(word) == syllables


def test_the_reading_age_is_the_grade_and_five_years() -> None:
    short = [["The", "cat", "sat", "on", "the", "mat"]]
    assert reading_age(short) == pytest.approx(0.39 * 6 + 11.8 - 15.59 + 5)
    long = [["Organisational", "responsibilities", "necessitate", "consideration"]]
    assert reading_age(long) > 30


def test_only_what_is_read_on_a_page_counts() -> None:
    page = """<nav><a>One two three four.</a></nav><main><h1>Cases of this unit to read</h1>
    <p>This is a <strong>whole</strong> sentence. So is the other one here: 12 of 30.</p>
    <p>This is a whole sentence.</p><ul><li>A list item without a full stop that is as long as a sentence</li><li>Two days late today</li></ul><textarea>These words are not counted at all.</textarea></main>"""
    assert sentences_of(page) == [
        ["This", "is", "a", "whole", "sentence"],
        ["So", "is", "the", "other", "one", "here", "of"],
        [
            "A",
            "list",
            "item",
            "without",
            "a",
            "full",
            "stop",
            "that",
            "is",
            "as",
            "long",
            "as",
            "a",
            "sentence",
        ],
    ]
