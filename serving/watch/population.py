"""Watches drift of indicators, scores and recorded levels against the approved profile.

Process indicators say what the service did, behaviour indicators what people did. Where the first
move in a region and the second do not, recording or practice has changed and not the people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from features.contracts.codes import COMMUNITY_GROUPS, LEVEL_ORDER
from features.indicators import CATALOGUE
from features.indicators.titles import title_of
from models import drift
from models.drift import Shift
from models.profile import NOWHERE, Counts, Profile, all_regions, level_name
from serving.watch.figures import (
    FEWEST,
    Figure,
    Part,
    make_figure,
    not_known,
    state_of,
    too_few,
    untold_part,
    worst_part,
)

MISSING = "the model came without a profile of the caseload it was made for."
ROWS_A_PERSON = len(COMMUNITY_GROUPS)
"""An indicator has a row for each community group: as many rows move with one person."""
NOTICEABLE = 0.005
"""The least change of a share that is said in whole people of 100."""
NOISIEST = 0.05
"""The expected chance part of a PSI above which no PSI is given."""


Measures = Mapping[str, list[int]]


def population_figures(profile: Profile | None, now: Counts) -> list[Figure]:
    """The drift figures: indicators, scores, recorded levels, process by region."""
    if profile is None:
        names = ("regions", "indicators", "scores", "levels", "process")
        return [not_known(name, MISSING) for name in names]
    then = profile.counts
    measures = all_regions(then), all_regions(now)
    scores = [name for name in measures[0] if name.startswith("score ")]
    levels = [name for name in measures[0] if name.startswith("level ")]
    return [
        _by_region(then, now),
        worst_part(
            "indicators",
            _shift_parts("indicators", CATALOGUE, *measures, ROWS_A_PERSON),
            "The indicator that changed most is “{where}”: {counts}.",
            MISSING,
            _counts_by_label(profile, list(CATALOGUE), "", *measures),
        ),
        worst_part(
            "scores",
            _shift_parts("scores", scores, *measures, 1),
            "The scores that changed most are {where}: {counts}.",
            MISSING,
            _counts_by_label(profile, scores, "", *measures),
        ),
        worst_part(
            "levels",
            _level_parts(levels, then, now, measures),
            "The recorded levels that changed most are {where}: {counts}.",
            MISSING,
            _level_counts(profile, levels, now, measures),
        ),
        worst_part(
            "process",
            _practice_parts(then, now),
            "What the service did moved more than what people did, most of all in {where}: by {n} "
            "on the scale of drift.",
            MISSING,
        ),
    ]


def _shift_parts(
    of: str,
    names: Iterable[str],
    then: Measures,
    now: Measures,
    rows: int,
) -> list[Part]:
    return [
        _shift_part(of, _measure_title(name), *_measure_shift(then[name], now.get(name, []), rows))
        for name in names
        if name in then
    ]


def _measure_shift(then: list[int], now: list[int], rows: int) -> tuple[Shift | None, int]:
    """The PSI of a distribution and the number of people; None where it is missing."""
    return (drift.population_stability_index(then, now, rows) if now else None), sum(now) // rows


def _by_region(then: Counts, now: Counts) -> Figure:
    """Whether each region still has its share of people.

    Of those that a unit holds: who is placed nowhere yet comes and goes.
    """
    places = sorted((set(then) | set(now)) - {NOWHERE})
    before, after = (
        [_count_people(measures.get(place, {})) for place in places] for measures in (then, now)
    )
    shift = drift.population_stability_index(before, after) if len(places) > 1 else None
    if shift is None:
        return not_known("regions", "there is one region alone, or nobody was counted.")
    if shift.noise > NOISIEST:
        return too_few("regions", sum(after))
    shares = {
        place: (count / sum(before), later / sum(after))
        for place, count, later in zip(places, before, after, strict=True)
    }
    # Of two that moved alike, the one that lost people.
    most = max(places, key=lambda one: (abs(shares[one][1] - shares[one][0]), -shares[one][1]))
    was, is_ = (round(100 * share) for share in shares[most])
    sentence = (
        f"{most} has {is_} of 100 people and had {was} when the model was made: no region moved "
        f"more. All {sum(after):,} are counted."
    )
    figure = make_figure("regions", shift.value, shift.low, shift.high, sum(after), "")
    return replace(figure, sentence=sentence)


def _counts_by_label(
    profile: Profile, names: Iterable[str], region: str, then: Measures, now: Measures
) -> dict[str, str]:
    """By the title of each measure, how many people of 100 are in the band that changed most."""
    place = f" in {region}" if region else ""
    return {
        f"{_measure_title(name)}{place}": _band_that_moved(
            name, profile.edges.get(name, []), then[name], now[name]
        )
        for name in names
        if sum(then.get(name, [])) and sum(now.get(name, []))
    }


def _level_counts(
    profile: Profile, names: list[str], now: Counts, measures: tuple[Measures, Measures]
) -> dict[str, str]:
    counts = _counts_by_label(profile, names, "", *measures)
    for region, then in profile.counts.items():
        counts |= _counts_by_label(profile, names, region, then, now.get(region, {}))
    return counts


def _band_that_moved(name: str, edges: list[float], then: list[int], now: list[int]) -> str:
    """The band of values whose share changed most: "12 of 100 with 3 to 5, and 8 when …"."""
    before = [count / sum(then) for count in then]
    after = [count / sum(now) for count in now]
    place = max(range(len(now)), key=lambda band: abs(after[band] - before[band]))
    if abs(after[place] - before[place]) < NOTICEABLE:
        return "in no band of values is it 1 of 100 more or fewer than when the model was made"
    return (
        f"{100 * after[place]:.0f} of 100 {_band_in_words(name, edges, place)}, and "
        f"{100 * before[place]:.0f} when the model was made"
    )


def _band_in_words(name: str, edges: list[float], place: int) -> str:
    """A band of a profile in words; the first one is of what is not known."""
    if name.startswith("level "):
        return "without a level" if not place else LEVEL_ORDER[place - 1].replace("_", " ").lower()
    if not place:
        return "with no value"
    if place == 1:
        return f"with up to {edges[0]:.2g}" if edges else "with a value"
    if place > len(edges):
        return f"with more than {edges[-1]:.2g}"
    return f"with over {edges[place - 2]:.2g} and up to {edges[place - 1]:.2g}"


def _count_people(measures: Measures) -> int:
    """The number of people in a region, from its counts by group and level."""
    return sum(measures.get(level_name(COMMUNITY_GROUPS[0]), []))


def _level_parts(
    names: list[str], then: Counts, now: Counts, measures: tuple[Measures, Measures]
) -> list[Part]:
    """The drift of recorded levels, in the whole service and in each region."""
    parts = _shift_parts("levels", names, *measures, 1)
    for region in sorted(then):
        parts += [
            replace(part, label=f"{part.label} in {region}")
            for part in _shift_parts("levels", names, then[region], now.get(region, {}), 1)
        ]
    return parts


def _practice_parts(then: Counts, now: Counts) -> list[Part]:
    return [
        _excess_shift(region, then[region], now[region]) for region in sorted(set(then) & set(now))
    ]


def _excess_shift(region: str, then: Measures, now: Measures) -> Part:
    """The mean PSI of a region's process indicators, less that of its behaviour indicators."""
    means, people = {}, 0
    for kind in ("process", "behaviour"):
        names = [n for n, i in CATALOGUE.items() if i.kind == kind and n in then and n in now]
        shifts = [
            drift.population_stability_index(then[name], now[name], ROWS_A_PERSON) for name in names
        ]
        measurable = [one for one in shifts if one is not None and one.noise <= NOISIEST]
        means[kind] = sum(one.value for one in measurable) / len(measurable) if measurable else None
        people = max([people, *(sum(now[name]) // ROWS_A_PERSON for name in names)])
    if means["process"] is None or means["behaviour"] is None:
        return untold_part(region, people)
    value = max(0.0, means["process"] - means["behaviour"])
    return Part(region, value, None, None, people, state_of("process", value))


def _shift_part(of: str, label: str, shift: Shift | None, count: int) -> Part:
    if shift is None or shift.noise > NOISIEST or count < FEWEST:
        return untold_part(label, count)
    state = state_of(of, shift.value)
    return Part(label, shift.value, shift.low, shift.high, count, state)


def _measure_title(name: str) -> str:
    """The name of a measure in words."""
    if name in CATALOGUE:
        return title_of(name)
    kind, *rest = name.split(" ")
    if kind == "score":
        return f"recorded {rest[0].lower()}, {rest[1].replace('_', ' ')}"
    return rest[0].replace("_", " ")
