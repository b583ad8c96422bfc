"""A search by name: which words find whom, and who is never listed."""

from __future__ import annotations

from datetime import date

import pytest

from features.intake.load import load_extract
from features.store.store import Store
from serving.cases.name_search import find_by_name, words_of
from tests import factories
from tests.factories import row

AS_OF = date(2026, 6, 30)
PEOPLE = {
    "A000001": ("Siobhán", "O'Neill"),
    "A000002": ("Søren", "Al-Hassan"),
    "A000003": ("Ann Marie", "Neilson"),
    "A000004": (None, "Łukasz"),
    "A000005": (None, None),
    "A000006": ("Limited", "Neill"),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store of people with names, of whom one has a limit of access."""
    folder = tmp_path_factory.mktemp("names")
    people = [
        row("people", "2026-01-05", crn=crn, given_name=first, family_name=last)
        for crn, (first, last) in PEOPLE.items()
    ]
    limit = row("limits", "2026-01-05", crn="A000006", kind="restriction", username="somebody")
    extract = factories.extract(folder / "x", {"people": people, "limits": [limit]})
    load_extract(extract, folder / "store")
    return Store.open(folder / "store")


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("neil", [3, 1]),  # by name: Ann Marie Neilson comes before Siobhán O'Neill
        ("oneill", [1]),
        ("O'Neill", [1]),
        ("o’ne", [1]),
        ("siobhan", [1]),
        ("SIOBHÁN neill", [1]),
        ("alhassan", [2]),
        ("hassan soren", [2]),
        ("marie ann", [3]),
        ("lukasz", [4]),
        ("eill", []),  # no word begins with it
        ("neill ann", []),
    ],
)
def test_every_word_begins_a_word_of_the_name(store: Store, typed: str, numbers: list[int]) -> None:
    cases = find_by_name(store, PEOPLE, words_of(typed), AS_OF)
    assert [int(case.crn[1:]) for case in cases] == numbers


def test_a_case_of_limited_access_is_not_listed(store: Store) -> None:
    listed = find_by_name(store, PEOPLE, words_of("limited"), AS_OF)
    assert listed == []


def test_only_cases_of_the_unit_are_listed(store: Store) -> None:
    assert find_by_name(store, ["A000002"], words_of("neill"), AS_OF) == []
