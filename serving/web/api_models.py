"""What the JSON API takes and gives, as its description says."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Group = Literal["children", "public", "known_adult", "staff"]
Level = Literal["LOW", "MEDIUM", "HIGH", "VERY_HIGH"]
UserName = Annotated[str, Field(pattern=r"^[^\x00]*\S[^\x00]*$", max_length=200)]
Words = Annotated[str, Field(max_length=4000)]


class Model(BaseModel):
    """Names in camelCase outside, as in other HMPPS APIs; nothing that is not described."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="forbid"
    )


class ErrorResponse(Model):
    """An error as other HMPPS APIs say it."""

    status: int
    user_message: str
    developer_message: str | None = None
    faults: dict[str, str] | None = Field(None, description="A sentence a field")


class CaseSummary(Model):
    """A case in the queue; a limited case is its CRN alone."""

    id: int
    crn: str
    pdu_code: str
    as_of: date | None
    due_on: date | None
    limited: bool
    progress: str | None
    held_by: str | None
    recorded: dict[str, str | None] = Field(description="Recorded level by group; null is unknown")


One = TypeVar("One")


class Page(Model, Generic[One]):
    """A page of many."""

    content: list[One]
    page: int
    size: int
    total_results: int
    total_pages: int


class Case(CaseSummary):
    """A case as its page says it, without anything of the findings."""

    person: dict[str, Any]


class EntryOut(Model):
    """One entry of the record."""

    table: str
    record_id: str
    occurred_on: date
    recorded_at: str = Field(description="As the source system wrote it: no zone is known")
    what: str
    detail: str
    source: str
    certainty: str
    disclosable: bool
    disputed: bool


class EntryKey(Model):
    """Which entry."""

    table: Annotated[str, Field(max_length=60)]
    record_id: Annotated[str, Field(max_length=200)]


class ViewIn(Model):
    """A reader's own view: a verdict a group, a level where it is not right, reasons."""

    verdicts: dict[Group, Literal["about_right", "too_low", "too_high", "cannot_tell"]]
    levels: dict[Group, Level] = {}
    ticked: Annotated[list[EntryKey], Field(max_length=500)] = []
    reasons: Words = ""


class ConclusionIn(Model):
    """A conclusion in the reader's own words; it changes no level."""

    outcome: Literal["ask_reassessment", "keep_level", "need_information"]
    groups: dict[Group, Literal["too_low", "too_high"]] = {}
    reasons: Words


class ConclusionOut(Model):
    """How a case was concluded, by whom and why."""

    crn: str
    outcome: str
    groups: dict[str, str]
    reasons: str
    concluded_by: str
    at: datetime


class Findings(Model):
    """The findings, once this reader's own view is recorded."""

    drawn_as: str
    risk_group: str
    stratum: str
    probability: float | None
    reasons: list[dict[str, Any]]
    shown_only: list[dict[str, Any]]


class Answer(Model):
    """What was answered to what was asked."""

    kind: str
    words: str
    planned_on: date | None
    at: datetime
    by: str | None


class AskedOut(Model):
    """What was asked of the practitioner, and where it stands."""

    id: int
    crn: str
    limited: bool
    outcome: str | None
    groups: dict[str, str]
    reasons: str | None
    asked_by: str | None
    asked_at: datetime
    due_on: date
    state: str
    answers: list[Answer]


class AnswerIn(Model):
    """A practitioner's answer to a request about a case, in that person's own name."""

    kind: Literal["accepted", "declined", "fact", "second_look"]
    words: Words = ""
    planned_on: date | None = None


class Event(Model):
    """A domain event to be published by whoever fetches it, in the HMPPS envelope."""

    id: int
    body: dict[str, Any]


class Events(Model):
    """Events after a number, oldest first."""

    content: list[Event]
    last: int = Field(description="Ask for what comes after this number next")


class LimitIn(Model):
    """A case whose access was limited just now, and whom it names; nobody: it is not known."""

    crn: Annotated[str, Field(pattern=r"^[A-Z]\d{6}$")]
    excluded: list[UserName] = Field(default=[], description="Users who may not see the case")
    restricted_to: list[UserName] = Field(default=[], description="The only users who may see it")


class LimitOut(Model):
    """That the case is closed now."""

    crn: str
    held: bool = Field(description="Whether the case is in the caseload of a unit")


class ScoreIn(Model):
    """One case history in the records' shape (docs/records.md)."""

    crn: Annotated[str, Field(pattern=r"^[A-Z]\d{6}$")]
    as_of: date
    tables: dict[str, list[dict[str, str | int | float | bool | None]]]


class GroupScore(Model):
    """What the approved model says of one group; it decides nothing."""

    group: str
    stratum: str
    recorded: str | None
    state: str
    scored: bool
    why_not: str | None
    probability: float | None


class ScoreOut(Model):
    """A score, and what it rests on."""

    crn: str
    as_of: date
    algorithm: Literal["rosh-triage"] = "rosh-triage"
    model_version: str
    approval: int
    output: list[GroupScore]
