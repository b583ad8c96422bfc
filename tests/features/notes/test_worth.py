"""Notes are ranked by their best sentence, and each is named with words of its own."""

from __future__ import annotations

from features.notes.worth import rank_notes

DRUNK = "Attended. He was drunk and shouted at staff. Next appointment on Monday."
HIT = "She says that he hit her on Saturday. Next appointment on Monday."
PLAIN = "Attended as planned. Next appointment on Monday."
CASES = [[DRUNK, PLAIN], [PLAIN, HIT, DRUNK], [HIT], []]


def test_notes_of_many_cases_are_ranked_as_those_of_each_alone() -> None:
    """A sentence that stands in several notes is looked at once."""
    together = rank_notes(CASES, most=3)
    assert together == [rank_notes([notes], most=3)[0] for notes in CASES]
    assert [[one.note for one in own][:1] for own in together] == [[0], [2], [0], []]
    assert together[1][1].note == 1


def test_the_words_named_stand_in_the_sentence_that_made_the_score() -> None:
    for notes, own in zip(CASES, rank_notes(CASES, most=2), strict=True):
        for one in own:
            sentence = notes[one.note][one.start : one.end].lower()
            assert all(word in sentence for word in one.words)
    (drunk, *_), (hit, *_) = rank_notes([[DRUNK], [HIT]], most=1)
    assert "drunk" in drunk.words
    assert "hit" in hit.words
