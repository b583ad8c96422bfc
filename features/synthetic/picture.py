"""Draws three made-up people as one SVG: events, entries, true and recorded levels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import polars as pl

from features.contracts import codes
from features.synthetic.bucket import GOING_ON, TRUE_LEVELS
from features.synthetic.draw import MONTH, MONTHS
from features.synthetic.measure import Extract

WIDTH, LEFT, HEIGHT = 1000, 150, 300
STEP = (WIDTH - LEFT - 20) / MONTHS
WORDS = {
    "substance": "substance use",
    "unsettled": "no settled home",
    "partner": "partner",
    "conflict": "conflict with partner",
    "unwell": "mental health",
    "child": "child contact",
    "peers": "conflict with peers",
    "released": "just released",
}
INK, MUTED, TRUE, RECORDED, ENTRY = "#0b0c0c", "#505a5f", "#d4351c", "#1d70b8", "#0b0c0c"


@dataclass(frozen=True)
class Story:
    """One person and group: levels by month, circumstances and entries."""

    title: str
    group: str
    true: list[int]
    recorded: list[int]
    going_on: dict[str, list[int]]
    entries: list[tuple[int, int]]
    contacts: list[int]


def draw_lives(extract: Extract) -> str:
    """The SVG of three people: an increase missed, one concealed, and a level too high."""
    stories = [_read_story(extract, *chosen) for chosen in _choose_people(extract)]
    height = HEIGHT * len(stories) + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'font-family="Arial, sans-serif" font-size="13">',
        "<title>Three made-up people: circumstances, entries, true and recorded level</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for number, story in enumerate(stories):
        parts += [f'<g transform="translate(0 {number * HEIGHT})">', *_draw_panel(story), "</g>"]
    parts.append(_draw_legend(height - 28))
    return "\n".join([*parts, "</svg>\n"])


def _choose_people(extract: Extract) -> list[tuple[str, str, str]]:
    """Title, CRN and group of three people whose recorded level is wrong in different ways."""
    truth = pl.read_parquet(extract.truth / TRUE_LEVELS / "00.parquet")
    rises = truth.with_columns(
        now=pl.col("level").arr.get(MONTHS - 1), then=pl.col("level").arr.get(MONTHS - 13)
    )
    hidden = pl.read_parquet(extract.truth / GOING_ON / "00.parquet").select("crn", "concealed")
    levels = extract.community_people().unpivot(
        on=list(codes.COMMUNITY_GROUPS), index="crn", variable_name="group", value_name="recorded"
    )
    reported = (
        extract.scan("incidents")
        .filter(pl.col("occurred_on") > pl.lit(extract.as_of) - pl.duration(days=365))
        .group_by("crn")
        .agg(entries=pl.len())
        .collect()
    )
    rows = (
        rises.join(levels, on=["crn", "group"])
        .join(hidden, on="crn")
        .join(reported, on="crn", how="left")
        .with_columns(pl.col("entries").fill_null(0))
        .sort("entries", "crn", descending=[True, False])
    )
    rose = (pl.col("now") > pl.col("then")) & (pl.col("now") == 2) & (pl.col("recorded") == 1)
    stories = (
        ("On the record, not put together", rows.filter(rose, ~pl.col("concealed"))),
        ("Hardly on any record", rows.filter(rose, pl.col("concealed")).reverse()),
        (
            "Recorded too high",
            rows.filter(pl.col("now") + 1 == pl.col("recorded"), pl.col("then") > pl.col("now")),
        ),
    )
    return [(title, *story_rows.row(0)[:2]) for title, story_rows in stories if story_rows.height]


def _read_story(extract: Extract, title: str, crn: str, group: str) -> Story:
    mine = pl.col("crn") == crn
    truth = pl.read_parquet(extract.truth / TRUE_LEVELS / "00.parquet")
    true = truth.filter(mine, pl.col("group") == group)["level"].to_list()[0]
    life = pl.read_parquet(extract.truth / GOING_ON / "00.parquet").filter(mine)
    since = (pl.lit(extract.as_of) - pl.col("occurred_on")).dt.total_days()
    incidents = extract.scan("incidents").filter(mine, pl.col("version") == 1)
    entries = (
        incidents.select(since.alias("back"), pl.col("severity").fill_null(1)).collect().rows()
    )
    written = extract.scan("contacts").filter(mine, ~pl.col("system_generated"))
    contacts = written.select(since.alias("back")).collect()["back"].to_list()
    return Story(
        title=f"{title}: {crn}, risk to {group.replace('_', ' ')}",
        group=group,
        true=list(true),
        recorded=_recorded_by_month(extract, crn, group),
        going_on={name: life[name].to_list()[0] for name in WORDS},
        entries=[(b, s) for b, s in entries if 0 <= b < MONTH * MONTHS],
        contacts=[b for b in contacts if 0 <= b < MONTH * MONTHS],
    )


def _recorded_by_month(extract: Extract, crn: str, group: str) -> list[int]:
    assessments = (
        extract.scan("assessments")
        .filter(pl.col("crn") == crn, pl.col("status") == "COMPLETE")
        .select("completed_on", f"{group}_community")
        .sort("completed_on")
        .collect()
    )
    levels = [-1] * MONTHS
    for day, level in assessments.iter_rows():
        month = MONTHS - 1 - (extract.as_of - day).days // MONTH
        rank = codes.LEVEL_ORDER.index(level)
        levels[max(month, 0) :] = [rank] * (MONTHS - max(month, 0))
    return levels


def _x_of_month(month: float) -> float:
    return round(LEFT + month * STEP, 1)


def _draw_panel(story: Story) -> Iterator[str]:
    yield f'<text x="10" y="24" font-size="16" font-weight="bold">{escape(story.title)}</text>'
    for row, (name, states) in enumerate(story.going_on.items()):
        y = 40 + row * 13
        yield f'<text x="10" y="{y + 9}" fill="{MUTED}" font-size="11">{WORDS[name]}</text>'
        for month, on in enumerate(states):
            if on:
                yield f'<rect x="{_x_of_month(month)}" y="{y}" width="{STEP:.1f}" height="9" fill="#b1b4b6"/>'
    yield f'<text x="10" y="166" fill="{MUTED}" font-size="11">entries</text>'
    for back in story.contacts:
        x = _x_of_month(MONTHS - back / MONTH)
        yield f'<line x1="{x}" x2="{x}" y1="164" y2="170" stroke="#b1b4b6"/>'
    for back, severity in story.entries:
        x = _x_of_month(MONTHS - back / MONTH)
        yield f'<circle cx="{x}" cy="157" r="{1.5 + severity * 0.9:.1f}" fill="{ENTRY}" opacity="0.75"/>'
    for rank, level in enumerate(codes.LEVEL_ORDER[:4]):
        y = 270 - rank * 28
        yield f'<text x="10" y="{y + 4}" font-size="11">{level.replace("_", " ").lower()}</text>'
        yield f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y}" y2="{y}" stroke="#f3f2f1"/>'
    yield _draw_line(story.true, TRUE, "", 2)
    yield _draw_line(story.recorded, RECORDED, "6 4", -2)


def _draw_line(levels: list[int], colour: str, dash: str, shift: int) -> str:
    path, drawing = [], False
    for month, level in enumerate(levels):
        if level < 0:
            drawing = False
            continue
        y = 270 - level * 28 + shift
        path.append(
            f"{'L' if drawing else 'M'}{_x_of_month(month)} {y} L{_x_of_month(month + 1)} {y}"
        )
        drawing = True
    return (
        f'<path d="{" ".join(path)}" fill="none" stroke="{colour}" stroke-width="3" '
        f'stroke-dasharray="{dash}"/>'
    )


def _draw_legend(y: int) -> str:
    return (
        f'<g transform="translate(10 {y})" fill="{INK}">'
        f'<line x1="0" x2="40" y1="0" y2="0" stroke="{TRUE}" stroke-width="3"/>'
        '<text x="48" y="4">hidden true level</text>'
        f'<line x1="190" x2="230" y1="0" y2="0" stroke="{RECORDED}" stroke-width="3" '
        'stroke-dasharray="6 4"/><text x="238" y="4">recorded level</text>'
        '<circle cx="360" cy="0" r="5"/><text x="372" y="4">incident on record (larger: more '
        'serious)</text><line x1="640" x2="640" y1="-4" y2="4" stroke="#b1b4b6"/>'
        '<text x="650" y="4">other entries by people</text>'
        '<rect x="820" y="-5" width="16" height="9" fill="#b1b4b6"/><text x="842" y="4">going on</text>'
        "</g>"
    )
