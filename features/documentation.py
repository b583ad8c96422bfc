"""The catalogue of indicators as a page (docs/indicators.md), from the declarations."""

from __future__ import annotations

from features.indicators import CATALOGUE, FAMILIES, Indicator

_USE = {
    "stage_1": "stage 1 (behaviour)",
    "stage_2": "stage 2 (process)",
    "page_only": "shown, not scored",
}
_DIRECTION = {"+": "more means more concern", "-": "less means more concern", "0": "none declared"}


def as_markdown() -> str:
    """Every indicator with its rule, sentence, groups, direction, use and source."""
    out = [
        "# The indicators",
        "",
        "Generated from `features/indicators/` by `python -m features docs`; do not edit. An",
        "indicator that is null was not known (its feed is missing or stopped) or does not apply",
        "to the group; nought means that the feed is there and nothing was found.",
        "",
    ]
    for family, title in FAMILIES.items():
        own = [item for item in CATALOGUE.values() if item.family == family]
        out += [f"## {family}: {title}", "", *[line for item in own for line in _lines(item)]]
    return "\n".join(out)


def _lines(item: Indicator) -> list[str]:
    facts = {
        "kind": item.kind,
        "used in": _USE[item.use]
        + (f", because {item.page_only_because}" if item.page_only_because else ""),
        "groups": ", ".join(group.replace("_", " ") for group in item.groups)
        + (" (each its own value)" if item.per_group else ""),
        "direction": _DIRECTION[item.direction],
        "needs": ", ".join(item.feeds),
        "may rest on information not to be disclosed": item.disclosure,
        "to be watched for recording or policing bias": "yes" if item.bias_watch else "",
        "tied to a protected characteristic": item.protected_link or "",
        "source": item.source,
    }
    return [
        f"### {item.id}",
        "",
        f"> {item.sentence}",
        "",
        item.rule,
        "",
        *[f"- {name}: {value}" for name, value in facts.items() if value],
        "",
    ]
