"""Drift: of indicators, scores and recorded levels against the profile that was approved.

Process indicators say what the service did, behaviour indicators what people did. Where the first
move in a region and the second do not, recording or practice has changed and not the people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from features.codes import COMMUNITY_GROUPS
from features.indicators import CATALOGUE
from features.indicators.base import FAMILIES
from models import drift
from models.drift import Shift
from models.profile import Counts, Profile, whole
from serving.watch.figures import FEWEST, Figure, Part, not_known, state_of, untold, worst

MISSING = "the model came without a profile of the caseload it was made for."
ROWS_A_PERSON = len(COMMUNITY_GROUPS)
"""An indicator has a row for each community group: as many rows move with one person."""
NOISIEST = 0.05
"""A PSI whose chance part is larger than this is too few to tell."""


Measures = Mapping[str, list[int]]


def figures(profile: Profile | None, now: Counts) -> list[Figure]:
    """What moved: the indicators, the scores, the recorded levels, the process in a region."""
    if profile is None:
        return [not_known(n, MISSING) for n in ("indicators", "scores", "levels", "process")]
    then = profile.counts
    measures = whole(then), whole(now)
    scores = [name for name in measures[0] if name.startswith("score ")]
    levels = [name for name in measures[0] if name.startswith("level ")]
    return [
        worst("indicators", _moved("indicators", CATALOGUE, *measures, ROWS_A_PERSON),
              "The indicator that moved most is {where} (PSI {n}).", MISSING),
        worst("scores", _moved("scores", scores, *measures, 1),
              "The scores that moved most are {where} (PSI {n}).", MISSING),
        worst("levels", _levels(levels, then, now, measures),
              "The recorded levels that moved most are {where} (PSI {n}).", MISSING),
        worst("process", _practice(then, now),
              "Process moved most beyond behaviour in {where}, by a mean PSI of {n}.", MISSING),
    ]  # fmt: skip


def _moved(
    figure: str,
    names: Iterable[str],
    then: Measures,
    now: Measures,
    rows: int,
) -> list[Part]:
    return [
        _part(figure, _said(name), drift.psi(then[name], now[name], rows), sum(now[name]) // rows)
        for name in names
        if name in then and name in now
    ]


def _levels(
    names: list[str], then: Counts, now: Counts, measures: tuple[Measures, Measures]
) -> list[Part]:
    """The whole service, and each region: levels can be put up in one place alone."""
    found = _moved("levels", names, *measures, 1)
    for region in sorted(set(then) & set(now)):
        found += [
            replace(part, label=f"{part.label} in {region}")
            for part in _moved("levels", names, then[region], now[region], 1)
        ]
    return found


def _practice(then: Counts, now: Counts) -> list[Part]:
    return [_beyond(region, then[region], now[region]) for region in sorted(set(then) & set(now))]


def _beyond(region: str, then: Measures, now: Measures) -> Part:
    """The mean PSI of process indicators of a region, less that of its behaviour indicators."""
    means, people = {}, 0
    for kind in ("process", "behaviour"):
        names = [n for n, i in CATALOGUE.items() if i.kind == kind and n in then and n in now]
        shifts = [drift.psi(then[name], now[name], ROWS_A_PERSON) for name in names]
        told = [one for one in shifts if one is not None and one.noise <= NOISIEST]
        means[kind] = sum(one.value for one in told) / len(told) if told else None
        people = max([people, *(sum(now[name]) // ROWS_A_PERSON for name in names)])
    if means["process"] is None or means["behaviour"] is None:
        return untold(region, people)
    value = max(0.0, means["process"] - means["behaviour"])
    return Part(region, value, None, None, people, state_of("process", value))


def _part(figure: str, label: str, shift: Shift | None, count: int) -> Part:
    if shift is None or shift.noise > NOISIEST or count < FEWEST:
        return untold(label, count)
    state = state_of(figure, shift.value)
    return Part(label, shift.value, shift.low, shift.high, count, state)


def _said(name: str) -> str:
    """A measure in words."""
    if name in CATALOGUE:
        return f"{FAMILIES[CATALOGUE[name].family].lower()}: {name.replace('_', ' ')}"
    kind, *rest = name.split(" ")
    if kind == "score":
        return f"recorded {rest[0].lower()}, {rest[1].replace('_', ' ')}"
    return rest[0].replace("_", " ")
