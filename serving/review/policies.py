"""What may happen to a case now, and who may do it; `check_…` raises with a sentence.

The database keeps the same rules by itself (row-level security, triggers): these say it in words.
"""

from __future__ import annotations

from collections.abc import Mapping

from features.codes import COMMUNITY_GROUPS, LEVELS
from features.errors import UserError
from serving.review.states import OUTCOMES, STEPS, Progress, Step

LEAST_REASONS = 20
LEAST_ASKED = 10
LONGEST = 4000


class Refused(UserError):
    """What was asked for may not be done now; the sentence says why."""


class Invalid(UserError):
    """A form was not filled in as it must be: a sentence a field."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(" ".join(faults.values()))
        self.faults = dict(faults)


_WHY = {
    Step.RECORD_VIEW: "You have recorded your view of this case. It cannot be changed.",
    Step.SEE_FINDINGS: "Record your view before you see the findings.",
    Step.CONCLUDE: "Record your view and see the findings before you conclude.",
}


def check_step(progress: Progress, step: Step) -> Progress:
    """Where the step leads, or Refused with the reason why it may not be taken now."""
    after = STEPS.get((progress, step))
    if after is None:
        raise Refused(
            "This case has been concluded." if progress is Progress.CONCLUDED else _WHY[step]
        )
    return after


def can_take(progress: Progress, step: Step) -> bool:
    """Whether the page offers the step."""
    return (progress, step) in STEPS


def check_view(levels: Mapping[str, str], reasons: str) -> None:
    """A view gives a level for each community group, or says that it cannot, and reasons."""
    faults = {}
    for group in COMMUNITY_GROUPS:
        if levels.get(group) not in (*LEVELS, "CANNOT_TELL"):
            words = group.replace("_", " ")
            faults[f"level-{group}"] = f"Select the level you would give for {words}"
    faults |= _reasons("reasons", reasons, "your reasons")
    if faults:
        raise Invalid(faults)


def check_conclusion(outcome: str, reasons: str, asked: str) -> None:
    """A conclusion has an outcome and own reasons; "too low" also says what is asked for."""
    faults = {}
    if outcome not in OUTCOMES:
        faults["outcome"] = "Select your conclusion"
    faults |= _reasons("reasons", reasons, "your reasons for this conclusion")
    if outcome == "too_low" and len(asked.strip()) < LEAST_ASKED:
        faults["asked"] = "Say what you ask the practitioner to do, and by when"
    if len(asked) > LONGEST or "\0" in asked:
        faults["asked"] = f"What you ask must be {LONGEST:,} characters or fewer"
    if faults:
        raise Invalid(faults)


def _reasons(field: str, reasons: str, words: str) -> dict[str, str]:
    if len(reasons.strip()) < LEAST_REASONS:
        return {field: f"Write {words} in at least {LEAST_REASONS} characters"}
    if "\0" in reasons:
        return {field: f"{words.capitalize()} must not hold a NUL character"}
    if len(reasons) > LONGEST:
        return {field: f"{words.capitalize()} must be {LONGEST:,} characters or fewer"}
    return {}
