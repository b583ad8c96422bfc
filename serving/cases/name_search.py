"""Finds cases by name among those that a unit holds, from the records of people in the store.

A name is personal data: it is searched where it already is, and never written to an address, a log
or the database of the pages.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from features.frame import build, timeline
from features.history import asof
from features.store.store import Store
from serving.cases.summary import full_name

_LETTERS = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe"})
"""Letters that Unicode does not take apart into a letter and a mark."""


@dataclass(frozen=True)
class NamedCase:
    """A case that a search by name lists: its CRN, the person's name and date of birth."""

    crn: str
    name: str
    born_on: date | None


def words_of(text: str) -> list[str]:
    """The words of a name without case, accents, apostrophes and hyphens: O'Néill is oneill."""
    return ["".join(parts) for parts in _parts_of_words(text)]


def _parts_of_words(text: str) -> list[list[str]]:
    """For each word between spaces, its parts between apostrophes and hyphens."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    letters = "".join(sign for sign in plain if not unicodedata.combining(sign))
    parts = [re.findall(r"[^\W_]+", word) for word in letters.split()]
    return [one for one in parts if one]


def _beginnings(name: str) -> list[str]:
    """What a word that is searched for may begin: each word whole, and each of its parts."""
    return [
        text for parts in _parts_of_words(name) for text in dict.fromkeys(["".join(parts), *parts])
    ]


def find_by_name(
    store: Store, crns: Collection[str], words: Collection[str], as_of: date
) -> list[NamedCase]:
    """The cases among `crns` in whose name some word or part begins with each word, by name.

    The name is the one known on the as-of date. Cases of limited access are left out.
    """
    spine = asof.make_spine(set(crns) - build.limited_cases(store, as_of), as_of)
    names = timeline.case_names(asof.read_histories(store, spine, tables=["people"]))
    matches = []
    for crn, person in names.items():
        name = full_name(person)
        own = _beginnings(name)
        if all(any(text.startswith(word) for text in own) for word in words):
            matches.append(NamedCase(crn, name, person["born_on"]))
    return sorted(matches, key=lambda one: (words_of(one.name), one.crn))
