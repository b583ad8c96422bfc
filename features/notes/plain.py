"""Finds plain statements: sentences that begin with the person and an everyday word of doing.

The weights are learnt from notes whose writers avoided plain words, and whose traps had them: so
"He threatened his neighbour" was unsure. A sentence of the forms in plain.toml is a fact about the
person, unless a cue of denial, condition or doubt, a question mark, or harm by another says not.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from features.notes.context import judge_assertion
from features.notes.people import harmed_by_another

PLAIN = Path(__file__).with_name("plain.toml")
_RELATIVE = (
    r"(?:his|her)\s+(?:mum|mother|dad|father|sister|brother|partner|ex|girlfriend|wife|husband)"
)
_TELLERS = (
    rf"(?:police|staff|social worker|prison|hostel|probation|officers?|neighbours?|{_RELATIVE})"
)
_TELLS = (
    r"(?:have\s+|has\s+|rang to\s+)?(?:reports?|reported|says?|said|states?|stated|confirms?|"
    r"confirmed|informed us)"
)
_SELF = r"(?:he|she|pop|sp)\s+(?:told me|admits|admitted|disclosed|confirmed|says|said)"
_REPORTED = (
    rf"(?:{_TELLERS}\s+{_TELLS}\s+(?:that\s+)?|{_SELF}\s+(?:that\s+)?|"
    r"arrested (?:after|as|because)\s+|(?:e-?mail|call|info\w*)\s+from\s+police:?\s+(?:that\s+)?|"
    r"police:\s+|reports\s+(?:that\s+)?(?=he\b|she\b))?"
)
OF_EVERY_KIND = ("possible", "conditional")
OF_DOING = frozenset(
    {"violence", "threat", "weapon", "domestic_abuse", "sexual", "sexual_concern_child"}
    | {"substance_use"}
)
"""The kinds that somebody does: denied at the beginning, or of another person, it is no fact."""
_PART_ENDS = re.compile(
    r"(?i)\b(?:but|however|although|though|then|yet|while)\b|[;:–]| - |, (?:he|she)\b"
)
_PERSON = (
    r"(?:(?:he|she|pop|sp|client|subject|resident|they)\s+)?(?:also\s+|then\s+|again\s+)?"
    r"(?:has\s+|have\s+|had\s+)?"
)


@dataclass(frozen=True)
class PlainForm:
    """One form of plain statement: of which kind, what it looks like, and what it must not have."""

    kind: str
    pattern: re.Pattern[str]
    never: re.Pattern[str] | None


@cache
def read_plain_forms(path: Path = PLAIN) -> tuple[PlainForm, ...]:
    """The forms of plain statements, as the file lists them."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(_form(item) for item in content["plain"])


def _form(item: dict[str, object]) -> PlainForm:
    did, to, never = ([str(one) for one in _listed(item[name])] for name in ("did", "to", "never"))
    what = rf"(?P<what>(?:{'|'.join(did)})\b\s*(?:{'|'.join(to)}))"
    begins = rf"(?i)^[\s\"'“”.\-–>*]*{_REPORTED}{_PERSON}{what}"
    avoided = re.compile(rf"(?i){'|'.join(never)}") if never else None
    return PlainForm(str(item["kind"]), re.compile(begins), avoided)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


@cache
def read_openers(path: Path = PLAIN) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The openers of sentences, in order: how what follows is said, and what they look like."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(
        (item["says"], re.compile(rf"(?i)^[\s\"'“”.\-–>*]*(?:{'|'.join(item['begins'])})"))
        for item in content["opener"]
    )


def opened_otherwise(kind: str, sentence: str, start: int) -> str | None:
    """How the words at a place are said by the opener of their sentence; None without an opener.

    An opener reaches to the end of its part of the sentence, and no further. A denial or another
    person at the beginning says nothing of a kind such as non-disclosure, which is itself denied.
    """
    if _PART_ENDS.search(sentence[:start]):
        return None
    openers = ((says, pattern.match(sentence)) for says, pattern in read_openers())
    says = next((says for says, match in openers if match), None)
    return says if says in OF_EVERY_KIND or kind in OF_DOING else None


def plain_statements(sentence: str) -> list[tuple[str, tuple[int, int]]]:
    """Each kind that a sentence states plainly, and the place of the words that state it."""
    statements = []
    for form in read_plain_forms():
        match = form.pattern.match(sentence)
        if match is None or "?" in sentence:
            continue
        span = match.span("what")
        after = sentence[span[1] :]
        if form.never is not None and form.never.search(sentence[span[0] : span[1] + 40]):
            continue
        is_said = judge_assertion(sentence[: span[0]], after) == "yes"
        if is_said and not harmed_by_another(sentence, span):
            statements.append((form.kind, span))
    return statements
