"""Learns how sure a candidate must be, and measures the reader, on writers held out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from features.notes.candidates import Candidate, find_candidates
from features.notes.combined import choose_entries
from features.notes.files import as_note
from features.notes.kind_measures import MEASURES
from features.notes.measure import Measured, is_right, measure_entries
from features.notes.sureness import Sureness, measures_of
from training.notes.examples import BANK, make_examples
from training.notes.learn import fit_weights
from training.notes.manner import fit_manner

FOLDS = 5
AIM = 0.85
"""The precision with writers held out that a kind's facts should have."""
LOWEST, HIGHEST = 0.3, 0.75
"""Whatever the precision, no kind asks for less or more sureness than this."""
Notes = list[dict[str, Any]]


def candidates_held_out(
    notes: Notes, step: Callable[[str], None]
) -> Iterator[tuple[Notes, list[Candidate]]]:
    """For some writers at a time: their notes, and the candidates by what all others taught."""
    writers = sorted({str(note["writer"]) for note in notes if not _is_bank(note)})
    for fold in range(FOLDS):
        step(f"writers held out, {fold + 1} of {FOLDS}")
        held_out = writers[fold::FOLDS]
        others = [note for note in notes if note["writer"] not in held_out]
        own = [note for note in notes if note["writer"] in held_out]
        words, manner = fit_weights(make_examples(others)), fit_manner(others)
        yield own, find_candidates([as_note(note) for note in own], words, manner)


def _is_bank(note: dict[str, Any]) -> bool:
    return str(note["writer"]).startswith(BANK)


def fit_sureness(held_out: list[tuple[Notes, list[Candidate]]]) -> Sureness:
    """Weights by which candidates of held-out writers are right, and what each kind needs."""
    candidates = [one for _, own in held_out for one in own]
    right = np.array([is_right(one, notes[one.at.note]) for notes, own in held_out for one in own])
    model = LogisticRegression(C=1.0, max_iter=300, random_state=0)
    model.fit(measures_of(candidates), right)
    score, manner, phrase = model.coef_[0].round(3).tolist()
    sureness = Sureness(round(float(model.intercept_[0]), 3), score, manner, phrase, {})
    sure = sureness.of(candidates)
    kinds = np.array([one.kind for one in candidates])
    least = {
        str(kind): round(_least_sure(sure[kinds == kind], right[kinds == kind]), 3)
        for kind in sorted(set(kinds))
    }
    return Sureness(sureness.constant, score, manner, phrase, least)


def _least_sure(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The lowest sureness from which candidates are right in AIM of cases."""
    order = np.argsort(-sure)
    precision = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = sure[order][precision >= AIM]
    return float(np.clip(enough.min() if len(enough) else HIGHEST, LOWEST, HIGHEST))


def measure_held_out(held_out: list[tuple[Notes, list[Candidate]]], sureness: Sureness) -> Measured:
    """What the reader finds in whole notes of writers that it did not learn from."""
    measured = Measured()
    for notes, candidates in held_out:
        entries = choose_entries([as_note(note) for note in notes], candidates, sureness)
        measured.add(measure_entries(notes, entries))
    return measured


def write_measures(measured: Measured, notes: int, learnt_from: str) -> None:
    """Write the counts a kind, from which the board sees the precision with its interval."""
    counts = {
        kind: {
            "labels": measured.labels[kind],
            "matches": measured.matches[kind],
            "entries": measured.entries[kind],
            "right": measured.right[kind],
        }
        for kind in sorted({*measured.labels, *measured.entries})
    }
    content = {
        "learnt_from": learnt_from,
        "notes": notes,
        "traps": measured.traps,
        "fallen": measured.fallen,
        "kinds": counts,
    }
    MEASURES.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
