"""Prepares chosen cases for the queue: each with its history, its sealed findings and its notes.

The work of one worker: it reads histories and the model, and writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import polars as pl

from features.errors import RunStopped
from features.frame import build, evidence, notes, timeline
from features.frame.evidence import Findings
from features.frame.linked_cases import LinkedCases, linked_cases
from features.frame.timeline import TimelineEntry
from features.history import asof
from features.history.asof import Histories
from features.indicators import CATALOGUE
from features.parts import Part
from models import explain
from models.answers import effects_of_answers, read_answers
from models.bundle import Bundle
from models.explain import Reason
from models.other_groups import findings_of_other_groups, rank_indicators
from serving.cases import summary
from serving.night.findings_json import because_json, effect_json, finding_json, reason_json
from serving.night.sampling import Chosen

ENTRY_FIELDS = tuple(one.name for one in fields(TimelineEntry) if one.name != "table")


@dataclass(frozen=True)
class PreparedCase:
    """A chosen case as it will stand in the queue."""

    crn: str
    head: dict[str, Any]
    """The page header, who holds the case, and who had a hand in it."""
    entries: str
    """Its history as a JSON list, in order: small while it waits to be written."""
    findings: dict[str, Any]
    """What is sealed until the reader has recorded a view."""


@dataclass(frozen=True)
class PrepareWork:
    """The work of preparing the chosen cases of a part."""

    model: Bundle
    chosen: Mapping[str, Chosen]
    """The chosen cases by CRN."""
    as_of: date
    incomplete: frozenset[str]
    """Cases with a refused row."""

    def __call__(self, part: Part) -> list[PreparedCase]:
        """The chosen cases of the part; RunStopped where one no longer scores as it was chosen."""
        histories = asof.read_histories(part.store, part.spine, part.buckets)
        frame = build.build_frame(histories)
        own = [self.chosen[crn] for crn in part.spine["crn"]]
        check_scores(self.model.score_frame(frame), own)
        findings = evidence.collect_findings(histories, CATALOGUE.values())
        links = linked_cases(histories)
        sealed = self._findings(histories, frame, own, findings, links)
        entries, notes_of = timeline.timeline_entries(histories), notes.notes_of_cases(histories)
        people = summary.summarise_people(part.store, histories, self.as_of, self.incomplete)
        holders = timeline.current_practitioners(histories)
        hands = timeline.staff_involved(histories)
        return [
            PreparedCase(
                crn=one.crn,
                head={
                    "person": people[one.crn],
                    "practitioner_code": holders.get(one.crn),
                    "hands": hands.get(one.crn, []),
                },
                entries=_entries_json(entries[one.crn]),
                findings=sealed[one.crn] | {"notes": notes_of[one.crn]},
            )
            for one in own
        ]

    def _findings(
        self,
        histories: Histories,
        frame: pl.DataFrame,
        own: Sequence[Chosen],
        findings: Findings,
        links: LinkedCases,
    ) -> dict[str, dict[str, Any]]:
        """By case: the reasons, why it was drawn, other groups, what answers would change."""
        reasons = explain.explain_rows(self.model, _rows_of(frame, own), histories, findings)
        rows = {(row["crn"], row["group"]): row for row in frame.iter_rows(named=True)}
        # Confidence is shown only where the model that flagged the case was taught by readings.
        by_prior = {
            one.crn
            for one in own
            if one.drawn_as == "flagged" and one.stratum in self.model.by_prior
        }
        flagged = [one for one in own if one.drawn_as == "flagged" and one.crn not in by_prior]
        effects = effects_of_answers(self.model, _rows_of(frame, flagged), read_answers())
        ranks = rank_indicators(self.model.level.prior, frame)
        return {
            one.crn: {
                **_reasons_json(
                    rows[one.crn, one.group],
                    reasons.get((one.crn, one.group), []),
                    findings,
                    links,
                ),
                "because": because_json(
                    one, rows[one.crn, one.group], findings, by_prior=one.crn in by_prior
                ),
                "other_groups": [
                    {"group": group, "findings": [finding_json(each, links) for each in listed]}
                    for group, listed in findings_of_other_groups(
                        one.crn, one.group, rows, ranks, findings
                    )
                ],
                "effects": [effect_json(each) for each in effects.get((one.crn, one.group), [])],
            }
            for one in own
        }


def _reasons_json(
    row: Mapping[str, object], reasons: list[Reason], findings: Findings, links: LinkedCases
) -> dict[str, Any]:
    """The reasons for a score, and what is also on record and no reason."""
    also = explain.also_on_record(row, reasons, findings)
    return {
        "reasons": [reason_json(reason) for reason in reasons],
        "shown_only": [finding_json(finding, links) for finding in also],
    }


def _entries_json(entries: Sequence[TimelineEntry]) -> str:
    """The entries of a case as rows of the table `entries`, without the number of the item."""
    return json.dumps(
        [
            {
                "position": place,
                "source_table": entry.table,
                **{name: getattr(entry, name) for name in ENTRY_FIELDS},
            }
            for place, entry in enumerate(entries)
        ],
        default=str,
    )


def _rows_of(frame: pl.DataFrame, chosen: Sequence[Chosen]) -> pl.DataFrame:
    """The rows of the frame for which cases were chosen."""
    keys = pl.DataFrame(
        [(one.crn, one.group) for one in chosen],
        schema={"crn": pl.String(), "group": pl.String()},
        orient="row",
    )
    return frame.join(keys, on=["crn", "group"], how="semi", maintain_order="left")


def check_scores(again: pl.DataFrame, chosen: Sequence[Chosen]) -> None:
    """Raise RunStopped unless each case scores the same again from the frame used for reasons."""
    keys = again.select("crn", "group").iter_rows()
    probabilities = dict(zip(keys, again["probability"], strict=True))
    for one in chosen:
        now = probabilities.get((one.crn, one.group))
        same = now is None if one.probability is None else _is_close(now, one.probability)
        if not same:
            raise RunStopped(
                "The score of a chosen case, worked out again for its reasons, is not the one that "
                "it was chosen by. Nothing of this run was kept. This is a defect: report it to "
                "whoever maintains this service."
            )


def _is_close(now: float | None, then: float) -> bool:
    return now is not None and abs(now - then) <= explain.TOLERANCE
