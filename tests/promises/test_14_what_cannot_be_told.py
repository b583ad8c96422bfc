"""Promise 14: what cannot be told is never green, in a part, a figure, a question or on a page."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from serving import watch
from serving.watch.figures import (
    ENOUGH_PARTS,
    GREEN,
    NOT_KNOWN,
    THRESHOLDS,
    TOO_FEW,
    TOPICS,
    Figure,
    part_share,
    state_of,
    too_few,
    worst_part,
)
from tests.pages import Browser
from tests.service import Service

SHARES = [name for name, line in THRESHOLDS.items() if line.unit == "share" and line.thresholds]
READINGS = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted)
SECTION = re.compile(r'<section class="rosh-figure".*?</section>', re.S)


@given(name=st.sampled_from(SHARES), readings=st.lists(READINGS, min_size=1, max_size=8))
def test_a_figure_is_green_only_where_most_of_its_parts_can_be_told(
    name: str, readings: list[list[int]]
) -> None:
    parts = [
        part_share(name, f"part {place}", part, whole)
        for place, (part, whole) in enumerate(readings)
    ]
    assert all(part.state == TOO_FEW for part in parts if part.value is None)
    figure = worst_part(name, parts, "{n} in {where}", "nothing was read.")
    measurable = [part for part in parts if part.value is not None]
    if len(measurable) < ENOUGH_PARTS * len(parts):
        assert figure.state != GREEN
    if figure.state == GREEN:
        assert all(part.state == GREEN for part in measurable)


@given(name=st.sampled_from(sorted(THRESHOLDS)), count=st.integers(0, 500))
def test_too_few_and_nothing_are_never_green(name: str, count: int) -> None:
    assert too_few(name, count).state == TOO_FEW
    assert state_of(name, None) == TOO_FEW


@given(st.data())
def test_a_question_is_green_only_where_every_figure_can_be_told(data: st.DataObject) -> None:
    states = st.sampled_from([GREEN, TOO_FEW, NOT_KNOWN])
    own_states = {name: data.draw(states, label=name) for name in THRESHOLDS}
    figures = [
        Figure(name, 0.0 if state == GREEN else None, None, None, 40, state, "")
        for name, state in own_states.items()
    ]
    for topic in watch.topics_of(figures):
        worst = topic.worst_figure
        assert worst is not None
        if worst.state == GREEN:
            assert {one.state for one in topic.figures} == {GREEN}


def test_no_page_shows_green_beside_what_cannot_be_told(service: Service, browser: Browser) -> None:
    with service.night.connect() as connection:
        snapshot = watch.newest_snapshot(connection)
    assert snapshot is not None
    untold = {one.name for one in watch.figures_of(snapshot) if one.value is None}
    assert untold, "after one night something cannot be told"
    browser.sign_in("BOARD-1")
    sections = [
        section
        for topic in TOPICS
        for section in SECTION.findall(browser.get(f"/board/watch/{topic}"))
    ]
    assert len(sections) == len(THRESHOLDS)
    titles = {THRESHOLDS[name].title for name in untold}
    untold_sections = [one for one in sections if any(f">{title} <" in one for title in titles)]
    assert len(untold_sections) == len(untold)
    for section in untold_sections:
        assert "Green" not in section.split("</h2>")[0]
    for section in sections:
        rows = re.findall(r"<tr.*?</tr>", section, re.S)
        assert not [row for row in rows if ">too few to tell<" in row and "Green" in row]
