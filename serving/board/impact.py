"""Estimates what signing a proposal would mean: reviews, hours, people rightly and wrongly shown.

From the evidence that training put beside the bundle; where it is missing, or too little to tell,
the page says so; no figure is invented.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from markupsafe import Markup
from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection, func, select

from features.contracts.codes import COMMUNITY_GROUPS, LEVEL_ORDER
from features.errors import MissingInput, UnreadableInput, UserError
from features.store import digests, working_copy
from models.bundle import Bundle
from models.profile import Profile, all_regions, level_name
from serving.board import approvals, card
from serving.board.approvals import Approval
from serving.db.tables import users

MINUTES = 8
"""A review takes so long, as the capacity of readers was reckoned."""
WEEKS = approvals.VALID_FOR.days / 7
"""An approval lasts as long as a concluded case is not drawn again (serving/night/cool_down.py): in
that time each review is of another person.
"""
ORDER = ("low", "medium", "high", "unknown")
EVIDENCE = "evidence.json"
Span = tuple[float, float, float]
"""A figure with its 95 % interval."""


class Measured(BaseModel):
    """A measured figure from a model's evidence, with its 95 % interval."""

    value: float
    low: float
    high: float


class Rate(BaseModel):
    """Precision and recall at one review rate of a recorded level; None where too few readings."""

    recorded: str
    share: float
    precision: Measured | None
    share_found: Measured | None


class GateLine(BaseModel):
    """What readings held out show of the model at one recorded level, and why it does not pass.

    `outcome` is one of `training.gate.Outcome`: the files of training are read, not its code.
    """

    recorded: str
    outcome: Literal["passes", "too few readings", "fails"]
    why_not: list[str]


class Evidence(BaseModel):
    """What the approval page uses of the evidence stored with a bundle by training."""

    rates: list[Rate]
    gate: list[GateLine] = []


@dataclass(frozen=True)
class AtLevel:
    """One recorded level: its reviews a week and their expected results; None where too few."""

    level: str
    rate: int
    proposed: float | None
    """The share of rows that would be read while the approval lasts."""
    share: float | None
    """The share of rows (a person and a group) at which it was measured: the nearest one."""
    wrong_of_ten: Span | None
    missed_of_hundred: Span | None
    """Of 100 people not shown, how many have a level that a reader would put higher."""


@dataclass(frozen=True)
class Impact:
    """What the board can expect of a proposal: reviews and their results by recorded level."""

    reviews: int
    random: int
    hours: int
    an_spo: float | None
    """Reviews a week for each SPO; None where no SPO is entered."""
    levels: list[AtLevel]
    not_passed: list[GateLine]
    """The recorded levels that do not pass what is asked of a model, or had too few readings."""
    made_up: bool
    prior_alone: bool
    """Whether it ranks by published findings alone, and no reading taught it anything."""
    why_not: str
    """The reason why accuracy is not known, or an empty text."""


def describe_impact(connection: Connection, approval: Approval, bundles: Path) -> Impact:
    """Estimate what signing a proposal would mean: reviews, hours, levels found too low."""
    flagged = sum(approval.weekly_reviews.values())
    total = flagged / (1 - approval.random_share)
    spos = select(func.count()).where(users.c.role == "spo", users.c.ended_at.is_(None))
    count = int(connection.execute(spos).scalar_one())
    levels, not_passed, model, why_not = _read_evidence(approval, bundles)
    return Impact(
        reviews=flagged,
        random=round(total - flagged),
        hours=round(total * MINUTES / 60),
        an_spo=total / count if count else None,
        levels=levels,
        not_passed=not_passed,
        made_up=bool(model and model.about.get("made_up")),
        prior_alone=bool(model and model.prior_alone),
        why_not=why_not,
    )


def render_card(approval: Approval, bundles: Path) -> Markup | None:
    """The model card as HTML, or None where it is missing or belongs to another bundle."""
    path = working_copy.fetch_folder(bundles / approval.bundle_folder) / "card.md"
    if not approval.card or not path.exists() or digests.digest_of(path) != approval.card:
        return None
    return card.render_card(path.read_text(encoding="utf-8"), path.parent)


def _read_evidence(
    approval: Approval, bundles: Path
) -> tuple[list[AtLevel], list[GateLine], Bundle | None, str]:
    """The measured figures of the proposed bundle and itself, or why there are none."""
    try:
        model = approvals.load_bundle(approval, bundles)
        evidence = _read_file(
            bundles / approval.bundle_folder / EVIDENCE, model.about.get("evidence")
        )
    except MissingInput:
        return [], [], None, "There is no model bundle, or no evidence beside it, to read."
    except UserError as error:
        return [], [], None, str(error)
    sizes = _level_sizes(Profile.profile_of(model))
    level_names = [name for name in ORDER if name in approval.weekly_reviews]
    # What was measured there is of a model that does not rank there.
    by_prior = {one.recorded for one in evidence.gate if one.outcome == "too few readings"}
    rates = [one for one in evidence.rates if one.recorded not in by_prior]
    levels = [_at_level(name, approval.weekly_reviews[name], rates, sizes) for name in level_names]
    not_passed = [one for one in evidence.gate if one.outcome != "passes"]
    return levels, not_passed, model, ""


def _read_file(path: Path, digest: str | None) -> Evidence:
    """The evidence beside a bundle; UserError where it is missing, damaged or another's."""
    if not path.exists():
        raise MissingInput(f"{path.name} is not beside the bundle.")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise UnreadableInput(f"{path.name} is not what training kept of this bundle.")
    try:
        return Evidence.model_validate_json(content)
    except ValidationError as error:
        raise UnreadableInput(f"{path.name} is damaged; fetch it again.") from error


def _level_sizes(profile: Profile | None) -> dict[str, int]:
    """The number of people at each recorded level of a group, in the caseload of the profile."""
    if profile is None:
        return {}
    sizes: dict[str, int] = {}
    counts = all_regions(profile.counts)
    for group in COMMUNITY_GROUPS:
        level_counts = counts.get(level_name(group), [])
        for level, count in zip(
            ("unknown", *(x.lower() for x in LEVEL_ORDER)), level_counts, strict=False
        ):
            sizes[level] = sizes.get(level, 0) + count
    return sizes


def _at_level(name: str, weekly: int, rates: list[Rate], sizes: Mapping[str, int]) -> AtLevel:
    ours = [one for one in rates if one.recorded == name.upper()]
    size = sizes.get(name, 0)
    proposed = min(1.0, weekly * WEEKS / size) if size else None
    measured = [
        (one.share, one.precision, one.share_found)
        for one in ours
        if one.precision and one.share_found and one.share_found.value and one.share < 1
    ]
    if proposed is None or not measured:
        return AtLevel(name, weekly, proposed, None, None, None)
    share, right, caught = min(measured, key=lambda one: abs(one[0] - proposed))
    return AtLevel(
        name,
        weekly,
        proposed,
        share,
        (10 * (1 - right.value), 10 * (1 - right.high), 10 * (1 - right.low)),
        # Where nobody may be found at all, there is no telling how many there are.
        (
            _missed_in_hundred(right.value, caught.value, share),
            _missed_in_hundred(right.low, caught.high, share),
            _missed_in_hundred(right.high, caught.low, share),
        )
        if caught.low > 0
        else None,
    )


def _missed_in_hundred(right: float, caught: float, share: float) -> float:
    """Of 100 rows not shown, how many are higher, where so many of those shown are rightly shown
    and so many of those higher are found. The ends of both intervals together are the widest.
    """
    higher = right * share / caught
    return min(100.0, 100 * higher * (1 - caught) / (1 - share))
