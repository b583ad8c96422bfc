"""Reads notes by phrases and by weights of words, each a check on the other.

What a sentence may say is a candidate; how sure it is, is judged from the words of its kind, from a
phrase, and from what stands around them. A fact about the person must be as sure as held-out notes
of its kind needed to be right often enough; what is denied, possible, conditional or somebody
else's is an entry that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from features.notes.candidates import Candidate, find_candidates
from features.notes.code_digest import digest_code
from features.notes.context import is_past
from features.notes.entries import Note, NoteEntry
from features.notes.manner_weights import MannerWeights, read_manner_weights
from features.notes.named_days import named_day
from features.notes.people import harmed_by_another, judge_target, judge_teller
from features.notes.phrases import digest_lexicon
from features.notes.plain import opened_otherwise, plain_statements
from features.notes.sentences import split_sentences
from features.notes.sureness import Sureness, read_sureness
from features.notes.word_weights import WordWeights, digest_weights, read_weights

OTHER = "other"
HARM = frozenset({"violence", "threat", "weapon", "domestic_abuse", "sexual"})
"""The kinds that somebody else may do to the person: however plain the words, these are not facts
of the person's own doing."""
LEAST_OF_PERSON = 0.2
"""The share of facts about the person below which nothing is a fact, however plain its words."""
DOUBTED = 0.5
"""The share of facts about the person below which a candidate is said in another way."""


class CombinedReader:
    """The project's own reader: phrases, weights of words, and weights of what surrounds them."""

    def __init__(
        self,
        words: WordWeights | None = None,
        manner: MannerWeights | None = None,
        sureness: Sureness | None = None,
    ) -> None:
        self._words = words or read_weights()
        self._manner = manner or read_manner_weights()
        self._sureness = sureness or read_sureness()

    @cached_property
    def version(self) -> str:
        """A digest of the lexicon, the cues, the weights and the code that reads."""
        return f"{digest_lexicon()[:8]}{digest_weights()[:8]}{digest_code()[:8]}"

    def read(self, notes: Sequence[Note]) -> list[list[NoteEntry]]:
        """The entries of each note, in the order of the notes."""
        candidates = find_candidates(notes, self._words, self._manner)
        return choose_entries(notes, candidates, self._sureness)


def choose_entries(
    notes: Sequence[Note], candidates: Sequence[Candidate], sureness: Sureness
) -> list[list[NoteEntry]]:
    """The entries of each note: of candidates that say the same in the same way the surest."""
    entries: list[dict[tuple[str, ...], NoteEntry]] = [{} for _ in notes]
    ranked = zip(sureness.of(candidates).tolist(), candidates, strict=True)
    for sure, candidate in sorted(ranked, key=lambda pair: -pair[0]):
        note = notes[candidate.at.note]
        is_sure = sure >= sureness.least[candidate.kind]
        if is_sure and candidate.manner.of_person >= LEAST_OF_PERSON:
            entry = _entry_of(note, candidate, "yes")
        elif candidate.manner.of_person < DOUBTED:
            entry = _entry_of(note, candidate, candidate.manner.otherwise)
        else:
            continue
        same = (entry.kind, entry.asserted, entry.by, entry.when)
        entries[candidate.at.note].setdefault(same, entry)
    for note, own in zip(notes, entries, strict=True):
        _add_plain_statements(note, own)
    return [sorted(own.values(), key=lambda one: (one.start, one.kind)) for own in entries]


def _add_plain_statements(note: Note, entries: dict[tuple[str, ...], NoteEntry]) -> None:
    """Add what a note states plainly as facts, in the place of other readings of the same words."""
    for start, sentence in split_sentences(note.text):
        for kind, (first, last) in plain_statements(sentence):
            fact = _plain_entry(note, kind, start, sentence, (start + first, start + last))
            others = [
                same
                for same, entry in entries.items()
                if entry.kind == kind and entry.start < fact.end and fact.start < entry.end
            ]
            for same in others:
                del entries[same]
            entries.setdefault((kind, "yes", "pop", fact.when), fact)


def _plain_entry(
    note: Note, kind: str, start: int, sentence: str, place: tuple[int, int]
) -> NoteEntry:
    year = note.written_on.year if note.written_on else None
    return NoteEntry(
        kind=kind,
        start=place[0],
        end=place[1],
        quote=note.text[slice(*place)],
        asserted="yes",
        by="pop",
        when="past" if is_past(sentence, note.text[:start], year) else "now",
        told_by=judge_teller(note.source, sentence),
        target=judge_target(kind, sentence),
        named_on=named_day(sentence, note.written_on),
    )


def _entry_of(note: Note, candidate: Candidate, manner: str) -> NoteEntry:
    place = candidate.start - candidate.at.start, candidate.end - candidate.at.start
    if manner == "yes":
        manner = opened_otherwise(candidate.kind, candidate.at.sentence, place[0]) or manner
    if (
        manner == "yes"
        and candidate.kind in HARM
        and harmed_by_another(candidate.at.sentence, place)
    ):
        manner = OTHER
    year = note.written_on.year if note.written_on else None
    past = is_past(candidate.at.sentence, note.text[: candidate.at.start], year)
    return NoteEntry(
        kind=candidate.kind,
        start=candidate.start,
        end=candidate.end,
        quote=note.text[candidate.start : candidate.end],
        asserted="yes" if manner == OTHER else manner,
        by="other" if manner == OTHER else "pop",
        when="past" if past else candidate.manner.period,
        told_by=candidate.manner.told_by,
        target=candidate.manner.target,
        named_on=named_day(candidate.at.sentence, note.written_on),
    )
