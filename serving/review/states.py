"""Defines the states of a case and of a request, and the steps between them, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Progress(StrEnum):
    """How far one reader has come with one case."""

    TO_READ = "to_read"
    TO_REPEAT = "to_repeat"
    WITH_ANOTHER = "with_another"
    CLAIMED = "claimed"
    VIEW_RECORDED = "view_recorded"
    FINDINGS_SEEN = "findings_seen"
    CONCLUDED = "concluded"


FINDINGS_OPEN = (Progress.FINDINGS_SEEN, Progress.CONCLUDED)
"""How far a reader has come who may use what the findings say."""


class Step(StrEnum):
    """A step that a reader can take."""

    CLAIM = "claim"
    RETURN = "return"
    RECORD_VIEW = "record_view"
    SEE_FINDINGS = "see_findings"
    CONCLUDE = "conclude"


STEPS: dict[tuple[Progress, Step], Progress] = {
    (Progress.TO_READ, Step.CLAIM): Progress.CLAIMED,
    (Progress.CLAIMED, Step.CLAIM): Progress.CLAIMED,
    (Progress.CLAIMED, Step.RETURN): Progress.TO_READ,
    (Progress.TO_READ, Step.RECORD_VIEW): Progress.VIEW_RECORDED,
    (Progress.CLAIMED, Step.RECORD_VIEW): Progress.VIEW_RECORDED,
    (Progress.VIEW_RECORDED, Step.SEE_FINDINGS): Progress.FINDINGS_SEEN,
    (Progress.FINDINGS_SEEN, Step.SEE_FINDINGS): Progress.FINDINGS_SEEN,
    (Progress.CONCLUDED, Step.SEE_FINDINGS): Progress.CONCLUDED,
    (Progress.FINDINGS_SEEN, Step.CONCLUDE): Progress.CONCLUDED,
    (Progress.TO_REPEAT, Step.RECORD_VIEW): Progress.CONCLUDED,
}
"""The reader's own view comes first, then the findings, then the conclusion (promise 4).

Recording a view of a case that nobody holds claims it in the same moment. A case that its own
reader reads once more needs a view alone: it was concluded the first time.
"""


class QueueState(StrEnum):
    """The state of a case in the queue, the same for every reader."""

    OPEN = "open"
    CLOSED = "closed"
    BY_HAND = "by_hand"
    CONCLUDED = "concluded"


class Turn(StrEnum):
    """An event that changes the state of a case in the queue."""

    CONCLUDE = "conclude"
    LIMITED = "access_limited"
    LIMIT_ENDED = "limit_ended"
    LOOKED_AT = "looked_at_by_hand"


TURNS: dict[tuple[QueueState, Turn], QueueState] = {
    (QueueState.OPEN, Turn.CONCLUDE): QueueState.CONCLUDED,
    (QueueState.OPEN, Turn.LIMITED): QueueState.CLOSED,
    (QueueState.CLOSED, Turn.LIMIT_ENDED): QueueState.OPEN,
    (QueueState.CLOSED, Turn.LOOKED_AT): QueueState.BY_HAND,
}
"""The only ways out of the queue: a reader concludes, or a permitted user checks a case that was
limited since, by hand. For one that closed another is drawn in the same week (promise 9).
"""

OUTCOMES: dict[str, str] = {
    "ask_reassessment": "Ask the practitioner to reassess",
    "keep_level": "Keep the recorded level",
    "need_information": "More information is needed first",
}
"""The conclusions a reader can choose. None changes a level; a new assessment does (promise 1)."""

PAST_OUTCOMES: dict[str, str] = {
    "too_low": "The recorded level is too low",
    "about_right": "The recorded level is about right",
    "too_high": "The recorded level is too high",
    "cannot_tell": "I cannot tell from what is on record",
}
"""What could be concluded before November 2026; shown where it was, and no longer offered."""

VERDICTS: dict[str, str] = {
    "about_right": "About right",
    "too_low": "Too low",
    "too_high": "Too high",
    "cannot_tell": "Cannot tell",
}
"""The verdicts that a reader can give on a recorded level."""

NOTE_ANSWERS: dict[str, str] = {
    "says_so": "It says this",
    "wrong_kind": "Something else",
    "denied": "Denied or only feared",
    "somebody_else": "Somebody else",
    "past": "Long ago",
}
"""What a reader can answer about an entry of a note; all but the first correct it."""


class RequestState(StrEnum):
    """The state of a request to the practitioner."""

    WAITING = "waiting"
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REASSESSED = "reassessed"
    SETTLED = "settled"


class Answer(StrEnum):
    """What answers it: the practitioner, the night that finds a complete assessment, or whoever
    asked, who asks again or lets it rest.
    """

    ACCEPTED = "accepted"
    DECLINED = "declined"
    FACT = "fact"
    SECOND_LOOK = "second_look"
    REASSESSED = "reassessed"
    REPLY = "reply"
    SETTLED = "settled"


OF_THE_READER = (Answer.REPLY, Answer.SETTLED)
"""The kinds of answer that readers and heads give; others come from practitioner or night."""

ANSWERS: dict[tuple[RequestState, Answer], RequestState] = {
    (RequestState.WAITING, Answer.ACCEPTED): RequestState.ACCEPTED,
    (RequestState.WAITING, Answer.DECLINED): RequestState.DECLINED,
    (RequestState.ANSWERED, Answer.ACCEPTED): RequestState.ACCEPTED,
    (RequestState.ANSWERED, Answer.DECLINED): RequestState.DECLINED,
    (RequestState.WAITING, Answer.FACT): RequestState.ANSWERED,
    (RequestState.WAITING, Answer.SECOND_LOOK): RequestState.ANSWERED,
    (RequestState.DECLINED, Answer.ACCEPTED): RequestState.ACCEPTED,
    (RequestState.ACCEPTED, Answer.ACCEPTED): RequestState.ACCEPTED,
    **{
        (state, answer): state
        for state in RequestState
        if state is not RequestState.WAITING
        for answer in (Answer.FACT, Answer.SECOND_LOOK)
    },
    **{
        (state, Answer.SETTLED): RequestState.SETTLED
        for state in RequestState
        if state not in (RequestState.REASSESSED, RequestState.SETTLED)
    },
    (RequestState.WAITING, Answer.REPLY): RequestState.WAITING,
    (RequestState.ANSWERED, Answer.REPLY): RequestState.WAITING,
    (RequestState.DECLINED, Answer.REPLY): RequestState.WAITING,
    (RequestState.ACCEPTED, Answer.REPLY): RequestState.ACCEPTED,
    **{(state, Answer.REASSESSED): RequestState.REASSESSED for state in RequestState},
}
"""A fact can be added and a second look asked for at any time; a new date may be given. What was
declined, or needs a second look, waits for the reader's reply: ask again, or settle.
"""


def where_it_stands(answers: list[str]) -> RequestState:
    """The state of a request to a practitioner after the given answers, oldest first."""
    state = RequestState.WAITING
    for answer in answers:
        state = ANSWERS.get((state, Answer(answer)), state)
    return state


def as_markdown() -> str:
    """The tables of steps as state diagrams (docs/review-states.md)."""
    lines = [
        "# How a case is read and followed up",
        "",
        "Generated from `serving/review/states.py` by `python -m serving docs`; do not edit.",
        "",
        "## One reader and one case",
        "",
        *_diagram_lines(Progress.TO_READ, Progress.CONCLUDED, STEPS),
        "",
        "A case that another reader holds (`with_another`) can be looked at, and no more, until",
        "that reader returns it or the claim runs out.",
        "",
        *_in_words("conclusion", OUTCOMES),
        "",
        "## A case in the queue",
        "",
        *_diagram_lines(QueueState.OPEN, QueueState.CONCLUDED, TURNS),
        "",
        "A case whose access was limited after it was queued is closed: it shrinks to its CRN, and",
        "another is redrawn for it in the same week. It leaves the queue when somebody let in has",
        "looked at it by hand, and opens again where the limit ends first.",
        "",
        "## What was asked of the practitioner",
        "",
        *_diagram_lines(RequestState.WAITING, RequestState.REASSESSED, ANSWERS),
        "",
    ]
    return "\n".join(lines)


def _diagram_lines(first: StrEnum, last: StrEnum, steps: Mapping[Any, StrEnum]) -> list[str]:
    return [
        "```mermaid",
        "stateDiagram-v2",
        f"    [*] --> {first}",
        *[f"    {start} --> {end}: {step}" for (start, step), end in steps.items()],
        f"    {last} --> [*]",
        "```",
    ]


def _in_words(heading: str, words: Mapping[str, str]) -> list[str]:
    rows = [f"| `{code}` | {meaning} |" for code, meaning in words.items()]
    return [f"| {heading} | in words |", "|---|---|", *rows]
