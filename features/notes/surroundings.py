"""Names what stands around the words of an entry: what its manner, teller and target rest on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from features.notes.context import judge_assertion
from features.notes.people import judge_doer, judge_target, judge_teller, suffers_by_another
from features.notes.sentences import texts_of
from features.notes.word_features import stem

_NEAR = 3
"""Words per step of distance; from two steps on a word is simply far."""
_FAR = 2
_EARLIER_WORDS = 6


def name_surroundings(
    kind: str, source: str, earlier: str, sentence: str, span: tuple[int, int]
) -> set[str]:
    """The features of a place in a sentence by name: words before, in and after it, and the cues.

    `earlier` is the sentence before, in which a heading or a denial may stand.
    """
    first, last = span
    before, inside, after = sentence[:first], sentence[first:last], sentence[last:]
    words_before = _stems(before, begins=True)
    words_inside = _stems(inside, begins=not words_before)
    words_after = _stems(after)
    names = {f"kind={kind}", f"source={source}"}
    names |= set(_placed("before", list(reversed(words_before))))
    names |= set(_placed("after", words_after))
    names |= {f"in={word}" for word in words_inside}
    names |= {f"in={kind} {word}" for word in words_inside}
    names |= {f"begins={word}" for word in words_inside[:2]}
    for where, words in (("before", words_before), ("in", words_inside), ("after", words_after)):
        names |= {f"{where}={a} {b}" for a, b in zip(words, words[1:], strict=False)}
    names |= {f"earlier={word}" for word in _stems(earlier, begins=True)[-_EARLIER_WORDS:]}
    if suffers_by_another(sentence):
        names |= {"suffered", f"suffered={kind}"}
    names.add(f"cue={judge_assertion(before, after)}")
    # Words of doubt or denial may stand inside the quoted words, before what they are about.
    inner = judge_assertion(before + inside.rpartition(" ")[0], after)
    names |= {f"inner={inner}", f"inner={kind} {inner}"}
    names.add(f"doer={judge_doer(kind, before, after)}")
    names.add(f"teller={judge_teller(source, sentence)}")
    names.add(f"target={kind} {judge_target(kind, sentence)}")
    return names


def _stems(text: str, *, begins: bool = False) -> list[str]:
    """The stems of a part of a sentence, which may be the beginning of it."""
    words = texts_of(text) if begins else texts_of(f"x {text}")[1:]
    return [stem(word) for word in words]


def _placed(where: str, words: Sequence[str]) -> Iterator[str]:
    for number, word in enumerate(words):
        yield f"{where}={word}"
        yield f"{where}{min(number // _NEAR, _FAR)}={word}"
