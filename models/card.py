"""Writes the model card: purpose, training data, figures, limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from skops.card import Card

from features.indicators import CATALOGUE

NOTE = "Is a recorded level of risk of serious harm too low? It never decides. "
PRIOR_ALONE = (
    "**Published findings alone.** No reading taught it anything, and how often it is right was "
    "not measured. Its probabilities say only who comes before whom."
)
MADE_UP = (
    "**Trained on made-up people.** The figures below show that the parts work together. They are "
    "not evidence of real accuracy and must never be quoted as such."
)


PICTURES = {
    "beeswarm.png": "What moves the score: a dot for each person and risk group, to the right "
    "where an indicator makes it likelier that the level is too low, to the left where less likely",
    "dependence.png": "The four indicators that move the score most: by how much, for each value",
    "worked-case.png": "How the score of one made-up person comes about, indicator by indicator",
    "reliability.png": "The share that the model expects beside the share that readers put higher",
    "review-rates.png": "What each number of reviews would find, and how often it would be right",
}
"""The pictures of a training by file name, and what each shows."""


def as_markdown(
    about: Mapping[str, Any],
    table: Iterable[Mapping[str, Any]],
    bundle_id: str,
    more: Mapping[str, list[dict[str, str]]] = MappingProxyType({}),
    pictures: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The model card as Markdown; `table` has the figures, a dictionary for each row.

    `more` are further tables by heading, rows of words with the same keys; `pictures` the SHA-256
    of each picture beside the card by its file name, as in PICTURES.
    """
    rows = list(table)
    card = Card(model=None, template=None)
    card.add(**{"rosh-triage model card": MADE_UP if about.get("made_up") else ""})
    card.add(
        **{
            "rosh-triage model card/What it is for": (
                "Putting cases whose recorded level of risk of serious harm looks too low in front "
                "of a senior probation officer, with reasons. It decides nothing and changes no "
                "level, tier, contact or recall. No flag is not evidence of safety."
            ),
            "rosh-triage model card/Identity": (
                f"Bundle `{bundle_id}`; readings until {about.get('until')}; "
                f"{about.get('rows'):,} labelled rows "
                f"(effective {about.get('effective_rows'):,.0f})."
            ),
            "rosh-triage model card/What it rests on": PRIOR_ALONE
            if not about.get("rows")
            else "Readings, with weights drawn to published findings (the prior).",
            "rosh-triage model card/Not used": (
                "Sex, ethnicity, age, religion, disability, nationality, postcode. Shown and not "
                "scored: "
                + "; ".join(
                    f"`{i.id}` ({i.page_only_because})"
                    for i in CATALOGUE.values()
                    if i.page_only_because
                )
                + "."
            ),
            "rosh-triage model card/Entries of notes that count": (
                ", ".join(f"`{kind}`" for kind in about.get("note_kinds", ())) or "None."
            ),
            "rosh-triage model card/Figures": (
                "At one row in twenty read, by recorded level, on readings that the models had not "
                "seen, of people that they had not seen; 95 % intervals by resampling people."
            ),
        }
    )
    if rows:
        columns = {key: [row[key] for row in rows] for key in rows[0]}
        card.add_table(**{"rosh-triage model card/Figures/Table": columns})
    for heading, listed in more.items():
        place = f"rosh-triage model card/{heading}"
        if listed:
            columns = {key: [row[key] for row in listed] for key in listed[0]}
            card.add_table(**{place: columns})
        else:
            card.add(**{place: "Too few readings to tell."})
    if pictures:
        shown = [
            f'{words}:\n\n![{words}]({name} "sha256:{pictures[name]}")'
            for name, words in PICTURES.items()
            if name in pictures
        ]
        card.add(**{"rosh-triage model card/Pictures": "\n\n".join(shown)})
    return str(card.render())
