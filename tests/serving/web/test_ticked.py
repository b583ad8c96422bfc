"""An entry behind a reason is open on the page, and marked where this reader ticked it."""

from __future__ import annotations

import re

from sqlalchemy import select

from serving.db.tables import entries, findings
from serving.web.entries_behind import order_behind
from serving.web.formatters import entry_keys
from tests.pages import Browser
from tests.service import Service

LINE = re.compile(r"<li>.*?</li>", re.S)


def first_entry(service: Service, item: int) -> dict[str, str]:
    """The first entry that a reader sees behind the reason that weighs most."""
    with service.admin.connect() as connection:
        row = connection.execute(
            select(findings.c.reasons).where(findings.c.item_id == item)
        ).scalar_one()
        rows = connection.execute(select(entries).where(entries.c.item_id == item)).mappings()
        by_id = {(one["source_table"], one["record_id"]): one for one in rows}
    reasons = sorted(row, key=lambda one: -one["weight"])
    firsts = [
        entry
        for reason in reasons
        if reason["settled"]
        for finding in reason["findings"]
        for entry in order_behind(finding["entries"], by_id)[:1]
        if entry["table"] not in ("note_entries", "links")
    ]
    return dict(firsts[0])


def test_the_most_serious_entry_stands_first_and_of_those_the_newest() -> None:
    """The newest threat once lay behind "17 more entries", because the oldest stood first."""
    seriousness = {"old": 5, "new": 5, "mild": 2, "unsaid": None}
    by_id = {("incidents", name): {"seriousness": one} for name, one in seriousness.items()}
    days = {"old": "2016-05-01", "mild": "2026-10-01", "new": "2026-10-04", "unsaid": "2026-11-01"}
    listed = [
        {"table": "incidents", "record_id": name, "occurred_on": day} for name, day in days.items()
    ]
    listed.append({"table": "note_entries", "record_id": "note", "occurred_on": "2026-11-02"})
    ordered = [one["record_id"] for one in order_behind(listed, by_id)]
    assert ordered == ["new", "old", "mild", "note", "unsaid"]


def test_an_entry_that_the_reader_ticked_is_marked_behind_its_reason(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54ALD", drawn_as="flagged")
    entry = first_entry(service, item)
    key = entry_keys([{"source_table": entry["table"], "record_id": entry["record_id"]}])
    browser.sign_in("ALD-SPO-1").record_view(item, entry=key)
    page = browser.get(f"/cases/{item}/findings")
    link = f"#entry-{entry['table']}-{entry['record_id']}"
    own_lines = [line for line in LINE.findall(page) if link in line]
    assert own_lines
    assert all("You ticked this" in line for line in own_lines)
    others = [line for line in LINE.findall(page) if "#entry-" in line and link not in line]
    assert others
    assert not [line for line in others if "You ticked this" in line]


def test_the_first_entries_behind_a_reason_are_open_and_the_rest_are_folded(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54ALD", drawn_as="flagged")
    entry = first_entry(service, item)
    browser.sign_in("ALD-SPO-1").record_view(item)
    page = browser.get(f"/cases/{item}/findings")
    parts = page.split(f"#entry-{entry['table']}-{entry['record_id']}")
    texts_before = ["".join(parts[:number]) for number in range(1, len(parts))]
    # An entry may stand folded behind another reason, as the third of it, before its own.
    is_open = [text.count("<details") == text.count("</details>") for text in texts_before]
    assert any(is_open), "the entry is inside no folded part"
