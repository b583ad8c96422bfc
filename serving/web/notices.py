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
                    "Probation staff write down how likely it is that someone could seriously harm "
                    "others. This is your risk level. Sometimes it does not fit what is in your "
                    "record. That can be because nobody has read the whole record at once.",
                    "Every night a computer reads the records and picks some that a senior "
                    "probation officer should read again. Some are also picked at random.",
                ),
            ),
            (
                "What it is not",
                (
                    "The computer decides nothing about you. It cannot change your level, your "
                    "appointments or your licence. It cannot send you back to prison.",
                    "A person reads your record first. They say what they think before they see "
                    "what the computer found. Only your probation practitioner can change a level, "
                    "up or down, when they assess you again.",
                    "The computer does not use who you are. It does not use your sex, ethnicity, "
                    "religion, age, disability, nationality or where you live.",
                ),
            ),
            (
                "If something in your record is wrong",
                (
                    "Tell your probation practitioner. You can say that you do not agree with an "
                    "entry. It is then marked, so that everyone who reads it can see that.",
                    "You can ask for a copy of what is held about you. You can ask for it to be "
                    "put right, and say what you think of a level. Some things may be held back to "
                    "keep someone safe.",
                    "If you are not happy with the answer, you can complain to the Probation "
                    "Service. You can also complain to the Information Commissioner's Office.",
                ),
            ),
        ),
    ),
}
