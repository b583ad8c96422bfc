"""Makes people's lives month by month, and the hidden true levels that follow from them.

Each person has traits, sentences, and circumstances that begin and end. The true level of a risk
group is a score of both, cut at fixed points; the cuts are set once, on a pilot of people, so that
the shares of levels come near the published figures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from features.contracts import codes
from features.synthetic import figures
from features.synthetic.draw import FIRST_DAYS, MONTHS, Draw, Flags, Floats, Ints
from features.synthetic.people import People

KINDS = tuple(figures.KINDS.value)
CUSTODY, LICENCE = KINDS.index("custody"), KINDS.index("licence")
STATES = tuple(figures.CIRCUMSTANCES.value)
FACTORS = (*STATES, "released")
FADES = 0.45
"""Share of a circumstance's weight that comes or goes each month: levels do not flicker."""
STILL_MEDIUM = {"children": 0.50, "public": 0.78, "known_adult": 0.66, "staff": 0.26}
"""Assumed share of people high overall with this group at medium or above."""


@dataclass(frozen=True)
class Sentences:
    """The current sentence of each case and where each was, in days before the as-of date.

    `start` is when the order, licence or (in custody) the prison term began; `length` its planned
    days; `jailed` when custody before a licence began (nought where there was none); `on` is
    (cases, months): 0 not supervised, 1 in the community, 2 in custody.
    """

    kind: Ints
    start: Ints
    length: Ints
    jailed: Ints
    before: tuple[Ints, Ints, Ints]
    """Earlier orders: whose, begun and ended how many days back."""
    on: Ints

    @property
    def community(self) -> Floats:
        """1 for each (case, month) under supervision in the community, otherwise 0."""
        in_community: Floats = (self.on == 1).astype(np.float64)
        return in_community


@dataclass(frozen=True)
class Lives:
    """The people of a bucket, their sentences, circumstances and hidden true levels.

    `going_on[name]` is (cases, months) of 0 and 1; `felt[name]` the same fading in and out;
    `true` is (groups, cases, months), 0 to 3; `discloses` is whether probation learns of it.
    """

    people: People
    sentences: Sentences
    going_on: dict[str, Flags]
    felt: dict[str, Floats]
    own: Floats
    true: Ints
    concealed: Flags
    discloses: dict[str, Flags]
    raised: Ints
    """(groups, cases, months): by how many levels a story raises the true level."""
    noticed: Flags
    """(cases, months): whether the practitioner sees the story."""

    def __len__(self) -> int:
        return len(self.people)

    def level(self, group: str) -> Ints:
        """The true level of a group for each (case, month), from 0 (low) to 3 (very high)."""
        levels: Ints = self.true[codes.COMMUNITY_GROUPS.index(group)]
        return levels

    @property
    def readable(self) -> Ints:
        """The true level that the record tells of: without a story that hardly reached it."""
        levels: Ints = self.true - self.raised * self.concealed[:, None]
        return levels

    def highest(self) -> Ints:
        """A made-up person's highest true level of any group, for each (case, month)."""
        highest_levels: Ints = self.true.max(axis=0)
        return highest_levels


def make_lives(draw: Draw, people: People, cuts: Floats | None = None) -> Lives:
    """Draw made-up sentences and circumstances, and from them true levels; without cuts all are 0.

    Without cuts: all nought.
    """
    sentences = _draw_sentences(draw, people)
    going_on = _draw_circumstances(draw, people, sentences)
    felt = {name: _fading_effect(states) for name, states in going_on.items()}
    rng = draw.stream("own")
    n = len(people)
    own = figures.OWN_SPREAD.value * rng.normal(size=(len(codes.COMMUNITY_GROUPS), n))
    concealed = rng.random(n) < figures.CONCEALED.value
    discloses = {name: rng.random(n) < np.where(concealed, 0.15, 0.9) for name in FACTORS}
    blank = np.zeros((len(codes.COMMUNITY_GROUPS), n, MONTHS), dtype=np.int64)
    lives = Lives(
        people=people,
        sentences=sentences,
        going_on=going_on,
        felt=felt,
        own=own,
        true=blank,
        concealed=concealed,
        discloses=discloses,
        raised=blank,
        noticed=np.zeros((n, MONTHS), dtype=bool),
    )
    if cuts is None:
        return lives
    true = np.stack(
        [
            np.searchsorted(cuts[i], group_scores(lives, g))
            for i, g in enumerate(codes.COMMUNITY_GROUPS)
        ]
    )
    return replace(lives, true=true)


def static_score(people: People, group: str) -> Floats:
    """The part of a group's score that comes from a person's traits and does not change."""
    weights = figures.TRAIT_WEIGHTS.value[group]
    score: Floats = sum(
        (weight * people.traits[name] for name, weight in weights.items()), np.zeros(len(people))
    )
    return score


def group_scores(lives: Lives, group: str) -> Floats:
    """The score of a group from which its true level is cut: (cases, months)."""
    static = static_score(lives.people, group) + lives.own[codes.COMMUNITY_GROUPS.index(group)]
    weights = figures.CIRCUMSTANCE_WEIGHTS.value[group]
    moving = sum(weight * lives.felt[name] for name, weight in weights.items())
    score: Floats = static[:, None] + moving
    return score


def find_cuts(pilot: Lives) -> Floats:
    """The cut-offs of each group's score at which the pilot's levels have the published shares.

    The shares of each group at medium and at high keep their published proportions; both are
    scaled until the share of people at that level in any group is the published one.
    """
    recorded_share = 1 - figures.OVERALL.value["not recorded"]
    overall = {name: share / recorded_share for name, share in figures.OVERALL.value.items()}
    community = pilot.sentences.on[:, -1] == 1
    pilot_scores = np.stack([group_scores(pilot, g)[community, -1] for g in codes.COMMUNITY_GROUPS])
    very = overall["VERY_HIGH"]
    top = overall["HIGH"] + very
    high = np.array([figures.GROUPS_AT_HIGH.value[g] for g in codes.COMMUNITY_GROUPS])
    medium = np.array([figures.GROUPS_AT_MEDIUM.value[g] for g in codes.COMMUNITY_GROUPS])
    still = np.array([STILL_MEDIUM[g] for g in codes.COMMUNITY_GROUPS])
    targets = (
        (overall["MEDIUM"] * medium + top * still, 1 - overall["LOW"]),
        (top * high, top),
        (very * high, very),
    )
    return np.stack([_cut_scores(pilot_scores, shares, total) for shares, total in targets], axis=1)


def _cut_scores(pilot_scores: Floats, shares: Floats, total: float) -> Floats:
    """One cut a group, so that the share of people above any of them is `total`."""

    def at(scale: float) -> Floats:
        pairs = zip(pilot_scores, np.minimum(scale * shares, 0.999), strict=True)
        return np.array([np.quantile(scores_, 1 - share) for scores_, share in pairs])

    low, high = 0.3, 2.0
    for _ in range(20):
        middle = (low + high) / 2
        reached = (pilot_scores > at(middle)[:, None]).any(axis=0).mean()
        low, high = (middle, high) if reached < total else (low, middle)
    return at(low)


def _draw_sentences(draw: Draw, people: People) -> Sentences:
    rng, n = draw.stream("sentences"), len(people)
    shares = np.array(list(figures.KINDS.value.values()))
    kind = np.searchsorted(np.cumsum(shares / shares.sum())[:-1], rng.random(n))
    length = rng.integers(300, 900, n)
    length = np.where(kind == LICENCE, rng.integers(180, 1100, n), length)
    length = np.where(kind == CUSTODY, rng.integers(60, 1400, n), length)
    start = np.minimum(np.maximum((length * rng.random(n)).astype(np.int64), 3), people.grown_up)
    prison = np.where(kind == LICENCE, 60 + rng.exponential(300, n).astype(np.int64), 0)
    prison = np.minimum(prison, np.maximum(people.grown_up - start, 1))
    jailed = np.where(kind == LICENCE, start + prison, np.where(kind == CUSTODY, start, 0))
    on = np.zeros((n, MONTHS), dtype=np.int64)
    since = FIRST_DAYS[None, :]
    on[(since < jailed[:, None]) & (since >= np.where(kind == LICENCE, start, 0)[:, None])] = 2
    on[(since < start[:, None]) & (kind != CUSTODY)[:, None]] = 1
    who, began, ended = _draw_earlier_orders(rng, np.maximum(start, jailed))
    adult = began <= people.grown_up[who]
    who, began, ended = who[adult], began[adult], ended[adult]
    during = (since < began[:, None]) & (since >= ended[:, None])
    whose, month = np.nonzero(during)
    on[who[whose], month] = np.maximum(on[who[whose], month], 1)
    return Sentences(kind, start, length, jailed, (who, began, ended), on)


def _draw_earlier_orders(rng: np.random.Generator, since: Ints) -> tuple[Ints, Ints, Ints]:
    """Earlier orders: most people have one that ended in the months before, many have two."""
    who, began, ended = [], [], []
    has, until = np.ones(len(since), dtype=bool), since
    for chance in (0.75, 0.6, 0.5):
        has = has & (rng.random(len(since)) < chance)
        stop = until + rng.exponential(100, len(since)).astype(np.int64) + 1
        begin = stop + rng.integers(250, 700, len(since))
        people = np.nonzero(has)[0]
        who.append(people)
        began.append(begin[people])
        ended.append(stop[people])
        until = begin
    return np.concatenate(who), np.concatenate(began), np.concatenate(ended)


def _draw_circumstances(draw: Draw, people: People, sentences: Sentences) -> dict[str, Flags]:
    rng = draw.stream("circumstances")
    inside = sentences.on == 2
    free = np.where(inside, 0.15, 1.0)
    just_out = _just_released(sentences)
    circumstances: dict[str, Flags] = {}
    for name, (begins, ends, trait, weight) in figures.CIRCUMSTANCES.value.items():
        drawn = people.traits[trait] + people.leaning.get(trait, 0.0)
        chance: Floats = begins * np.exp(weight * drawn - weight**2 / 2)
        monthly = np.minimum(chance[:, None] * free * np.where(just_out, 3.0, 1.0), 0.6)
        if name in ("partner", "child"):
            monthly = np.broadcast_to(chance[:, None], monthly.shape)
        circumstances[name] = _draw_chain(
            rng, monthly, np.where(inside & (name == "unsettled"), 0.9, ends)
        )
    alone = ~circumstances["partner"]
    circumstances["conflict"] = circumstances["conflict"] & ~(
        alone & (rng.random((len(people), 1)) < 0.6)
    )
    circumstances["released"] = just_out
    return circumstances


def _just_released(sentences: Sentences) -> Flags:
    months = figures.RELEASE_MONTHS.value
    out = np.zeros_like(sentences.on, dtype=bool)
    was_inside = sentences.on == 2
    for back in range(1, months + 1):
        out[:, back:] |= was_inside[:, :-back]
    is_released: Flags = out & (sentences.on == 1)
    return is_released


def _draw_chain(rng: np.random.Generator, begins: Floats, ends: Floats | float) -> Flags:
    """A state as a Markov chain with monthly chances of beginning and ending."""
    n = begins.shape[0]
    ends = np.broadcast_to(np.asarray(ends, dtype=float), begins.shape)
    state = np.zeros(begins.shape, dtype=bool)
    now = rng.random(n) < begins[:, 0] / (begins[:, 0] + ends[:, 0])
    for month in range(MONTHS):
        u = rng.random(n)
        now = np.where(now, u >= ends[:, month], u < begins[:, month])
        state[:, month] = now
    return state


def _fading_effect(states: Flags) -> Floats:
    felt = np.zeros(states.shape)
    now = states[:, 0].astype(float)
    for month in range(MONTHS):
        now = now + FADES * (states[:, month] - now)
        felt[:, month] = now
    return felt
