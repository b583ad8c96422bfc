"""Declares every indicator: importing this package imports a module for each family or two."""

from features.indicators import (
    assessment,
    behaviour,
    circumstances,
    closed,
    compliance,
    conditions,
    custody,
    enforcement,
    enquiries,
    extensions,
    health,
    levels,
    links,
    pace,
    severe,
    supervision,
)
from features.indicators.base import FAMILIES, Indicator, declared_indicators, find_indicator

CATALOGUE: dict[str, Indicator] = dict(declared_indicators())
"""Every indicator by id, in the order of the documentation."""

__all__ = [
    "CATALOGUE",
    "FAMILIES",
    "Indicator",
    "assessment",
    "behaviour",
    "circumstances",
    "closed",
    "compliance",
    "conditions",
    "custody",
    "enforcement",
    "enquiries",
    "extensions",
    "find_indicator",
    "health",
    "levels",
    "links",
    "pace",
    "severe",
    "supervision",
]
