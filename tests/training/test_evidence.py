"""What goes to the board: which readings count, what they say, fairness, rates, stability."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import shap

from features.errors import UserError
from features.intake.load import load_extract
from features.store.store import Store
from models import card, explain
from models.inputs import GROUPS, input_matrix, supplied_matrix
from tests import factories
from tests.conftest import AS_OF
from tests.factories import row
from tests.service import Service, quick_config
from training import (
    alternatives,
    audit,
    calibration,
    compare,
    config,
    labels,
    lead,
    nights,
    pipeline,
    rates,
)
from training.labels import AFTER, BEFORE, COUNTERSIGNED, Labelled

UNTIL = date(2026, 7, 1)
FEW = replace(config.read_config(), least=config.Least(rows=1))


def reading(crn: str, **values: object) -> dict[str, object]:
    """A reading of the record of 1 May, given on the 10th, that puts the public at medium."""
    columns = {
        "source": "audit",
        "snapshot_on": date(2026, 5, 1),
        "public": "MEDIUM",
        "recorded_at": datetime(2026, 5, 10, 9),
        "sampling_probability": 0.5,
        "before_findings": True,
    }
    return row("reviews", "2026-05-01", crn=crn, **(columns | values))


def store_of(
    tmp_path: Path, *readings: dict[str, object], **more: list[dict[str, object]]
) -> Store:
    """A store with a low level for everyone, a reading that keeps it, and the given ones."""
    lowered = reading("A000100", public="LOW")
    people = sorted({str(r["crn"]) for r in (*readings, lowered)})
    rows = {
        "reviews": [*readings, lowered],
        "assessments": [factories.assessment("2026-01-05", "LOW", crn=crn) for crn in people],
        **more,
    }
    load_extract(factories.extract(tmp_path / "x", rows), tmp_path / "s")
    return Store.open(tmp_path / "s")


def test_a_reading_long_after_the_snapshot_is_no_label(tmp_path: Path) -> None:
    near = reading("A000001", recorded_at=datetime(2026, 6, 20, 9))
    far = reading("A000002", snapshot_on=date(2026, 2, 1))
    readings = labels.read_all_readings(store_of(tmp_path, near, far), UNTIL, FEW)
    assert set(readings.frame["crn"]) == {"A000001", "A000100"}


def test_a_reassessment_in_the_light_of_a_new_offence_is_no_label(tmp_path: Path) -> None:
    after = {"source": "reassessment", "sampling_probability": None}
    raised, lowered = reading("A000001", **after), reading("A000002", **after)
    quiet, audited = reading("A000003", **after, public="LOW"), reading("A000004")
    charged = [
        row("contacts", day, crn=crn, type_code="CARR")
        for crn, day in (
            ("A000001", "2026-05-06"),
            ("A000002", "2026-04-20"),
            ("A000003", "2026-05-12"),
            ("A000004", "2026-05-06"),
        )
    ]
    store = store_of(tmp_path, raised, lowered, quiet, audited, contacts=charged)
    readings = labels.read_all_readings(store, UNTIL, FEW).frame
    assert "A000001" not in set(readings["crn"]), "charged between the snapshot and the reading"
    assert {"A000002", "A000003"} <= set(readings["crn"]), "before it, and after the reading"
    assert "A000004" in set(readings["crn"]), "an audit reads the snapshot and no more"
    assert "reassessment" in set(readings.filter(reviewed=0)["source"]), "raised or not"


def test_what_a_reader_knew_is_told_apart(tmp_path: Path) -> None:
    shown = {"source": "spo_review", "before_findings": False}
    signed = {"source": "countersign", "same_person": True, "sampling_probability": None}
    store = store_of(
        tmp_path,
        reading("A000001", source="spo_review"),
        reading("A000002", **shown),
        reading("A000003", **signed),
        reading("A000004", source="spo_review", sampling_probability=None),
    )
    readings = labels.read_all_readings(store, UNTIL, FEW)
    rows_by_case = {
        r["crn"]: r for r in readings.frame.filter(group="public").iter_rows(named=True)
    }
    assert [rows_by_case[c]["seen"] for c in ("A000001", "A000002", "A000003")] == [
        BEFORE,
        AFTER,
        COUNTERSIGNED,
    ]
    assert rows_by_case["A000001"]["judged"]
    assert not rows_by_case["A000002"]["teaches"], "who has seen the findings echoes them"
    assert not rows_by_case["A000003"]["judged"]
    assert rows_by_case["A000004"]["teaches"]
    assert not rows_by_case["A000004"]["judged"], (
        "flagged: its probability of being read is not known"
    )
    assert "A000002" not in set(readings.teaching().frame["crn"])
    row_by_source = {(r["source"], r["seen"]): r for r in labels.compare_sources(readings)}
    assert row_by_source["spo_review", AFTER]["rows"] == 1
    assert row_by_source["audit", BEFORE]["higher"] == 0.0
    assert row_by_source["spo_review", BEFORE]["higher"] == 1.0


def test_labels_that_cannot_be_used_stop_with_a_sentence(tmp_path: Path) -> None:
    early = reading("A000001", recorded_at=datetime(2026, 5, 1, 9), snapshot_on=date(2026, 5, 9))
    with pytest.raises(UserError, match="1 reviews were recorded before the day whose record"):
        labels.read_all_readings(store_of(tmp_path / "a", early), UNTIL, FEW)
    with pytest.raises(UserError, match="says the same: not too low"):
        labels.read_all_readings(
            store_of(tmp_path / "b", reading("A000001", public="LOW")), UNTIL, FEW
        )


@pytest.fixture(scope="module")
def evidence(proposal: pipeline.Proposal) -> dict[str, list[dict[str, object]]]:
    """The evidence beside the bundle."""
    text = (proposal.folder / pipeline.EVIDENCE).read_text()
    content: dict[str, list[dict[str, object]]] = json.loads(text)
    assert "NaN" not in text
    return content


def test_the_evidence_is_whole(evidence: dict, proposal: pipeline.Proposal) -> None:
    kinds = {(r["source"], r["seen"]) for r in evidence["labels"]}
    assert {("spo_review", BEFORE), ("spo_review", AFTER), ("countersign", COUNTERSIGNED)} <= kinds
    assert {r["characteristic"] for r in evidence["fairness"]} == set(audit.CHARACTERISTICS)
    assert [r["share"] for r in evidence["rates"]][: len(rates.SHARES)] == list(rates.SHARES)
    few = [r for r in evidence["rates"] if r["rows"] < rates.FEWEST]
    assert few
    assert {r["precision"] for r in few} == {None}, "too few to tell is not a figure"
    for one in evidence["stability"]:
        assert 0 <= one["always"] <= one["unchanged"] <= 1
        assert 0 <= one["settled"] <= 1
    for one in evidence["nights"]:
        assert 0 <= one["overlap"] <= one["share_kept"] <= 1 or one["share_kept"] == one["overlap"]
    assert {r["nights_before"] for r in evidence["nights"]} == set(nights.NIGHTS)
    assert [r["days_before"] for r in evidence["lead"]][: len(lead.DAYS_BEFORE)] == list(
        lead.DAYS_BEFORE
    )
    assert {r["way"] for r in evidence["narrowing"]} == {"as it is", "each the same review rate"}
    groups = {r["group"] for r in evidence["calibration"]}
    assert groups == {calibration.ALL, *GROUPS}
    few = [r for r in evidence["calibration"] if r["higher"] < calibration.FEWEST_HIGHER]
    assert few
    assert {r["slope"] for r in few} == {None}
    for name in card.PICTURES:
        assert (proposal.folder / name).read_bytes().startswith(b"\x89PNG"), name
    text = (proposal.folder / "card.md").read_text()
    assert "Who is shown, and who is missed" in text
    assert "too few to tell" in text
    assert "after the findings" in text


def test_more_shown_is_more_found_and_less_right(made_up: Path) -> None:
    labelled = labels.read_labels(Store.open(made_up / "store"), AS_OF, config.read_config()).where(
        pl.col("judged")
    )
    sure = labels.read_higher(labelled)
    points = [r for r in rates.rate_curve(labelled, sure) if r.share_found is not None]
    assert points
    for one in points:
        assert one.precision is not None
        assert one.share_found is not None
        assert one.precision.value <= 1
    low = [r.share_found.value for r in points if r.recorded == "LOW" and r.share_found is not None]
    assert low == sorted(low)


def test_who_people_are_is_read_for_the_audit_alone(made_up: Path) -> None:
    store = Store.open(made_up / "store")
    labelled = labels.read_labels(store, AS_OF, config.read_config())
    characteristics = audit.read_characteristics(store, labelled.frame)
    assert set(characteristics) == set(audit.CHARACTERISTICS)
    assert {len(words) for words in characteristics.values()} == {labelled.frame.height}
    assert {"18 to 24", "50 and over"} <= set(characteristics["age"])
    assert audit.NOT_KNOWN in set(characteristics["religion"])
    assert not set(labelled.frame.columns) & {"sex", "ethnicity", "religion", "disability"}


def test_a_proxy_is_found_where_an_indicator_tells_who_someone_is(
    made_up: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "FEWEST", 20)
    labelled = labels.read_labels(Store.open(made_up / "store"), AS_OF, config.read_config())
    member = pl.col("violence_incident_count").fill_null(0) > 0
    words = labelled.frame.select(pl.when(member).then(pl.lit("a")).otherwise(pl.lit("b")))
    group_words = {"kind": words.to_series().to_numpy().astype(object)}
    proxy_by_group = {one.group: one for one in audit.measure_proxies(labelled, group_words)}
    assert proxy_by_group["a"].auc > 0.9
    assert "violence_incident_count" in proxy_by_group["a"].indicators
    noise = np.random.default_rng(1).choice(["a", "b"], labelled.frame.height).astype(object)
    assert abs(audit.measure_proxies(labelled, {"noise": noise})[0].auc - 0.5) < 0.1


@pytest.mark.verify
def test_choices_are_weighed_by_regret(made_up: Path) -> None:
    """The first choices of the grid can be fitted; the best of a fold has no regret there."""
    labelled = labels.read_labels(Store.open(made_up / "store"), AS_OF, config.read_config())
    quick = quick_config()
    some = alternatives.CHOICES[:3]
    weighed_choices = compare.weigh_choices(labelled, AS_OF, quick, some, workers=1)
    assert {one.name for one in weighed_choices} == {choice.name for choice in some}
    regrets = [one.mean_regret for one in weighed_choices]
    assert regrets == sorted(regrets)
    assert all(0 <= one.mean_regret <= one.worst_regret for one in weighed_choices)
    assert all(0 < one.average_precision < 1 for one in weighed_choices)
    with pytest.raises(UserError, match="enough readings on both sides"):
        compare.weigh_choices(labelled, AS_OF - timedelta(days=900), quick, workers=1)


def test_regret_is_how_far_a_choice_falls_behind_the_best_of_its_fold() -> None:
    one, other = compare.Score("one", 0.5, 0.1), compare.Score("other", 0.4, 0.1)
    worse, better = compare.Score("one", 0.2, 0.1), compare.Score("other", 0.3, 0.1)
    regret_by_choice = {
        w.name: w for w in compare._weigh_scores([[one, other], [worse, better], [one, other]])
    }
    assert regret_by_choice["one"].mean_regret == pytest.approx(0.1 / 3)
    assert regret_by_choice["other"].mean_regret == pytest.approx(0.2 / 3)
    assert regret_by_choice["one"].worst_regret == pytest.approx(0.1)


def test_contributions_are_those_of_shap(service: Service) -> None:
    """Our contributions against SHAP's: of each booster, and of the weights before them."""
    spoken = labels.read_labels(service.store, AS_OF, config.read_config())
    frame = spoken.frame.head(40)
    model = service.model.ordinal
    at = np.full(frame.height, 2)
    ours = model.contributions(frame, at)
    rows = np.column_stack([input_matrix(frame, model.columns), at.astype(float)])
    assert len(model.boosters) >= 10
    with pytest.warns(UserWarning, match="LightGBM binary classifier"):
        trees = np.mean(
            [np.asarray(shap.TreeExplainer(one).shap_values(rows)) for one in model.boosters],
            axis=0,
        )
    extents = model.prior.extents(frame, model.columns)
    usual = np.array([[model.usual[name] for name in model.columns]])
    # What is not known, or is not about the group, is as usual.
    extents = np.where(supplied_matrix(frame, model.columns), extents, usual)
    departures = np.array([model.departures[name] for name in model.columns])
    weighed = np.zeros_like(extents)
    for at_row, group in enumerate(frame["group"]):
        of_group = model.prior.weights_by_group(model.columns)[GROUPS.index(group)]
        linear = shap.LinearExplainer((of_group + departures, 0.0), usual)
        weighed[at_row] = linear.shap_values(extents[at_row : at_row + 1])[0]
    np.testing.assert_allclose(ours[:, :-1], weighed + trees[:, : len(model.columns)], atol=1e-9)


def test_families_add_up_to_their_indicators() -> None:
    names = ["violence_incident_count", "threats_count", "dntr_count", "base"]
    parts = np.array([[0.2, -0.1, 0.4, 5.0]])
    summed, keys = explain.group_contributions(parts, names)
    assert keys == [("CE", "process"), ("ES", "behaviour")]
    np.testing.assert_allclose(summed, [[0.4, 0.1]])


def test_who_is_drawn_twice_counts_twice(made_up: Path) -> None:
    from training.stability import _resample_people

    labelled = labels.read_labels(Store.open(made_up / "store"), AS_OF, config.read_config())
    drawn = _resample_people(labelled, np.random.default_rng(2))
    assert isinstance(drawn, Labelled)
    people = labelled.frame["crn"].n_unique()
    assert 0.55 < drawn.frame["crn"].n_unique() / people < 0.72, "about 63 in 100"
    assert drawn.weights.sum() == pytest.approx(labelled.weights.sum(), rel=0.1)
