"""Draws pictures of a training run for the board: calibration, review rates, SHAP values."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import polars as pl
import shap
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from features.indicators.titles import title_of
from models import metrics
from models.bundle import Bundle
from models.inputs import Matrix, community_rows
from models.strata import STRATA, stratum_of
from training import labels, rates
from training.labels import Labelled

DRAWN = 2000
FEWEST = 50
PARTS = 5
mpl.use("Agg")  # SHAP draws with pyplot, which would look for a screen
BLUE, GREY, BLACK = "#1d70b8", "#505a5f", "#0b0c0c"


def draw_figures(judged: Labelled, probability: Matrix, folder: Path) -> list[Path]:
    """Write reliability.png and review-rates.png into a folder; returns the paths."""
    pictures = {
        "reliability.png": _draw_reliability(judged, probability),
        "review-rates.png": _review_rates(judged, probability),
    }
    for name, picture in pictures.items():
        save_picture(picture, folder / name)
    return [folder / name for name in pictures]


def draw_explanations(model: Bundle, frame: pl.DataFrame, folder: Path) -> list[Path]:
    """Write beeswarm.png and dependence.png with the SHAP values of the whole score.

    Both stages: what each indicator adds to the calibrated log-odds, against the usual; at most
    `DRAWN` rows whose recorded level can be too low.
    """
    rows = community_rows(frame)
    frame = rows.filter(stratum_of(rows).is_in(STRATA))[:DRAWN]
    explanation = _explain_score(model, frame)
    pictures = {
        "beeswarm.png": _draw_beeswarm(explanation),
        "dependence.png": _draw_dependence(explanation),
    }
    for name, picture in pictures.items():
        save_picture(picture, folder / name)
        plt.close(picture)
    return [folder / name for name in pictures]


def save_picture(picture: Picture, path: Path) -> None:
    """Write a picture as PNG; the same picture gives the same bytes."""
    picture.savefig(path, dpi=110, metadata={"Software": "rosh-triage"})


def _explain_score(model: Bundle, frame: pl.DataFrame) -> shap.Explanation:
    strata = stratum_of(frame)
    values, data, base = [], [], []
    for name in STRATA:
        rows = frame.filter(strata == name)
        if rows.is_empty():
            continue
        parts, _ = model.contributions(rows, name)
        values.append(parts[:, :-1])
        base.append(parts[:, -1])
        data.append(rows.select(pl.col(list(model.scored)).cast(pl.Float64)).to_numpy())
    return shap.Explanation(
        values=np.vstack(values),
        base_values=np.concatenate(base),
        data=np.vstack(data),
        feature_names=[title_of(name) for name in model.scored],
    )


def _draw_beeswarm(explanation: shap.Explanation) -> Picture:
    picture = plt.figure(layout="constrained")
    axes = shap.plots.beeswarm(
        explanation,
        max_display=20,
        show=False,
        plot_size=(11, 8),
        color_bar_label="Value of the indicator",
    )
    axes.set_xlabel("lowers the likelihood          raises the likelihood (log-odds)")
    names = [label.get_text() for label in axes.get_yticklabels()]
    axes.set_yticks(axes.get_yticks(), [_in_our_words(name) for name in names])
    picture.suptitle("What moves the score: a dot for each person and risk group")
    return picture


def _in_our_words(name: str) -> str:
    """The name of a row; SHAP calls the last one "Sum of 82 other features"."""
    return name.replace("Sum of", "All").replace("features", "indicators together")


def _draw_dependence(explanation: shap.Explanation) -> Picture:
    own = explanation
    order = np.argsort(-np.abs(own.values).mean(axis=0))[:4]
    picture, axes = _four_panels("The four indicators that move the score most")
    for place, column in zip(axes, order, strict=True):
        values = own.data[:, column]
        place.scatter(values, own.values[:, column], s=8, color=BLUE, alpha=0.4)
        place.axhline(0, color=GREY, linestyle=":")
        place.set_xlabel(own.feature_names[column])
        place.set_ylabel("moves the log-odds by")
    return picture


def _four_panels(title: str) -> tuple[Picture, list[Axes]]:
    picture = Picture(figsize=(9, 7), layout="constrained")
    picture.suptitle(title)
    return picture, list(picture.subplots(2, 2).flat)


def _draw_reliability(judged: Labelled, probability: Matrix) -> Picture:
    picture, axes = _four_panels(
        "Predicted and observed, newest period, five equal parts of each level"
    )
    strata, higher = stratum_of(judged.frame).to_numpy(), labels.read_higher(judged) > 0
    for place, name in zip(axes, STRATA, strict=True):
        at = strata == name
        place.set_title(f"recorded {name.lower()}: {int(at.sum()):,} readings")
        if at.sum() < FEWEST or not higher[at].any():
            place.text(0.5, 0.5, "too few to tell", ha="center", transform=place.transAxes)
            continue
        parts = metrics.equal_weight_bins(probability[at], judged.weights[at], PARTS)
        points = [
            (
                np.average(probability[at][parts == p], weights=judged.weights[at][parts == p]),
                np.average(higher[at][parts == p], weights=judged.weights[at][parts == p]),
            )
            for p in np.unique(parts)
        ]
        top = 1.1 * max(max(point) for point in points)
        place.plot([0, top], [0, top], color=GREY, linestyle=":")
        place.plot(*zip(*points, strict=True), "o-", color=BLUE)
        place.set_xlabel("predicted share put higher")
        place.set_ylabel("observed")
    return picture


def _review_rates(judged: Labelled, probability: Matrix) -> Picture:
    picture, axes = _four_panels("What each review rate finds, newest period (95 % intervals)")
    curve = rates.rate_curve(judged, probability)
    for place, name in zip(axes, STRATA, strict=True):
        own = [one for one in curve if one.recorded == name and one.share_found and one.precision]
        place.set_title(f"recorded {name.lower()}")
        if not own:
            place.text(0.5, 0.5, "too few to tell", ha="center", transform=place.transAxes)
            continue
        shares = [100 * one.share for one in own]
        for words, colour, figures in (
            ("found of those too low", BLUE, [one.share_found for one in own]),
            ("right of those shown", BLACK, [one.precision for one in own]),
        ):
            measurable = [figure for figure in figures if figure is not None]
            value, low, high = (
                [100 * getattr(figure, end) for figure in measurable]
                for end in ("value", "low", "high")
            )
            place.plot(shares, value, "o-", color=colour, label=words)
            place.fill_between(shares, low, high, color=colour, alpha=0.15)
        place.set_xlabel("per cent of the level shown")
        place.set_ylabel("per cent")
        place.legend(frameon=False)
    return picture
