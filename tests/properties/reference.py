"""The slow, obvious reference: every indicator again, in plain Python over plain dictionaries.

It shares with the engine the codes and nothing else, and is written to be checked by reading.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from features.contracts import codes, contact_codes
from tests.properties.reference_history import (
    GROUPS,
    RANK,
    History,
    Row,
    about,
    failed,
    in_group,
    incidents,
    known_day,
    overall,
    oversight,
    working_day_after,
)
from tests.properties.reference_more import MORE

__all__ = ["GROUPS", "REFERENCE", "History"]


def dntr(h: History) -> list[Row]:
    """Decisions not to recall on the current order or licence, oldest first."""
    rows = [r for r in h.rows("decisions") if r["decided"] == "decision_not_to_recall"]
    return sorted(h.under_supervision(rows), key=lambda r: (r["occurred_on"], r["record_id"]))


def early_breach(h: History) -> int:
    starts = [r["occurred_on"] for r in h.lately()]
    return sum(
        any(0 <= (r["occurred_on"] - start).days <= 28 for start in starts)
        for r in h.rows("contacts")
        if failed(r)
    )


def appointments(h: History, days: int) -> list[Row]:
    groups = ("appointment", "treatment")
    return h.due(
        [
            r
            for r in h.rows("contacts", days)
            if contact_codes.CONTACT_GROUP_OF.get(r["type_code"]) in groups
        ]
    )


def attendance(h: History) -> float:
    kept_count = sum(r["outcome_code"] in ("ATTC", "AFDA") for r in appointments(h, 90))
    missed = sum(r["outcome_code"] in ("UAAB", "AFTA") for r in appointments(h, 90))
    return kept_count / (kept_count + missed) if kept_count + missed else 1.0


def consecutive(h: History) -> int:
    due = appointments(h, 365)
    complied = [r["occurred_on"] for r in due if r["outcome_code"] in ("ATTC", "AFDA")]
    last = max(complied, default=date.min)
    return sum(
        r["outcome_code"] in contact_codes.UNACCEPTABLE_ABSENCE and r["occurred_on"] > last
        for r in due
    )


def missed_release(h: History) -> int:
    out = [r["occurred_on"] for r in h.lately() if r["kind"] == "licence"]
    return sum(
        contact_codes.CONTACT_GROUP_OF.get(r["type_code"]) == "appointment"
        and r["outcome_code"] in contact_codes.UNACCEPTABLE_ABSENCE
        and any(0 <= (r["occurred_on"] - day).days <= 2 for day in out)
        for r in h.rows("contacts")
    )


def unanswered_noncompliance(h: History) -> int:
    rows = [
        r
        for r in h.rows("contacts", 180)
        if failed(r)
        and r["enforcement_code"] in (None, "EA12")
        and r["type_code"] not in ("C118", "C119")
    ]
    answers = [
        r["occurred_on"]
        for r in h.rows("contacts")
        if r["type_code"] in ("MO5", "C118", "C119")
        or (
            contact_codes.CONTACT_GROUP_OF.get(r["type_code"]) in ("warning", "recall")
            and r["type_code"] != "C173"
        )
    ]
    return h.unanswered([known_day(r) for r in h.due(rows)], answers, 10)


LETTERS = {
    "warning": ("AWLI", "AWL2", "AWLF"),
    "compliance_letter": ("LCL",),
    "recall": ("RECI", "PPCS", "ERCL"),
    "decision_not_to_recall": (),
}


def decided_not_issued(h: History) -> int:
    count = 0
    for r in h.rows("decisions"):
        if r["decided"] not in LETTERS or r["issued_on"] is not None:
            continue
        if not 15 <= (h.as_of - r["occurred_on"]).days <= 179:
            continue
        letters = LETTERS[r["decided"]]
        count += not any(
            c["type_code"] in letters and c["occurred_on"] >= r["occurred_on"]
            for c in h.rows("contacts")
        )
    return count


def trend(h: History, recent: list[date], half: int) -> int:
    new = sum((h.as_of - d).days < half for d in recent)
    return max(0, new - (len(recent) - new))


def breach_acceleration(h: History) -> int:
    rows = h.due([r for r in h.rows("contacts", 180) if failed(r)])
    return trend(h, [r["occurred_on"] for r in rows], 90)


def violence_trend(h: History) -> int:
    rows = incidents(h, ("violence", "domestic_abuse"), 360)
    return trend(h, [r["occurred_on"] for r in rows], 180)


def settings(h: History) -> int:
    rows = incidents(h, ("violence", "threat", "domestic_abuse"), 730)
    return len({r["setting"] for r in rows if r["setting"] in codes.SETTINGS})


def contact_types(h: History, types: tuple[str, ...], days: int) -> int:
    return sum(r["type_code"] in types for r in h.rows("contacts", days))


def tests_refused(h: History) -> int:
    refused = ("TREF", "AFTC", "AFDA", *contact_codes.UNACCEPTABLE_ABSENCE)
    return sum(
        contact_codes.CONTACT_GROUP_OF.get(r["type_code"]) == "test"
        and r["outcome_code"] in refused
        for r in h.rows("contacts", 90)
    )


def circumstances(h: History, kind: str, days: int | None = None) -> list[Row]:
    return [r for r in h.rows("circumstances", days) if r["kind"] == kind]


def lately(h: History, rows: list[Row], days: int) -> list[date]:
    """The days from which rows count, of the last so many days."""
    return [day for day in map(known_day, rows) if (h.as_of - day).days < days]


def partners(h: History) -> list[Row]:
    return [r for r in circumstances(h, "relationship") if r["state"] == "new"]


def new_relationship(h: History) -> int:
    new = lately(h, partners(h), 365)
    questions = [
        r["requested_on"]
        for r in h.rows("enquiries")
        if r["requested_on"] is not None and r["kind"] != "main_occupier"
    ]
    return h.unanswered(new, questions, 10)


def child_contact(h: History) -> int:
    return len(children_seen(h)) if h.level_said("children") == "LOW" else 0


def children_seen(h: History) -> list[Row]:
    return [
        r
        for r in circumstances(h, "child_contact")
        if r["ended_on"] is None and r["state"] != "ended"
    ]


def assessed(h: History) -> list[date]:
    return [r["completed_on"] for r in h.completed()]


def accommodation(h: History) -> int:
    return sum(
        r["state"] in ("at_risk", "no_fixed_abode")
        and (
            r["ended_on"] is None
            or (h.as_of - r["occurred_on"]).days < 56
            or (h.as_of - r["ended_on"]).days < 56
        )
        for r in circumstances(h, "address")
    )


def breakdown(h: History) -> int:
    return len(circumstances(h, "relationship_conflict", 90)) + sum(
        (r["state"] == "ended" and (h.as_of - r["occurred_on"]).days < 90)
        or (r["ended_on"] is not None and (h.as_of - r["ended_on"]).days < 90)
        for r in circumstances(h, "relationship")
    )


def left_premises(h: History) -> int | None:
    since = [
        (h.as_of - r["ended_on"]).days
        for r in h.rows("supervisions")
        if r["kind"] == "approved_premises" and r["ended_on"] is not None
    ]
    return min((d for d in since if d < 56), default=None)


def mental_health(h: History) -> int:
    decline_days = lately(h, incidents(h, ("mental_health_decline",)), 180)
    acted = oversight(h) + [
        r["occurred_on"]
        for r in h.rows("contacts")
        if r["type_code"] in ("CT3B", "CM3A", "CM3B")
        or (r["type_code"] == "TRTM" and r["outcome_code"] not in ("UAAB", "AFTA", "AFTC", "ATSH"))
    ]
    return h.unanswered(decline_days, acted + assessed(h), 10)


def enquiry_missing(h: History, kind: str, due: dict[str, list[date]]) -> int:
    """How many reasons made an enquiry due, with none requested from four weeks before on; more by
    what is at stake and how long it has been due.
    """
    needed = [
        r["occurred_on"]
        for r in h.rows("enquiries", 365)
        if r["kind"] == kind and r["requested_on"] is None
    ]
    curfew = [
        r["occurred_on"]
        for r in h.rows("orders")
        if r["kind"] == "curfew" and r["ended_on"] is None
    ]
    questions = [
        r["requested_on"]
        for r in h.rows("enquiries")
        if r["kind"] == kind and r["requested_on"] is not None
    ]
    late = {
        why: [
            day
            for day in days
            if working_day_after(day, 15) < h.as_of
            and not any((a - day).days >= -28 for a in questions)
        ]
        for why, days in {**due, "needed": needed, "curfew": curfew}.items()
    }
    reasons = [why for why, days in late.items() if days]
    if not reasons:
        return 0
    longest = max((h.as_of - day).days for days in late.values() for day in days)
    at_stake = sum(why in ("relationship", "pregnancy", "curfew", "contact") for why in reasons)
    waited = (longest >= 90) + (longest >= 180)
    # A child makes no domestic abuse enquiry due, and more is at stake where it is due.
    beside = kind == "domestic_abuse" and bool(children_seen(h))
    return len(reasons) + at_stake + beside + waited


def da_missing(h: History) -> int:
    abuse = [
        r
        for r in incidents(h, ("domestic_abuse", "violence", "threat", "sexual"))
        if r["kind"] == "domestic_abuse" or r["target"] == "partner"
    ]
    registered = [r for r in h.rows("registrations") if r["type_code"] in ("ADVP", "REG30", "IMAR")]
    protected = [
        r
        for r in h.rows("orders")
        if r["ended_on"] is None
        and r["kind"] in ("restraining_order", "non_molestation", "stalking_protection")
    ]
    due = {
        "abuse": lately(h, abuse, 365),
        "relationship": lately(h, partners(h), 365),
        "register": lately(h, [r for r in registered if r["ended_on"] is None], 365),
        "start": begun_and_known(h, [*abuse, *registered, *protected]),
    }
    return enquiry_missing(h, "domestic_abuse", due)


def sg_missing(h: History) -> int:
    registered = [
        r
        for r in h.rows("registrations")
        if r["type_code"] in ("RCCO", "RCPR", "ARSO") and r["ended_on"] is None
    ]
    harm = [
        r
        for r in incidents(h, ("violence", "threat", "weapon", "domestic_abuse", "sexual"))
        if r["target"] == "child"
    ]
    due = {
        "concern": lately(h, incidents(h, ("sexual_concern_child",)), 365),
        "harm": lately(h, harm, 365),
        "relationship": lately(h, partners(h), 365),
        "pregnancy": lately(h, circumstances(h, "pregnancy"), 365),
        "contact": [known_day(r) for r in children_seen(h)],
        "register": [known_day(r) for r in registered],
        "start": begun_and_known(h, [*children_seen(h), *registered]),
    }
    return enquiry_missing(h, "child_safeguarding", due)


def begun(h: History) -> list[date]:
    """When the orders and licences in force began."""
    return [r["occurred_on"] for r in h.orders() if r["ended_on"] is None]


def begun_and_known(h: History, calling: list[Row]) -> list[date]:
    """From when the orders and licences in force call for an enquiry: what calls for it is known."""
    if not calling:
        return []
    earliest = min(known_day(r) for r in calling)
    return [max(r["occurred_on"], earliest) for r in h.orders() if r["ended_on"] is None]


def enquiry_overdue(h: History, kind: str) -> int:
    return sum(
        r["kind"] == kind
        and r["requested_on"] is not None
        and r["returned_on"] is None
        and working_day_after(r["requested_on"], 20) < h.as_of
        and (h.as_of - r["requested_on"]).days < 730
        for r in h.rows("enquiries")
    )


def result_not_reflected(h: History) -> int:
    last = max(assessed(h), default=date.min)
    concerns = [
        known_day(r | {"occurred_on": r["returned_on"]})
        for r in h.rows("enquiries")
        if r["result"] == "concerns" and r["returned_on"] is not None
    ]
    return sum(working_day_after(day, 15) < h.as_of and last < day for day in concerns)


def locked(h: History) -> int:
    last = max(assessed(h), default=date.min)
    return sum(
        (r["completed_on"] or r["occurred_on"]) > last
        for r in h.rows("assessments")
        if r["status"] == "LOCKED_INCOMPLETE"
        or (r["status"] == "OPEN" and (h.as_of - r["occurred_on"]).days > 45)
    )


def not_reviewed(h: History) -> int:
    last = max(assessed(h), default=date.min)
    return sum(
        working_day_after(day, 15) < h.as_of and last < day for day in h.significant_known(365)
    )


def copied(h: History) -> int:
    done = [r for r in h.completed() if r["analysis_fingerprint"] is not None]
    same = len(done) > 1 and done[-1]["analysis_fingerprint"] == done[-2]["analysis_fingerprint"]
    return int(same)


def low_with_evidence(h: History, group: str) -> int:
    return len(about(h, group, 730)) if h.level_said(group) == "LOW" else 0


def actuarial(h: History) -> int:
    rated = h.rated()
    level = overall(rated) if rated else None
    scored = [
        r
        for r in h.rows("assessments")
        if r["status"] in ("COMPLETE", "PREDICTORS_ONLY")
        and r["completed_on"] is not None
        and (r["serious_band"] in RANK or r["violence_band"] in RANK)
    ]
    if level is None or not scored:
        return 0
    latest = max(scored, key=lambda r: (r["completed_on"], r["record_id"]))
    bands = [RANK[b] for b in (latest["serious_band"], latest["violence_band"]) if b in RANK]
    return max(0, max(bands) - level)


def countersignature(h: History) -> int:
    r = h.current()
    if r is None:
        return 0
    needed = r["countersign_required"]
    if needed is None:
        needed = (overall(r) or 0) >= RANK["HIGH"]
    if not needed:
        return 0
    if r["countersigned_at"] is None:
        return 1
    if r["signed_at"] is None:
        return 0
    # Whole minutes, cut towards nought.
    return int(int((r["countersigned_at"] - r["signed_at"]) / timedelta(minutes=1)) < 10)


def plan(h: History) -> int:
    filed = [r["occurred_on"] for r in h.rows("documents") if r["kind"] == "plan"]
    r = h.current()
    if r is None:
        return sum(
            working_day_after(day, 15) < h.as_of and not any(d >= day for d in filed)
            for day in begun(h)
        )
    own = r["plan_written_on"]
    written = [*filed, *([own] if own is not None else [])]
    return int(not any(day >= r["occurred_on"] for day in written))


def weapons_unmentioned(h: History) -> int:
    r = h.current()
    if r is None or r["mentions_weapons"] is not False:
        return 0
    done = r["completed_on"]
    return sum(weapon["occurred_on"] <= done for weapon in incidents(h, ("weapon",)))


def civil_order(h: History) -> int:
    active = {r["type_code"] for r in h.rows("registrations") if r["ended_on"] is None}
    return sum(
        r["kind"] in codes.CIVIL_ORDERS
        and r["ended_on"] is None
        and codes.CIVIL_ORDERS[r["kind"]] not in active
        for r in h.rows("orders")
    )


def register_mismatch(h: History) -> int:
    rows = [
        r
        for r in h.rows("registrations")
        if r["type_code"] in codes.OVERALL_REGISTER and r["ended_on"] is None
    ]
    rated = h.rated()
    level = overall(rated) if rated else None
    if not rows or level is None:
        return 0
    return int(max(RANK[codes.OVERALL_REGISTER[r["type_code"]]] for r in rows) > level)


def practitioner_changes(h: History) -> int:
    changes = 0
    for r in h.rows("allocations", 365):
        earlier = [one for one in h.rows("allocations") if one["occurred_on"] < r["occurred_on"]]
        last = max((one["occurred_on"] for one in earlier), default=None)
        held_by = {one["staff_code"] for one in earlier if one["occurred_on"] == last}
        changes += bool(earlier) and r["staff_code"] not in held_by
    return changes


def absence(h: History) -> int:
    return sum(
        r["ended_on"] is None
        and r["absent_from"] is not None
        and r["absent_to"] is None
        and (h.as_of - r["absent_from"]).days >= 28
        for r in h.rows("allocations")
    )


def no_oversight(h: History) -> int:
    return h.unanswered(h.significant_known(180), oversight(h), 10)


def workload(h: History) -> float | None:
    held = [
        r
        for r in h.rows("allocations")
        if r["ended_on"] is None and r["workload_percent"] is not None
    ]
    latest = max(held, key=lambda r: (r["occurred_on"], r["record_id"]), default=None)
    return latest["workload_percent"] if latest else None


def overdue_tasks(h: History) -> int:
    return sum(
        r["kind"] in ("oversight_task", "mappa_action")
        and r["done_on"] is None
        and (h.as_of - (r["due_on"] or r["occurred_on"])).days > 14
        for r in h.rows("actions")
    )


def released(h: History) -> int | None:
    return min(((h.as_of - r["occurred_on"]).days for r in h.releases(90)), default=None)


def age(h: History) -> int | None:
    current = h.current()
    return (h.as_of - current["completed_on"]).days if current else None


def of_group(kinds: tuple[str, ...], days: int) -> Callable[[History, str], int]:
    return lambda h, g: sum(in_group(r, g) for r in incidents(h, kinds, days))


def count(kinds: tuple[str, ...], days: int | None) -> Callable[[History, str], int]:
    return lambda h, _: len(incidents(h, kinds, days))


REFERENCE: dict[str, Callable[[History, str], float | None]] = {
    "licence_breach_count_cumulative": lambda h, _: len(
        h.due(h.under_supervision([r for r in h.rows("contacts") if failed(r)]))
    ),
    "breach_rate_acceleration": lambda h, _: breach_acceleration(h),
    "early_breach_after_start": lambda h, _: early_breach(h),
    "unanswered_noncompliance_count": lambda h, _: unanswered_noncompliance(h),
    "dntr_count": lambda h, _: len(dntr(h)),
    "repeat_dntr_without_senior_endorsement": lambda h, _: sum(
        r["endorsed_by_grade"] != "PDU_HEAD" for r in dntr(h)[1:]
    ),
    "enforcement_decided_not_issued": lambda h, _: decided_not_issued(h),
    "new_arrest_or_charge": lambda h, _: contact_types(h, ("CARR", "CNOC"), 365),
    "prior_orders_breached_count": lambda h, _: sum(
        r["end_reason"] in ("breached", "revoked", "recalled") for r in h.orders()
    ),
    "attendance_rate_90d": lambda h, _: attendance(h),
    "consecutive_unacceptable_absences": lambda h, _: consecutive(h),
    "missed_first_release_appointment": lambda h, _: missed_release(h),
    "violence_incident_count": of_group(("violence", "weapon", "domestic_abuse"), 365),
    "violence_frequency_trend": lambda h, _: violence_trend(h),
    "threats_count": of_group(("threat",), 365),
    "conditional_threat_to_partner_or_child": lambda h, _: sum(
        r["target"] in ("partner", "child") for r in incidents(h, ("threat",), 730)
    ),
    "aggression_across_settings": lambda h, _: settings(h),
    "third_party_complaints": lambda h, _: contact_types(h, ("C3PR",), 90),
    "significant_event_types_30d": lambda h, _: len(
        {kind for _, kind in h.significant(30)} - {"mental health"}
    ),
    "weapon_events_count": count(("weapon",), 730),
    "child_sexual_risk_intelligence": lambda h, _: sum(
        r["kind"] == "sexual_concern_child" or (r["kind"] == "sexual" and r["target"] == "child")
        for r in h.rows("incidents")
    ),
    "substance_use_disclosures": lambda h, _: (
        len(incidents(h, ("substance_use",), 90))
        + sum(r["outcome_code"] == "TPOS" for r in h.rows("contacts", 90))
    ),
    "drug_test_refused_or_missed": lambda h, _: tests_refused(h),
    "em_violations_90d": lambda h, _: sum(
        r["type_code"] in ("C145", "EM01", "EM02", "AAM3", "AAM4") and failed(r)
        for r in h.rows("contacts", 90)
    ),
    "em_provider_concern_reported": count(("provider_concern",), 365),
    "new_relationship_no_enquiry": lambda h, _: new_relationship(h),
    "child_contact_with_low_child_risk": lambda h, _: child_contact(h),
    "pregnancy_or_new_child_unassessed": lambda h, _: h.unanswered(
        lately(h, circumstances(h, "pregnancy"), 365), assessed(h), 20
    ),
    "da_allegations_without_conviction": count(("domestic_abuse",), 730),
    "repeat_da_victims": lambda h, _: len(
        {r["victim_ref"] for r in incidents(h, ("domestic_abuse",)) if r["victim_ref"] is not None}
    ),
    "relationship_conflict_or_breakdown": lambda h, _: breakdown(h),
    "accommodation_loss_risk": lambda h, _: accommodation(h),
    "address_change_not_reviewed": lambda h, _: h.unanswered(
        lately(h, [r for r in circumstances(h, "address") if r["state"] != "at_risk"], 365),
        assessed(h),
        15,
    ),
    "recent_ap_departure": lambda h, _: left_premises(h),
    "mh_decline_disclosed_no_action": lambda h, _: mental_health(h),
    "da_enquiry_missing": lambda h, _: da_missing(h),
    "da_enquiry_overdue": lambda h, _: enquiry_overdue(h, "domestic_abuse"),
    "sg_enquiry_missing": lambda h, _: sg_missing(h),
    "sg_enquiry_overdue": lambda h, _: enquiry_overdue(h, "child_safeguarding"),
    "enquiry_result_not_reflected": lambda h, _: result_not_reflected(h),
    "police_intelligence_unassessed": lambda h, _: h.unanswered(
        lately(h, incidents(h, ("intelligence",)), 365), assessed(h), 20
    ),
    "assessment_age_days": lambda h, _: age(h),
    "assessment_locked_incomplete": lambda h, _: locked(h),
    "no_review_after_significant_event": lambda h, _: not_reviewed(h),
    "assessment_copied_forward": lambda h, _: copied(h),
    "risk_group_low_with_evidence": low_with_evidence,
    "actuarial_level_mismatch": lambda h, _: actuarial(h),
    "countersignature_missing_or_rushed": lambda h, _: countersignature(h),
    "plan_missing_or_before_assessment": lambda h, _: plan(h),
    "weapon_history_missing_from_rosh": lambda h, _: weapons_unmentioned(h),
    "civil_order_without_register": lambda h, _: civil_order(h),
    "register_level_mismatch": lambda h, _: register_mismatch(h),
    "practitioner_changes_365d": lambda h, _: practitioner_changes(h),
    "absence_cover_without_reallocation": lambda h, _: absence(h),
    "no_oversight_after_significant_event": lambda h, _: no_oversight(h),
    "practitioner_workload_percent": lambda h, _: workload(h),
    "overdue_task_noted_not_done": lambda h, _: overdue_tasks(h),
    "days_since_release": lambda h, _: released(h),
    **MORE,
}
