"""make planted: how many nights until a change that is planted in one part of a caseload is seen.

Changes are made to the indicators of a quiet made-up caseload, night by night, and the shares of
people in whom each indicator fires are compared as after a real night: against the day of approval
and against a quarter before. It proves that the watch sees a change, and says nothing of any real
caseload. The five scenarios of the caseload itself are watched by `make nights`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.progress import track

from features import synthetic
from features.frame import build
from features.history import asof
from features.intake.load import load_extract
from features.store.protected_characteristics import characteristics_of
from features.store.store import Store
from models import profile
from models.firing_shares import FiringCounts, Shares
from serving.watch import moved
from serving.watch.figures import ACT, LOOK, Figure

AS_OF = date(2026, 11, 20)
CASES = int(os.environ.get("CASES", "3000"))
NIGHTS = int(os.environ.get("NIGHTS", "120"))
EVERY = int(os.environ.get("EVERY", "3"))
"""Every so-manyth night is watched."""
REGION = "N54"
QUIET = "quiet"
Change = Callable[[pl.DataFrame, int, pl.Expr], pl.DataFrame]
"""A frame, days since the change began, and which rows are of the region: the frame changed."""


def _drawn(name: str) -> pl.Expr:
    """A number in [0, 1) for each person and name, the same every night."""
    return (pl.col("crn") + name).hash(seed=5) / 2.0**64


def _set(name: str, value: float, where: pl.Expr) -> pl.Expr:
    return pl.when(where & pl.col(name).is_not_null()).then(value).otherwise(name).alias(name)


def absences_recoded(frame: pl.DataFrame, days: int, here: pl.Expr) -> pl.DataFrame:
    """Absences are recorded as acceptable; the window of 90 days fills with them."""
    excused = here & (_drawn("absence") < days / 90)
    return frame.with_columns(
        _set("attendance_rate_90d", 1.0, excused),
        _set("consecutive_unacceptable_absences", 0.0, here if days > 14 else excused),
    )


def assessments_copied(frame: pl.DataFrame, days: int, here: pl.Expr) -> pl.DataFrame:
    """Seven of ten assessments completed since repeat the one before."""
    since = (pl.col("as_of") - pl.col("assessed_on")).dt.total_days() < days
    copied = here & since & (_drawn("copied") < 0.7)
    return frame.with_columns(_set("assessment_copied_forward", 1.0, copied.fill_null(value=False)))


def incidents_creep(frame: pl.DataFrame, days: int, here: pl.Expr) -> pl.DataFrame:
    """Incidents concerning known adults rise by two in a hundred a week, everywhere."""
    _ = here
    name = "violence_incident_count"
    of_group = frame.filter(pl.col("group") == "known_adult")[name]
    share = float((of_group >= 1).mean() or 0.0)
    more = share * (1.02 ** (days / 7) - 1) / max(1 - share, 0.01)
    rising = (pl.col("group") == "known_adult") & (pl.col(name) < 1) & (_drawn("creep") < more)
    return frame.with_columns(_set(name, 1.0, rising))


def tests_not_recorded(frame: pl.DataFrame, days: int, here: pl.Expr) -> pl.DataFrame:
    """Refused and missed drug tests are no longer recorded; the window of 90 days empties."""
    gone = here & (_drawn("tests") < days / 90)
    return frame.with_columns(_set("drug_test_refused_or_missed", 0.0, gone))


def complaints_double(frame: pl.DataFrame, days: int, here: pl.Expr) -> pl.DataFrame:
    """Twice as many complaints are recorded; the window of 90 days fills with them."""
    name = "third_party_complaints"
    share = float((frame[name] >= 1).mean() or 0.0)
    more = here & (pl.col(name) < 1) & (_drawn("complaints") < share * min(1.0, days / 90))
    return frame.with_columns(_set(name, 1.0, more))


def enquiries_unanswered(frame: pl.DataFrame, days: int, here: pl.Expr) -> pl.DataFrame:
    """The police of one region answer no enquiry: each is overdue four weeks after its request."""
    late = here & (_drawn("enquiry") < max(0, days - 28) / 180)
    return frame.with_columns(_set("da_enquiry_overdue", 1.0, late))


def registers_unreviewed(frame: pl.DataFrame, days: int, here: pl.Expr) -> pl.DataFrame:
    """Registers are no longer reviewed: in two hundred days each is past its day."""
    late = here & (_drawn("register") < days / 200)
    return frame.with_columns(_set("register_review_overdue", 1.0, late))


PLANTED: dict[str, Change] = {
    "absences recoded as acceptable in one region": absences_recoded,
    "seven of ten assessments copied in one region": assessments_copied,
    "incidents of one group up 2 in 100 a week": incidents_creep,
    "drug tests no longer recorded in one region": tests_not_recorded,
    "complaints twice as many in one region": complaints_double,
    "enquiries not answered in one region": enquiries_unanswered,
    "registers not reviewed in one region": registers_unreviewed,
}


def unchanged(frame: pl.DataFrame, days: int, here: pl.Expr) -> pl.DataFrame:
    """The quiet caseload."""
    _ = days, here
    return frame


def night_shares(store: Store, changes: dict[str, Change], before: int) -> dict[str, Shares]:
    """The shares of a night, so many days before the last, with each of the changes planted.

    Part by part, so that a national caseload is never in memory as a whole.
    """
    cases = build.cases_under_supervision(store, AS_OF - timedelta(days=before))
    spine = cases.filter(~pl.col("limited")).select(asof.KEY)
    regions = profile.regions_of(store, spine)
    people = spine.select("crn").hstack(characteristics_of(store, spine))
    here = pl.col("crn").is_in([crn for crn, region in regions.items() if region == REGION])
    counts = {title: FiringCounts(regions, people) for title in changes}
    for _, frame in build.build_frames(store, spine):
        for title, change in changes.items():
            counts[title].add(change(frame, NIGHTS - before, here))
    return {title: one.shares for title, one in counts.items()}


def watch(shares: dict[int, Shares]) -> dict[int, list[Figure]]:
    """Both figures of every night: against the first, and against a quarter before."""
    first = shares[max(shares)]
    quarter = moved.QUARTER.days
    figures = {}
    for before, one in shares.items():
        of_night = [moved.moved_figure(first, one)]
        earlier = [night for night in shares if night >= before + quarter - EVERY]
        if earlier:
            of_night.append(moved.creeping_figure(shares[min(earlier)], one))
        figures[before] = of_night
    return figures


def main() -> None:
    """For each change: how many nights until a figure turns, which, and what it says."""
    say = sys.stdout.write
    with tempfile.TemporaryDirectory(prefix="rosh-planted-") as folder:
        at = Path(folder)
        parameters = synthetic.Parameters(CASES, 1, AS_OF)
        synthetic.synthesise_extract(parameters, at / "extract", at / "truth")
        load_extract(at / "extract", at / "store")
        store = Store.open(at / "store")
        say(f"{CASES:,} people, a night in {EVERY}, {NIGHTS} nights\n")
        changes = {QUIET: unchanged, **PLANTED}
        nights = {
            before: night_shares(store, changes, before)
            for before in track(range(NIGHTS, -1, -EVERY), "nights", console=Console(stderr=True))
        }
        quiet = watch({before: shares[QUIET] for before, shares in nights.items()})
        for name in ("moved", "creeping"):
            alarms = [o for of in quiet.values() for o in of if o.name == name]
            turned = [o.sentence for o in alarms if o.state in (LOOK, ACT)]
            say(f"  quiet, {name}: {len(turned)} of {len(alarms)} nights. {turned[:1]}\n")
        for title in PLANTED:
            planted = watch({before: shares[title] for before, shares in nights.items()})
            say(f"  {title}: {_first_seen(planted, quiet)}\n")


def _first_seen(figures: dict[int, list[Figure]], quiet: dict[int, list[Figure]]) -> str:
    """The first night on which a figure turns that is not turned, for the same words, when quiet."""
    for before in sorted(figures, reverse=True):
        usual = {o.name: o.sentence for o in quiet[before] if o.state in (LOOK, ACT)}
        for one in figures[before]:
            if one.state in (LOOK, ACT) and usual.get(one.name) != one.sentence:
                return f"after {NIGHTS - before} nights, {one.name} ({one.state}): {one.sentence}"
    return f"not in {NIGHTS} nights"


if __name__ == "__main__":
    main()
