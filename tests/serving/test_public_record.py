"""The public record is filled from what the system does, and says what only people can add."""

from __future__ import annotations

from pathlib import Path

from features.indicators import CATALOGUE
from serving import public_record
from serving.watch import THRESHOLDS

TOP = Path(__file__).parents[2]


def test_the_record_that_was_reviewed_is_the_one_that_is_generated() -> None:
    kept = (TOP / "docs" / "public-record.md").read_text(encoding="utf-8")
    assert kept == public_record.as_markdown()


def test_each_promise_has_its_test() -> None:
    found = sorted(path.name for path in (TOP / "tests" / "promises").glob("test_[01]*.py"))
    assert [test for _, test in public_record.PROMISES] == found


def test_it_says_the_systems_own_facts_and_what_is_left_to_people() -> None:
    page = public_record.as_markdown()
    assert f"{len(CATALOGUE)}: " in page
    for line in THRESHOLDS.values():
        assert line.title in page
    for section in ("50A", "50B", "50C", "50D", "22A to 22D", "s.149"):
        assert section in page
    assert page.count(public_record.PERSON) > 8
    assert "s.62 (logs of consultation and disclosure) **[check]**" in page
