"""Holds the inputs of a night: day, histories, cases, approval and model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import Engine

from features.local_runners import Runner
from features.store.store import Store
from models.bundle import Bundle
from serving.board.approvals import Approval
from serving.night.sampling import Key
from serving.night.shadow import Challenger
from serving.settings import Settings


@dataclass(frozen=True)
class Night:
    """The inputs of one nightly run, the same at each of its steps."""

    settings: Settings
    engine: Engine
    store: Store
    as_of: date
    cases: pl.DataFrame
    """Every case under supervision, and whether its access is limited."""
    approval: Approval
    model: Bundle
    challengers: Sequence[Challenger]
    """Proposals that wait to be signed; they reach no queue."""
    runner: Runner
    """Who works the parts of the caseload."""
    step: Callable[[str], None]
    """Shows the current step of the night."""

    @property
    def run_id(self) -> str:
        """The identity of the run; equal day, approval and load give the same run."""
        load = self.store.loads[-1].number
        return f"{self.as_of}-{self.approval.bundle_id[:8]}-{self.approval.id}-{load}"

    @property
    def draw_key(self) -> Key:
        """The key for the random draws of the run."""
        return Key(self.settings.draw_secret, self.run_id)

    def as_row(self) -> dict[str, Any]:
        """The columns of the run's database row that name its inputs."""
        return {
            "id": self.run_id,
            "as_of": self.as_of,
            "approval_id": self.approval.id,
            "bundle_id": self.approval.bundle_id,
            "store_load": self.store.loads[-1].number,
            "store_fingerprint": self.store.fingerprint,
            "made_up": self.store.made_up,
        }
