"""Which kinds of entries of notes the board may let count, and what readers' answers change."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from features.contracts import note_columns
from features.notes.kind_measures import KindMeasure
from serving.board.note_kinds import KindState, countable_kinds, kind_states, states_of
from tests.pages import Browser
from tests.service import Service


def state(right: int, entries: int, says_so: int = 0, answered: int = 0) -> KindState:
    measures = {"weapon": KindMeasure(entries, right, entries, right)}
    states = states_of(measures, {"weapon": (says_so, answered)})
    return next(one for one in states if one.kind == "weapon")


@pytest.mark.parametrize(
    ("right", "entries", "says_so", "answered", "may_count"),
    [
        (0, 0, 0, 0, False),
        (20, 20, 0, 0, False),
        (34, 34, 0, 0, False),
        (35, 35, 0, 0, True),
        (0, 0, 35, 35, True),
        (35, 35, 0, 1, False),
        (35, 35, 30, 31, True),
        (100, 105, 0, 0, False),
        (200, 208, 0, 0, True),
    ],
)
def test_a_kind_may_count_where_the_lower_end_of_its_precision_is_high(
    right: int, entries: int, says_so: int, answered: int, may_count: bool
) -> None:
    assert state(right, entries, says_so, answered).may_count is may_count


def test_wrong_answers_switch_a_kind_off() -> None:
    """What a signed kind rests on: the state changes with the answers, and nobody need act."""
    assert state(60, 61).may_count
    assert not state(60, 61, 8, 12).may_count


def test_every_kind_has_a_state_in_the_order_of_the_contract(service: Service) -> None:
    with service.admin.connect() as connection:
        states = kind_states(connection)
        assert [one.kind for one in states] == list(note_columns.KINDS)
        countable = countable_kinds(connection)
        assert countable == {one.kind for one in states if one.may_count}
        count = connection.execute(text("SELECT count(*) FROM triage.answers_by_kind()")).scalar()
        assert count == sum(one.answered > 0 for one in states)


def test_the_board_sees_each_kind_with_both_measures(service: Service, browser: Browser) -> None:
    page = browser.sign_in("BOARD-1").get("/board/notes")
    assert "Weapon carried or used" in page
    with service.admin.connect() as connection:
        weapon = next(one for one in kind_states(connection) if one.kind == "weapon")
    assert f"{weapon.labelled.right} of {weapon.labelled.entries}" in page
    assert f"{weapon.precision:.2f} ({weapon.interval[0]:.2f} to {weapon.interval[1]:.2f})" in page
