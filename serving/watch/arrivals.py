"""The feed: what reached us this week beside what is usual, how late, refused, or not at all."""

from __future__ import annotations

from datetime import date

from features.store import Load, Store
from features.supply import Supplied
from models.profile import SUPPLY_DAYS, Profile
from serving.watch.figures import (
    TOO_FEW,
    Figure,
    Part,
    counted,
    not_known,
    part_share,
    state_of,
    worst,
)

WEEKS = SUPPLY_DAYS / 7
FEWEST_TO_STOP = 20
"""None at all where so many rows were usual is no chance, in however small a table."""
FEWEST_ROWS = 50
"""A week that usually brings fewer rows of a table and region is too few to tell."""
MISSING = "the model came without a record of what is usual."


def figures(store: Store, profile: Profile | None, week: Supplied, as_of: date) -> list[Figure]:
    """What reached us in the week up to a day, by table and region."""
    loaded = [_refused("refused", store.loads[-1]), _refused("unknown_codes", store.loads[-1])]
    stopped = _stopped(store, profile, as_of)
    if profile is None:
        names = ("rows_few", "rows_many", "late")
        return [*(not_known(name, MISSING) for name in names), *loaded, stopped]
    return [
        worst("rows_few", _rows("rows_few", profile.supplied, week),
              "This week brought {n} of what is usual of {where}.", MISSING),
        worst("rows_many", _rows("rows_many", profile.supplied, week),
              "This week brought {n} of what is usual of {where}.", MISSING),
        worst("late", _late(profile.supplied, week),
              "Of 100 entries, {n} more than usual came over a week late: {where}.", MISSING),
        *loaded, stopped,
    ]  # fmt: skip


def _rows(name: str, usual: Supplied, week: Supplied) -> list[Part]:
    """By table and region, and by table alone: a small table can stop everywhere at once."""
    found = []
    for table, regions in usual.items():
        counts = {
            f"{table} in {region}": (rows / WEEKS, week.get(table, {}).get(region, (0, 0))[0])
            for region, (rows, _) in regions.items()
        }
        counts[f"{table} everywhere"] = (
            sum(rows for rows, _ in regions.values()) / WEEKS,
            sum(rows for rows, _ in week.get(table, {}).values()),
        )
        for label, (expected, got) in counts.items():
            if expected < FEWEST_ROWS and (got or expected < FEWEST_TO_STOP):
                found.append(Part(label, None, None, None, got, TOO_FEW))
                continue
            half = 2.576 * max(got, 1) ** 0.5 / expected
            ratio = got / expected
            low, high = max(0.0, ratio - half), ratio + half
            # By the near end of a 99 % interval: many tables and regions are looked at at once.
            state = state_of(name, low if name == "rows_many" else high if got else 0.0)
            found.append(Part(label, ratio, low, high, got, state))
    return found


def _late(usual: Supplied, week: Supplied) -> list[Part]:
    """By region, over all tables: how many more of the entries came late than usually do."""
    found = []
    for region in sorted({region for by in usual.values() for region in by}):
        then, now = _sum(usual, region), _sum(week, region)
        if min(then[0], now[0]) < FEWEST_ROWS:
            found.append(Part(region, None, None, None, now[0], TOO_FEW))
            continue
        more = max(0.0, now[1] / now[0] - then[1] / then[0])
        found.append(Part(region, more, None, None, now[0], state_of("late", more)))
    return found


def _sum(told: Supplied, region: str) -> tuple[int, int]:
    parts = [by.get(region, (0, 0)) for by in told.values()]
    return sum(rows for rows, _ in parts), sum(late for _, late in parts)


def _refused(name: str, load: Load) -> Figure:
    parts = [
        part_share(name, table, int(told.get(name, 0)), int(told["read"]))
        for table, told in load.tables.items()
    ]
    words = {"refused": "Of 100 rows of {where} in the newest load, {n} were refused.",
             "unknown_codes": "Of 100 rows of {where}, {n} have a code never seen."}  # fmt: skip
    return worst(name, parts, words[name], "there has been no load.")


def _stopped(store: Store, profile: Profile | None, as_of: date) -> Figure:
    """Tables that were supplied when the model was approved and are not now."""
    if profile is None:
        return not_known("feeds_gone", MISSING)
    known = set(profile.supplied)
    gone = sorted(
        name for name, state in store.feed_states(as_of).items()
        if name in known and state != "supplied"
    )  # fmt: skip
    words = "{n} of {of} tables have stopped" + (f": {', '.join(gone)}." if gone else ".")
    return counted("feeds_gone", len(gone), len(known), words)
