"""Defines the requests and responses of the JSON API."""

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
    """A base for all models: camelCase names outside, unknown fields refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="forbid"
    )


class ErrorResponse(Model):
    """An error in the shape of other HMPPS APIs."""

    status: int
    user_message: str
    developer_message: str | None = None
    faults: dict[str, str] | None = Field(None, description="A sentence a field")


class CaseSummary(Model):
    """A case in the queue; a limited case has only its CRN."""

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
    """One page of a longer list, with the number of items in all."""

    content: list[One]
    page: int
    size: int
    total_results: int
    total_pages: int


class Case(CaseSummary):
    """The header of a case, without any findings."""

    person: dict[str, Any]


class EntryOut(Model):
    """One entry of a case record."""

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
    """What identifies an entry of a case record: its table and record number."""

    table: Annotated[str, Field(max_length=60)]
    record_id: Annotated[str, Field(max_length=200)]


class ViewIn(Model):
    """A reader's own view: verdict by group, level where it differs, reasons."""

    verdicts: dict[Group, Literal["about_right", "too_low", "too_high", "cannot_tell"]]
    levels: dict[Group, Level] = {}
    ticked: Annotated[list[EntryKey], Field(max_length=500)] = []
    reasons: Words = ""


class ConclusionIn(Model):
    """A conclusion in the reader's own words; no level is changed."""

    outcome: Literal["ask_reassessment", "keep_level", "need_information"]
    groups: dict[Group, Literal["too_low", "too_high"]] = {}
    reasons: Words


class ConclusionOut(Model):
    """The conclusion of a case: outcome, groups, reasons, by whom and when."""

    crn: str
    outcome: str
    groups: dict[str, str]
    reasons: str
    concluded_by: str
    at: datetime


class Findings(Model):
    """The findings, available once this reader's own view is recorded."""

    drawn_as: Literal["flagged", "unusual", "combination", "random"]
    because: dict[str, Any]
    effects: list[dict[str, Any]]
    risk_group: str
    stratum: str
    probability: float | None
    reasons: list[dict[str, Any]]
    shown_only: list[dict[str, Any]]
    other_groups: list[dict[str, Any]]


class Answer(Model):
    """A practitioner's or reader's answer to a request about a case."""

    kind: str
    words: str
    planned_on: date | None
    at: datetime
    by: str | None


class AskedOut(Model):
    """What a reader asked the practitioner about a case, and the state of that request."""

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
    """A domain event in the HMPPS envelope, for another service to publish."""

    id: int
    body: dict[str, Any]


class Events(Model):
    """Domain events after a given number, oldest first."""

    content: list[Event]
    last: int = Field(description="Ask for what comes after this number next")


class LimitIn(Model):
    """A case whose access has just been limited, and the users named; none where not known."""

    crn: Annotated[str, Field(pattern=r"^[A-Z]\d{6}$")]
    excluded: list[UserName] = Field(default=[], description="Users who may not see the case")
    restricted_to: list[UserName] = Field(default=[], description="The only users who may see it")


class LimitOut(Model):
    """The answer to a reported limit: the case is closed, and whether it is in the caseload."""

    crn: str
    held: bool = Field(description="Whether the case is in the caseload of a unit")


class ScoreIn(Model):
    """One case history to be scored, in the tables and columns of docs/records.md."""

    crn: Annotated[str, Field(pattern=r"^[A-Z]\d{6}$")]
    as_of: date
    tables: dict[str, list[dict[str, str | int | float | bool | None]]]


class GroupScore(Model):
    """The approved model's score of one risk group; it decides nothing."""

    group: str
    stratum: str
    recorded: str | None
    state: str
    scored: bool
    why_not: str | None
    probability: float | None


class ScoreOut(Model):
    """The scores of a case, with the approval and bundle that gave them."""

    crn: str
    as_of: date
    algorithm: Literal["rosh-triage"] = "rosh-triage"
    model_version: str
    approval: int
    output: list[GroupScore]
