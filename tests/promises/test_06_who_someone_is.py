"""Promise 6: who someone is never enters the model; what the service failed to do is kept apart."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given

from features import indicators
from features.contracts import codes, contact_codes, records
from features.frame import build
from features.history import asof
from features.indicators import CATALOGUE
from features.indicators.base import BY_THE_BOARD
from models import explain
from tests.conftest import AS_OF as NIGHT
from tests.factories import AS_OF, assessment, known_histories, row
from tests.properties.histories import belonging_to, dense, histories
from tests.properties.test_engine_agrees import QUICK
from tests.service import Service, quick_config
from training import config, labels
from training.fit import fit_bundle


def test_no_indicator_reads_the_people_table() -> None:
    assert not [i.id for i in CATALOGUE.values() if "people" in i.feeds]
    for module in (
        indicators.assessment,
        indicators.behaviour,
        indicators.circumstances,
        indicators.compliance,
        indicators.enquiries,
        indicators.supervision,
    ):
        source = inspect.getsource(module)
        assert not [name for name in records.PROTECTED if f'col("{name}")' in source]
        assert '"people"' not in source


def test_protected_characteristics_are_in_no_other_table() -> None:
    for table in records.TABLES.values():
        if table.name != "people":
            assert not set(table.schema) & records.PROTECTED


def test_frame_has_no_protected_column() -> None:
    assert not set(build.build_frame(known_histories({})).columns) & records.PROTECTED


def test_changing_who_people_are_changes_no_score(service: Service) -> None:
    crns = service.store.read_versions("supervisions")["crn"].unique().sort().to_list()[:40]
    history = asof.read_histories(service.store, asof.make_spine(crns, NIGHT))
    before = service.model.score_frame(build.build_frame(history))
    others = history.versions["people"].with_columns(
        sex=pl.lit("Other"), ethnicity=pl.lit("X"), religion=pl.lit("X"), disability=pl.lit("Yes")
    )
    changed = asof.Histories(history.spine, {**history.versions, "people": others}, history.feeds)
    assert changed.rows("people")["sex"].unique().to_list() == ["Other"]
    assert service.model.score_frame(build.build_frame(changed)).equals(before)


def test_pregnancy_and_mental_health_are_shown_and_never_scored(service: Service) -> None:
    tied = [i for i in CATALOGUE.values() if i.protected_link]
    assert {i.protected_link for i in tied} == {"pregnancy", "disability"}
    used = set(service.model.ordinal.columns) | set(service.model.level.columns)
    for item in tied:
        assert item.use == "page_only"
        assert item.page_only_because
        assert item.id not in used


def test_behaviour_and_process_are_kept_apart(service: Service) -> None:
    for name in service.model.ordinal.columns:
        assert CATALOGUE[name].kind == "behaviour"
    assert {CATALOGUE[name].kind for name in service.model.level.columns} == {
        "behaviour",
        "process",
    }


ECHOES: list[tuple[str, dict[str, Any]]] = [
    *[("contacts", {"type_code": code}) for code in contact_codes.CONTACT_GROUPS["echo_of_level"]],
    *[("registrations", {"type_code": code}) for code in codes.OVERALL_REGISTER],
    *[
        ("registrations", {"type_code": code, "level_code": "RSKV"})
        for code in codes.GROUP_REGISTER
    ],
    ("registrations", {"type_code": "MAPP", "level_code": "M3"}),
]


@pytest.mark.parametrize("echo", ECHOES, ids=lambda e: "-".join(str(v) for v in e[1].values()))
def test_stage_1_is_blind_to_what_follows_from_the_level(
    service: Service, echo: tuple[str, dict[str, Any]]
) -> None:
    table, values = echo
    rows = {"incidents": [row("incidents", "2026-06-01", target="public", setting="home")]}
    before = service.model.ordinal.margins(build.build_frame(known_histories(rows)))
    echoed = {**rows, table: [row(table, "2026-06-10", **values)]}
    after = service.model.ordinal.margins(build.build_frame(known_histories(echoed)))
    assert np.array_equal(before, after)


@QUICK
@given(histories(most=2))
def test_changing_every_recorded_level_leaves_margins_bit_identical(
    service: Service, rows: dict[str, Any]
) -> None:
    before = service.model.ordinal.margins(build.build_frame(known_histories(rows)))
    names = [
        name
        for name in records.find_table("assessments").schema
        if name.endswith(("_community", "_custody"))
    ]
    changed = [r | dict.fromkeys(names, "VERY_HIGH") for r in rows["assessments"]]
    tiers = [r | {"tier": "A"} for r in rows["supervisions"]]
    others = rows | {"assessments": changed, "supervisions": tiers}
    assert np.array_equal(
        before, service.model.ordinal.margins(build.build_frame(known_histories(others)))
    )


ADVERSE: list[tuple[str, dict[str, Any]]] = [
    ("contacts", {"type_code": "COAP", "outcome_code": "UAAB"}),
    ("contacts", {"type_code": "COAP", "outcome_code": "AFTC"}),
    ("contacts", {"type_code": "C145"}),
    ("contacts", {"type_code": "CARR"}),
    ("contacts", {"type_code": "C3PR"}),
    ("contacts", {"type_code": "DRGTST", "outcome_code": "TREF"}),
    *[
        ("incidents", {"kind": kind, "target": target, "setting": "home", "severity": 4})
        for kind in (
            "violence",
            "threat",
            "weapon",
            "domestic_abuse",
            "substance_use",
            "provider_concern",
            "sexual_concern_child",
        )
        for target in ("partner", "child", "staff", "public")
    ],
    (
        "incidents",
        {
            "kind": "violence",
            "target": "staff",
            "setting": "custody",
            "severity": 5,
            "proven": True,
            "while_using": True,
        },
    ),
    *[("incidents", {"kind": kind}) for kind in ("non_disclosure", "civil_order_breach")],
    ("contacts", {"type_code": "TRTM", "outcome_code": "UAAB"}),
    ("circumstances", {"kind": "relationship_conflict", "state": "current"}),
    ("circumstances", {"kind": "address", "state": "no_fixed_abode"}),
]


@QUICK
@given(histories(most=3))
def test_an_adverse_entry_never_lowers_a_margin(service: Service, rows: dict[str, Any]) -> None:
    """One copy of the case for each adverse entry, and one without any, side by side."""
    crns = [f"B{number:06d}" for number in range(len(ADVERSE) + 1)]
    copies = [belonging_to(rows, crn) for crn in crns]
    for number, (table, values) in enumerate(ADVERSE, start=1):
        day = AS_OF.replace(month=1 + number % 6, day=1 + number % 27)
        copies[number][table].append(row(table, day, crn=crns[number], **values))
    together = {name: [r for copy in copies for r in copy[name]] for name in rows}
    frame = build.build_frame(known_histories(together, crns=crns))
    margins = service.model.ordinal.margins(frame).reshape(len(crns), -1)
    for number, (table, values) in enumerate(ADVERSE, start=1):
        assert (margins[number] >= margins[0] - 1e-12).all(), (table, values)


ATTENDANCE_SETTLES = ("whereabouts_unknown", True)
"""Whoever was seen is somewhere, whatever came of it: the exception that promise 11 names too."""


@pytest.mark.parametrize("seed", range(12))
def test_an_adverse_entry_never_lowers_a_behaviour_indicator(seed: int) -> None:
    """In full cases, value by value; attendance is the one where less is worse."""
    crns = [f"B{number:06d}" for number in range(len(ADVERSE) + 1)]
    copies = [dense(seed, crn) for crn in crns]
    for number, (table, values) in enumerate(ADVERSE, start=1):
        day = AS_OF.replace(month=1 + (number + seed) % 6, day=1 + (number * 5 + seed) % 27)
        copies[number][table].append(row(table, day, crn=crns[number], **values))
    together = {name: [r for copy in copies for r in copy[name]] for name in copies[0]}
    frame = build.build_frame(
        known_histories(together, crns=crns), build.indicator_columns("stage_1")
    )
    for name in build.indicator_columns("stage_1"):
        sign = -1 if CATALOGUE[name].direction == "-" else 1
        values_ = sign * frame[name].to_numpy().reshape(len(crns), -1)
        for number, adverse in enumerate(ADVERSE, start=1):
            if (
                name,
                adverse[1].get("outcome_code") in contact_codes.ATTENDED,
            ) == ATTENDANCE_SETTLES:
                continue
            lower = values_[number] < values_[0] - 1e-12
            assert not lower.any(), (name, adverse)


def test_margins_fall_with_the_threshold(service: Service) -> None:
    rows = {
        "incidents": [row("incidents", "2026-06-01", target="public")],
        "assessments": [assessment(AS_OF)],
    }
    margins = service.model.ordinal.margins(build.build_frame(known_histories(rows)))
    assert (np.diff(margins, axis=1) <= 0).all()


def test_no_weight_lowers_a_probability(service: Service) -> None:
    second = service.model.level
    of_prior = second.prior.weights_by_group(second.columns)
    for stratum in second.strata.values():
        assert stratum.slope >= 0
        departures = np.array([stratum.departures[name] for name in second.columns])
        assert (stratum.scale * of_prior + departures > 0).all(), "and none is nothing"


def test_one_switch_of_the_board_lets_mental_health_be_scored(service: Service) -> None:
    """The marked indicators enter their stages together, and pregnancy never does."""
    marked = {i.id for i in CATALOGUE.values() if i.page_only_because == BY_THE_BOARD}
    without = {*build.indicator_columns("stage_1"), *build.indicator_columns("stage_2")}
    switched = {
        *build.indicator_columns("stage_1", mental_health=True),
        *build.indicator_columns("stage_2", mental_health=True),
    }
    assert marked
    assert switched - without == marked
    assert not any(CATALOGUE[name].protected_link == "pregnancy" for name in switched)
    off = quick_config()
    assert off.indicators.mental_health is False, "off until the board signs"
    on = replace(off, indicators=config.Indicators(mental_health=True))
    assert on.digest != off.digest
    spine = asof.make_spine(service.store.read_versions("reviews")["crn"].unique().to_list(), NIGHT)
    labelled = labels.read_labels(service.store, NIGHT, on)
    with_them = fit_bundle(labelled, on)
    assert marked <= set(with_them.scored)
    histories = asof.read_histories(service.store, spine.head(30))
    frame = build.build_frame(histories)
    reasons = explain.explain_rows(with_them, frame, histories)
    assert reasons, "its contributions add up too"
