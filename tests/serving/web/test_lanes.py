"""Cases that a lane beside the model drew: their findings, and the table that the board signs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from features import clock
from models.combinations import read_combinations
from serving.settings import read_settings
from serving.web.pages import template_environment
from tests.pages import Browser
from tests.service import Service

UNITS = {"N54ALD": "ALD-SPO-1", "N54BRI": "BRI-SPO-1"}
SENTENCES = {
    "unusual": "that is rare among people with the same recorded level",
    "combination": "The record holds a combination of facts that reviews of the worst cases have found together",
}


def unread_of(service: Service, lane: str) -> tuple[int, str]:
    """A case that a lane drew, of a unit that has a reader here, and the reader."""
    for unit, reader in UNITS.items():
        try:
            return service.unread(unit, drawn_as=lane), reader
        except AssertionError:
            continue
    raise AssertionError(f"no unread case of the lane {lane}")


@pytest.mark.parametrize("lane", SENTENCES)
def test_after_the_view_the_page_says_what_the_lane_drew_the_case_for(
    service: Service, browser: Browser, lane: str
) -> None:
    item, reader = unread_of(service, lane)
    before = browser.sign_in(reader).get(f"/cases/{item}")
    assert 'data-qa="because"' not in before
    assert SENTENCES[lane] not in before
    browser.record_view(item)
    page = browser.get(f"/cases/{item}/findings")
    assert SENTENCES[lane] in page
    assert "readers are most likely to put higher" not in page, "the model said nothing of it"
    with service.admin.connect() as connection:
        parts, reasons, also = connection.execute(
            text(
                "SELECT because -> 'parts', reasons, shown_only FROM triage.findings WHERE item_id = :i"
            ),
            {"i": item},
        ).one()
    sections = re.findall(r'data-qa="because".*?</section>', page, re.S)
    assert len(sections) == len(parts) > 0
    for section, part in zip(sections, parts, strict=True):
        assert 'data-qa="behind"' in section
        assert part["words"][1:].split("'")[0] in section
    named = {one["indicator"] for part in parts for one in part["findings"]}
    raised = [one for reason in reasons if reason["weight"] > 0 for one in reason["findings"]]
    twice = [one["indicator"] for one in [*raised, *also] if one["indicator"] in named]
    assert page.count("Its entries are above.") == len(twice), "entries are listed once"


def test_entries_about_another_group_are_never_said_to_stand_above(tmp_path: Path) -> None:
    """The same indicator about another group rests on entries of its own."""
    settings = read_settings({"ROSH_MODE": "demo", "ROSH_DATA": str(tmp_path)})
    macros: Any = template_environment(settings).get_template("components.html").module
    entry = {"table": "incidents", "record_id": "I1", "occurred_on": "2026-05-04"}
    about = [
        {"indicator": name, "sentence": f"Sentence {name}.", "entries": [entry]}
        for name in ("a", "b", "c", "d")
    ]
    findings = {
        "risk_group": "children",
        "reasons": [],
        "shown_only": about[:1],
        "other_groups": [{"group": "staff", "findings": about}],
        "notes": {"entries": []},
    }
    page = str(macros.reasons(findings, {}, "/cases/1", ["a", "d"]))
    others, _, also = page.partition('id="also"')
    assert "Its entries are above." not in others
    assert others.count("entry behind this") == len(about)
    assert "Its entries are above." in also


def test_the_account_and_the_api_say_by_which_lane(service: Service, browser: Browser) -> None:
    with service.admin.connect() as connection:
        crn = connection.execute(
            text(
                "SELECT i.crn FROM triage.items i JOIN triage.findings f ON f.item_id = i.id"
                " WHERE f.drawn_as = 'unusual' AND NOT i.limited ORDER BY i.id LIMIT 1"
            )
        ).scalar_one()
    browser.sign_in("INSPECTOR-1").get("/account")
    page = browser.post("/account", crn=crn, on=clock.today().isoformat())
    assert "New and unusual, " in page
    assert "New since" in page


def test_the_board_reads_the_combinations_that_it_signs(service: Service, browser: Browser) -> None:
    page = browser.sign_in("BOARD-1").get("/board/approvals")
    assert "New and unusual: " in page
    assert "A signed combination: " in page
    with service.admin.connect() as connection:
        table = connection.execute(
            text("SELECT combinations FROM triage.approvals ORDER BY id LIMIT 1")
        ).scalar_one()
    assert [one["id"] for one in table] == [one.id for one in read_combinations()]
