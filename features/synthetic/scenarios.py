"""Defines policies that affect everyone, and named scenarios that plant one bias or drift.

The policies are in every made-up caseload: a model that reads them as risk is wrong. A scenario
adds one fault, so that the pages of the board can be shown to find it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from features.errors import UserError, did_you_mean

Window = tuple[int, int]
"""A period in days before the as-of date: its start (the larger number) and its end."""


@dataclass(frozen=True)
class Policies:
    """Changes of policy that affect all made-up cases alike, in days before the as-of date."""

    suspension_from: int = 930
    """Contact of low and medium cases is suspended for the last third, from this day on."""
    suspended_after: float = 2 / 3
    amber_units: float = 0.30
    amber: Window = (330, 150)
    """Share of units told to halve contact (prioritisation status), and when."""
    outage_provider: str = "N58"
    outage: Window = (441, 420)
    """For three weeks nothing recorded in this region reached the extract, then or later."""
    code_changes: int = 300
    """From this day EA05 (other enforcement letter) is sent with every new appointment."""
    slow_unit: str = "N54BRI"
    slow_by: int = 18
    """How many days late this unit records its entries, always."""


@dataclass(frozen=True)
class Scenario:
    """A fault planted in a made-up caseload on purpose: its kind and its strength."""

    name: str
    says: str
    policing: float = 1.0
    """Police-initiated entries about Black people, as a multiple of what they would be."""
    late_by: int = 0
    late_from: int = 180
    late_providers: tuple[str, ...] = ("N58", "N56")
    """From this day on, entries of these regions are recorded this many days later."""
    outage_now: int = 0
    """For how many days up to the as-of date a region's feed has stopped."""
    halved_from: int = 0
    """From this day contact is halved and suspension comes at a third of the order."""
    stories: bool = True
    """Whether there are people whose whole level is missed, by a story of many months."""
    inflation: float = 0.0
    inflated_from: int = 270
    """From this day practitioners put a level one higher, to be safe, in this share."""


_ALL = (
    Scenario("none", "nothing is planted"),
    Scenario(
        "over-policing",
        "police-initiated entries about Black people are two and a half times as many, with the "
        "same behaviour",
        policing=2.5,
    ),
    Scenario("late-recording", "two regions record three weeks later, for half a year", late_by=21),
    Scenario("feed-outage", "the feed of one region has stopped for three weeks", outage_now=21),
    Scenario("recent-outage", "the feed of one region stopped two weeks ago", outage_now=14),
    Scenario(
        "policy-change",
        "for four months contact is halved everywhere and suspended at a third of the order",
        halved_from=120,
    ),
    Scenario(
        "near-the-cut",
        "nobody's whole level is missed: who is recorded too low lies just over a cut",
        stories=False,
    ),
    Scenario(
        "inflation",
        "for nine months practitioners put a third of assessed groups one level higher",
        inflation=0.33,
    ),
)
SCENARIOS: dict[str, Scenario] = {item.name: item for item in _ALL}


def find_scenario(name: str) -> Scenario:
    """The named scenario, or a UserError that suggests the closest name."""
    if name not in SCENARIOS:
        raise UserError(
            f"There is no scenario {name!r}.{did_you_mean(name, SCENARIOS)} "
            f"Scenarios: {', '.join(SCENARIOS)}."
        )
    return SCENARIOS[name]


def as_json(policies: Policies, scenario: Scenario) -> dict[str, object]:
    """The policies and the scenario as a dictionary for extract.json."""
    return {"policies": asdict(policies), "scenario": asdict(scenario)}
