"""Makes the links table: pairs of made-up people who share an address for some time."""

from __future__ import annotations

import numpy as np
import polars as pl

from features.synthetic.draw import Desk, Events, blank_where, draw_labels
from features.synthetic.lives import Lives

PAIRED = 0.04
"""The share of people who share an address with another of the caseload."""
CONCERNS = {"HIGH": 0.3, "VERY_HIGH": 0.1, "child_register": 0.15}
WITHOUT_CONCERN = 0.45
"""What is on record of the other: drawn without regard to anything else about either."""
STILL_TOGETHER = 0.6


def links_table(desk: Desk, lives: Lives) -> pl.DataFrame:
    """Make the links table of a bucket of made-up cases: both sides of each pair."""
    rng = desk.draw.stream("links")
    pairs = int(len(lives) * PAIRED / 2)
    people = rng.permutation(len(lives))[: 2 * pairs]
    one, other = people[:pairs], people[pairs:]
    who = np.concatenate([one, other])
    linked = np.concatenate([other, one])
    begun = np.tile(rng.integers(30, 900, pairs), 2)
    ended = np.tile(rng.random(pairs) >= STILL_TOGETHER, 2)
    concerns = draw_labels(rng, CONCERNS, 2 * pairs)
    end = desk.draw.day(np.maximum(begun // 2, 1))
    return desk.table_rows(
        "links",
        "LNK",
        Events(who, begun),
        np.minimum(begun, 7),
        kind=pl.lit("shared_address"),
        linked_crn=desk.crns.gather(linked),
        concern=blank_where(concerns, rng.random(2 * pairs) < WITHOUT_CONCERN),
        ended_on=blank_where(end, ~ended),
        disclosable=pl.lit(value=False),
    )
