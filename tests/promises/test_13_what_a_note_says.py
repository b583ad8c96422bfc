"""Promise 13: an entry of a note shows its words and who said so; what is denied is never a fact."""

from __future__ import annotations

import html
import re

import pytest
from sqlalchemy import text

from features.notes.combined import CombinedReader
from features.notes.entries import Note
from serving.board.note_kinds import kind_states
from tests.pages import Browser
from tests.service import DENIED, Service
from tests.serving.web.test_notes_page import findings_page, number_of


def test_every_entry_on_the_page_marks_words_of_its_note_and_says_who_said_so(
    service: Service, browser: Browser
) -> None:
    item, page = findings_page(service, browser)
    with service.admin.connect() as connection:
        rows = text("SELECT notes FROM triage.findings WHERE item_id = :item")
        entries = connection.execute(rows, {"item": item}).scalar_one()["entries"]
    assert entries
    marked = re.findall(
        r'data-qa="note-entry">.*?<mark>(.*?)</mark>.*?data-qa="manner">(.*?)<', page, re.S
    )
    assert len(marked) == len(entries)
    words = {entry["note"][entry["starts_at"] : entry["ends_at"]] for entry in entries}
    assert {html.unescape(one) for one, _ in marked} == words
    assert all(manner.strip() for _, manner in marked)


@pytest.mark.parametrize(
    "saying",
    [
        "Denies {}.",
        "He said it is not true that he {}.",
        "It is feared that he {}.",
        "If he {} he will be recalled.",
        "His brother {}.",
        "He was the victim: a stranger {} him.",
    ],
)
def test_what_is_denied_feared_conditional_or_anothers_is_no_fact(saying: str) -> None:
    for words in ("carries a knife", "punched his neighbour", "drank a bottle of vodka"):
        (entries,) = CombinedReader().read([Note(saying.format(words))])
        facts = [one for one in entries if one.asserted == "yes" and one.by == "pop"]
        assert facts == [], (saying.format(words), facts)


def test_a_denial_is_never_among_the_facts_of_the_page(service: Service, browser: Browser) -> None:
    _, page = findings_page(service, browser)
    facts = page.partition('data-qa="notes-otherwise"')[0].partition('id="notes"')[2]
    assert facts
    assert DENIED[3:20] not in "".join(re.findall(r"<mark>(.*?)</mark>", facts, re.S))


def test_a_readers_answer_counts_in_the_precision_of_the_kind(
    service: Service, browser: Browser
) -> None:
    item, page = findings_page(service, browser)

    def precision() -> float:
        with service.admin.connect() as connection:
            states = kind_states(connection)
        return next(one.precision for one in states if one.kind == "weapon")

    unanswered = precision()
    number = number_of(page, "found with a knife")
    measured = []
    for answer in ("says_so", "somebody_else", "says_so"):
        browser.post(f"/cases/{item}/notes", entry=number, answer=answer)
        measured.append(precision())
    # Whatever other tests answered before: the last answer of a reader counts, and it alone.
    assert measured[1] < measured[0] == measured[2]
    assert measured[1] < unanswered <= measured[0]
