"""Writes the results of a benchmark: a page, the figures as JSON, probabilities as CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from models import metrics
from models.metrics import Figure
from training.benchmark import Result
from training.fairness import FIGURES, GroupLine
from training.one_fold import MODEL

WORDS = {
    "shown": "shown",
    "precision": "right of those shown",
    "missed": "missed of those with the outcome",
    "rate": "with the outcome",
    "calibration": "observed / expected",
}


def write_report(result: Result, out: Path) -> list[str]:
    """Write the files into a folder, which is made if needed; returns their names."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "benchmark.md").write_text("\n".join(_page_lines(result)), encoding="utf-8")
    (out / "benchmark.json").write_text(
        json.dumps(_figures_for_json(result), indent=1), encoding="utf-8"
    )
    names = ["benchmark.md", "benchmark.json", "cross-validated.csv"]
    about = result.about
    tested = pl.Series(result.tested)
    scores = {name: score for name, score in result.scores.items() if name == MODEL}
    pl.DataFrame({about.id: result.rows.ids, "probability": scores[MODEL]}).filter(
        tested
    ).write_csv(out / "cross-validated.csv")
    if result.predictions is not None:
        pl.DataFrame({about.id: result.test_ids, "probability": result.predictions}).write_csv(
            out / "predictions.csv"
        )
        names.append("predictions.csv")
    return names


def _page_lines(result: Result) -> Iterator[str]:
    about = result.about
    yield f"# {about.title}"
    yield ""
    yield about.caution
    yield ""
    yield (
        f"{len(result.rows):,} rows, {int(result.tested.sum()):,} of them judged by models that "
        f"had not seen them ({about.folds} folds). Brackets: 95 % intervals by resampling people."
    )
    yield from ["", "## Every model, all rows", ""]
    yield from _markdown_table(
        ("model", "AUC", "AUC, mean of folds", "Brier", "calibration error", "slope"),
        (
            (
                name,
                _figure_words(f["auc"]),
                f"{result.fold_auc[name]:.4f}",
                _figure_words(f["brier"]),
                _figure_words(f["expected_calibration_error"]),
                _figure_words(f["slope"]),
            )
            for name, f in result.overall.items()
        ),
    )
    yield ""
    yield (
        "The interval of the calibration error lies above the figure where it is small: resampling "
        "adds noise, and an absolute error only grows with it."
    )
    yield from ["", f"## By recorded level, the highest {about.review_rate:.0%} shown", ""]
    yield from _markdown_table(
        (
            "recorded",
            "model",
            "rows",
            "with the outcome",
            "right of those shown",
            "share found",
            "slope",
            "observed / expected",
            "the same among those shown",
        ),
        (
            (
                line.level,
                line.model,
                f"{line.rows:,}",
                f"{line.rate:.3f}",
                *(
                    _figure_words(line.figures[name], 3)
                    for name in (
                        "precision",
                        "share_found",
                        "slope",
                        "calibration",
                        "flagged_calibration",
                    )
                ),
            )
            for line in sorted(result.levels, key=lambda line: line.level)
        ),
    )
    yield from ["", f"## Calibration of the {MODEL}, ten equal parts", ""]
    yield from _markdown_table(
        ("predicted", "observed", "rows"),
        ((f"{p:.3f}", f"{o:.3f}", f"{n:,}") for p, o, n in result.reliability),
    )
    yield from ["", "## Who is shown, and who is missed", ""]
    yield from _group_table(result.audit)
    for way in result.parity:
        yield from ["", f"### {about.parity}: {way.way}", ""]
        yield f"Overall {way.precision:.3f} right of those shown, {way.share_found:.3f} found."
        yield ""
        yield from _group_table(way.lines)
    yield ""


def _group_table(lines: list[GroupLine]) -> Iterator[str]:
    yield from _markdown_table(
        ("characteristic", "group", "rows", *(WORDS[name] for name in FIGURES)),
        (
            (
                line.characteristic,
                line.group,
                "fewer than 10" if line.rows is None else f"{line.rows:,}",
                *(
                    "too few to tell" if figure is None else _figure_words(figure, 3)
                    for figure in line.figures.values()
                ),
            )
            for line in lines
        ),
    )


def _markdown_table(head: tuple[str, ...], rows: Any) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _figure_words(figure: Figure, places: int = 4) -> str:
    if figure.value != figure.value:
        return "cannot be told"
    low, high = f"{figure.low:.{places}f}", f"{figure.high:.{places}f}"
    return f"{figure.value:.{places}f} ({low} to {high})"


def _figures_for_json(result: Result) -> dict[str, Any]:
    """The figures as JSON; those that cannot be estimated are null."""
    figure_of = {
        "title": result.about.title,
        "description": asdict(result.about),
        "rows": len(result.rows),
        "judged": int(result.tested.sum()),
        "overall": {
            name: {key: asdict(figure) for key, figure in figures.items()}
            | {"auc_mean_of_folds": result.fold_auc[name]}
            for name, figures in result.overall.items()
        },
        "levels": [asdict(line) for line in result.levels],
        "groups": [asdict(line) for line in result.audit],
        "parity": [asdict(way) for way in result.parity],
        "reliability": result.reliability,
    }
    cleaned: dict[str, Any] = metrics.without_nan(figure_of)
    return cleaned
