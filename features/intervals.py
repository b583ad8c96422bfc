"""The intervals of a share, and of the ratio of two shares."""

from __future__ import annotations

from math import exp, sqrt

Z95 = 1.959964
"""The normal quantile of a 95 % interval."""


def share_interval(part: int, whole: int) -> tuple[float, float]:
    """The 95 % interval of a share of a count; all of it is open where nothing was counted."""
    return wilson_interval(part / whole, whole) if whole else (0.0, 1.0)


def wilson_interval(share: float, worth: float, z: float = Z95) -> tuple[float, float]:
    """The interval of a share by Wilson's score method, for an effective number of readings.

    `z` is the normal quantile. Source: Wilson 1927, JASA 22, 209-212.
    """
    middle = (share + z * z / (2 * worth)) / (1 + z * z / worth)
    half = z * sqrt(share * (1 - share) / worth + z * z / (4 * worth**2)) / (1 + z * z / worth)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def ratio_interval(
    share: float, worth: float, base: float, base_worth: float, z: float = Z95
) -> tuple[float, float, float]:
    """The ratio of two independent shares with its interval, of effective numbers of readings.

    Half a reading is added to each count, so that a share of nought has a ratio. Source: Katz and
    others, Biometrics 1978, 34: 469-474 (the log of the ratio is nearly normal).
    """
    more, less = ((s * n + 0.5) / (n + 1) for s, n in ((share, worth), (base, base_worth)))
    variance = (1 - more) / (more * (worth + 1)) + (1 - less) / (less * (base_worth + 1))
    ratio, factor = more / less, exp(z * sqrt(variance))
    return ratio, ratio / factor, ratio * factor
