"""Where a note is cut into sentences, and how long that may take."""

from __future__ import annotations

import pytest

from features.notes.sentences import split_sentences


def sentences(text: str) -> list[str]:
    return [sentence.strip() for _, sentence in split_sentences(text) if sentence.strip()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He left\nthe house. Then", ["He left the house.", "Then"]),
        ("He left\n\n  > the house", ["He left      the house"]),
        ("He left\nThe house", ["He left", "The house"]),
        # A line goes on over at most 80 blanks.
        (f"He left\n{' ' * 80}the house", [f"He left {' ' * 80}the house"]),
        (f"He left\n{' ' * 81}the house", ["He left", "the house"]),
    ],
)
def test_a_line_that_goes_on_in_lower_case_is_the_same_sentence(
    text: str, expected: list[str]
) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize("blank", ["\n", "\n ", "\n>", " \n\t"])
def test_blank_lines_are_read_in_a_time_that_grows_with_their_number(blank: str) -> None:
    """With the square of it, this would take minutes: 40,000 line feeds took eleven seconds."""
    assert sentences(f"He left{blank * 100_000}The house") == ["He left", "The house"]
