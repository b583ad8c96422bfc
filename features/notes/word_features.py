"""Turns sentences into the features that weights are learnt for: words, their neighbours, scope.

`name_features` says what they are; `feature_keys` gives the same as numbers for many sentences at
once (tests hold them equal).
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from features.notes.sentences import texts_of

Keys = NDArray[np.uint64]
SCOPES = {
    "n": (
        6,
        "no not nil never without none denies denied denying didn't didnt wasn't isn't hasn't "
        "doesn't don't nothing neither negative refutes refuted",
    ),
    "c": (
        10,
        "if warned reminded advised unless would should discussed explored plan session module "
        "course group risk",
    ),
    "m": (
        8,
        "maybe may might possibly possible poss suspected suspects query queried whether unclear "
        "unsure fear fears worried concerned ?",
    ),
}
"""For each scope: over how many words it reaches, and the words that open it."""
_ENDS = frozenset(["but", "however", "although", "though", "except", "then"])
_OPENS = {word: scope for scope, (_, words) in SCOPES.items() for word in words.split()}
_ENDING = ("ing", "edly", "ed", "ies", "es", "s", "ly")
_LEAST_STEM = 3
_NGRAM = 4


@cache
def stem(word: str) -> str:
    """A word without its ending, so that "punched" and "punching" are the same."""
    for ending in _ENDING:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM:
            rest = word.removesuffix(ending)
            is_doubled = len(rest) > _LEAST_STEM and rest[-1] == rest[-2] and rest[-1] not in "sl"
            return rest[:-1] if is_doubled else rest
    return word


def scopes_of(words: Sequence[str]) -> list[str]:
    """For each word the scope that it stands in, opened by a word before it; empty for none."""
    scopes, opened, left = [], "", 0
    for word in words:
        if word in _ENDS:
            opened, left = "", 0
        scopes.append(opened if left > 0 else "")
        left -= 1
        if word in _OPENS:
            opened = _OPENS[word]
            left = SCOPES[opened][0]
    return scopes


def name_features(sentence: str) -> set[str]:
    """The features of a sentence by name, e.g. `b=hit pp` for two stems in a row."""
    words = texts_of(sentence)
    stems, scopes = [stem(word) for word in words], scopes_of(words)
    scoped = list(zip(scopes, stems, strict=True))
    names = {f"w={word}" for word in words} | {f"s={one}" for one in stems}
    names |= {f"c={part}" for word in words for part in parts_of_word(word)}
    names |= {f"q={scope}~{one}" for scope, one in scoped}
    pairs = zip(scoped, scoped[1:], strict=False)
    names |= {f"z={a}~{one} {b}~{two}" for (a, one), (b, two) in pairs}
    names |= {f"b={one} {two}" for one, two in zip(stems, stems[1:], strict=False)}
    names |= {f"k={one} {two}" for one, two in zip(stems, stems[2:], strict=False)}
    triples = zip(stems, stems[1:], stems[2:], strict=False)
    return names | {f"t={one} {two} {three}" for one, two, three in triples}


@cache
def parts_of_word(word: str) -> list[str]:
    """Every four letters in a row of a word with its ends marked: a slip of the pen leaves most."""
    whole = f"^{word}$"
    return [whole[start : start + _NGRAM] for start in range(len(whole) - _NGRAM + 1)]


def key_of(name: str) -> int:
    """The number of a feature, from its name."""
    letter, _, rest = name.partition("=")
    if letter in "wsc":
        return int(_mix(letter, _hash(rest)))
    parts = rest.split(" ")
    if letter in "qz":
        scoped = [part.split("~", 1) for part in parts]
        return int(_mix(letter, *[_hash(one) ^ _hash(f"~{scope}") for scope, one in scoped]))
    return int(_mix(letter, *[_hash(part) for part in parts]))


@cache
def _hash(text: str) -> np.uint64:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


_FACTORS = tuple(
    np.uint64(one) for one in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)
_SHIFT = np.uint64(29)


def _mix(letter: str, *parts: np.uint64 | Keys) -> Keys:
    """One number for a letter and up to three numbers in order; wraps around at 64 bits."""
    with np.errstate(over="ignore"):
        mixed = _hash(f"={letter}") ^ (np.asarray(parts[0], np.uint64) * _FACTORS[0])
        for part, factor in zip(parts[1:], _FACTORS[1:], strict=False):
            mixed = (mixed ^ (mixed >> _SHIFT)) * factor
            mixed = mixed ^ (np.asarray(part, np.uint64) * _FACTORS[0])
        return np.asarray((mixed ^ (mixed >> _SHIFT)) * _FACTORS[2], np.uint64)


class _Vocabulary:
    """Words met so far, each with a number by which its hashes are looked up at once."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._number_of: dict[str, int] = {}
        self.words, self.stems, self.parts = (np.zeros(0, np.uint64) for _ in range(3))
        self.opens, self.part_counts, self.part_starts = (np.zeros(0, np.int64) for _ in range(3))
        self.ends = np.zeros(0, np.bool_)

    def numbers_of(self, words: Sequence[str]) -> NDArray[np.int64]:
        """The number of each word; new words are added, and all forgotten once they are many."""
        if len(self._number_of) > MOST_WORDS:
            self._forget()
        number_of = self._number_of
        new = [word for word in dict.fromkeys(words) if word not in number_of]
        if new:
            number_of.update(zip(new, itertools.count(len(number_of)), strict=False))
            self._look_up(new)
        return np.array([number_of[word] for word in words], np.int64)

    def _look_up(self, new: Sequence[str]) -> None:
        """Add new words: the hash of each, its stem's, its scope, and the keys of its parts."""
        hashes = np.array([_hash(word) for word in new], np.uint64)
        self.words = np.concatenate([self.words, hashes])
        stems = np.array([_hash(stem(word)) for word in new], np.uint64)
        self.stems = np.concatenate([self.stems, stems])
        opens = np.array([_scope_opened_by(word) for word in new], np.int64)
        self.opens = np.concatenate([self.opens, opens])
        self.ends = np.concatenate([self.ends, np.array([word in _ENDS for word in new])])
        parts = [parts_of_word(word) for word in new]
        counts = np.array([len(own) for own in parts], np.int64)
        self.part_counts = np.concatenate([self.part_counts, counts])
        self.part_starts = np.cumsum(self.part_counts) - self.part_counts
        part_hashes = np.array([_hash(part) for own in parts for part in own], np.uint64)
        self.parts = np.concatenate([self.parts, _mix("c", part_hashes)])

    def parts_of(self, numbers: NDArray[np.int64]) -> Keys:
        """The keys of the parts of words, one word after the other."""
        counts = self.part_counts[numbers]
        before = np.cumsum(counts) - counts
        place = np.arange(int(counts.sum())) - np.repeat(before, counts)
        return np.asarray(self.parts[np.repeat(self.part_starts[numbers], counts) + place])


MOST_WORDS = 200_000
"""How many words are remembered between calls; slips of the pen are without end."""
_VOCABULARY = _Vocabulary()


def _scope_opened_by(word: str) -> int:
    return list(SCOPES).index(_OPENS[word]) + 1 if word in _OPENS else 0


def feature_keys(sentences: Sequence[str]) -> tuple[NDArray[np.int64], Keys]:
    """For every feature of every sentence: the number of the sentence, and the feature's key.

    A feature may come more than once for a sentence.
    """
    texts = [texts_of(sentence) for sentence in sentences]
    own = _VOCABULARY
    numbers = own.numbers_of([word for of_sentence in texts for word in of_sentence])
    if not len(numbers):
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    of = np.repeat(np.arange(len(sentences)), [len(of_sentence) for of_sentence in texts])
    stems = own.stems[numbers]
    scoped = stems ^ _SCOPE_HASHES[_scope_numbers(of, own.opens[numbers], own.ends[numbers])]
    second, third = of[1:] == of[:-1], of[2:] == of[:-2]
    keys = [
        (of, _mix("w", own.words[numbers])),
        (of, _mix("s", stems)),
        (np.repeat(of, own.part_counts[numbers]), own.parts_of(numbers)),
        (of, _mix("q", scoped)),
        (of[1:][second], _mix("z", scoped[:-1], scoped[1:])[second]),
        (of[1:][second], _mix("b", stems[:-1], stems[1:])[second]),
        (of[2:][third], _mix("k", stems[:-2], stems[2:])[third]),
        (of[2:][third], _mix("t", stems[:-2], stems[1:-1], stems[2:])[third]),
    ]
    return np.concatenate([one for one, _ in keys]), np.concatenate([one for _, one in keys])


_SCOPE_HASHES = np.array([_hash(f"~{scope}") for scope in ("", *SCOPES)], np.uint64)
_REACH = np.array([0, *[reach for reach, _ in SCOPES.values()]])


def _scope_numbers(
    of: NDArray[np.int64], opens: NDArray[np.int64], ends: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """For each word the number of its scope: of the last word before it that opens or ends one."""
    place = np.arange(len(of))
    is_mark = (opens > 0) | ends
    last = np.maximum.accumulate(np.where(is_mark, place, -1))
    before = np.concatenate([[-1], last[:-1]])
    first = np.searchsorted(of, of)
    scope = np.where(before >= first, opens[before], 0)
    reached = (place - before <= _REACH[scope]) & ~ends
    return np.where(reached, scope, 0)
