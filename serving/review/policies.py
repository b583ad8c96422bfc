"""Decides who may take which step on a case now, and gives the reason for each refusal.

The database keeps the same rules by itself (row-level security, triggers): these say it in words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from features.contracts.codes import COMMUNITY_GROUPS, LEVEL_ORDER
from features.errors import UserError
from serving.review.states import OF_THE_READER, OUTCOMES, STEPS, VERDICTS, Progress, Step
from serving.rule_numbers import LEAST_REASONS

LONGEST = 4000
WORDS = 5
"""A sentence of fewer words can be anybody's own."""
FURTHEST = timedelta(days=90)


class Refused(UserError):
    """An action that is not permitted now, with the reason in a sentence."""


class Invalid(UserError):
    """A form that was not filled in properly, with a sentence for each field."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(" ".join(faults.values()))
        self.faults = dict(faults)


_WHY = {
    Step.CLAIM: "You have recorded your view of this case already.",
    Step.RETURN: "You do not hold this case.",
    Step.RECORD_VIEW: "You have recorded your view of this case. It cannot be changed.",
    Step.SEE_FINDINGS: "Record your view before you see the findings.",
    Step.CONCLUDE: "Record your view and see the findings before you conclude.",
}


@dataclass(frozen=True)
class View:
    """A reader's own view of the recorded levels: a verdict a group, and a level where it differs.

    `ticked` are entries (table, record number) that are part of the reasons.
    """

    verdicts: Mapping[str, str]
    levels: Mapping[str, str]
    ticked: tuple[tuple[str, str], ...]
    reasons: str


def check_step(progress: Progress, step: Step) -> Progress:
    """The progress after the step; raises Refused where it may not be taken now."""
    after = STEPS.get((progress, step))
    if after is None:
        if progress is Progress.WITH_ANOTHER:
            raise Refused("Another reader holds this case.")
        concluded = progress is Progress.CONCLUDED
        raise Refused("This case has been concluded." if concluded else _WHY[step])
    return after


def can_take(progress: Progress, step: Step) -> bool:
    """Whether the step may be taken now, so that the page offers it."""
    return (progress, step) in STEPS


def check_view(view: View, recorded: Mapping[str, str | None]) -> dict[str, str]:
    """The level that a view gives each community group; raises Invalid where it is incomplete.

    A group without a recorded level is given one, or cannot be told. Reasons are ticked entries or
    words, or both.
    """
    faults, levels = check_verdicts(view, recorded)
    if not view.ticked or len(view.reasons) > LONGEST or "\0" in view.reasons:
        faults |= _check_reasons(
            "reasons", view.reasons, "your reasons (or tick the entries that matter)"
        )
    if faults:
        raise Invalid(faults)
    return levels


def check_verdicts(
    view: View, recorded: Mapping[str, str | None]
) -> tuple[dict[str, str], dict[str, str]]:
    """What is wrong with the verdicts of a view, by field, and the level that it gives a group."""
    faults, levels = {}, {}
    for group in COMMUNITY_GROUPS:
        verdict, words = view.verdicts.get(group), group.replace("_", " ")
        chosen, now = view.levels.get(group), recorded.get(group)
        if verdict is not None and verdict not in VERDICTS:
            faults[f"verdict-{group}"] = f"Say what you think of the recorded level for {words}"
        elif verdict == "cannot_tell":
            levels[group] = "CANNOT_TELL"
        elif verdict == "about_right" and now is not None:
            levels[group] = now
        elif verdict not in ("too_low", "too_high") and now is not None:
            faults[f"verdict-{group}"] = f"Say what you think of the recorded level for {words}"
        elif chosen not in _possible_levels(verdict, now):
            faults[f"verdict-{group}"] = f"Select the level you would give for {words}"
        else:
            levels[group] = str(chosen)
    return faults, levels


def _possible_levels(verdict: str | None, recorded: str | None) -> tuple[str, ...]:
    """The levels that a verdict permits: above the recorded one, below it, or all."""
    if recorded is None:
        return LEVEL_ORDER
    place = LEVEL_ORDER.index(recorded)
    return LEVEL_ORDER[place + 1 :] if verdict == "too_low" else LEVEL_ORDER[:place]


def check_conclusion(outcome: str, groups: Mapping[str, str], reasons: str) -> None:
    """Raise Invalid unless there are an outcome and reasons, and groups for a reassessment."""
    faults = {}
    if outcome not in OUTCOMES:
        faults["outcome"] = "Select your conclusion"
    named = set(groups) <= set(COMMUNITY_GROUPS) and set(groups.values()) <= {"too_low", "too_high"}
    if outcome == "ask_reassessment" and not (groups and named):
        faults["groups"] = "Select the groups to be reassessed, and whether too low or too high"
    faults |= _check_reasons("reasons", reasons, "your reasons for this conclusion")
    if faults:
        raise Invalid(faults)


def pasted_sentences(reasons: str, findings: Mapping[str, Any]) -> list[str]:
    """The sentences of the findings that appear word for word in somebody's own reasons.

    `findings` is one row. The page marks these sentences as not the reader's own.
    """
    sentences = [
        finding["sentence"] for group in findings["reasons"] for finding in group["findings"]
    ] + [finding["sentence"] for finding in findings["shown_only"]]
    others = findings.get("other_groups", ())
    sentences += [finding["sentence"] for part in others for finding in part["findings"]]
    own = f" {_plain_words(reasons)} "
    same = [
        one for one in sentences if len(one.split()) >= WORDS and f" {_plain_words(one)} " in own
    ]
    return list(dict.fromkeys(same))


def _plain_words(words: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", words.lower()))


def check_answer(
    kind: str, words: str, planned_on: date | None, today: date, asked_on: date
) -> None:
    """Raise Invalid unless the answer is complete: kind, words, and a date if it accepts.

    A date can be changed, but stays within 90 days of the request.
    """
    faults = {}
    if kind not in ("accepted", "declined", "fact", "second_look"):
        faults["kind"] = "Select what you want to say"
    elif kind == "accepted":
        if planned_on is None:
            faults["planned"] = "Enter the day by which you will have reassessed"
        elif not today <= planned_on <= asked_on + FURTHEST:
            last = asked_on + FURTHEST
            faults["planned"] = f"The day must be today or later, and by {last.day} {last:%B %Y}"
    else:
        faults |= _check_reasons("words", words, "what you want to say")
    if len(words) > LONGEST or "\0" in words:
        faults["words"] = f"What you say must be {LONGEST:,} characters or fewer"
    if faults:
        raise Invalid(faults)


def check_reply(kind: str, words: str) -> None:
    """Raise Invalid unless the reply asks again or settles, with reasons."""
    faults = {}
    if kind not in OF_THE_READER:
        faults["kind"] = "Select whether to ask again or close the request"
    faults |= _check_reasons("words", words, "what you want to say")
    if faults:
        raise Invalid(faults)


def too_short(reasons: str) -> str:
    """The message for reasons that are too short; empty where they are not."""
    if len(reasons.strip()) < LEAST_REASONS or "\0" in reasons:
        return f"Write why, in at least {LEAST_REASONS} characters"
    return ""


def _check_reasons(field: str, reasons: str, words: str) -> dict[str, str]:
    if len(reasons.strip()) < LEAST_REASONS:
        return {field: f"Write {words} in at least {LEAST_REASONS} characters"}
    if "\0" in reasons:
        return {field: f"{words.capitalize()} must not hold a NUL character"}
    if len(reasons) > LONGEST:
        return {field: f"{words.capitalize()} must be {LONGEST:,} characters or fewer"}
    return {}
