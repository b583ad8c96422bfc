"""Holds the text of the notice for people on probation, so that Welsh can be added."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Notice:
    """A notice: its title, and its parts as a heading with paragraphs."""

    title: str
    parts: tuple[tuple[str, tuple[str, ...]], ...]


NOTICE: dict[str, Notice] = {
    "en": Notice(
        "How the risk level in your record may be looked at again",
        (
            (
                "What this is",
                (
                    "Probation staff write down how serious a risk of harm someone may be, and to "
                    "whom. Sometimes what is in the record over the years does not fit that level, "
                    "because nobody has read it all together.",
                    "Every night a computer reads the records and picks some that a senior "
                    "probation officer should read again. Some are also picked at random.",
                ),
            ),
            (
                "What it is not",
                (
                    "The computer decides nothing about you. It cannot change your level, your "
                    "appointments or your licence, and it cannot have you recalled.",
                    "A person reads the record and says what they think before they see what the "
                    "computer found. Only your probation practitioner, in a new assessment, can "
                    "change a level, up or down.",
                    "Who you are is not used: not your sex, ethnicity, religion, age, disability, "
                    "nationality or the area you live in.",
                ),
            ),
            (
                "If something in your record is wrong",
                (
                    "Tell your probation practitioner. You can say that you dispute an entry: it "
                    "is marked, and whoever reads the record sees that.",
                    "You can ask for a copy of what is held about you, ask for it to be put right, "
                    "and say what you think of a level. Some things may be held back to keep "
                    "someone safe.",
                    "If you are not happy with the answer you can complain, to the Probation "
                    "Service and to the Information Commissioner's Office.",
                ),
            ),
        ),
    ),
}
