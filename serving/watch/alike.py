"""Finds near-duplicate texts: reasons that were not written for the case."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

NEAR = 0.8
"""The share of words that two texts have in common, of those that either has (Jaccard)."""


def count_near_copies(texts: Sequence[frozenset[str]]) -> int:
    """How many texts are nearly the same as another one, by the words that they share.

    Two that share so much must share one of the rarest words of each (prefix filtering: Chaudhuri,
    Ganti and Kaushik, 2006), so few pairs are compared.
    """
    often = Counter(word for words in texts for word in words)
    by_word: dict[str, list[int]] = {}
    first_with: dict[frozenset[str], int] = {}
    copies: set[int] = set()
    for place, words in enumerate(texts):
        first = first_with.setdefault(words, place)
        if first != place:
            copies |= {first, place}
            continue
        rarest = sorted(words, key=lambda word: (often[word], word))
        for word in rarest[: len(words) - math.ceil(NEAR * len(words)) + 1]:
            others = by_word.setdefault(word, [])
            for other in others:
                if not {place, other} <= copies and _is_near_copy(words, texts[other]):
                    copies |= {place, other}
            others.append(place)
    return len(copies)


def _is_near_copy(one: frozenset[str], other: frozenset[str]) -> bool:
    few, many = sorted((len(one), len(other)))
    # Texts of very different length cannot share so much: most pairs end here.
    return few >= NEAR * many and len(one & other) >= NEAR * len(one | other)
