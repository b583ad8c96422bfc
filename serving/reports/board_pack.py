"""Makes the board's monthly pack: one self-contained page, the same as PDF, figures as CSV.

Made from stored snapshots, approvals, stops and runs, never computed again; without any
person.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from sqlalchemy import Connection, RowMapping, func, select

from features import clock
from features.errors import MissingInput, SetupProblem, UserError
from features.indicators import CATALOGUE
from features.indicators.base import FAMILIES
from serving import watch
from serving.board import approvals, incidents, stop
from serving.board.approvals import Approval
from serving.db.tables import conclusions, runs
from serving.watch import changes
from serving.watch.figures import ACT, NOT_KNOWN, Figure
from serving.web import charts, formatters

NEAR = timedelta(days=30)
LAST_NIGHT = timedelta(days=1)
"""The night of the last day of a month ends on the next."""


@dataclass(frozen=True)
class Month:
    """A calendar month: its first and last day, and its name."""

    first: date
    last: date

    @classmethod
    def parse_month(cls, text: str) -> Month:
        """The month written as 2026-10 or `current`; UserError for others, and for the future."""
        text = f"{clock.today():%Y-%m}" if text == "current" else text
        try:
            first = date.fromisoformat(f"{text}-01")
        except ValueError as error:
            raise UserError(f"{text!r} is no month; write it as 2026-10.") from error
        if first > clock.today():
            raise UserError("That month has not come yet.")
        after = (first + timedelta(days=32)).replace(day=1)
        return cls(first, after - timedelta(days=1))

    @property
    def month_name(self) -> str:
        """The month in words, such as October 2026."""
        return f"{self.first:%B %Y}"


@dataclass(frozen=True)
class Pack:
    """The figures, events and decisions of one month for the board's pack, before rendering."""

    month: Month
    as_of: date | None
    """The night of the figures; None where the month has no night."""
    figures: list[Figure]
    changed: list[tuple[Figure, str]]
    """Figures in another state than at the end of the month before, with that state."""
    happened: list[str]
    """What was proposed, signed, withdrawn, stopped and reported in the month."""
    decisions: list[str]
    concluded: int
    live: Approval | None
    runs: list[RowMapping]
    history: Mapping[str, list[tuple[date, Figure]]]
    made_up: bool


def gather_pack(connection: Connection, month: Month, *, demo: bool) -> Pack:
    """Collect the contents of a month's pack; MissingInput before the first proposal.

    A month without a night has a pack too: that is when a decision is due.
    """
    end = clock.end_of(month.last)
    snapshot = watch.newest_snapshot(connection, month.last, end + LAST_NIGHT)
    if snapshot is not None and snapshot["as_of"] < month.first:
        snapshot = None
    if snapshot is None and not any(one.at <= end for one in approvals.list_approvals(connection)):
        raise MissingInput(
            f"There was no night in {month.month_name}, and nothing had been proposed by its end."
        )
    begin = clock.start_of(month.first)
    before = watch.newest_snapshot(connection, month.first - timedelta(days=1), begin + LAST_NIGHT)
    then = {one.name: one.state for one in watch.figures_of(before)} if before else {}
    figures = watch.figures_of(snapshot) if snapshot else []
    nights = select(runs).where(runs.c.as_of.between(month.first, month.last))
    night_rows = list(connection.execute(nights.order_by(runs.c.as_of)).mappings())
    live = approvals.live_at(connection, end, demo=demo)
    counted = select(func.count()).where(conclusions.c.at.between(begin, end))
    return Pack(
        month=month,
        as_of=snapshot["as_of"] if snapshot else None,
        figures=figures,
        changed=[(o, then[o.name]) for o in figures if o.name in then and then[o.name] != o.state],
        happened=_list_events(connection, begin, end, demo=demo),
        decisions=_list_decisions(connection, figures, live, end, demo=demo),
        concluded=int(connection.execute(counted).scalar_one()),
        live=live,
        runs=night_rows,
        history=watch.figure_history(connection, month.last, end + LAST_NIGHT),
        made_up=any(row["made_up"] for row in night_rows),
    )


def _list_events(
    connection: Connection, begin: datetime, end: datetime, *, demo: bool
) -> list[str]:
    """The board's actions and others' in the month, in order of time."""
    events: list[tuple[datetime, str]] = []
    for one in approvals.list_approvals(connection):
        if one.demo != demo:
            continue
        events.append((one.at, f"Proposal {one.id} was made: model {one.bundle_id[:12]}."))
        for statement in one.statements:
            on = f" On these conditions: {statement.conditions}" if statement.conditions else ""
            events.append(
                (
                    statement.at,
                    f"{statement.name} signed proposal {one.id}: {statement.reasons}{on}",
                )
            )
        if one.taken_back:
            by, why = one.taken_back.name, one.taken_back.reasons
            events.append((one.taken_back.at, f"{by} withdrew approval {one.id}: {why}"))
    for row in stop.list_stops(connection):
        what = "stopped flagging" if row["kind"] == "stop" else "agreed to restart flagging"
        events.append((row["at"], f"{row['name']} {what}: {row['reasons']}"))
    for incident in incidents.list_incidents(connection):
        number = f"Incident {incident.first['id']}"
        events.append((incident.first["at"], f"{number} was reported: {incident.first['words']}"))
        events += [
            (
                row["at"],
                f"{number} was {'closed' if row['closes'] else 'followed up'}: {row['words']}",
            )
            for row in incident.followed
        ]
    return [
        f"{at:%-d %B}: {words}"
        for at, words in sorted(events, key=lambda one: one[0])
        if begin <= at <= end
    ]


def _list_decisions(
    connection: Connection,
    figures: list[Figure],
    live: Approval | None,
    end: datetime,
    *,
    demo: bool,
) -> list[str]:
    """The decisions due from the board, in plain sentences."""
    decisions = []
    stopped = stop.in_force(connection, end)
    if stopped is not None:
        decisions.append(
            f"Flagging is stopped since {stopped.at:%-d %B %Y}: decide whether to restart it."
        )
    if live is None:
        decisions.append("Nothing is approved to score: whether to approve a proposal.")
    elif live.expires_at - end < NEAR:
        decisions.append(
            f"The approval expires on {live.expires_at:%-d %B %Y}. From then on nobody can be "
            "flagged: propose a model in good time, and two members sign it."
        )
    for one in approvals.list_approvals(connection):
        if one.demo == demo and one.at <= end and approvals.is_open_to_sign(one, end):
            decisions.append(f"Proposal {one.id} waits to be signed.")
    decisions += [
        f"Incident {one.first['id']} has been open since {one.first['at']:%-d %B %Y}: "
        f"{incidents.KINDS[one.first['kind']].lower()}. What to do about it."
        for one in incidents.list_incidents(connection)
        if not one.is_closed and one.first["at"] <= end
    ]
    if not figures:
        decisions.append("No night was kept in the month: why, and what stood in its place.")
    lines = watch.THRESHOLDS
    decisions += [f"{lines[o.name].title}: {o.sentence}" for o in figures if o.state == NOT_KNOWN]
    decisions += [f"{lines[one.name].title}: {one.sentence}" for one in figures if one.state == ACT]
    return decisions


def write_pack(pack: Pack, out: Path, card: Markup) -> list[Path]:
    """Write the pack into a folder, made if needed: page, PDF, figures and their parts as CSV."""
    out.mkdir(parents=True, exist_ok=True)
    name = f"board-pack-{pack.month.first:%Y-%m}"
    page = _render_page(pack, card)
    html, pdf = out / f"{name}.html", out / f"{name}.pdf"
    html.write_text(page, encoding="utf-8")
    _write_pdf(page, pdf)
    return [html, pdf, *_write_csv(pack, out, name)]


def _render_page(pack: Pack, card: Markup) -> str:
    env = Environment(
        loader=PackageLoader("serving.reports"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(formatters.FILTERS)
    states = changes.states_of_questions(pack.history)
    pictures = {
        one.name: charts.over_nights(one.name, pack.history[one.name]) for one in pack.figures
    }
    return env.get_template("pack.html").render(
        pack=pack,
        topics=watch.topics_of(pack.figures),
        thresholds=watch.THRESHOLDS,
        pictures=pictures,
        nights={topic: charts.states_over_nights(own) for topic, own in states.items()},
        card=card,
        indicators=CATALOGUE,
        families=FAMILIES,
        made_on=clock.today(),
    )


def _write_pdf(page: str, path: Path) -> None:
    try:
        from weasyprint import HTML
    except OSError as error:
        raise SetupProblem(
            "The PDF needs Pango, which this machine does not have: install libpango-1.0-0, "
            "libpangoft2-1.0-0 and libharfbuzz-subset0. The page and the figures were written."
        ) from error
    HTML(string=page).write_pdf(path, pdf_variant="pdf/ua-1")


def _write_csv(pack: Pack, out: Path, name: str) -> list[Path]:
    figures, parts = out / f"{name}-figures.csv", out / f"{name}-parts.csv"
    lines = watch.THRESHOLDS
    rows: list[list[Any]] = [
        [
            "as_of",
            "question",
            "figure",
            "title",
            "value",
            "low",
            "high",
            "count",
            "state",
            "look",
            "act",
            "sentence",
        ],
        *(
            [
                pack.as_of,
                lines[o.name].topic,
                o.name,
                lines[o.name].title,
                o.value,
                o.low,
                o.high,
                o.count,
                o.state,
                lines[o.name].thresholds.get("look"),
                lines[o.name].thresholds.get("act"),
                o.sentence,
            ]
            for o in pack.figures
        ),
    ]
    _write_table(figures, rows)
    _write_table(
        parts,
        [
            ["as_of", "figure", "part", "value", "low", "high", "count", "state"],
            *(
                [
                    pack.as_of,
                    o.name,
                    p.label,
                    p.value,
                    p.low,
                    p.high,
                    _suppress_small(o.name, p.count),
                    p.state,
                ]
                for o in pack.figures
                for p in o.parts
            ),
        ],
    )
    return [figures, parts]


def _suppress_small(name: str, count: int) -> int | str:
    """The count, or a text in its place where it counts fewer than ten people."""
    return count if count or watch.THRESHOLDS[name].topic == "feed" else "under 10"


def _write_table(path: Path, rows: list[list[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
