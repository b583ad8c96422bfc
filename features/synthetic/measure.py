"""Opens a made-up extract together with its hidden truth, to measure it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from features.contracts import codes
from features.errors import MissingInput
from features.history.recorded_levels import CURRENT_FOR_DAYS
from features.synthetic.bucket import TRUE_LEVELS
from features.synthetic.draw import MONTH, MONTHS
from features.synthetic.figures import Figure

GROUPS = codes.COMMUNITY_GROUPS


@dataclass(frozen=True)
class Line:
    """One target beside the generated value; `slack` is the permitted difference."""

    name: str
    target: tuple[float, float]
    generated: float
    slack: float
    figure: Figure[object]
    unit: str = "share"

    @property
    def holds(self) -> bool:
        """Whether the generated value lies in the target range, plus or minus the slack."""
        low, high = self.target
        return low - self.slack <= self.generated <= high + self.slack


@dataclass
class Extract:
    """A made-up extract, opened with the true levels from which it was made."""

    folder: Path
    truth: Path
    as_of: date
    about: dict[str, object]
    _current: pl.DataFrame | None = field(default=None, repr=False)

    @classmethod
    def open(cls, folder: Path, truth: Path) -> Extract:
        """Open a made-up extract; MissingInput where it or its truth is missing."""
        about = folder / "extract.json"
        for path in (about, truth / TRUE_LEVELS):
            if not path.exists():
                raise MissingInput(
                    f"There is no {path}. Make one with: python -m features synthesise "
                    f"--out {folder} --truth {truth}"
                )
        content = json.loads(about.read_text(encoding="utf-8"))
        return cls(folder, truth, date.fromisoformat(content["parameters"]["as_of"]), content)

    def scan(self, table: str) -> pl.LazyFrame:
        """The rows of a table of the extract, as a lazy frame."""
        return pl.scan_parquet(self.folder / table / "*.parquet")

    def current_people(self) -> pl.DataFrame:
        """People with a sentence in force: crn, kind, provider, suspended, recorded levels."""
        if self._current is None:
            supervisions = self.scan("supervisions").filter(
                pl.col("ended_on").is_null(), pl.col("kind") != "approved_premises"
            )
            columns = ["crn", "kind", "provider_code", "occurred_on", "suspended_from"]
            levels = self.levels(self.as_of)
            self._current = (
                supervisions.select(columns).collect().join(levels, on="crn", how="left")
            )
        return self._current

    def community_people(self) -> pl.DataFrame:
        """The made-up people with a sentence in force who are in the community."""
        return self.current_people().filter(pl.col("kind") != "custody")

    def levels(self, on: date) -> pl.DataFrame:
        """The recorded level of each case and group on a day (0 to 3), and the highest of them."""
        columns = [f"{group}_community" for group in GROUPS]
        since = pl.lit(on) - pl.col("completed_on")
        rank = {level: i for i, level in enumerate(codes.LEVEL_ORDER)}
        newest = (
            self.scan("assessments")
            .filter(
                pl.col("status") == "COMPLETE",
                since.dt.total_days().is_between(0, CURRENT_FOR_DAYS),
            )
            .select("crn", "completed_on", *columns)
            .collect()
            .sort("completed_on")
            .unique("crn", keep="last")
        )
        ranked = [
            pl.col(f"{g}_community").replace_strict(rank, return_dtype=pl.Int64).alias(g)
            for g in GROUPS
        ]
        return newest.select("crn", *ranked).with_columns(overall=pl.max_horizontal(GROUPS))

    def true_levels(self, days_ago: int = 0) -> pl.DataFrame:
        """The hidden true level of each (case, group) so many days before the as-of date."""
        rows = pl.read_parquet(self.truth / TRUE_LEVELS / "*.parquet")
        month = MONTHS - 1 - days_ago // MONTH
        return rows.select("crn", "group", level=pl.col("level").arr.get(month).cast(pl.Int64))

    @property
    def case_count(self) -> int:
        """How many people the made-up extract has."""
        return self.current_people().height
