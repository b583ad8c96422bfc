"""What changed between nights: states of questions, and figures that began or ceased to need a look."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from serving.watch.changes import changes_since, states_of_questions
from serving.watch.figures import ACT, GREEN, LOOK, NOT_KNOWN, TOO_FEW, Figure
from serving.web import charts

NIGHT = date(2026, 11, 1)


def history(name: str, *states: str) -> dict[str, list[tuple[date, Figure]]]:
    """A figure on nights a week apart, with these states."""
    return {
        name: [
            (NIGHT + timedelta(weeks=week), Figure(name, None, None, None, 0, state, ""))
            for week, state in enumerate(states)
        ]
    }


def test_a_question_has_the_worst_state_of_its_figures_each_night() -> None:
    nights = {**history("rows_few", GREEN, LOOK), **history("late", GREEN, ACT, GREEN)}
    feed = states_of_questions(nights)["feed"]
    assert [state for _, state in feed] == [GREEN, ACT, GREEN]
    assert states_of_questions(nights)["readers"] == []


@pytest.mark.parametrize(
    ("states", "is_said"),
    [
        ((GREEN, ACT), True),
        ((ACT, GREEN), True),
        ((TOO_FEW, LOOK), True),
        ((LOOK, NOT_KNOWN), True),
        ((LOOK, LOOK), False),
        ((GREEN, TOO_FEW), False),
        ((GREEN,), False),
    ],
)
def test_a_change_is_said_where_a_look_is_needed_before_or_after(
    states: tuple[str, ...], is_said: bool
) -> None:
    assert bool(changes_since(history("late", *states), NIGHT)) == is_said


def test_the_comparison_is_with_the_last_night_up_to_the_day() -> None:
    nights = history("late", GREEN, LOOK, ACT)
    (change,) = changes_since(nights, NIGHT + timedelta(weeks=1))
    assert (change.before, change.figure.state) == (LOOK, ACT)
    (change,) = changes_since(nights, NIGHT + timedelta(days=6))
    assert change.before == GREEN
    (change,) = changes_since(nights, NIGHT - timedelta(days=1))
    assert change.before == GREEN, "all are later: with the first one"


def test_what_got_worse_comes_first_and_action_before_a_look() -> None:
    nights = {
        **history("rows_few", ACT, GREEN),
        **history("late", GREEN, LOOK),
        **history("refused", GREEN, ACT),
    }
    changed = changes_since(nights, NIGHT)
    assert [one.figure.name for one in changed] == ["refused", "late", "rows_few"]
    assert [one.is_worse for one in changed] == [True, True, False]


def test_the_row_of_bars_says_its_nights_in_words() -> None:
    picture = str(charts.states_over_nights([(NIGHT, GREEN), (NIGHT, ACT), (NIGHT, TOO_FEW)]))
    assert "Of 3 nights: act on 1, too few to tell on 1, green on 1" in picture
    assert picture.count("<rect") == 3
    assert str(charts.states_over_nights([])) == ""
