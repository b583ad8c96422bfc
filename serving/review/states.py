"""How far a reader has come with a case, as a table: the only steps that there are."""

from __future__ import annotations

from enum import StrEnum


class Progress(StrEnum):
    """Where one reader stands with one case."""

    TO_READ = "to_read"
    VIEW_RECORDED = "view_recorded"
    FINDINGS_SEEN = "findings_seen"
    CONCLUDED = "concluded"


class Step(StrEnum):
    """What a reader does."""

    RECORD_VIEW = "record_view"
    SEE_FINDINGS = "see_findings"
    CONCLUDE = "conclude"


STEPS: dict[tuple[Progress, Step], Progress] = {
    (Progress.TO_READ, Step.RECORD_VIEW): Progress.VIEW_RECORDED,
    (Progress.VIEW_RECORDED, Step.SEE_FINDINGS): Progress.FINDINGS_SEEN,
    (Progress.FINDINGS_SEEN, Step.SEE_FINDINGS): Progress.FINDINGS_SEEN,
    (Progress.CONCLUDED, Step.SEE_FINDINGS): Progress.CONCLUDED,
    (Progress.FINDINGS_SEEN, Step.CONCLUDE): Progress.CONCLUDED,
}
"""The reader's own view comes first, then the findings, then the conclusion (promise 4)."""

OUTCOMES: dict[str, str] = {
    "too_low": "The recorded level is too low",
    "about_right": "The recorded level is about right",
    "too_high": "The recorded level is too high",
    "cannot_tell": "I cannot tell from what is on record",
}
"""What a reader may conclude. None of them changes a level: a new assessment does (promise 1)."""


def as_markdown() -> str:
    """The table of steps as a diagram (docs/review-states.md)."""
    lines = [
        "# How a case is read",
        "",
        "Generated from `serving/review/states.py` by `python -m serving docs`; do not edit.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        f"    [*] --> {Progress.TO_READ}",
        *[f"    {start} --> {end}: {step}" for (start, step), end in STEPS.items()],
        f"    {Progress.CONCLUDED} --> [*]",
        "```",
        "",
        "| conclusion | in words |",
        "|---|---|",
        *[f"| `{code}` | {words} |" for code, words in OUTCOMES.items()],
        "",
    ]
    return "\n".join(lines)
