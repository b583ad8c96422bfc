"""Defines the columns that hold a level of risk of serious harm for each group."""

from __future__ import annotations

from features.contracts import codes
from features.contracts.table import Column


def of_groups() -> tuple[Column, ...]:
    """A level for each of the five groups, whenever it was given."""
    return tuple(
        Column(group, "code", f"level for {group.replace('_', ' ')}", codes=codes.LEVELS)
        for group in codes.RISK_GROUPS
    )


def _of_setting(groups: tuple[str, ...], setting: str) -> tuple[Column, ...]:
    """A level for each group in a setting, not known before the assessment was completed."""
    return tuple(
        Column(
            f"{group}_{setting}",
            "code",
            f"level for {group.replace('_', ' ')}, in {'the ' * (setting == 'community')}{setting}",
            codes=codes.LEVELS,
            settled_by="completed_on",
        )
        for group in groups
    )


COMMUNITY = _of_setting(tuple(codes.COMMUNITY_GROUPS), "community")
CUSTODY = _of_setting(tuple(codes.RISK_GROUPS), "custody")
