"""Who the made-up people are, and the hidden true level that moves with their circumstances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from features import codes
from features.synthetic.draw import MONTHS, Draw, Floats, Ints, fit

# Shares of the true level (low, medium, high, very high) by group: assumptions, chosen so that the
# overall recorded level comes near 23/47/25/1 per cent, as published figures suggest.
TRUE_SHARES: dict[str, tuple[float, ...]] = {
    "children": (0.66, 0.24, 0.098, 0.002),
    "public": (0.44, 0.42, 0.136, 0.004),
    "known_adult": (0.52, 0.33, 0.146, 0.004),
    "staff": (0.83, 0.13, 0.039, 0.001),
}
# How much each trait (violence, domestic abuse, children, chaos) weighs in each group's level.
WEIGHTS: dict[str, tuple[float, ...]] = {
    "children": (0.15, 0.45, 0.70, 0.20),
    "public": (0.75, 0.10, 0.00, 0.45),
    "known_adult": (0.35, 0.80, 0.00, 0.30),
    "staff": (0.70, 0.10, 0.00, 0.35),
}
RISES, FALLS = 0.40, 0.06
"""Shares of (case, group) above low that rose to their level, and below high that fell to it."""

PDUS: dict[str, tuple[str, str]] = {
    "N54ALD": ("N54", "Alderbrook"),
    "N54BRI": ("N54", "Brindle Vale"),
    "N58CAR": ("N58", "Carrow"),
    "N58DUN": ("N58", "Dunmere"),
    "N56EAS": ("N56", "Eastholme"),
    "N56FEN": ("N56", "Fennick"),
}
"""Made-up probation delivery units in real regions; the demo's SPOs work in the first two."""
TEAMS_A_PDU = 2


def _words(text: str) -> list[str]:
    return text.split()


GIVEN_MEN = _words(
    """
    Aaron Adil Alan Ben Callum Carl Craig Daniel Darren David Dean Dylan Ethan Farid Gareth Glen
    Hassan Ian Imran Jack Jamal James Jason Joel Karl Kieran Lee Leon Liam Marcus Mark Martin
    Nathan Neil Omar Owen Patrick Paul Peter Ravi Rhys Robert Ryan Sam Scott Sean Shaun Simon
    Stefan Steven Stuart Thomas Tony Tyrone Wayne William Yusuf Zak
    """
)
GIVEN_WOMEN = _words(
    """
    Abigail Aisha Amy Anita Becky Bronwen Carly Chloe Claire Donna Ellie Emma Faye Gemma Hannah
    Holly Jade Jasmine Jenna Jodie Karen Kelly Leanne Lisa Maria Megan Nadia Nicola Paula Priya
    Rachel Rosie Sadia Sarah Shannon Sophie Stacey Tanya Toni Zoe
    """
)
FAMILY = _words(
    """
    Abbott Acheampong Ahmed Allwood Ashby Bannister Barlow Begum Bexley Birch Bramall Brindley
    Calloway Carr Chaudhry Clough Cork Dacre Dalby Deakin Dobson Eccles Ellwood Farrow Fenwick
    Garside Gill Goddard Grantham Hallam Hargreaves Hussain Ibbotson Ingham Jagger Jolley Kaur
    Kelsall Khan Kitching Lomas Lowther Mabey Malik Marsden Nadeem Neville Oakes Okafor Osei
    Pargeter Patel Pickles Quayle Rafiq Redfern Rowntree Saxby Sheldon Sutcliffe Tanner Thwaite
    Uddin Underwood Varley Verity Wadsworth Whitlock Yates Yeadon
    """
)


@dataclass(frozen=True)
class Lives:
    """The made-up people: who they are, where they are supervised, and the hidden truth.

    `true` is (groups, cases, months) with levels 0 to 3; `traits` is (cases, 4); `start` is how
    many days before the as-of date the current order or licence began.
    """

    crns: pl.Series
    pdu: Ints
    team: Ints
    start: Ints
    traits: Floats
    true: Ints
    woman: Ints

    @property
    def cases(self) -> int:
        """How many people there are."""
        return len(self.crns)

    def level(self, group: str) -> Ints:
        """The true level of a group for each (case, month), 0 to 3."""
        found: Ints = self.true[codes.COMMUNITY_GROUPS.index(group)]
        return found

    def highest(self) -> Ints:
        """The highest true level over the groups, for each (case, month)."""
        found: Ints = self.true.max(axis=0)
        return found


def make(draw: Draw, cases: int) -> Lives:
    """Draw the people, their traits and the hidden true levels month by month."""
    rng = draw.stream("lives")
    numbers = rng.choice(1_000_000, size=cases, replace=False)
    letters = rng.choice(list("ABCDEFGHJKLMNPRSTVWXYZ"), size=cases)
    crns = pl.Series([f"{a}{n:06d}" for a, n in zip(letters, numbers, strict=True)])
    traits = rng.normal(size=(cases, 4))
    pdu = rng.integers(0, len(PDUS), cases)
    start = rng.integers(20, 980, cases)
    return Lives(
        crns=crns,
        pdu=pdu,
        team=pdu * TEAMS_A_PDU + rng.integers(0, TEAMS_A_PDU, cases),
        start=start,
        traits=traits,
        true=np.stack([_levels(rng, traits, group) for group in codes.COMMUNITY_GROUPS]),
        woman=(rng.random(cases) < 0.1).astype(np.int64),
    )


def _levels(rng: np.random.Generator, traits: Floats, group: str) -> Ints:
    cases = len(traits)
    score = traits @ np.array(WEIGHTS[group]) + 0.45 * rng.normal(size=cases)
    cuts = np.quantile(score, np.cumsum(TRUE_SHARES[group])[:-1])
    base = np.searchsorted(cuts, score)
    move = rng.random(cases)
    when = rng.integers(4, MONTHS, cases)
    after = np.arange(MONTHS)[None, :] >= when[:, None]
    # The level drawn is the one after the change: a rise began one lower, a fall one higher.
    step = np.where((move < RISES) & (base > 0), 1, 0) - np.where(
        (move > 1 - FALLS) & (base < 2), 1, 0
    )
    levels: Ints = (base[:, None] - (~after) * step[:, None]).astype(np.int64)
    return levels


def people(draw: Draw, lives: Lives) -> pl.DataFrame:
    """The people table: names for the pages, protected characteristics for audit alone."""
    rng = draw.stream("people")
    n = lives.cases
    given = np.where(lives.woman == 1, rng.choice(GIVEN_WOMEN, n), rng.choice(GIVEN_MEN, n))
    shares = [0.78, 0.08, 0.07, 0.04, 0.01, 0.02]
    groups = ["White", "Black", "Asian", "Mixed", "Other", "Not stated"]
    ethnicity = rng.choice(groups, n, p=shares)
    missing = rng.random(n) < 0.08
    religions = ["No religion", "Christian", "Muslim", "Other", "Not stated"]
    age_days = (rng.gamma(6.0, 3.2, n) + 18).clip(18, 80) * 365.25
    started = pl.Series(np.minimum(lives.start + 30, 1060))
    return fit(
        pl.DataFrame(
            {
                "record_id": [f"PER{i:08d}" for i in range(n)],
                "crn": lives.crns,
                "occurred_on": draw.day(started.to_numpy()),
                "recorded_at": draw.day(started.to_numpy()).cast(pl.Datetime("us")),
                "given_name": given,
                "family_name": rng.choice(FAMILY, n),
                "born_on": draw.day(age_days.astype(np.int64)),
                "sex": np.where(lives.woman == 1, "Female", "Male"),
                "ethnicity": pl.Series(ethnicity).scatter(np.nonzero(missing)[0], None),
                "religion": rng.choice(religions, n, p=[0.42, 0.27, 0.1, 0.06, 0.15]),
                "disability": rng.choice(["Yes", "No"], n, p=[0.35, 0.65]),
                "nationality": rng.choice(["British", "Other"], n, p=[0.9, 0.1]),
            }
        ),
        "people",
    )
