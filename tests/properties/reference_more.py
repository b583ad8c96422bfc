"""The slow reference, continued: the rest of the core catalogue, in plain Python."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from features.contracts import codes, contact_codes
from tests.properties.reference_history import (
    RANK,
    History,
    Row,
    about,
    concerns,
    failed,
    incidents,
    known_day,
    level_column,
    overall,
    oversight,
    working_day_after,
)

HARM = ("violence", "domestic_abuse", "threat", "weapon", "sexual")
ORDERS = ("community_order", "suspended_sentence", "licence")


def by_date(rows: list[Row], key: str = "occurred_on") -> list[Row]:
    """Rows oldest first."""
    return sorted(rows, key=lambda r: (r[key], r["record_id"]))


def last(rows: list[Row], key: str = "occurred_on") -> Row | None:
    """The latest row."""
    rows_in_order = by_date(rows, key)
    return rows_in_order[-1] if rows_in_order else None


def in_group(h: History, *groups: str) -> list[date]:
    """Days of the contacts of some groups of types."""
    return [
        r["occurred_on"]
        for r in h.rows("contacts")
        if contact_codes.CONTACT_GROUP_OF.get(r["type_code"]) in groups
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


def unassessed_arrests(h: History) -> int:
    arrests = [known_day(r) for r in h.rows("contacts") if r["type_code"] in ("CARR", "CNOC")]
    arrests = [day for day in arrests if ago(h, day) < 365]
    return h.unanswered(arrests, completed_days(h), 15)


def relaxed(h: History) -> int:
    agreed = oversight(h)
    relaxed_curfews = [
        r["relaxed_on"]
        for r in h.rows("orders")
        if r["relaxed_on"] is not None and 7 < ago(h, r["relaxed_on"]) < 90
    ]
    return sum(none_near(day, agreed, 7, 7) for day in relaxed_curfews)


def seen_days(h: History) -> list[date]:
    """Days on which an appointment was attended, whatever came of it."""
    return [
        r["occurred_on"]
        for r in h.rows("contacts")
        if contact_codes.CONTACT_GROUP_OF.get(r["type_code"]) == "appointment"
        and r["outcome_code"] in ("ATTC", "AFTC", "ATSH", "ATSS", "AFDA")
    ]


def whereabouts(h: History) -> int:
    """Days without a known address and without being seen."""
    events: list[tuple[date, bool, Row]] = []
    for r in h.rows("circumstances"):
        if r["kind"] != "address":
            continue
        lived_in = r["state"] in ("settled", "temporary", "current", "new")
        if not lived_in and r["state"] not in ("unknown", "no_fixed_abode"):
            continue
        home = lived_in and r["verified"] is not False
        events.append((r["occurred_on"], home, r))
        if home and r["ended_on"] is not None:
            events.append((r["ended_on"], False, r))
    gone: list[date] = []
    for day, home, _ in sorted(events, key=lambda e: (e[0], e[1], e[2]["record_id"])):
        gone = [] if home else [*gone, day]
    housed = any(
        r["kind"] in ("custody", "remand", "approved_premises") and r["ended_on"] is None
        for r in h.rows("supervisions")
    )
    if not gone or h.suspended() or housed:
        return 0
    return ago(h, max([*seen_days(h), gone[0]]))


def treatment_missed(h: History) -> int:
    rows = [
        r
        for r in h.rows("contacts", 180)
        if r["type_code"] == "TRTM" and r["outcome_code"] in contact_codes.UNACCEPTABLE_ABSENCE
    ]
    return len(h.due(rows))


def orders(h: History, test: Callable[[Row], bool]) -> list[Row]:
    rows = [r for r in h.rows("orders") if r["ended_on"] is None]
    return [r for r in rows if test(r)]


def substance_orders(h: History) -> list[Row]:
    return orders(h, lambda r: r["theme"] == "substance")


def curfews(h: History) -> list[Row]:
    return orders(h, lambda r: r["kind"] == "curfew")


def provider_silent(h: History) -> int:
    report_days = days(documents(h, "treatment_report"))
    return max(
        (ago(h, max([*report_days, r["occurred_on"]])) for r in substance_orders(h)), default=0
    )


def not_referred(h: History) -> int:
    conditions_not_referred = [
        r["occurred_on"]
        for r in h.rows("contacts")
        if r["type_code"] == "TRTM" and r["outcome_code"] not in ("UAAB", "AFTA", "AFTC", "ATSH")
    ]
    referred = [*days(documents(h, "substance_referral")), *conditions_not_referred]
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
        if r["kind"] == "main_occupier"
        and r["returned_on"] is not None
        and r["result"] == "no_concerns"
    ]
    told_days = [
        r
        for r in h.rows("enquiries")
        if r["kind"] == "main_occupier" and r["returned_on"] and r["result"] is not None
    ]
    latest = last(told_days, "returned_on")
    refused = latest is not None and latest["result"] == "concerns"
    return sum(refused or none_near(r["occurred_on"], answered, 90, 100_000) for r in curfews(h))


def household_unchecked(h: History) -> int:
    count = 0
    for kind in ("domestic_abuse", "child_safeguarding"):
        returned = [
            r["returned_on"]
            for r in h.rows("enquiries")
            if r["kind"] == kind and r["returned_on"] is not None
        ]
        count += any(none_near(r["occurred_on"], returned, 90, 100_000) for r in curfews(h))
    return count


def checks_claimed(h: History) -> int:
    questions = [
        r["requested_on"]
        for r in h.rows("enquiries")
        if r["requested_on"] is not None and r["kind"] in codes.ENQUIRY_KINDS
    ]
    reports = [
        r for r in h.rows("documents", 365) if r["kind"] == "court_report" and r["claims_checks"]
    ]
    return sum(none_near(r["occurred_on"], questions, 28, 0) for r in reports)


def unmonitored(h: History) -> int:
    police = [day for day in in_group(h, "police_liaison") if ago(h, day) < 90]
    return 0 if police else sum(not r["monitored"] for r in curfews(h))


def not_consulted(h: History) -> int:
    called = [
        r["occurred_on"] for r in h.rows("contacts") if r["type_code"] in ("CT3B", "CM3A", "CM3B")
    ]
    plans = [r for r in documents(h, "plan") if r["names_person"]]
    return sum(
        28 < ago(h, day) < 365 and not any(other >= day for other in called) for day in days(plans)
    )


def initial_overdue(h: History) -> int:
    late = [
        ago(h, working_day_after(r["occurred_on"], 15))
        for r in h.orders()
        if r["ended_on"] is None and not any(d >= r["occurred_on"] for d in completed_days(h))
    ]
    return max([*late, 0])


def unchanged(h: History, group: str) -> int:
    assessments = [r for r in h.completed() if r[level_column(group)] is not None]
    if not assessments:
        return 0
    run = [assessments[-1]]
    for r in reversed(assessments[:-1]):
        if r[level_column(group)] != assessments[-1][level_column(group)]:
            break
        run.append(r)
    since, until = run[-1]["completed_on"], run[0]["completed_on"]
    return sum(since < known_day(r) <= until for r in about(h, group, 730))


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
    current = h.rated()
    now = overall(current) if current else None
    if current is None or now is None:
        return 0
    count = 0
    for r in h.rows("documents", 90):
        if (r["kind"] == "agency_referral") is not theirs or r["level"] not in RANK:
            continue
        older = (current["completed_on"] - r["occurred_on"]).days
        stated = RANK[r["level"]]
        near = theirs or older <= 0 or (older <= 30 and stated > now)
        count += stated != now and near
    return count


def lower_than_before(h: History) -> int:
    current = h.rated()
    now = overall(current) if current else None
    if now is None:
        return 0
    highest = max((overall(r) or 0 for r in h.completed()), default=0)
    return highest - now if highest >= 3 and highest > now else 0


def register_missing(h: History, group: str) -> int:
    kinds_due = {
        "known_adult": ("domestic_abuse", ("ADVP", "REG30")),
        "public": ("weapon", ("WEAP",)),
        "children": ("sexual_concern_child", ("RCCO", "RCPR")),
    }
    kind, registers = kinds_due.get(group, ("", ()))
    active = {r["type_code"] for r in h.rows("registrations") if r["ended_on"] is None}
    known_incidents = [r for r in incidents(h, (kind,)) if ago(h, known_day(r)) < 365]
    return 0 if active & set(registers) else len(known_incidents)


def prison_late(h: History) -> int:
    return sum(
        (r["first_recorded_at"].date() - r["occurred_on"]).days > 28
        and ago(h, r["first_recorded_at"].date()) < 365
        for r in incidents(h, ("custody_intelligence",))
    )


def adjudications(h: History) -> int:
    return sum(
        r["setting"] == "custody" and bool(r["proven"])
        for r in incidents(h, ("violence", "threat"), 365)
    )


def custody_serious(h: History) -> int:
    return sum(
        r["setting"] == "custody" and (r["kind"] == "weapon" or (r["severity"] or 0) >= 4)
        for r in incidents(h, ("weapon", "violence", "sexual"), 730)
    )


def form_missing(h: History) -> int:
    sent = days(documents(h, "custody_information_form", "handover"))
    return sum(ago(h, day) > 5 and none_near(day, sent, 28, 5) for day in days(h.releases(180)))


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
        r["kind"] in (*ORDERS, "custody")
        and r["ended_on"] is not None
        and ago(h, r["ended_on"]) < 365
        and r["ended_on"] >= min(began)
        and handed < r["ended_on"]
        for r in h.rows("supervisions")
    )


def allocated_late(h: History) -> int:
    short = []
    for day in days(h.releases(365)):
        held = [
            r["occurred_on"]
            for r in h.rows("allocations")
            if not (r["staff_code"] or "").endswith("U")
            and r["occurred_on"] <= day
            and (r["ended_on"] is None or (day - r["ended_on"]).days < 28)
        ]
        short.append(28 - max((day - d).days for d in [*held, day]))
    return max([*short, 0])


def referral_due(h: History) -> bool:
    registered = any(r["type_code"] in ("MAPP", "ARSO", "SOPS") for r in h.rows("registrations"))
    arrived = days([r for r in h.rows("supervisions") if r["kind"] == "approved_premises"])
    housed = any(0 <= (a - day).days <= 28 for a in arrived for day in days(h.releases(365)))
    current = h.rated()
    high = current is not None and (overall(current) or 0) >= RANK["HIGH"]
    then = any(
        0 <= (day - r["completed_on"]).days <= 730 and (overall(r) or 0) >= RANK["HIGH"]
        for r in h.completed()
        for day in days(h.releases(365))
    )
    return registered or housed or high or then


def referred_late(h: History) -> int:
    if not referral_due(h):
        return 0
    referral_days = days(documents(h, "mappa_referral", "ap_referral"))
    short = []
    for day in days(h.releases(365)):
        ahead = [(day - d).days for d in referral_days if 0 <= (day - d).days <= 730]
        short.append(26 - max([*ahead, 0]) // 7)
    return max([*short, 0])


def mappa(h: History) -> list[Row]:
    return [r for r in h.rows("actions") if r["kind"] == "mappa_action"]


def mappa_open(h: History) -> int:
    return sum(
        r["done_on"] is None and (r["due_on"] or r["occurred_on"]) < h.as_of for r in mappa(h)
    )


def mappa_left_open(h: History) -> int:
    exits = days([r for r in h.rows("actions", 90) if r["kind"] == "mappa_exit"])
    return sum(
        any(
            r["occurred_on"] <= left and (r["done_on"] is None or r["done_on"] > left)
            for left in exits
        )
        for r in mappa(h)
    )


def closed_case(h: History) -> int:
    spells = [r for r in h.rows("supervisions") if r["kind"] in (*ORDERS, "custody")]
    heard = [
        r | {"kind": ""}
        for r in h.rows("contacts")
        if r["type_code"] in ("CARR", "CNOC", "C3PR")
        or (r["type_code"] == "C515" and r["outcome_code"] != "NOCO")
    ]
    intelligence = [r for r in h.rows("incidents") if r["kind"] == "intelligence"]
    heard = [
        r
        for r in heard
        if r["type_code"] != "C515"
        or not any(
            i["occurred_on"] == r["occurred_on"] and known_day(i) >= known_day(r)
            for i in intelligence
        )
    ]
    count = 0
    for r in [*h.rows("incidents"), *heard]:
        again = [reopened(spells, day) for day in (r["occurred_on"], known_day(r))]
        opened = [day for day in again if day is not None]
        if opened:
            count += not any(
                done["completed_on"] >= max([*opened, known_day(r)])
                and not says_nothing_of(done, r["kind"])
                for done in h.completed()
            )
    return count


def reopened(spells: list[Row], day: date) -> date | None:
    """When a case was opened again that was closed on a day; None where it was not closed then."""
    covered = any(
        s["occurred_on"] <= day and (s["ended_on"] is None or s["ended_on"] >= day) for s in spells
    )
    ended = any(s["ended_on"] is not None and s["ended_on"] < day for s in spells)
    again = [s["occurred_on"] for s in spells if s["occurred_on"] > day]
    return min(again) if again and ended and not covered else None


def says_nothing_of(assessed: Row, kind: str) -> bool:
    """Whether an assessment says that it does not mention what an incident is about."""
    mentions = {
        "weapon": "mentions_weapons",
        "domestic_abuse": "mentions_domestic_abuse",
        "sexual": "mentions_sexual_behaviour",
        "sexual_concern_child": "mentions_sexual_behaviour",
        "mental_health_decline": "mentions_mental_health",
        "relapse_sign": "mentions_mental_health",
    }
    return kind in mentions and assessed[mentions[kind]] is False


def psychiatric(h: History) -> int:
    reflecting = [
        r["completed_on"] for r in h.completed() if r["mentions_mental_health"] is not False
    ]
    latest = max(reflecting, default=date.min)
    return sum(latest < known_day(r) for r in documents(h, "psychiatric_report"))


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
        [
            r
            for r in h.rows("circumstances")
            if r["kind"] == "address"
            and r["ended_on"] is None
            and r["state"] not in ("unknown", "no_fixed_abode", "at_risk")
        ]
    )
    units = [
        r["pdu_code"]
        for r in h.rows("supervisions")
        if r["ended_on"] is None and r["pdu_code"] is not None
    ]
    if address is None or address["pdu_code"] is None or ago(h, address["occurred_on"]) <= 28:
        return 0
    return int(any(unit != address["pdu_code"] for unit in units))


def unsuitable(h: History) -> int:
    held = last([r for r in h.rows("allocations") if r["ended_on"] is None])
    tiers = [
        r["tier"] for r in h.rows("supervisions") if r["ended_on"] is None and r["tier"] is not None
    ]
    if held is None or not tiers:
        return 0
    band = min(tiers)[:1]
    learning = held["grade"] in ("PSO", "PQiP") and band in ("A", "B")
    return int(learning or (held["grade"] == "NQO" and band == "A"))


def recall_untold(h: History) -> int:
    told_days = [*days(documents(h, "recall_information")), *in_group(h, "police_liaison")]
    recalls = [r["occurred_on"] for r in h.rows("decisions", 180) if r["decided"] == "recall"]
    return h.unanswered(recalls, told_days, 5)


def unverified(h: History) -> int:
    return sum(
        r["ended_on"] is None and r["verified"] is False for r in h.rows("circumstances", 730)
    )


LEVEL_REGISTERS = (*codes.OVERALL_REGISTER, *codes.GROUP_REGISTER)


def face_to_face(h: History) -> int | None:
    seen_rows = [
        ago(h, r["occurred_on"])
        for r in h.rows("contacts")
        if r["type_code"] in ("COAP", "COAI", "CHVS", "CODC")
        and r["outcome_code"] in contact_codes.ATTENDED
    ]
    return None if h.suspended() else min(seen_rows, default=None)


def registers(h: History) -> list[Row]:
    return [r for r in h.rows("registrations") if r["type_code"] not in LEVEL_REGISTERS]


def review_overdue(h: History) -> int:
    return sum(
        r["ended_on"] is None and r["next_review_on"] is not None and r["next_review_on"] < h.as_of
        for r in registers(h)
    )


def premises_breaches(h: History) -> int:
    stays = [r for r in h.rows("supervisions") if r["kind"] == "approved_premises"]
    kinds = ("APBR", "APRS2", "C118", "C119", "C145", "EAP0")
    return sum(
        r["type_code"] in kinds
        and any(
            s["occurred_on"] <= r["occurred_on"]
            and (s["ended_on"] is None or r["occurred_on"] <= s["ended_on"])
            for s in stays
        )
        for r in h.rows("contacts")
    )


def old_warnings(h: History) -> int:
    rows = [
        r
        for r in h.rows("contacts", 180)
        if r["type_code"] in ("AWLI", "AWL2", "AWLF") and on_licence(h.orders(), r["occurred_on"])
    ]
    return len(h.due(rows))


def on_licence(orders: list[Row], day: date) -> bool:
    return any(
        r["kind"] == "licence"
        and r["occurred_on"] <= day
        and (r["ended_on"] is None or day <= r["ended_on"])
        for r in orders
    )


def recall_delay(h: History) -> int:
    missed = [
        r["occurred_on"]
        for r in h.due(h.rows("contacts"))
        if contact_codes.CONTACT_GROUP_OF.get(r["type_code"]) in ("appointment", "treatment")
        and r["outcome_code"] in contact_codes.UNACCEPTABLE_ABSENCE
        and on_licence(h.lately(), r["occurred_on"])
    ]
    recalls = [r["occurred_on"] for r in h.rows("decisions") if r["decided"] == "recall"]
    recalls += [
        r["occurred_on"] for r in h.rows("contacts") if r["type_code"] in ("RECI", "PPCS", "ERCL")
    ]
    out = any(r["kind"] == "licence" and r["ended_on"] is None for r in h.orders())
    waits = [0]
    for day in missed:
        after = [d for d in recalls if d >= day]
        if after:
            waits.append((min(after) - day).days)
        elif out and not any(seen_day >= day for seen_day in seen_days(h)):
            waits.append(ago(h, day))
    return max(waits)


def masked(h: History) -> int:
    """Significant events nobody answered, of someone who attends."""
    due = [
        r["outcome_code"] in ("ATTC", "AFDA")
        for r in h.due(h.rows("contacts", 90))
        if contact_codes.CONTACT_GROUP_OF.get(r["type_code"]) in ("appointment", "treatment")
        and r["outcome_code"] in ("ATTC", "AFDA", "UAAB", "AFTA")
    ]
    if not due or sum(due) / len(due) < 0.8:
        return 0
    answers = [*oversight(h), *(r["completed_on"] for r in h.completed())]
    events = [
        r
        for r, _ in h.events()
        if ago(h, r["occurred_on"]) < 90 and not any(a >= known_day(r) for a in answers)
    ]
    return len(events) if len(events) >= 2 else 0


def custody_trend(h: History) -> int:
    inside = any(
        r["kind"] in ("custody", "remand") and r["ended_on"] is None for r in h.rows("supervisions")
    )
    out = days(h.releases(365))
    if inside:
        until = h.as_of
    elif out:
        until = max(out)
    else:
        return 0
    ahead = [
        (until - r["occurred_on"]).days for r in incidents(h, HARM) if r["setting"] == "custody"
    ]
    late = sum(0 <= days < 90 for days in ahead)
    return max(0, late - sum(90 <= days < 180 for days in ahead))


def not_carried(h: History) -> int:
    risky = {
        "RCCO",
        "RCPR",
        "ADVP",
        "REG30",
        "WEAP",
        "RSTO",
        "SPO",
        "SOPS",
        "ARSO",
        "STRG",
        "REG26",
        "IRMO",
        "RTAO",
        "REG22",
    }
    if not h.orders():
        return 0
    began = max(days(h.orders()))
    rows = h.rows("registrations")
    active = {r["type_code"] for r in rows if r["ended_on"] is None}
    gone = {r["type_code"] for r in rows if r["ended_on"] is not None and r["ended_on"] <= began}
    return len((gone & risky) - active)


def severe(h: History, group: str) -> list[Row]:
    """The gravest kinds, at any time, by who was or could be harmed."""
    severe_rows = []
    for r in h.rows("incidents"):
        kind, target = r["kind"], r["target"]
        close = ("staff", "partner", "child")
        worst_of_all = (r["severity"] or 0) >= 4
        grave = kind in ("violence", "threat") and (worst_of_all or target in close)
        sexual = kind == "sexual" and (worst_of_all or target == "child")
        always = kind in (
            "weapon",
            "domestic_abuse",
            "sexual_concern_child",
            "civil_order_breach",
        )
        if (grave or sexual or always) and concerns(r) == group:
            severe_rows.append(r)
    return severe_rows


def unassessed(h: History, group: str) -> int:
    latest = max(completed_days(h), default=date.min)
    known_on_days = [r["first_recorded_at"].date() for r in severe(h, group)]
    return sum(latest < day and working_day_after(day, 15) < h.as_of for day in known_on_days)


def concerning(h: History, group: str) -> list[Row]:
    """Harmful incidents of a group, and intelligence or concern that names the group."""
    harmful = (
        "violence",
        "threat",
        "weapon",
        "domestic_abuse",
        "sexual",
        "sexual_concern_child",
        "civil_order_breach",
    )
    named = ("provider_concern", "intelligence", "custody_intelligence")
    return [
        r
        for r in h.rows("incidents")
        if concerns(r) == group
        and (r["kind"] in harmful or (r["kind"] in named and r["target"] in codes.GROUP_OF_TARGET))
    ]


def seriousness(rows: list[Row]) -> int:
    """How serious the entries are, added up; three for one that does not say."""
    return sum(3 if r["severity"] is None else r["severity"] for r in rows)


def lately_serious(h: History, group: str) -> int:
    rows = concerning(h, group)
    return seriousness([r for r in rows if ago(h, r["first_recorded_at"].date()) < 30])


def serious_since(h: History, group: str) -> int:
    latest = max(completed_days(h), default=date.min)
    rows = concerning(h, group)
    return seriousness([r for r in rows if r["first_recorded_at"].date() > latest])


def close_together(h: History) -> int:
    """The most days with a failure within any 28 days that end in the last 180."""
    failures = [
        r for r in h.rows("contacts") if failed(r) and r["type_code"] not in ("C118", "C119")
    ]
    days = {r["occurred_on"] for r in h.due(failures)}
    ends = [day for day in days if ago(h, day) < 180]
    return max((sum(0 <= (end - day).days < 28 for day in days) for end in ends), default=0)


def kinds_of_harm(h: History, group: str) -> int:
    rows = concerning(h, group)
    return len({r["kind"] for r in rows if ago(h, r["first_recorded_at"].date()) < 365})


def fell_away(h: History) -> int:
    """Whether treatment, and a settled home, ended in the last 180 days and none is left."""
    treatments = [r for r in h.rows("circumstances") if r["kind"] == "treatment"]
    states = ("settled", "current", "new", None)
    homes = [r for r in h.rows("circumstances") if r["kind"] == "address" and r["state"] in states]
    last_end = max(
        (r["occurred_on"] for r in treatments if r["state"] == "ended"), default=date.min
    )
    treated = any(
        r["ended_on"] is None and r["state"] != "ended" and r["occurred_on"] > last_end
        for r in treatments
    )
    housed = any(r["ended_on"] is None for r in homes)
    ended = [
        r["ended_on"] or (r["occurred_on"] if r["state"] == "ended" else None) for r in treatments
    ]
    left = [r["ended_on"] for r in homes if r["state"] == "settled"]
    return sum(
        not remains and any(day is not None and 0 <= ago(h, day) < 180 for day in days)
        for remains, days in ((treated, ended), (housed, left))
    )


ROUTINE = {
    "police": ("C204", "C369"),
    "services": ("SFGC", "C158"),
    "monitoring": ("C063",),
}


def lapsed(h: History) -> int:
    supervised = any(r["ended_on"] is None for r in h.orders())
    if not supervised or h.suspended():
        return 0
    count = 0
    for types in ROUTINE.values():
        days = sorted(
            ago(h, r["occurred_on"])
            for r in h.rows("contacts")
            if r["type_code"] in types and r["outcome_code"] not in ("RSSR", "RSOF")
        )
        if days and 90 <= days[0] < 365:
            count += sum(day - days[0] < 275 for day in days) >= 3
    return count


def taken_off(h: History) -> int:
    active = {r["type_code"] for r in registers(h) if r["ended_on"] is None}
    return sum(
        r["ended_on"] is not None
        and ago(h, r["ended_on"]) < 90
        and r["type_code"] not in {*active, "PRC"}
        for r in registers(h)
    )


def known_lately(h: History, kind: str, within: int) -> list[date]:
    """The days from which incidents of a kind count, of the last so many days."""
    return [day for day in map(known_day, incidents(h, (kind,))) if ago(h, day) < within]


def case(value: Callable[[History], Any]) -> Callable[[History, str], float | None]:
    """A value that is the same for every group."""
    return lambda h, _: value(h)


MORE: dict[str, Callable[[History, str], float | None]] = {
    "enforcement_letter_lower_than_decided": case(lower_letter),
    "new_offence_treated_as_nonviolent": case(unassessed_arrests),
    "civil_order_breach_not_reported": case(
        lambda h: h.unanswered(
            known_lately(h, "civil_order_breach", 365), in_group(h, "police_liaison"), 5
        )
    ),
    "undisclosed_circumstance": case(lambda h: len(known_lately(h, "non_disclosure", 180))),
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
    "recent_deregistration": case(taken_off),
    "ap_rule_and_curfew_breaches": case(premises_breaches),
    "withdrawn_warning_form_used": case(old_warnings),
    "recall_decision_delay_days": case(recall_delay),
    "engagement_masks_risk": case(masked),
    "person_of_concern_at_same_address": case(
        lambda h: len(
            {
                r["linked_crn"]
                for r in h.rows("links")
                if r["kind"] == "shared_address" and r["ended_on"] is None
                if r["concern"] in ("HIGH", "VERY_HIGH", "child_register")
            }
        )
    ),
    "partner_is_victim_in_another_case": case(
        lambda h: len(
            {
                r["linked_crn"]
                for r in h.rows("links")
                if r["kind"] == "partner_is_victim" and r["ended_on"] is None
                if r["concern"] is None
            }
        )
    ),
    "gang_or_organised_crime_indicator": case(
        lambda h: sum(
            r["ended_on"] is None and r["type_code"] in ("STRG", "REG26")
            for r in h.rows("registrations")
        )
    ),
    "custody_behaviour_deterioration": case(custody_trend),
    "severe_incidents_ever": lambda h, group: len(severe(h, group)),
    "severe_information_unassessed": unassessed,
    "seriousness_known_30d": lately_serious,
    "noncompliance_within_28d": case(close_together),
    "harm_kinds_known_365d": kinds_of_harm,
    "protection_lost_180d": case(fell_away),
    "agency_contact_lapsed": case(lapsed),
    "seriousness_since_assessment": serious_since,
    "earlier_sentence_risk_not_carried": case(not_carried),
}
