"""make nights: which watched figure turns on which night, and how often a quiet caseload alarms.

Made-up caseloads with one planted fault each, watched night by night against a profile made before
the fault began; the model is that of the newest demo (make demo first). It proves that the watch
sees what was planted, and says nothing of any real caseload.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from features import synthetic
from features.errors import MissingInput
from features.frame.build import cases_under_supervision
from features.intake.load import load_extract
from features.local_runners import process_pool_runner
from features.store.store import Store
from models import bundle, profile
from models.bundle import Bundle
from models.profile import Profile
from serving.night import sampling, score_caseload
from serving.night.sampling import Key
from serving.night.score_caseload import ScoredCaseload
from serving.watch import arrivals, equality, figures, moved, population
from serving.watch.figures import ACT, GREEN, LOOK, Figure

AS_OF = date(2026, 11, 20)
CASES = int(os.environ.get("CASES", "3000"))
RATES = {"low": 12, "medium": 15, "high": 9, "unknown": 6}
QUIET = range(59, -1, -1)
LARGE = {"over-policing": 12_000}
"""What a fault needs to be seen among a smaller group of people."""
FAULTS: dict[str, tuple[int, tuple[int, ...]]] = {
    # the profile so many days before the as-of date, and the nights watched
    "feed-outage": (40, tuple(range(30, -1, -1))),
    "late-recording": (200, (190, 180, 175, 170, 165, 160, 150, 120, 90, 60, 30, 0)),
    "policy-change": (200, (130, 121, 120, 119, 115, 110, 100, 90, 60, 30, 0)),
    "over-policing": (60, (30, 0)),
    "inflation": (290, (280, 260, 240, 220, 200, 180, 150, 120, 90, 60, 30, 0)),
}


def watched(store: Store, model: Bundle, usual: Profile, day: date) -> list[Figure]:
    """What the watch says of a night, without any reader."""
    on = cases_under_supervision(store, day)
    own = replace(model, about=model.about | {"profile": usual.as_json()})
    with process_pool_runner() as runner:
        scored_caseload = score_caseload.score_caseload(store, on, own, day, lambda _: None, runner)
    return [
        *arrivals.arrival_figures(store, usual, scored_caseload.week, day),
        arrivals.last_day(store, scored_caseload.days, day),
        *population.population_figures(usual, scored_caseload.counts),
        moved.moved_figure(usual.shares, scored_caseload.shares),
        _flagged(scored_caseload),
        equality.recording_gap(scored_caseload.people, scored_caseload.watched),
    ]


def _flagged(scored_caseload: ScoredCaseload) -> Figure:
    """Who would be flagged in ten such weeks, by group of people."""
    rates = {level: 10 * rate for level, rate in RATES.items()}
    chosen = sampling.sample_cases(
        scored_caseload.scores, scored_caseload.units, rates, 0.01, {}, (), Key("nights", "one")
    )
    crns = {one.crn for one in chosen if one.drawn_as == "flagged"}
    parts = equality._flag_parts(scored_caseload.people, crns)
    return figures.worst_part("flagged_gap", parts, "{where}: {n}.", "nobody was flagged.")


def scenario(
    name: str, model: Bundle, back: int, nights: Iterable[int]
) -> list[tuple[int, Figure]]:
    """Every figure of every night, with how many days before the as-of date it was."""
    with tempfile.TemporaryDirectory(prefix="rosh-nights-") as folder:
        at = Path(folder)
        parameters = synthetic.Parameters(LARGE.get(name, CASES), 1, AS_OF, scenario=name)
        synthetic.synthesise_extract(parameters, at / "extract", at / "truth")
        load_extract(at / "extract", at / "store")
        store = Store.open(at / "store")
        usual = profile.make_profile(store, model, AS_OF - timedelta(days=back))
        return [
            (night, one)
            for night in nights
            for one in watched(store, model, usual, AS_OF - timedelta(days=night))
        ]


def main() -> None:
    """A table a scenario: figure, state, first night, how many nights."""
    current = Path("var/demo/current")
    if not current.exists():
        raise MissingInput("There is no demo, so there is no model. Run: make demo")
    bundles = Path(current.read_text(encoding="utf-8").strip()) / "bundles"
    model = bundle.load_bundle(max(bundles.glob("*/bundle.json")).parent)
    say = sys.stdout.write
    for name, (back, nights) in {"none": (60, tuple(QUIET)), **FAULTS}.items():
        figures = scenario(name, model, back, nights)
        rows = pl.DataFrame(
            [
                {"figure": o.name, "state": o.state, "night": n, "said": o.sentence}
                for n, o in figures
            ],
            schema={"figure": pl.String, "state": pl.String, "night": pl.Int64, "said": pl.String},
        )
        say(f"\n{name}: {len(nights)} nights against a profile of {back} days before the last\n")
        alarms = rows.filter(pl.col("state").is_in([LOOK, ACT]))
        for (figure, state), part in alarms.group_by("figure", "state", maintain_order=True):
            first = part.row(0, named=True)
            say(
                f"  {figure:16}{state:6} first {first['night']:>4} days before the end, on "
                f"{part.height} nights. {first['said']}\n"
            )
        green = int((rows["state"] == GREEN).sum())
        untold = len(rows) - len(alarms) - green
        say(
            f"  {len(rows)} figures in all: {len(alarms)} to look at or act on, {green} green, "
            f"{untold} that could not be told\n"
        )
        dark = (
            rows.group_by("figure").agg((pl.col("state") == GREEN).any()).filter(~pl.col("state"))
        )
        if name == "none" and dark.height:
            say(f"  never green: {', '.join(sorted(dark['figure']))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
