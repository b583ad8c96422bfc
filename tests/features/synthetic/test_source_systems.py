"""A made-up caseload as tables of the systems, imported, gives the frame of its records.

The differences are listed, each with its reason; an indicator that is not listed is equal in every
row. The writer shares no rule with the import.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from features import __main__ as features_main
from features import synthetic
from features.errors import MissingInput, UserError
from features.frame import build
from features.history import asof
from features.indicators import CATALOGUE
from features.intake.load import load_extract
from features.sources.import_systems import import_systems
from features.store.store import Store
from features.synthetic.source_systems import write_source_systems
from tests.conftest import AS_OF

CASES = 400
DIFFERENCES = {
    "What nobody was convicted of, and did not happen in prison, stands in words alone.": (
        "aggression_across_settings",
        "assessment_narrower_than_history",
        "child_sexual_risk_intelligence",
        "conditional_threat_to_partner_or_child",
        "da_allegations_without_conviction",
        "em_provider_concern_reported",
        "engagement_masks_risk",
        "expected_register_missing",
        "harm_kinds_known_365d",
        "mh_decline_disclosed_no_action",
        "mh_relapse_signs_observed",
        "no_oversight_after_significant_event",
        "no_review_after_significant_event",
        "repeat_da_victims",
        "risk_group_low_with_evidence",
        "rosh_unchanged_despite_events",
        "self_report_only",
        "severe_incidents_ever",
        "severe_information_unassessed",
        "seriousness_known_30d",
        "seriousness_since_assessment",
        "sexually_inappropriate_behaviour_unanalysed",
        "significant_event_types_30d",
        "substance_linked_to_past_harm_active",
        "substance_use_disclosures",
        "substance_use_rising",
        "threats_count",
        "undisclosed_circumstance",
        "violence_frequency_trend",
        "violence_incident_count",
        "violence_severity_trend",
        "violence_when_unwell_history",
        "weapon_events_count",
        "weapon_history_missing_from_rosh",
    ),
    "An enquiry is a contact of NDelius; the made-up record has enquiries that nobody made, too.": (
        "curfew_household_unchecked",
        "da_enquiry_missing",
        "da_enquiry_overdue",
        "enquiry_result_not_reflected",
        "new_relationship_no_enquiry",
        "sg_enquiry_missing",
        "sg_enquiry_overdue",
    ),
    "Police intelligence is a contact C515; the made-up record has intelligence without one.": (
        "closed_case_information_unreviewed",
        "police_intelligence_unassessed",
    ),
    "NDelius has what was sent; what was decided, by whom and when, is an action of enforcement.": (
        "dntr_count",
        "enforcement_decided_not_issued",
        "enforcement_letter_lower_than_decided",
        "recall_decision_delay_days",
        "recall_information_not_sent_to_police",
        "repeat_dntr_without_senior_endorsement",
    ),
    "An adjudication is not written: a made-up incident in prison does not say that it was one.": (
        "adjudications_violence_12m",
        "custody_behaviour_deterioration",
        "custody_weapon_or_serious_assault",
    ),
    "NDelius has the grade that an officer has now, and not the grade of then.": (
        "tier_grade_mismatch",
    ),
    "The plan of OASys has the day of its last change; the made-up record a plan of its own.": (
        "plan_missing_or_before_assessment",
    ),
    "No table has what a document says or names, or whether a treatment provider reported.": (
        "checks_claimed_without_evidence",
        "named_person_not_consulted",
        "partner_given_outdated_risk",
        "treatment_attendance_reports_missing",
    ),
    "No table has workload, absences, or the tasks and actions that oversight or MAPPA set.": (
        "absence_cover_without_reallocation",
        "mappa_actions_outstanding",
        "overdue_task_noted_not_done",
        "practitioner_workload_percent",
    ),
    "A band of serious reoffending stands in NDelius, and is not written for made-up people.": (
        "actuarial_level_mismatch",
    ),
    "Where an address lies is known from its assessment, and an address at risk has no row.": (
        "accommodation_loss_risk",
        "moved_area_without_transfer",
        "whereabouts_unknown",
    ),
    "A civil order of another court is not in the tables that are written.": (
        "civil_order_breach_not_reported",
        "civil_order_without_register",
    ),
    "A requirement of NDelius has one end, whether it was relaxed or ran out.": (
        "substance_condition_without_referral",
    ),
    "People who share a made-up address have no row of the address.": (
        "person_of_concern_at_same_address",
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up caseload, its tables, and a store of each."""
    base = tmp_path_factory.mktemp("systems")
    parameters = synthetic.Parameters(CASES, 5, AS_OF)
    synthetic.synthesise_extract(parameters, base / "extract", base / "truth")
    write_source_systems(base / "extract", base / "systems")
    systems = {name: base / "systems" / name for name in ("ndelius", "oasys", "nomis")}
    about = json.loads((base / "extract" / "extract.json").read_text())
    taken_at = datetime.fromisoformat(about["extracted_at"])
    import_systems(systems, base / "imported", taken_at)
    load_extract(base / "extract", base / "of-records")
    load_extract(base / "imported", base / "of-systems")
    return base


def frame_of(store: Path) -> pl.DataFrame:
    opened = Store.open(store)
    spine = build.cases_under_supervision(opened, AS_OF).select(asof.KEY)
    return build.build_frame(asof.read_histories(opened, spine))


def test_the_frame_of_tables_is_the_frame_of_records(folder: Path) -> None:
    of_records, of_systems = frame_of(folder / "of-records"), frame_of(folder / "of-systems")
    key = ["crn", "group"]
    assert of_records.select(key).sort(key).equals(of_systems.select(key).sort(key))
    both = of_records.join(of_systems, on=key, suffix="_of_systems")
    differing = {
        name
        for name in CATALOGUE
        if both.select(pl.col(name).ne_missing(pl.col(f"{name}_of_systems")).any()).item()
    }
    explained = {name for names in DIFFERENCES.values() for name in names}
    assert differing - explained == set(), "a difference that nobody has explained"
    assert explained - differing == set(), "no difference any more: take it out of the list"
    assert both.select((pl.col("level").eq_missing(pl.col("level_of_systems"))).all()).item()


def test_the_command_writes_tables_beside_the_extract(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["synthesise", "--cases", "60", "--as-of", f"{AS_OF}", "--out", f"{tmp_path / 'x'}"]
    command += ["--as-source-systems", f"{tmp_path / 'systems'}"]
    assert features_main.main(command) == 0
    assert "ndelius" in capsys.readouterr().out
    tables = {path.parent.name for path in (tmp_path / "systems").rglob("*.parquet")}
    assert {"OFFENDER", "CONTACT", "OASYS_SET", "INCIDENT_CASES"} <= tables
    assert not list((tmp_path / "systems").rglob("*truth*"))
    with pytest.raises(UserError, match="is not empty"):
        write_source_systems(tmp_path / "x", tmp_path / "systems")


def test_tables_need_a_made_up_extract(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="python -m features synthesise"):
        write_source_systems(tmp_path / "nothing", tmp_path / "systems")
