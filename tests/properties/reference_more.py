"""The slow reference, continued: the rest of the core catalogue, in plain Python."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from features import codes
from tests.properties.reference_history import (
    RANK,
    History,
    Row,
    concerns,
    incidents,
    level_column,
    overall,
    working_day_after,
)

HARM = ("violence", "domestic_abuse", "threat", "weapon", "sexual")
ORDERS = ("community_order", "suspended_sentence", "licence")


def by_date(rows: list[Row], key: str = "occurred_on") -> list[Row]:
    """Rows oldest first."""
    return sorted(rows, key=lambda r: (r[key], r["record_id"]))


def last(rows: list[Row], key: str = "occurred_on") -> Row | None:
    """The latest row."""
    found = by_date(rows, key)
    return found[-1] if found else None


def in_group(h: History, *groups: str) -> list[date]:
    """Days of the contacts of some groups of types."""
    return [
        r["occurred_on"]
        for r in h.rows("contacts")
        if codes.CONTACT_GROUP_OF.get(r["type_code"]) in groups
    ]


def documents(h: History, *kinds: str) -> list[Row]:
    return [r for r in h.rows("documents") if r["kind"] in kinds]


def days(rows: list[Row]) -> list[date]:
    return [r["occurred_on"] for r in rows]


def ago(h: History, day: date) -> int:
    return (h.as_of - day).days


def none_near(day: date, others: list[date], before: int, after: int) -> bool:
    return not any(-before <= (other - day).days <= after for other in others)


def completed_days(h: History) -> list[date]:
    return [r["completed_on"] for r in h.completed()]


SCALE = ("none", "warning", "compliance_letter", "decision_not_to_recall", "recall")


def lower_letter(h: History) -> int:
    return sum(
        r["issued"] in SCALE
        and r["decided"] in SCALE
        and SCALE.index(r["issued"]) < SCALE.index(r["decided"])
        for r in h.rows("decisions", 365)
    )


def quiet_arrests(h: History) -> int:
    violent = days(incidents(h, ("violence", "domestic_abuse", "weapon")))
    arrests = [
        r["occurred_on"] for r in h.rows("contacts", 365) if r["type_code"] in ("CARR", "CNOC")
    ]
    quiet = [day for day in arrests if none_near(day, violent, 7, 7)]
    return h.unanswered(quiet, completed_days(h), 15)


def relaxed(h: History) -> int:
    agreed = in_group(h, "oversight", "mappa")
    found = [
        r["relaxed_on"]
        for r in h.rows("orders")
        if r["relaxed_on"] is not None and 7 < ago(h, r["relaxed_on"]) < 90
    ]
    return sum(none_near(day, agreed, 7, 7) for day in found)


def suspended(h: History) -> bool:
    return bool(h.suspensions())


def whereabouts(h: History) -> int:
    gone: list[date] = []
    addresses = [
        r for r in h.rows("circumstances") if r["kind"] == "address" and r["ended_on"] is None
    ]
    for r in by_date(addresses):
        gone = [*gone, r["occurred_on"]] if r["state"] in ("unknown", "no_fixed_abode") else []
    inside = any(
        r["kind"] in ("custody", "remand") and r["ended_on"] is None for r in h.rows("supervisions")
    )
    if not gone or suspended(h) or inside:
        return 0
    seen = [
        r["occurred_on"]
        for r in h.rows("contacts")
        if codes.CONTACT_GROUP_OF.get(r["type_code"]) == "appointment"
        and r["outcome_code"] in codes.ATTENDED
    ]
    start = h.start()
    return ago(h, max(max(seen, default=gone[0]), start[0] if start else date.min))


def treatment_missed(h: History) -> int:
    rows = [
        r
        for r in h.rows("contacts", 180)
        if r["type_code"] == "TRTM" and r["outcome_code"] in codes.UNACCEPTABLE_ABSENCE
    ]
    return len(h.due(rows))


def orders(h: History, test: Callable[[Row], bool]) -> list[Row]:
    rows = [r for r in h.rows("orders") if r["ended_on"] is None and r["relaxed_on"] is None]
    return [r for r in rows if test(r)]


def substance_orders(h: History) -> list[Row]:
    return orders(h, lambda r: r["theme"] == "substance")


def curfews(h: History) -> list[Row]:
    return orders(h, lambda r: r["kind"] == "curfew")


def provider_silent(h: History) -> int:
    told = days(documents(h, "treatment_report"))
    return max((ago(h, max([*told, r["occurred_on"]])) for r in substance_orders(h)), default=0)


def not_referred(h: History) -> int:
    referred = [*days(documents(h, "substance_referral")), *in_group(h, "treatment")]
    return sum(
        ago(h, r["occurred_on"]) > 28 and none_near(r["occurred_on"], referred, 28, 100_000)
        for r in substance_orders(h)
    )


def linked_use(h: History) -> int:
    if not any(r["while_using"] for r in incidents(h, HARM)):
        return 0
    return len(incidents(h, ("substance_use",), 90))


def worst(rows: list[Row]) -> int:
    return max((r["severity"] for r in rows if r["severity"] is not None), default=0)


def use_rising(h: History) -> int:
    rows = [r for r in incidents(h, ("substance_use",), 180) if r["severity"] is not None]
    recent = [r for r in rows if ago(h, r["occurred_on"]) < 90]
    before = [r for r in rows if ago(h, r["occurred_on"]) >= 90]
    return max(worst(recent) - worst(before), 0) if recent and before else 0


def occupier_unasked(h: History) -> int:
    answered = [
        r["returned_on"]
        for r in h.rows("enquiries")
        if r["kind"] == "main_occupier" and r["returned_on"] is not None
    ]
    return sum(none_near(r["occurred_on"], answered, 90, 100_000) for r in curfews(h))


def household_unchecked(h: History) -> int:
    if not curfews(h):
        return 0
    return sum(
        r["kind"] != "main_occupier" and r["returned_on"] is None for r in h.rows("enquiries", 365)
    )


def checks_claimed(h: History) -> int:
    asked = [r["requested_on"] for r in h.rows("enquiries") if r["requested_on"] is not None]
    reports = [
        r for r in h.rows("documents", 365) if r["kind"] == "court_report" and r["claims_checks"]
    ]
    return sum(none_near(r["occurred_on"], asked, 28, 0) for r in reports)


def unmonitored(h: History) -> int:
    police = [day for day in in_group(h, "police") if ago(h, day) < 90]
    return 0 if police else sum(r["monitored"] is False for r in curfews(h))


def not_consulted(h: History) -> int:
    plan = last(documents(h, "plan"))
    if plan is None or not plan["names_person"] or ago(h, plan["occurred_on"]) <= 28:
        return 0
    return int(
        not any(
            r["type_code"] in ("C3PR", "CT3B", "CM3A", "CM3B")
            and r["occurred_on"] >= plan["occurred_on"]
            for r in h.rows("contacts")
        )
    )


def initial_overdue(h: History) -> int:
    start = h.start()
    if start is None:
        return 0
    rows = [
        r
        for r in h.rows("supervisions")
        if r["kind"] in ORDERS and r["ended_on"] is None and r["occurred_on"] == start[0]
    ]
    done = any(day >= start[0] for day in completed_days(h))
    late = ago(h, working_day_after(start[0], 15))
    return late if rows and not done and late > 0 else 0


def unchanged(h: History, group: str) -> int:
    done = h.completed()
    if len(done) < 2:
        return 0
    before, now = done[-2], done[-1]
    level = now[level_column(group)]
    if level is None or level != before[level_column(group)]:
        return 0
    return sum(
        concerns(r) == group and before["completed_on"] < r["occurred_on"] <= now["completed_on"]
        for r in incidents(h, (*HARM, "sexual_concern_child"))
    )


def narrower(h: History) -> int:
    current = h.current()
    if current is None:
        return 0
    staff = [r for r in incidents(h, ("violence", "threat")) if r["target"] == "staff"]
    on_record = {
        "mentions_weapons": incidents(h, ("weapon",)),
        "mentions_domestic_abuse": incidents(h, ("domestic_abuse",)),
        "mentions_sexual_behaviour": incidents(h, ("sexual", "sexual_concern_child")),
        "mentions_staff_violence": staff,
    }
    done = current["completed_on"]
    return sum(
        current[column] is False and any(r["occurred_on"] <= done for r in rows)
        for column, rows in on_record.items()
    )


def sexual_unanalysed(h: History) -> int:
    current = h.current()
    if current is None or current["mentions_sexual_behaviour"] is not False:
        return 0
    return sum(r["occurred_on"] <= current["completed_on"] for r in incidents(h, ("sexual",)))


def inconsistent(h: History, theirs: bool) -> int:
    current = h.current()
    now = overall(current) if current else None
    if current is None or now is None:
        return 0
    return sum(
        (r["kind"] == "agency_referral") is theirs
        and r["level"] in RANK
        and RANK[r["level"]] != now
        and (theirs or r["occurred_on"] >= current["completed_on"])
        for r in h.rows("documents", 90)
    )


def lower_than_before(h: History) -> int:
    current = h.current()
    now = overall(current) if current else None
    if now is None:
        return 0
    highest = max((overall(r) or 0 for r in h.completed()), default=0)
    return highest - now if highest >= 3 and highest > now else 0


def register_missing(h: History, group: str) -> int:
    wanted = {
        "known_adult": ("domestic_abuse", ("ADVP", "REG30")),
        "public": ("weapon", ("WEAP",)),
        "children": ("sexual_concern_child", ("RCCO", "RCPR")),
    }
    kind, registers = wanted.get(group, ("", ()))
    active = {r["type_code"] for r in h.rows("registrations") if r["ended_on"] is None}
    return 0 if active & set(registers) else len(incidents(h, (kind,), 365))


def prison_late(h: History) -> int:
    return sum(
        (r["first_recorded_at"].date() - r["occurred_on"]).days > 28
        for r in incidents(h, ("custody_intelligence",), 365)
    )


def adjudications(h: History) -> int:
    return sum(
        r["setting"] == "custody" and bool(r["proven"])
        for r in incidents(h, ("violence", "threat"), 365)
    )


def custody_serious(h: History) -> int:
    return sum(
        r["setting"] == "custody" and (r["kind"] == "weapon" or (r["severity"] or 0) >= 4)
        for r in incidents(h, ("weapon", "violence"), 730)
    )


def release(h: History, within: int) -> date | None:
    start = h.start()
    if start is None or start[1] != "licence" or ago(h, start[0]) >= within:
        return None
    return start[0]


def licences(h: History, day: date) -> int:
    """Rows of the licence that began on a day (more than one where it was entered twice)."""
    return sum(r["kind"] == "licence" and r["occurred_on"] == day for r in h.rows("supervisions"))


def form_missing(h: History) -> int:
    day = release(h, 180)
    if day is None or ago(h, day) <= 5:
        return 0
    sent = days(documents(h, "custody_information_form", "handover"))
    return licences(h, day) * none_near(day, sent, 28, 5)


def remanded(h: History) -> int:
    began = [
        r["occurred_on"]
        for r in h.rows("supervisions")
        if r["kind"] == "remand" and r["ended_on"] is None
    ]
    if not began:
        return 0
    handed = max(days(documents(h, "handover")), default=date.min)
    return sum(
        r["kind"] in ORDERS
        and r["ended_on"] is not None
        and ago(h, r["ended_on"]) < 365
        and r["ended_on"] >= min(began)
        and handed < r["ended_on"]
        for r in h.rows("supervisions")
    )


def allocated_late(h: History) -> int:
    day = release(h, 365)
    if day is None:
        return 0
    notice = [(day - r["occurred_on"]).days for r in h.rows("allocations")]
    return max(28 - max(*notice, 0), 0) if notice else 0


def referred_late(h: History) -> int:
    day = release(h, 365)
    if day is None:
        return 0
    ahead = [(day - d).days for d in days(documents(h, "mappa_referral", "ap_referral"))]
    longest = max((n for n in ahead if 0 <= n <= 730), default=None)
    return 0 if longest is None else max(26 - longest // 7, 0)


def mappa(h: History) -> list[Row]:
    return [r for r in h.rows("actions") if r["kind"] == "mappa_action"]


def mappa_open(h: History) -> int:
    return sum(
        r["done_on"] is None and r["due_on"] is not None and r["due_on"] < h.as_of for r in mappa(h)
    )


def mappa_left_open(h: History) -> int:
    exit_ = last([r for r in h.rows("actions", 90) if r["kind"] == "mappa_exit"])
    if exit_ is None:
        return 0
    left = exit_["occurred_on"]
    return sum(
        r["occurred_on"] <= left and (r["done_on"] is None or r["done_on"] > left) for r in mappa(h)
    )


def closed_case(h: History) -> int:
    start = h.start()
    if start is None:
        return 0
    before = [r for r in h.rows("supervisions") if r["occurred_on"] < start[0]]
    if not before or any(r["ended_on"] is None for r in before):
        return 0
    closed = max(r["ended_on"] for r in before)
    found = [d for d in days(h.rows("incidents")) if closed < d < start[0]]
    latest = max(completed_days(h), default=date.min)
    return sum(latest < day for day in found)


def psychiatric(h: History) -> int:
    reflecting = [
        r["completed_on"] for r in h.completed() if r["mentions_mental_health"] is not False
    ]
    latest = max(reflecting, default=date.min)
    return sum(latest < day for day in days(documents(h, "psychiatric_report")))


def unwell_again(h: History) -> int:
    if not any(r["while_unwell"] for r in incidents(h, HARM)):
        return 0
    return len(incidents(h, ("mental_health_decline", "relapse_sign"), 90))


def more_serious(h: History, group: str) -> int:
    rows = [
        r for r in incidents(h, HARM, 360) if r["severity"] is not None and concerns(r) == group
    ]
    recent = [r["severity"] for r in rows if ago(h, r["occurred_on"]) < 180]
    before = [r["severity"] for r in rows if ago(h, r["occurred_on"]) >= 180]
    if len(rows) < 3 or not recent or not before:
        return 0
    return max(max(recent) - max(before), 0)


def moved(h: History) -> int:
    address = last(
        [r for r in h.rows("circumstances") if r["kind"] == "address" and r["ended_on"] is None]
    )
    held = last(
        [r for r in h.rows("supervisions") if r["ended_on"] is None and r["pdu_code"] is not None]
    )
    if address is None or held is None or address["pdu_code"] is None:
        return 0
    return int(address["pdu_code"] != held["pdu_code"] and ago(h, address["occurred_on"]) > 28)


def unsuitable(h: History) -> int:
    held = last([r for r in h.rows("allocations") if r["ended_on"] is None])
    tiered = last(
        [r for r in h.rows("supervisions") if r["ended_on"] is None and r["tier"] is not None]
    )
    if held is None or tiered is None:
        return 0
    band = tiered["tier"][:1]
    new = held["qualified_on"] is not None and ago(h, held["qualified_on"]) < 365
    learning = held["grade"] in ("PSO", "PQiP") and band in ("A", "B")
    return int(learning or (held["grade"] == "NQO" and band == "A" and new))


def recall_untold(h: History) -> int:
    told = [*days(documents(h, "recall_information")), *in_group(h, "police")]
    recalls = [r["occurred_on"] for r in h.rows("decisions", 180) if r["decided"] == "recall"]
    return h.unanswered(recalls, told, 5)


def unverified(h: History) -> int:
    return sum(
        r["ended_on"] is None and r["verified"] is False for r in h.rows("circumstances", 730)
    )


LEVEL_REGISTERS = (*codes.OVERALL_REGISTER, *codes.GROUP_REGISTER)


def face_to_face(h: History) -> int | None:
    seen = [
        ago(h, r["occurred_on"])
        for r in h.rows("contacts")
        if r["type_code"] in ("COAP", "COAI", "CHVS", "CODC")
        and r["outcome_code"] in codes.ATTENDED
    ]
    return None if suspended(h) else min(seen, default=None)


def registers(h: History) -> list[Row]:
    return [r for r in h.rows("registrations") if r["type_code"] not in LEVEL_REGISTERS]


def review_overdue(h: History) -> int:
    return sum(
        r["ended_on"] is None and r["next_review_on"] is not None and r["next_review_on"] < h.as_of
        for r in registers(h)
    )


def premises_breaches(h: History) -> int:
    stays = [r["occurred_on"] for r in h.rows("supervisions") if r["kind"] == "approved_premises"]
    if not stays:
        return 0
    kinds = ("APBR", "APRS2", "C118", "C119", "C145", "EAP0")
    return sum(
        r["type_code"] in kinds and r["occurred_on"] >= max(stays) for r in h.rows("contacts")
    )


def old_warnings(h: History) -> int:
    start = h.start()
    if start is None or start[1] != "licence":
        return 0
    rows = [
        r
        for r in h.rows("contacts", 180)
        if r["type_code"] in ("AWLI", "AWL2", "AWLF") and r["occurred_on"] >= start[0]
    ]
    return len(h.due(rows))


def recall_delay(h: History) -> int:
    start = h.start()
    if start is None or start[1] != "licence":
        return 0
    missed = [
        r["occurred_on"]
        for r in h.rows("contacts")
        if codes.CONTACT_GROUP_OF.get(r["type_code"]) in ("appointment", "treatment")
        and r["outcome_code"] in codes.UNACCEPTABLE_ABSENCE
        and r["occurred_on"] >= start[0]
    ]
    if not missed:
        return 0
    recalls = [r["occurred_on"] for r in h.rows("decisions") if r["decided"] == "recall"]
    after = [day for day in recalls if day >= min(missed)]
    return (min(after) - min(missed)).days if after else 0


def masked(h: History) -> int:
    """Significant events nobody answered, of someone who attends."""
    left_out = (None, "RSSR", "RSOF", "ATSS", "AFTC", "ATSH")
    due = [
        r["outcome_code"] in codes.ATTENDED
        for r in h.due(h.rows("contacts", 90))
        if codes.CONTACT_GROUP_OF.get(r["type_code"]) in ("appointment", "treatment")
        and r["outcome_code"] not in left_out
    ]
    if not due or sum(due) / len(due) < 0.8:
        return 0
    answers = [*in_group(h, "oversight"), *(r["completed_on"] for r in h.completed())]
    events = [day for day, _ in h.significant(90) if not any(a >= day for a in answers)]
    return len(events) if len(events) >= 2 else 0


def custody_trend(h: History) -> int:
    inside = any(
        r["kind"] in ("custody", "remand") and r["ended_on"] is None for r in h.rows("supervisions")
    )
    start = h.start()
    if inside:
        until = h.as_of
    elif start is not None and start[1] == "licence" and ago(h, start[0]) < 365:
        until = start[0]
    else:
        return 0
    ahead = [
        (until - r["occurred_on"]).days for r in incidents(h, HARM) if r["setting"] == "custody"
    ]
    late = sum(0 <= days < 90 for days in ahead)
    return max(0, late - sum(90 <= days < 180 for days in ahead))


def not_carried(h: History) -> int:
    risky = {"RCCO", "RCPR", "ADVP", "REG30", "WEAP", "RSTO", "SPO", "SOPS", "ARSO", "STRG", "REG26",
             "IRMO", "RTAO", "REG22"}  # fmt: skip
    start = h.start()
    if start is None:
        return 0
    rows = h.rows("registrations")
    active = {r["type_code"] for r in rows if r["ended_on"] is None}
    gone = {r["type_code"] for r in rows if r["ended_on"] is not None and r["ended_on"] <= start[0]}
    return len((gone & risky) - active)


def case(value: Callable[[History], Any]) -> Callable[[History, str], float | None]:
    """A value that is the same for every group."""
    return lambda h, _: value(h)


MORE: dict[str, Callable[[History, str], float | None]] = {
    "enforcement_letter_lower_than_decided": case(lower_letter),
    "new_offence_treated_as_nonviolent": case(quiet_arrests),
    "civil_order_breach_not_reported": case(
        lambda h: h.unanswered(
            days(incidents(h, ("civil_order_breach",), 365)), in_group(h, "police"), 5
        )
    ),
    "undisclosed_circumstance": case(lambda h: len(incidents(h, ("non_disclosure",), 180))),
    "restriction_relaxed_without_oversight": case(relaxed),
    "whereabouts_unknown": case(whereabouts),
    "treatment_nonattendance_count": case(treatment_missed),
    "recall_information_not_sent_to_police": case(recall_untold),
    "treatment_attendance_reports_missing": case(provider_silent),
    "substance_condition_without_referral": case(not_referred),
    "substance_linked_to_past_harm_active": case(linked_use),
    "substance_use_rising": case(use_rising),
    "curfew_without_main_occupier_consent": case(occupier_unasked),
    "curfew_household_unchecked": case(household_unchecked),
    "checks_claimed_without_evidence": case(checks_claimed),
    "self_report_only": case(unverified),
    "curfew_not_monitored": case(unmonitored),
    "named_person_not_consulted": case(not_consulted),
    "initial_assessment_overdue": case(initial_overdue),
    "rosh_unchanged_despite_events": unchanged,
    "assessment_narrower_than_history": case(narrower),
    "sexually_inappropriate_behaviour_unanalysed": case(sexual_unanalysed),
    "level_inconsistent_between_documents": case(lambda h: inconsistent(h, False)),
    "partner_given_outdated_risk": case(lambda h: inconsistent(h, True)),
    "level_lower_than_previous_high": case(lower_than_before),
    "expected_register_missing": register_missing,
    "adjudications_violence_12m": case(adjudications),
    "custody_weapon_or_serious_assault": case(custody_serious),
    "custody_intelligence_not_shared": case(prison_late),
    "custody_information_form_missing": case(form_missing),
    "sentence_ended_while_remanded": case(remanded),
    "late_allocation_before_release": case(allocated_late),
    "mappa_or_ap_referral_late": case(referred_late),
    "mappa_actions_outstanding": case(mappa_open),
    "mappa_exit_with_open_actions": case(mappa_left_open),
    "closed_case_information_unreviewed": case(closed_case),
    "mh_relapse_signs_observed": case(lambda h: len(incidents(h, ("relapse_sign",), 28))),
    "mh_information_not_in_assessment": case(psychiatric),
    "violence_when_unwell_history": case(unwell_again),
    "violence_severity_trend": more_serious,
    "moved_area_without_transfer": case(moved),
    "tier_grade_mismatch": case(unsuitable),
    "days_since_face_to_face": case(face_to_face),
    "register_review_overdue": case(review_overdue),
    "recent_deregistration": case(
        lambda h: sum(
            r["ended_on"] is not None and ago(h, r["ended_on"]) < 90 for r in registers(h)
        )
    ),
    "ap_rule_and_curfew_breaches": case(premises_breaches),
    "withdrawn_warning_form_used": case(old_warnings),
    "recall_decision_delay_days": case(recall_delay),
    "engagement_masks_risk": case(masked),
    "gang_or_organised_crime_indicator": case(
        lambda h: sum(
            r["ended_on"] is None and r["type_code"] in ("STRG", "REG26")
            for r in h.rows("registrations")
        )
    ),
    "custody_behaviour_deterioration": case(custody_trend),
    "earlier_sentence_risk_not_carried": case(not_carried),
}
