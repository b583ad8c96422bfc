"""What notes say, on the findings page: the words marked, and a reader's answer about each."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from features.notes.kind_measures import read_kind_measures
from serving.web.note_words import AROUND, cut_note, how_right, kind_words, manner_words
from tests.pages import Browser
from tests.service import DENIED, KNIFE, LONG_NOTE, Service


def entry(note: str, words: str, **values: object) -> dict[str, object]:
    start = note.index(words)
    manner = {"asserted": "yes", "done_by": "pop", "period": "now", "told_by": "seen"}
    return {"note": note, "starts_at": start, "ends_at": start + len(words), **manner, **values}


@pytest.mark.parametrize(
    ("before", "after"), [(0, 0), (AROUND - 1, AROUND - 1), (AROUND, AROUND), (500, 500), (0, 300)]
)
def test_a_note_is_cut_at_the_words_and_no_word_is_torn(before: int, after: int) -> None:
    note = ("word " * 200)[:before].ljust(before) + "KNIFE" + (" word" * 200)[:after]
    cut = cut_note(entry(note, "KNIFE"))
    assert "".join(cut) == note
    assert cut.words == "KNIFE"
    assert len(cut.before) <= AROUND
    assert len(cut.after) <= AROUND
    assert not cut.folded_before or cut.folded_before.endswith(" ")
    assert not cut.folded_after or cut.folded_after.startswith(" ")


def test_a_note_without_a_space_is_cut_all_the_same() -> None:
    note = "x" * 400 + "KNIFE" + "y" * 400
    cut = cut_note(entry(note, "KNIFE"))
    assert "".join(cut) == note
    assert (len(cut.before), len(cut.after)) == (AROUND, AROUND)


def test_how_an_entry_is_said_is_said_in_words() -> None:
    words = manner_words(entry("a", "a", asserted="possible", done_by="other", period="past"))
    assert words == (
        "suspected or feared; about somebody else, or done to the person; earlier than the note; "
        "seen or heard by the writer"
    )
    assert manner_words(entry("a", "a")) == "seen or heard by the writer"
    named = entry("a", "a", period="past", named_on="2026-03-07")
    assert manner_words(named) == "the note names 7 March 2026; seen or heard by the writer"
    assert kind_words("weapon") == "Weapon carried or used"
    assert kind_words("not a kind") == "Not a kind"


def test_the_page_says_how_right_the_reading_was() -> None:
    measures = read_kind_measures().values()
    recall = sum(m.matches for m in measures) / sum(m.labels for m in measures)
    assert f"about {round(10 * recall)} in ten of what they said" in how_right()


def test_before_the_view_the_record_shows_notes_as_ever_and_nothing_read_from_them(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54BRI", marked="found with a knife")
    page = browser.sign_in("BRI-SPO-1").get(f"/cases/{item}?whole=true&system=true")
    assert KNIFE in page
    assert "<mark>" not in page
    assert "Found in notes" not in page


_READ: dict[int, int] = {}
"""By service the case of which a reader recorded a view: one for all tests, as cases are few."""


def findings_page(service: Service, browser: Browser) -> tuple[int, str]:
    browser.sign_in("BRI-SPO-1")
    if id(service) not in _READ:
        item = service.unread("N54BRI", marked="found with a knife")
        browser.record_view(item)
        _READ[id(service)] = item
    return _READ[id(service)], browser.get(f"/cases/{_READ[id(service)]}/findings")


def number_of(page: str, words: str) -> str:
    """The number of the first entry whose marked words hold these."""
    parts = page.split('data-qa="note-entry"')
    for before, part in zip(parts, parts[1:], strict=False):
        if re.search(rf"<mark>[^<]*{words}", part):
            return before.rpartition('id="entry-')[2].partition('"')[0]
    raise AssertionError(f"no entry of a note marks {words!r}")


def test_after_the_view_the_words_of_a_note_are_marked_beside_how_they_are_said(
    service: Service, browser: Browser
) -> None:
    _, page = findings_page(service, browser)
    assert "Found in notes, not scored" in page
    assert re.search(r"<mark>[^<]*found with a knife", page)
    assert "The rest of this note" in page
    assert "said by another agency" in page
    facts, _, others = page.partition('data-qa="notes-otherwise"')
    assert re.search(rf"<mark>[^<]*{DENIED[3:20]}", others)
    assert not re.search(rf"<mark>[^<]*{DENIED[3:20]}", facts)
    assert "denied or ruled out" in others
    assert 'data-qa="worth-reading"' in page
    assert LONG_NOTE[:60] in page


def test_an_answer_is_shown_kept_and_counted_by_kind(service: Service, browser: Browser) -> None:
    item, page = findings_page(service, browser)
    number = number_of(page, "found with a knife")
    count = text("SELECT says_so, answered FROM triage.answers_by_kind() WHERE kind = 'weapon'")
    counts = []
    for answer, words in (("denied", "denied or only feared"), ("says_so", "it says this")):
        page = browser.post(f"/cases/{item}/notes", entry=number, answer=answer)
        assert f"You answered: <strong>{words}</strong>" in page
        with service.admin.connect() as connection:
            counts.append(connection.execute(count).one())
    # The last answer of a reader about an entry counts, and it alone.
    assert counts[1].says_so - counts[0].says_so == 1
    assert counts[1].answered == counts[0].answered > 0
    with service.admin.connect() as connection:
        stored = connection.execute(
            text("SELECT answer FROM triage.note_answers WHERE entry_id = :e ORDER BY id"),
            {"e": number},
        ).scalars()
        assert list(stored)[-2:] == ["denied", "says_so"]
        audited = connection.execute(
            text("SELECT count(*) FROM triage.audit WHERE what = 'ANSWERED_NOTE'")
        ).scalar_one()
        assert audited >= 2


@pytest.mark.parametrize(
    ("number", "answer"), [("note-none", "says_so"), ("", ""), (None, "maybe"), ("\0", "says_so")]
)
def test_an_answer_about_no_entry_or_none_that_exists_is_refused(
    service: Service, browser: Browser, number: str | None, answer: str
) -> None:
    item, page = findings_page(service, browser)
    number = number_of(page, "found with a knife") if number is None else number
    browser.post(f"/cases/{item}/notes", 404, entry=number, answer=answer)


def test_no_answer_before_the_findings_are_seen(service: Service, browser: Browser) -> None:
    item = service.unread("N54BRI")
    browser.sign_in("BRI-SPO-1").get(f"/cases/{item}")
    page = browser.client.post(
        f"/cases/{item}/notes", data={"csrf": browser.token, "entry": "a", "answer": "says_so"}
    )
    assert page.status_code == 403


def test_the_whole_record_is_searched_by_what_a_note_says(
    service: Service, browser: Browser
) -> None:
    item, _ = findings_page(service, browser)
    # A case may have nothing but entries of the system to hold its note.
    page = browser.get(f"/cases/{item}?whole=true&system=true&kind=weapon")
    assert "What it says" in page
    assert '<option value="weapon" selected>' in page
    history = page.partition('id="history"')[2]
    assert "found with a knife" in history
    with service.admin.connect() as connection:
        coded = connection.execute(
            text(
                "SELECT count(*) FROM triage.entries WHERE item_id = :i AND NOT system"
                " AND source_table = 'incidents' AND what = 'Weapon carried or used'"
            ),
            {"i": item},
        ).scalar_one()
        noted = connection.execute(
            text(
                "SELECT count(DISTINCT e ->> 'contact_id') FROM triage.findings f,"
                " jsonb_array_elements(f.notes -> 'entries') e"
                " WHERE f.item_id = :i AND e ->> 'kind' = 'weapon'"
            ),
            {"i": item},
        ).scalar_one()
    assert noted > 0
    shown = re.search(r'data-qa="count">(\d+) ', page)
    assert shown is not None
    assert int(shown[1]) == coded + noted
    whole = browser.get(f"/cases/{item}?whole=true&system=true")
    everything = re.search(r'data-qa="count">(\d+) ', whole)
    assert everything is not None
    assert int(everything[1]) > int(shown[1])


def test_before_the_findings_nothing_is_searched_by_what_a_note_says(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54BRI")
    browser.sign_in("BRI-SPO-1")
    page = browser.get(f"/cases/{item}?whole=true&kind=weapon")
    assert "What it says" not in page
    plain = browser.get(f"/cases/{item}?whole=true")
    count = re.compile(r'data-qa="count">(\d+) ')
    assert count.findall(page) == count.findall(plain) != []
