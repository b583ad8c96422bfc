"""Pictures of a training run for the board: calibration, and what each review rate finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from models import metrics
from models.level import STRATA, stratum_of
from models.ordinal import Matrix
from training import labels, rates
from training.labels import Labelled

FEWEST = 50
PARTS = 5
BLUE, GREY, BLACK = "#1d70b8", "#505a5f", "#0b0c0c"


def draw(judged: Labelled, probability: Matrix, folder: Path) -> list[Path]:
    """Write reliability.png and review-rates.png into a folder; the paths."""
    made = {"reliability.png": _reliability(judged, probability),
            "review-rates.png": _review_rates(judged, probability)}  # fmt: skip
    for name, picture in made.items():
        picture.savefig(folder / name, dpi=120, metadata={"Software": "rosh-triage"})
    return [folder / name for name in made]


def _four(title: str) -> tuple[Picture, list[Axes]]:
    picture = Picture(figsize=(9, 7), layout="constrained")
    picture.suptitle(title)
    return picture, list(picture.subplots(2, 2).flat)


def _reliability(judged: Labelled, probability: Matrix) -> Picture:
    picture, axes = _four("Predicted and observed, newest period, five equal parts of each level")
    strata, higher = stratum_of(judged.frame).to_numpy(), labels.higher(judged) > 0
    for place, name in zip(axes, STRATA, strict=True):
        at = strata == name
        place.set_title(f"recorded {name.lower()}: {int(at.sum()):,} readings")
        if at.sum() < FEWEST or not higher[at].any():
            place.text(0.5, 0.5, "too few to tell", ha="center", transform=place.transAxes)
            continue
        parts = metrics.bins(probability[at], judged.weights[at], PARTS)
        points = [
            (np.average(probability[at][parts == p], weights=judged.weights[at][parts == p]),
             np.average(higher[at][parts == p], weights=judged.weights[at][parts == p]))
            for p in np.unique(parts)
        ]  # fmt: skip
        top = 1.1 * max(max(point) for point in points)
        place.plot([0, top], [0, top], color=GREY, linestyle=":")
        place.plot(*zip(*points, strict=True), "o-", color=BLUE)
        place.set_xlabel("predicted share put higher")
        place.set_ylabel("observed")
    return picture


def _review_rates(judged: Labelled, probability: Matrix) -> Picture:
    picture, axes = _four("What each review rate finds, newest period (95 % intervals)")
    curve = rates.curve(judged, probability)
    for place, name in zip(axes, STRATA, strict=True):
        own = [one for one in curve if one.recorded == name and one.found and one.right]
        place.set_title(f"recorded {name.lower()}")
        if not own:
            place.text(0.5, 0.5, "too few to tell", ha="center", transform=place.transAxes)
            continue
        shares = [100 * one.share for one in own]
        for words, colour, told in (
            ("found of those too low", BLUE, [one.found for one in own]),
            ("right of those shown", BLACK, [one.right for one in own]),
        ):
            known = [figure for figure in told if figure is not None]
            value, low, high = (
                [100 * getattr(figure, end) for figure in known] for end in ("value", "low", "high")
            )
            place.plot(shares, value, "o-", color=colour, label=words)
            place.fill_between(shares, low, high, color=colour, alpha=0.15)
        place.set_xlabel("per cent of the level shown")
        place.set_ylabel("per cent")
        place.legend(frameon=False)
    return picture
