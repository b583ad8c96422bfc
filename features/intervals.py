"""The interval of a share."""

from __future__ import annotations

from math import sqrt


def share_interval(part: int, whole: int) -> tuple[float, float]:
    """The 95 % interval of a share of a count; all of it is open where nothing was counted."""
    return wilson_interval(part / whole, whole) if whole else (0.0, 1.0)


def wilson_interval(share: float, worth: float, z: float = 1.959964) -> tuple[float, float]:
    """The interval of a share by Wilson's score method, for an effective number of readings.

    `z` is the normal quantile: 1.96 for 95 %. Source: Wilson 1927, JASA 22, 209-212.
    """
    middle = (share + z * z / (2 * worth)) / (1 + z * z / worth)
    half = z * sqrt(share * (1 - share) / worth + z * z / (4 * worth**2)) / (1 + z * z / worth)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))
