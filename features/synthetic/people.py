"""Makes the people: a case reference number (CRN), traits and characteristics, no names.

No names: a made-up person is a case reference number (CRN).

CRNs follow the real pattern, one letter and six digits; the letter Z marks them as made up.
Protected characteristics are used only for the audit, and to mix circumstances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from features.synthetic import figures
from features.synthetic.draw import (
    Draw,
    Flags,
    Floats,
    Ints,
    blank_where,
    draw_labels,
    fit_contract,
)
from features.synthetic.figures import Figure

MADE_UP = "Z"
TRAITS = ("violence", "abuse", "family", "chaos", "illness")
_BANDS = {
    "18-20": (18, 21),
    "21-24": (21, 25),
    "25-29": (25, 30),
    "30-39": (30, 40),
    "40-49": (40, 50),
    "50-59": (50, 60),
    "60+": (60, 82),
}


@dataclass(frozen=True)
class People:
    """The people of a bucket: their traits and their protected characteristics.

    `leaning` adds to a trait where it brings circumstances on, and nowhere else.
    """

    crns: pl.Series
    traits: dict[str, Floats]
    leaning: dict[str, Floats]
    age: Floats
    woman: Flags
    disabled: Flags
    ethnicity: pl.Series

    def __len__(self) -> int:
        return len(self.crns)

    @property
    def grown_up(self) -> Ints:
        """How many days ago each person turned eighteen; no sentence begins earlier."""
        days: Ints = ((self.age - 18) * 365.25).astype(np.int64)
        return np.maximum(days, 5)


def make_people(draw: Draw, cases: int, buckets: int) -> People:
    """Draw the people of a bucket; their CRNs have the bucket as number modulo the buckets."""
    rng = draw.stream("people")
    numbers = rng.choice(1_000_000 // buckets, size=cases, replace=False) * buckets
    crns = pl.Series(numbers + max(draw.bucket, 0)).cast(pl.String()).str.zfill(6)
    bands = draw_labels(rng, _figure_shares(figures.AGES), cases)
    low = bands.replace_strict({k: v[0] for k, v in _BANDS.items()}).to_numpy()
    high = bands.replace_strict({k: v[1] for k, v in _BANDS.items()}).to_numpy()
    age = low + (high - low) * rng.random(cases)
    woman = rng.random(cases) < figures.WOMEN.value
    disabled = rng.random(cases) < figures.DISABILITY.value
    traits: dict[str, Floats] = {name: rng.normal(size=cases) for name in TRAITS}
    # The mix of circumstances, and nothing else, differs with who someone is.
    leaning: dict[str, Floats] = {
        "illness": 0.5 * disabled + 0.3 * woman,
        "chaos": 0.3 * (age < 25) - 0.3 * (age >= 50),
    }
    ethnicity = draw_labels(rng, _figure_shares(figures.ETHNICITY), cases)
    return People(
        crns=MADE_UP + crns,
        traits=traits,
        leaning=leaning,
        age=age,
        woman=woman,
        disabled=disabled,
        ethnicity=ethnicity,
    )


def people_table(draw: Draw, people: People, started: Ints) -> pl.DataFrame:
    """Make the people table of a bucket of made-up cases: no names, some values missing."""
    rng = draw.stream("characteristics")
    n = len(people)
    missing = figures.ETHNICITY_MISSING.value
    since = draw.day(started)
    disability = np.where(people.disabled, "Yes", "No")
    needs = rng.random(n) < figures.INTERPRETER.value
    frame = pl.DataFrame(
        {
            "record_id": f"PER{draw.bucket:03d}"
            + pl.int_range(n, eager=True).cast(pl.String()).str.zfill(6),
            "crn": people.crns,
            "occurred_on": since,
            "recorded_at": since.cast(pl.Datetime("us")),
            "born_on": draw.day((people.age * 365.25).astype(np.int64)),
            "sex": pl.Series(np.where(people.woman, "Female", "Male").tolist()),
            "ethnicity": blank_where(people.ethnicity, rng.random(n) < missing),
            "religion": blank_where(
                draw_labels(rng, _figure_shares(figures.RELIGION), n), rng.random(n) < missing
            ),
            "disability": blank_where(
                pl.Series(disability.tolist()), rng.random(n) < figures.DISABILITY_MISSING.value
            ),
            "nationality": draw_labels(rng, {"British": 0.9, "Other": 0.1}, n),
            "interpreter_language": blank_where(
                draw_labels(rng, {"Polish": 3.0, "Romanian": 3.0, "Urdu": 2.0, "Kurdish": 1.0}, n),
                ~needs,
            ),
        }
    )
    return fit_contract(frame, "people")


def _figure_shares(figure: Figure[dict[str, int]]) -> dict[str, float]:
    return {name: float(share) for name, share in figure.value.items()}
