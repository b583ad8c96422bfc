"""Which kinds of entries of notes the board may let count, and what readers' answers change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from features.contracts import note_columns
from features.errors import UserError
from features.notes.kind_measures import KindMeasure
from models.bundle import Bundle
from serving.board import approvals, note_kinds
from serving.board.note_kinds import (
    KindState,
    SwitchedOff,
    check_note_kinds,
    countable_kinds,
    kind_states,
    kinds_in_effect,
    states_of,
    switch_kind,
)
from serving.db.session import transaction
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


WHY = "Officers in one region paste risk templates."
AGAIN = "The templates are no longer pasted."


def switch(service: Service, member: str, kind: str, *, counts: bool) -> None:
    with transaction(service.web, member) as opened:
        switch_kind(opened, kind, AGAIN if counts else WHY, counts=counts)


def off(service: Service) -> dict[str, SwitchedOff]:
    with service.web.connect() as connection:
        states = kind_states(connection)
    return {one.kind: one.switched_off for one in states if one.switched_off is not None}


@pytest.fixture
def all_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measures under which every kind is right often enough."""
    measures = dict.fromkeys(note_columns.KINDS, KindMeasure(2000, 1990, 2000, 1990))
    monkeypatch.setattr(note_kinds, "read_kind_measures", lambda: measures)


@pytest.mark.usefixtures("all_right")
def test_one_member_switches_a_kind_off_and_two_are_needed_to_switch_it_on(
    service: Service,
) -> None:
    switch(service, "BOARD-1", "weapon", counts=False)
    assert off(service) == {"weapon": SwitchedOff("Dr Hollis Wren", WHY)}
    with service.web.connect() as connection:
        assert countable_kinds(connection) == set(note_columns.KINDS) - {"weapon"}
    for _ in range(2):
        switch(service, "BOARD-2", "weapon", counts=True)
        assert off(service)["weapon"].agreed_by == ("Priti Marlowe",)
    # Switched off once more, the agreement before it is void.
    switch(service, "BOARD-1", "weapon", counts=False)
    assert off(service)["weapon"].agreed_by == ()
    for member in ("BOARD-2", "BOARD-1"):
        assert "weapon" in off(service)
        switch(service, member, "weapon", counts=True)
    assert off(service) == {}
    with pytest.raises(UserError, match="not switched off"):
        switch(service, "BOARD-1", "weapon", counts=True)


def test_who_may_switch_a_kind(service: Service) -> None:
    for username in ("ALD-SPO-1", "ANALYST-1", "ALD-HEAD"):
        with pytest.raises(UserError, match="only a member of the board"):
            switch(service, username, "weapon", counts=False)
    with pytest.raises(UserError, match="Did you mean 'weapon'"):
        switch(service, "BOARD-1", "weapons", counts=False)
    with pytest.raises(UserError, match="at least 20"), transaction(service.web, "BOARD-1") as one:
        switch_kind(one, "weapon", "no", counts=False)
    assert off(service) == {}


def with_kinds(model: Bundle, *kinds: str) -> Bundle:
    return replace(model, about={**model.about, "note_kinds": sorted(kinds)})


def test_a_model_is_proposed_only_with_kinds_that_may_count(
    service: Service, all_right: None
) -> None:
    model = with_kinds(service.model, "weapon", "threat")
    with service.web.connect() as connection:
        check_note_kinds(connection, model)
        assert kinds_in_effect(connection, model) == {"weapon", "threat"}
        assert kinds_in_effect(connection, service.model) == frozenset()
    switch(service, "BOARD-1", "threat", counts=False)
    try:
        with service.web.connect() as connection:
            assert kinds_in_effect(connection, model) == {"weapon"}
        with pytest.raises(UserError, match="'threat'.*switched it off"):
            propose(service, model)
    finally:
        for member in ("BOARD-1", "BOARD-2"):
            switch(service, member, "threat", counts=True)


def propose(service: Service, model: Bundle) -> None:
    with transaction(service.web, "BOARD-1") as opened:
        approvals.propose_approval(opened, model, "folder", {"low": 1}, 0.2, demo=True)


def test_a_model_that_counts_a_kind_of_low_precision_is_not_proposed(service: Service) -> None:
    with pytest.raises(UserError, match=r"'substance_use'.*lower end.*0\.90 is needed"):
        propose(service, with_kinds(service.model, "substance_use"))


def test_the_board_switches_a_kind_on_its_page(service: Service, browser: Browser) -> None:
    browser.sign_in("BOARD-1").get("/board/notes")
    page = browser.post("/board/notes", 422, kind="", counts="", reasons="no")
    for fault in ("Select a kind", "Select whether", "at least 20 characters"):
        assert fault in page
    page = browser.post("/board/notes", kind="pregnancy", counts="off", reasons=WHY)
    assert "Switched off by Dr Hollis Wren" in page
    assert WHY in page
    page = browser.post("/board/notes", kind="pregnancy", counts="on", reasons=AGAIN)
    assert "Dr Hollis Wren agreed to switch it on" in page
    browser.sign_in("BOARD-2").get("/board/notes")
    page = browser.post("/board/notes", kind="pregnancy", counts="on", reasons=AGAIN)
    assert "Switched off by" not in page
    assert "This kind is not switched off" in browser.post(
        "/board/notes", 422, kind="pregnancy", counts="on", reasons=AGAIN
    )
    assert "No kind counted in the last night" in page


def test_an_analyst_reads_the_page_and_switches_nothing(service: Service, browser: Browser) -> None:
    page = browser.sign_in("ANALYST-1").get("/board/notes")
    assert "Switch a kind" not in page
    browser.post("/board/notes", 403, kind="weapon", counts="off", reasons=WHY)
