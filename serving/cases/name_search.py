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


@dataclass(frozen=True)
class NamedCase:
    """A case that a search by name lists: its CRN, the person's name and date of birth."""

    crn: str
    name: str
    born_on: date | None


def words_of(text: str) -> list[str]:
    """The words of a name without case, accents and marks between them: O'Néill is o, neill."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return re.findall(r"[^\W_]+", letters)


def find_by_name(
    store: Store, crns: Collection[str], words: Collection[str], as_of: date
) -> list[NamedCase]:
    """The cases among `crns` whose name has a word that begins with each word, by name.

    The name is the one known on the as-of date. Cases of limited access are left out.
    """
    spine = asof.make_spine(set(crns) - build.limited_cases(store, as_of), as_of)
    names = timeline.case_names(asof.read_histories(store, spine, tables=["people"]))
    matches = []
    for crn, person in names.items():
        name = " ".join(filter(None, (person["given_name"], person["family_name"])))
        own = words_of(name)
        if all(any(part.startswith(word) for part in own) for word in words):
            matches.append(NamedCase(crn, name, person["born_on"]))
    return sorted(matches, key=lambda one: (words_of(one.name), one.crn))
