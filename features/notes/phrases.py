"""The language in which the lexicon is written: phrases of plain words, compiled to patterns.

A phrase is words as they stand, in lower case, separated by spaces. `(a|b)` are alternatives, and a
word that is all alternatives and ends in `?` may be missing; `_` is a space or hyphen that may be
missing; `..` lets up to three words stand between, `...` up to six, never over a sentence's end.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from features.errors import UnreadableInput

LEXICON = Path(__file__).with_name("lexicon")
"""A file a kind: `[[phrase]]` with `say`, an example `yes` that it matches, and one `no`; with
`exact = true` a phrase matches its own words alone, without the variants for other people.
"""
_BETWEEN = r"[ ,:/&()'\"-]+"
_WORD = rf"(?:{_BETWEEN}[^\s.;!?,:/&()'\"-]+)"
"""A word of a gap has no sign that may stand between words: a run of signs has one reading alone,
or a line of hyphens would take for ever.
"""
_GAPS = {"..": rf"{_WORD}{{0,3}}?", "...": rf"{_WORD}{{0,6}}?"}
_ALLOWED = re.compile(r"[a-z0-9'/+&%(|)?_.\-]+")


@dataclass(frozen=True)
class Phrase:
    """One phrase of the lexicon, with an example that it must match and one that it must not."""

    kind: str
    say: str
    yes: str
    no: str
    exact: bool = False
    """Its words stand for themselves: with their variants it would match what is innocent."""

    @property
    def wording(self) -> str:
        """The phrase with the variants of its words, or as it stands where it is exact."""
        return self.say if self.exact else same_of_anybody(self.say)

    @property
    def pattern(self) -> str:
        """The phrase as a regular expression."""
        return _pattern_of(self.wording)


VARIANTS: tuple[tuple[str, ...], ...] = (
    ("he", "she", "they"),
    ("him", "her", "them"),
    ("his", "her", "their"),
    ("himself", "herself", "themselves"),
    ("he's", "she's", "they're"),
    ("boyfriend", "girlfriend"),
    ("husband", "wife"),
    ("son", "daughter"),
    ("dad", "mum"),
    ("father", "mother"),
    ("brother", "sister"),
)
"""Words that say the same of people of another sex: a phrase with one matches with each."""


@cache
def same_of_anybody(say: str) -> str:
    """A phrase in which every word of VARIANTS stands with its variants."""
    return " ".join(token if token in _GAPS else _with_variants(token) for token in say.split())


def _with_variants(token: str) -> str:
    match = re.fullmatch(r"(\(?)([^()]*)(\)?\??)", token)
    if match is None or bool(match[1]) != (")" in match[3]):
        return token
    own = match[2].split("|") if match[1] else [match[2]]
    variants = list(dict.fromkeys(one for text in own for one in _variants_of(text)))
    if variants == own:
        return token
    return f"({'|'.join(variants)}){match[3].removeprefix(')')}"


def _variants_of(text: str) -> list[str]:
    words = text.split("_")
    texts = [text]
    for group in VARIANTS:
        if any(word in group for word in words):
            texts += [
                "_".join(other if word in group else word for word in words) for other in group
            ]
    return texts


@cache
def _pattern_of(say: str) -> str:
    pattern = ""
    for token in say.split():
        if token in _GAPS:
            pattern += _GAPS[token]
            continue
        if not _ALLOWED.fullmatch(token):
            raise UnreadableInput(
                f"The phrase {say!r} has {token!r}: words, (a|b), ?, _ and .. are all that it may "
                "have. Mend the lexicon."
            )
        body = _escape(token)
        is_optional = token.startswith("(") and token.endswith(")?") and token.count("(") == 1
        if is_optional and pattern:
            pattern += f"(?:{_BETWEEN}{body.removesuffix('?')})?"
        else:
            pattern += (_BETWEEN if pattern else "") + body
    return rf"\b{pattern}\b"


def _escape(token: str) -> str:
    plain = token.replace("(", "(?:").replace("_", "[ -]?")
    return re.sub(r"([+.&%])", r"\\\1", plain)


@cache
def read_lexicon(folder: Path = LEXICON) -> tuple[Phrase, ...]:
    """Every phrase, by kind and in the order of its file; raises UnreadableInput for a bad file."""
    phrases: list[Phrase] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
            phrases += [_phrase(path.stem, item) for item in content["phrase"]]
        except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
            raise UnreadableInput(
                f"{path.name} cannot be read ({error}). Each phrase has say, yes and no."
            ) from error
    return tuple(phrases)


@cache
def digest_lexicon(folder: Path = LEXICON) -> str:
    """Sixteen signs that change with any word of the lexicon or of the cues."""
    digest = hashlib.sha256()
    for path in (*sorted(folder.glob("*.toml")), folder.with_name("cues.toml")):
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()[:16]


def _phrase(kind: str, item: Mapping[str, Any]) -> Phrase:
    return Phrase(kind, item["say"], item["yes"], item["no"], item.get("exact", False) is True)


@dataclass(frozen=True, eq=False)
class CompiledPhrase:
    """A phrase ready to be looked for."""

    phrase: Phrase
    required: tuple[frozenset[str], ...]
    """Of each of these sets a sentence must have a word, or the phrase cannot match."""

    @property
    def kind(self) -> str:
        """The kind that it says."""
        return self.phrase.kind

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The phrase as a pattern, compiled when it is first looked for: most never are."""
        return re.compile(f"(?i){self.phrase.pattern}")


@cache
def phrases_by_word(folder: Path = LEXICON) -> dict[str, tuple[CompiledPhrase, ...]]:
    """The phrases by a word without which each cannot match: of its words the rarest.

    How rare a word is, is counted in the lexicon's own examples.
    """
    phrases = read_lexicon(folder)
    examples = (text for phrase in phrases for text in (phrase.yes, phrase.no))
    frequency = Counter(word for text in examples for word in set(WORD.findall(text.lower())))
    index: dict[str, list[CompiledPhrase]] = {}
    for phrase in phrases:
        anchor, *others = sorted(
            required_words(phrase.wording), key=lambda words: sum(frequency[word] for word in words)
        )
        compiled = CompiledPhrase(phrase, tuple(others))
        for word in anchor:
            index.setdefault(word, []).append(compiled)
    return {word: tuple(own) for word, own in index.items()}


WORD = re.compile(r"[a-z0-9]+")


def required_words(say: str) -> list[frozenset[str]]:
    """For each token that a phrase must have, the words of which every match has one.

    Raises UnreadableInput where a phrase has no such token.
    """
    required = (
        _longest_parts(_alternatives(token))
        for token in say.split()
        if token not in _GAPS and not (token.startswith("(") and token.endswith(")?"))
    )
    tokens = [words for words in required if words]
    if not tokens:
        raise UnreadableInput(f"The phrase {say!r} has no word that must be there. Mend it.")
    return [frozenset(words) for words in tokens]


def _longest_parts(alternatives: set[str]) -> set[str]:
    # What `_` parts may be written as one word, too.
    written = {form for text in alternatives for form in (text, text.replace("_", ""))}
    words = [WORD.findall(text.lower()) for text in written]
    return {max(own, key=len) for own in words} if all(words) else set()


def _alternatives(token: str) -> set[str]:
    """Every text that a token stands for; `_` stays, and stands between words."""
    match = re.search(r"\(([^()]*)\)(\??)", token)
    if match is None:
        return {token}
    options = match[1].split("|") + ([""] if match[2] else [])
    before, after = token[: match.start()], token[match.end() :]
    return {text for option in options for text in _alternatives(before + option + after)}
