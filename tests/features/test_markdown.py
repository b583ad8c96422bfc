"""Pages are laid out so that a line of prose or of a table has at most 120 columns."""

from __future__ import annotations

import pytest

from features.markdown import WIDTH, layout_page

LONG = "word " * 40


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("# A title", "# A title"),
        ("a\nb", "a b"),
        ("- one\n  more\n- two", "- one more\n- two"),
        ("```\n" + LONG + "\n```", "```\n" + LONG + "\n```"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "| a | b |\n|---|---|\n| 1 | 2 |"),
        ("> one\n> two", "> one\n> two"),
    ],
)
def test_what_is_short_stays(page: str, expected: str) -> None:
    assert layout_page(page) == expected


@pytest.mark.parametrize("start", ["", "- ", "12. ", "> ", "  - "])
def test_long_prose_is_wrapped_under_its_own_start(start: str) -> None:
    lines = layout_page(start + LONG).split("\n")
    assert len(lines) == 2
    assert max(map(len, lines)) <= WIDTH
    assert lines[1].startswith(start if start == "> " else " " * len(start))


def test_a_table_with_a_long_row_becomes_a_list() -> None:
    page = f"| code | what | where |\n|---|---|---|\n| `x` | {LONG} | here |\n| y | short | |"
    lines = layout_page(page).split("\n")
    assert lines[0].startswith("- `x`: what: word")
    assert lines[-1] == "- **y**: what: short"
    assert "; where: here" in " ".join(lines)


def test_a_number_never_begins_a_line_and_a_command_stays_whole() -> None:
    page = "x" * 113 + " of 600. At the end `python -m features check` stands."
    lines = layout_page(page).split("\n")
    assert not lines[1].startswith("600.")
    assert "`python -m features check`" in layout_page("y" * 100 + " `python -m features check`")


def test_laying_out_twice_changes_nothing() -> None:
    page = f"{LONG}\n\n- {LONG}\n\n| a | b |\n|---|---|\n| 1 | {LONG} |\n"
    assert layout_page(layout_page(page)) == layout_page(page)
