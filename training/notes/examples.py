"""Reads the sentences that weights are learnt from: labelled notes, and the lexicon's examples.

The notes are made up by several writers who saw neither the lexicon nor each other's; they prove
that the reader carries over from writer to writer, not how often anything happens.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.errors import MissingInput
from features.notes.files import read_notes_file
from features.notes.phrases import digest_lexicon, read_lexicon
from features.notes.sentences import IDENTITY, split_sentences
from features.notes.word_weights import WORTH

LABELLED = Path(__file__).with_name("labelled")
"""A file a writer, a note a line, labelled by the rule in `docs/labelling-notes.md`."""
BANK = "s"
"""Files of this letter hold short notes about single kinds, in other shares than notes have."""
WEIGHT = {"notes": 1.0, "bank": 0.3, "lexicon": 0.25}
"""What a sentence counts in learning: by how like a real note the text that it comes from is."""
_LETTERS = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")


@dataclass(frozen=True)
class Examples:
    """Sentences, what each says, and who wrote it."""

    sentences: list[str]
    says: NDArray[np.bool_]
    """A row a sentence, a column a kind, and last whether it says anything to be marked."""
    counts: NDArray[np.bool_]
    """Whether the sentence says anything about the kind at all: an innocent example is of one."""
    weight: NDArray[np.float64]
    writers: NDArray[np.str_]
    kinds: tuple[str, ...]

    def only(self, chosen: NDArray[np.bool_]) -> Examples:
        """Those sentences that a mask chooses."""
        sentences = [
            one for one, is_chosen in zip(self.sentences, chosen, strict=True) if is_chosen
        ]
        own = (self.says[chosen], self.counts[chosen], self.weight[chosen], self.writers[chosen])
        return Examples(sentences, *own, self.kinds)


def read_labelled_notes(folder: Path = LABELLED) -> list[dict[str, Any]]:
    """Every labelled note, by writer; raises MissingInput where there is none."""
    notes = [
        note
        for path in sorted(folder.glob("*.jsonl"))
        for note in read_notes_file(path, labelled=True)
    ]
    if not notes:
        raise MissingInput(
            f"There are no labelled notes in {folder}. Restore them from the repository."
        )
    return notes


def digest_examples(folder: Path = LABELLED) -> str:
    """A digest of all that weights are learnt from: notes, lexicon, cues and words left out."""
    digest = hashlib.sha256(f"{digest_lexicon()}".encode())
    for path in (*sorted(folder.glob("*.jsonl")), IDENTITY):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def all_kinds() -> tuple[str, ...]:
    """The kinds of the lexicon in order, and last the score that is of no kind."""
    return (*sorted({phrase.kind for phrase in read_lexicon()}), WORTH)


def make_examples(notes: Iterable[dict[str, Any]]) -> Examples:
    """The sentences of labelled notes and of the lexicon, with what each says of the person."""
    rows = [*_of_notes(notes), *_of_lexicon()]
    kinds = all_kinds()
    says = np.array([[kind in own for kind in kinds] for _, own, _, _, _ in rows])
    counts = np.array([[about is None or kind == about for kind in kinds] for *_, about in rows])
    return Examples(
        [row[0] for row in rows],
        says,
        counts,
        np.array([row[2] for row in rows]),
        np.array([row[3] for row in rows]),
        kinds,
    )


_Row = tuple[str, set[str], float, str, str | None]


def _of_notes(notes: Iterable[dict[str, Any]]) -> Iterator[_Row]:
    for note in notes:
        writer = str(note["writer"])
        weight = WEIGHT["bank" if writer.startswith(BANK) else "notes"]
        spans = [(note["text"].find(label["quote"]), label) for label in note["labels"]]
        for start, sentence in split_sentences(note["text"]):
            own = [
                label
                for place, label in spans
                if place < start + len(sentence) and start < place + len(label["quote"])
            ]
            kinds = {
                label["kind"]
                for label in own
                if label["asserted"] == "yes" and label["by"] == "pop"
            }
            yield sentence, kinds | ({WORTH} if own else set()), weight, writer, None


def _of_lexicon() -> Iterator[_Row]:
    # An innocent example is innocent of its phrase's kind, and may well be of another.
    for phrase in read_lexicon():
        yield phrase.yes, {phrase.kind, WORTH}, WEIGHT["lexicon"], "lexicon", None
        yield phrase.no, set(), WEIGHT["lexicon"], "lexicon", phrase.kind


def ordinary_words(notes: Iterable[dict[str, Any]], least: int = 2) -> list[str]:
    """Words that so many writers wrote without a capital letter: no names, but for rare chance."""
    writers: dict[str, set[str]] = defaultdict(set)
    for note in notes:
        for word in _LETTERS.findall(note["text"]):
            writers[word.removesuffix("'s")].add(str(note["writer"]))
    for phrase in read_lexicon():
        for number, text in enumerate((phrase.yes, phrase.no)):
            for word in _LETTERS.findall(text):
                writers[word.removesuffix("'s")].add(f"{phrase.kind}-{number}")
    return sorted(
        w for w, own in writers.items() if w.islower() and len(w) > 1 and len(own) >= least
    )
