"""Draws a case over time as SVG, and gives the same as rows of a table.

Lanes from top to bottom: the recorded level of each group, custody and approved premises, what
happened, decisions on enforcement, appointments by month, registers. Nothing is said by colour
alone: levels have letters, what is serious is a square.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from markupsafe import Markup, escape

from features.contracts import codes
from features.frame.seriousness import SERIOUS
from features.history.recorded_levels import CURRENT_FOR_DAYS
from serving.cases.over_time import MONTH, MONTHS, first_day

Entry = Mapping[Any, Any]
WIDTH, LEFT, RIGHT, LANE, GAP = 960, 176, 10, 20, 6
INK, MUTED, PALE, BLUE, RED = "#0b0c0c", "#505a5f", "#b1b4b6", "#1d70b8", "#d4351c"
LEVELS = {"LOW": "L", "MEDIUM": "M", "HIGH": "H", "VERY_HIGH": "VH"}
FILLS = {"LOW": "#cce2d8", "MEDIUM": "#fff7bf", "HIGH": "#f4cdc6", "VERY_HIGH": "#d4351c"}
MOST_REGISTERS = 5
ENDS_LABEL = 160
"""Pixels at the right end of the axis that are for its last day."""
BARS = 48
"""The height of the lane of appointments."""


@dataclass(frozen=True)
class Change:
    """A completed assessment, and how its levels differ from those of the one before."""

    assessment: Mapping[str, Any]
    changes: list[tuple[str, str | None, str | None]]
    """The group, the level before and the level now, where they differ."""
    is_first: bool


@dataclass(frozen=True)
class Month:
    """A month of the picture as a row of its table."""

    since: date
    serious: int
    other: int
    attended: int
    missed: int
    enforced: int
    assessed: list[Mapping[str, Any]]


@dataclass(frozen=True)
class _Scale:
    """Where a day lies across the picture."""

    start: date
    end: date

    def x(self, day: date) -> float:
        """The place of a day in pixels, within the ends of the picture."""
        share = ((day - self.start).days + 0.5) / ((self.end - self.start).days + 1)
        return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, share))


def level_changes(over_time: Mapping[str, Any]) -> list[Change]:
    """The completed assessments, newest first, each with the groups whose level it changed."""
    assessments = over_time["assessments"]
    changes = []
    for place, one in enumerate(assessments):
        before = assessments[place + 1] if place + 1 < len(assessments) else None
        differs = [
            (group, (before or one)["community"].get(group), one["community"].get(group))
            for group in codes.COMMUNITY_GROUPS
            if before is not None and before["community"].get(group) != one["community"].get(group)
        ]
        changes.append(Change(one, differs, is_first=before is None))
    return changes


def months_of(over_time: Mapping[str, Any], entries: Sequence[Entry], as_of: date) -> list[Month]:
    """The months of the picture, newest first, with what each holds."""
    start = first_day(as_of)
    counts = {date.fromisoformat(day): rest for day, *rest in over_time["months"]}
    happened = _happened(entries)
    months = []
    for number in reversed(range(MONTHS)):
        since = start + timedelta(days=MONTH * number)
        until = since + timedelta(days=MONTH)
        own = [one for one in happened if since <= one["occurred_on"] < until]
        serious = sum(one["seriousness"] == SERIOUS for one in own)
        attended, missed, enforced = counts.get(since, (0, 0, 0))
        assessed = [
            one
            for one in over_time["assessments"]
            if since <= date.fromisoformat(one["completed_on"]) < until
        ]
        months.append(
            Month(since, serious, len(own) - serious, attended, missed, enforced, assessed)
        )
    return months


def draw_case(over_time: Mapping[str, Any], entries: Sequence[Entry], as_of: date) -> Markup:
    """The picture of a case: SVG with a title; the page has the same as a table under it."""
    scale = _Scale(first_day(as_of), as_of)
    entries = [one for one in entries if one["occurred_on"] >= scale.start]
    shapes: list[str] = []
    top = 8
    for group in codes.COMMUNITY_GROUPS:
        shapes += _lane(top, f"Level: {codes.GROUP_WORDS[group]}", LANE)
        shapes += _levels(over_time["assessments"], group, scale, top)
        top += LANE + 2
    top += GAP
    for title, own, mark in _event_lanes(entries):
        shapes += _lane(top, title, LANE)
        shapes += [mark(scale.x(one["occurred_on"]), top + LANE / 2) for one in own]
        top += LANE + 2
    shapes += [
        _cross(scale.x(date.fromisoformat(day)), top - LANE / 2 - 2)
        for day in over_time.get("recalls", [])
    ]
    shapes += _lane(top, "Custody and AP", LANE)
    shapes += [_bar(spell, spell["kind"], scale, top) for spell in over_time["spells"]]
    top += LANE + GAP
    shapes += _lane(top, "Appointments a month", BARS)
    shapes += _appointments(over_time["months"], scale, top)
    top += BARS + GAP
    for register in over_time["registers"][-MOST_REGISTERS:]:
        shapes += _lane(top, "Register", LANE)
        shapes.append(_bar(register, register["title"], scale, top))
        top += LANE + 2
    shapes += _assessment_lines(over_time["assessments"], scale, top)
    return _svg(shapes, scale, top)


def _happened(entries: Sequence[Entry]) -> list[Entry]:
    """Behaviour and information, and whatever else did or could do harm."""
    return [
        one
        for one in entries
        if one["source_table"] == "incidents" or one["seriousness"] == SERIOUS
    ]


def _event_lanes(entries: Sequence[Entry]) -> Iterator[tuple[str, list[Entry], Any]]:
    happened = _happened(entries)
    serious = [one for one in happened if one["seriousness"] == SERIOUS]
    other = [one for one in happened if one["seriousness"] != SERIOUS]
    decisions = [one for one in entries if one["source_table"] == "decisions"]
    yield "Did or could do harm", serious, _square
    yield "Other behaviour", other, _circle
    yield "Enforcement decisions", decisions, _triangle


def _lane(top: float, title: str, height: float) -> list[str]:
    return [
        f'<text x="{LEFT - 8}" y="{top + height / 2 + 4:.1f}" text-anchor="end" fill="{INK}">'
        f"{escape(title)}</text>",
        f'<line x1="{LEFT}" y1="{top + height}" x2="{WIDTH - RIGHT}" y2="{top + height}" '
        f'stroke="{PALE}"/>',
    ]


def _levels(
    assessments: Sequence[Mapping[str, Any]], group: str, scale: _Scale, top: float
) -> list[str]:
    """A block for each assessment, until the next one or until it is no longer current."""
    shapes, until = [], scale.end
    for one in assessments:
        day = date.fromisoformat(one["completed_on"])
        level = one["community"].get(group)
        ends = min(until, day + timedelta(days=CURRENT_FOR_DAYS))
        until = day
        if level is None or ends <= scale.start:
            continue
        left, right = scale.x(day), scale.x(ends)
        white = level == "VERY_HIGH"
        shapes.append(
            f'<rect x="{left:.1f}" y="{top}" width="{max(1, right - left):.1f}" height="{LANE}" '
            f'fill="{FILLS[level]}" stroke="{MUTED}" stroke-width="0.5"/>'
            f'<text x="{left + 4:.1f}" y="{top + 14}" fill="{"#ffffff" if white else INK}">'
            f"{LEVELS[level]}</text>"
        )
    return shapes


def _bar(spell: Mapping[str, Any], words: str, scale: _Scale, top: float) -> str:
    left = scale.x(date.fromisoformat(spell["since"]))
    right = scale.x(date.fromisoformat(spell["until"]) if spell["until"] else scale.end)
    return (
        f'<rect x="{left:.1f}" y="{top + 2}" width="{max(2, right - left):.1f}" '
        f'height="{LANE - 4}" fill="{PALE}"/>'
        f'<text x="{min(left, WIDTH - 220) + 4:.1f}" y="{top + 14}" fill="{INK}">'
        f"{escape(words)}</text>"
    )


def _appointments(months: Sequence[Sequence[Any]], scale: _Scale, top: float) -> list[str]:
    """A pair of bars a month: kept in outline, missed or failed in ink."""
    most = max([1, *(max(attended, missed) for _, attended, missed, _ in months)])
    shapes = [f'<text x="{LEFT - 8}" y="{top + BARS - 2}" text-anchor="end">most: {most}</text>']
    for day, attended, missed, _ in months:
        left = scale.x(date.fromisoformat(day))
        for place, (count, fill) in enumerate(((attended, "#ffffff"), (missed, INK))):
            tall = (BARS - 4) * count / most
            shapes.append(
                f'<rect x="{left + 11 * place:.1f}" y="{top + BARS - tall:.1f}" width="10" '
                f'height="{tall:.1f}" fill="{fill}" stroke="{INK}" stroke-width="0.7"/>'
            )
    return shapes


def _assessment_lines(
    assessments: Sequence[Mapping[str, Any]], scale: _Scale, bottom: float
) -> list[str]:
    days = [date.fromisoformat(one["completed_on"]) for one in assessments]
    return [
        f'<line x1="{scale.x(day):.1f}" y1="4" x2="{scale.x(day):.1f}" y2="{bottom}" '
        f'stroke="{BLUE}" stroke-dasharray="3 3"/>'
        for day in days
        if day >= scale.start
    ]


def _square(x: float, y: float) -> str:
    return f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" fill="{RED}"/>'


def _circle(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="none" stroke="{INK}"/>'


def _triangle(x: float, y: float) -> str:
    points = f"{x - 4:.1f},{y + 4:.1f} {x + 4:.1f},{y + 4:.1f} {x:.1f},{y - 5:.1f}"
    return f'<polygon points="{points}" fill="{MUTED}"/>'


def _cross(x: float, y: float) -> str:
    left, right, top, bottom = x - 4, x + 4, y - 4, y + 4
    return (
        f'<path d="M{left:.1f} {top:.1f} L{right:.1f} {bottom:.1f} M{left:.1f} {bottom:.1f} '
        f'L{right:.1f} {top:.1f}" stroke="{RED}" stroke-width="2"/>'
    )


def _svg(shapes: Sequence[str], scale: _Scale, bottom: float) -> Markup:
    quarters = [scale.start + timedelta(days=MONTH * n) for n in range(0, MONTHS, 3)]
    axis = [
        f'<text x="{scale.x(day):.1f}" y="{bottom + 16}">{day:%b %Y}</text>'
        for day in quarters
        if scale.x(day) < WIDTH - ENDS_LABEL
    ]
    last = f"{scale.end:%-d %b %Y}"
    axis.append(f'<text x="{WIDTH - RIGHT}" y="{bottom + 16}" text-anchor="end">{last}</text>')
    title = f"This case from {scale.start.isoformat()} to {scale.end.isoformat()}"
    return Markup(  # noqa: S704 - numbers and our own words, escaped
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 24}" role="img" '
        f'class="rosh-chart rosh-case-picture" font-family="Arial, sans-serif" font-size="12" '
        f'fill="{MUTED}"><title>{title}; the table below says the same</title>'
        f"{''.join([*shapes, *axis])}</svg>"
    )
