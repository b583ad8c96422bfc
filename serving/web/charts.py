"""Draws charts as SVG on the server, each beside a table with the same values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from markupsafe import Markup, escape

from serving.watch.figures import THRESHOLDS, WORST_FIRST, Figure, in_words

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 180, 46, 12, 14, 24
INK, MUTED, LINE, BAND, PALE = "#0b0c0c", "#505a5f", "#1d70b8", "#d2e2f1", "#b1b4b6"
COLOURS = {"look": "#b58840", "act": "#d4351c"}


def over_nights(name: str, history: Sequence[tuple[date, Figure]]) -> Markup:
    """A chart of a figure by night: value, interval, two thresholds, gaps left open.

    Nothing is drawn where no night had a value.
    """
    values = [(day, one) for day, one in history if one.value is not None]
    if not values:
        return Markup("")
    line = THRESHOLDS[name]
    thresholds = line.thresholds
    bottom, top = _ends_of_scale([one for _, one in values], list(thresholds.values()))
    first, last = values[0][0], values[-1][0]
    span = max(1, (last - first).days)

    def x(day: date) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (day - first).days / span

    def y(value: float) -> float:
        within = max(bottom, min(value, top))
        return TOP + (HEIGHT - TOP - BOTTOM) * (top - within) / (top - bottom)

    shapes = [_threshold_line(y(0.0), INK, "axis", 0.0, name)]
    labels = [y(0.0)]
    for word, value in thresholds.items():
        if value <= top:
            is_free = all(abs(y(value) - label) >= LABEL for label in labels)
            shapes.append(
                _threshold_line(y(value), COLOURS[word], word, value, name, labelled=is_free)
            )
            labels.append(y(value))
    highest = max(one.value or 0.0 for _, one in values)
    if not thresholds and highest > 0:
        shapes.append(_label(y(highest), MUTED, in_words(name, highest)))
    bands = []
    for run in _unbroken_runs(values):
        band = [(x(d), y(o.high)) for d, o in run if o.high is not None]
        band += [(x(d), y(o.low)) for d, o in reversed(run) if o.low is not None]
        if len(band) > 3:
            bands.append(f'<polygon points="{_point_list(band)}" fill="{BAND}"/>')
        points = [(x(d), y(o.value or 0.0)) for d, o in run]
        corners = _point_list(points)
        shapes.append(
            f'<polyline points="{corners}" fill="none" stroke="{LINE}" stroke-width="2"/>'
        )
        shapes += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.5" fill="{LINE}"/>' for a, b in points]
    title = f"{line.title}, {in_words(name, values[-1][1].value or 0.0)} on {last.isoformat()}"
    return _svg_picture(title, [*bands, *shapes], first, last)


TALL = {"green": 7, "look": 14, "act": 22}
"""The height of a night's bar by its state; what cannot be told is a line."""


SPARK = 120
"""The width of a row of bars; its nights stand where they are in time."""


def states_over_nights(states: Sequence[tuple[date, str]]) -> Markup:
    """A row of bars, one a night: the higher, the more a question needs; nothing where no night."""
    if not states:
        return Markup("")
    fills = {"green": "#00703c", **COLOURS}
    first, last = states[0][0], states[-1][0]
    a_day = (SPARK - 5) / max(1, (last - first).days)
    bars = [
        f'<rect x="{a_day * (night - first).days:.1f}" y="{24 - TALL.get(state, 2)}" '
        f'width="{min(5.0, max(1.5, a_day)):.1f}" height="{TALL.get(state, 2)}" '
        f'fill="{fills.get(state, PALE)}"/>'
        for night, state in states
    ]
    counts = Counter(state for _, state in states)
    words = ", ".join(f"{state} on {counts[state]}" for state in WORST_FIRST if counts[state])
    title = f"Of {len(states)} nights: {words}"
    return Markup(  # noqa: S704 - numbers and our own words
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SPARK} 24" width="{SPARK}" '
        f'height="24" role="img" class="rosh-spark"><title>{title}</title>{"".join(bars)}</svg>'
    )


def _ends_of_scale(figures: Sequence[Figure], thresholds: Sequence[float]) -> tuple[float, float]:
    """The ends of the upright axis: nought is always on it, and below nought what lies there."""
    values = [one.value for one in figures if one.value is not None]
    near = [*thresholds[:1], *values, 0.0]
    # The end of a wide interval is cut off: it would press value and thresholds flat.
    widest = 1.5 * max(map(abs, [*thresholds, *near]))
    highs = [min(one.high, widest) for one in figures if one.high is not None]
    lows = [max(one.low, -widest) for one in figures if one.low is not None]
    top = 1.1 * max(near + highs)
    # The farther threshold only where it is near: it would press everything else flat.
    for farther in thresholds:
        top = max(top, farther * 1.05) if farther <= 3 * top else top
    bottom = 1.1 * min([0.0, *values, *lows])
    return (bottom, top) if top > bottom else (0.0, 1.0)


def _svg_picture(title: str, shapes: Sequence[str], first: date, last: date) -> Markup:
    foot = HEIGHT - 6
    ends = (
        f'<text x="{LEFT}" y="{foot}">{first.isoformat()}</text>'
        f'<text x="{WIDTH - RIGHT}" y="{foot}" text-anchor="end">{last.isoformat()}</text>'
    )
    return Markup(  # noqa: S704 - numbers and our own words, escaped
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'class="rosh-chart" font-family="Arial, sans-serif" font-size="12" fill="{MUTED}">'
        f"<title>{escape(title)}</title>{''.join(shapes)}{ends}</svg>"
    )


LABEL = 12
"""The height of a label: one that would stand on another is left out."""


def _threshold_line(
    at: float, colour: str, word: str, value: float, name: str, *, labelled: bool = True
) -> str:
    dashes = "" if word == "axis" else ' stroke-dasharray="4 3"'
    label = _label(at, colour, in_words(name, value)) if labelled else ""
    return (
        f'<line x1="{LEFT}" y1="{at:.1f}" x2="{WIDTH - RIGHT}" y2="{at:.1f}" stroke="{colour}"'
        f"{dashes}/>{label}"
    )


def _label(at: float, colour: str, words: str) -> str:
    return f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end" fill="{colour}">{words}</text>'


def _unbroken_runs(values: Sequence[tuple[date, Figure]]) -> list[list[tuple[date, Figure]]]:
    """Nights with a value, as often as is usual; no line is drawn across a missing one."""
    runs: list[list[tuple[date, Figure]]] = []
    gaps = sorted((later - day).days for (day, _), (later, _) in pairwise(values))
    usual = gaps[len(gaps) // 2] if gaps else 1
    for day, one in values:
        if not runs or (day - runs[-1][-1][0]).days > max(1, usual):
            runs.append([])
        runs[-1].append((day, one))
    return runs


def _point_list(pairs: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in pairs)
