"""Makes the offences table: offences that say nothing of how dangerous somebody is."""

from __future__ import annotations

import numpy as np
import polars as pl

from features.synthetic.draw import Desk, Events, Floats, Ints, pick_labels
from features.synthetic.lives import Lives

OFFENCES = {
    "04600": ("Stealing from shops and stalls", 0.32),
    "03000": ("Burglary in a building other than a dwelling", 0.14),
    "05333": ("Fraud by false representation", 0.12),
    "09225": ("Production of cannabis", 0.12),
    "80301": ("Driving while disqualified", 0.18),
    "14900": ("Criminal damage up to 5,000 pounds", 0.12),
}
"""Home Office class, words and share. Drawn without regard to anything else about the person."""
ADDITIONAL = 0.35
"""The share of sentences with an additional offence."""


def offences_table(desk: Desk, lives: Lives) -> pl.DataFrame:
    """Make the offences table of a bucket of made-up cases: one or two a current sentence."""
    rng = desk.draw.stream("offences")
    everyone = np.arange(len(lives))
    some = everyone[rng.random(len(lives)) < ADDITIONAL]
    return pl.concat(
        [
            _offence_rows(desk, rng, "OFM", everyone, lives.sentences.start, main=True),
            _offence_rows(desk, rng, "OFA", some, lives.sentences.start, main=False),
        ]
    )


def _offence_rows(
    desk: Desk, rng: np.random.Generator, prefix: str, who: Ints, start: Ints, *, main: bool
) -> pl.DataFrame:
    """Offences committed some months before the sentence, and recorded at it."""
    waited = rng.integers(20, 400, len(who))
    shares: Floats = np.array([share for _, share in OFFENCES.values()])
    drawn = rng.choice(len(OFFENCES), len(who), p=shares / shares.sum())
    return desk.table_rows(
        "offences",
        prefix,
        Events(who, start[who] + waited),
        waited,
        main=pl.lit(main),
        code=pick_labels(list(OFFENCES), drawn),
        description=pick_labels([words for words, _ in OFFENCES.values()], drawn),
        count=rng.integers(1, 4, len(who)),
    )
