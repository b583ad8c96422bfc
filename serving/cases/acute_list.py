"""Lists the kinds of entry delivered as acute; the board signs this list (decision 0014)."""

from __future__ import annotations

from collections.abc import Mapping

LISTED: dict[str, Mapping[str, list[str]]] = {
    "A threat to a partner or a child": {"kind": ["threat"], "target": ["partner", "child"]},
    "A concern reported by a monitoring provider": {"kind": ["provider_concern"]},
    "A sexual concern about a child": {"kind": ["sexual_concern_child"]},
}
"""What is acute, in words, and the incidents that are, by their codes: reviews of the worst cases
found each of these on record, passed on to nobody. An approval binds it: with another list than the
one that was signed nothing is flagged, and acute entries go on all the same.
"""
