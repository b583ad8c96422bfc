"""What a note says, on the way from its words to the board, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from features.intervals import share_interval
from features.notes.kind_measures import KindMeasure
from serving.board import note_kinds
from serving.board.note_kinds import LEAST_PRECISION, kind_states
from tests.journeys.steps import accessible, fits_at_400_per_cent, sign_in
from tests.service import Service


def precision_on_the_board(chromium: Browser, address: str) -> str:
    """What the board's page says of the kind of weapons."""
    page = chromium.new_context().new_page()
    sign_in(page, address, "Dr Hollis Wren")
    page.goto(f"{address}/board/notes")
    accessible(page)
    row = page.get_by_role("row").filter(has_text="Weapon carried or used")
    words = row.inner_text()
    page.context.close()
    return words


def open_findings(page: Page, address: str, service: Service) -> None:
    """As an SPO, record a view of an unread case and open its findings."""
    item = service.unread("N54BRI", marked="knife")
    sign_in(page, address, "Sam Okonedo")
    page.goto(f"{address}/cases/{item}")
    for group in ("children", "public", "known adult", "staff"):
        choices = page.get_by_role("group", name=f"Risk to {group}")
        choices.get_by_label("Cannot tell", exact=True).check()
    page.get_by_label("Your reasons").fill("Three entries since May point the same way.")
    page.get_by_role("button", name="Record your view", exact=True).click()


@pytest.fixture
def barely_right(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A measure under which the kind of weapons may count, until one answer more says otherwise."""
    with service.admin.connect() as connection:
        state = next(one for one in kind_states(connection) if one.kind == "weapon")
    wrong = state.answered - state.says_so
    right = next(n for n in range(10, 2000) if share_interval(n, n + wrong)[0] >= LEAST_PRECISION)
    entries = max(right - state.says_so, 0)
    measure = KindMeasure(entries, entries, entries, entries)
    monkeypatch.setattr(note_kinds, "read_kind_measures", lambda: {"weapon": measure})


@pytest.mark.usefixtures("barely_right")
def test_one_readers_answer_switches_a_kind_off(
    context: BrowserContext, chromium: Browser, address: str, service: Service
) -> None:
    """The way of a note to a reader, a correction, and what the board then sees."""
    before = precision_on_the_board(chromium, address)
    assert before.endswith("Yes")
    page = context.new_page()
    open_findings(page, address, service)
    expect(page.get_by_role("heading", name="Found in notes, not scored")).to_be_visible()
    entry = page.locator('[data-qa="note-entry"]').filter(has_text="found with a knife").first
    expect(entry.locator("mark")).to_contain_text("knife")
    accessible(page)
    entry.get_by_text("The rest of this note").click()
    expect(entry).to_contain_text("Next appointment agreed.")
    entry.get_by_text("Is that what it says?").click()
    entry.get_by_role("button", name="Somebody else").click()
    expect(page).to_have_url(re.compile(r"/findings#entry-"))
    answered = page.locator('[data-qa="note-entry"]').filter(has_text="found with a knife").first
    expect(answered).to_contain_text("You answered: somebody else.")
    after = precision_on_the_board(chromium, address)
    assert after.endswith("No"), (before, after)


def test_the_notes_of_a_findings_page_reflow_at_400_per_cent(
    chromium: Browser, address: str, service: Service
) -> None:
    narrow = chromium.new_context(viewport={"width": 320, "height": 640})
    page = narrow.new_page()
    open_findings(page, address, service)
    fits_at_400_per_cent(page)
    narrow.close()
