"""The codes that the records use, with their meanings; each list says where it was seen.

Codes are those of NDelius and OASys as they appear in public Ministry of Justice repositories
(MIT): contact types, outcomes and enforcement actions as served to "manage people on probation",
"make a recall decision" and the tier service; registers as in the assessment-summary integration.
A code not listed here is kept as it came, counted and named by intake, and never refused.
"""

from __future__ import annotations

NOT_YET_KNOWN = "NOT_YET_KNOWN"
"""The code of an entry between its creation and its last change: its content then is not known."""

LEVELS: dict[str, str] = {
    "LOW": "current evidence does not indicate likelihood of serious harm",
    "MEDIUM": "potential to cause serious harm, but unlikely unless circumstances change",
    "HIGH": "could happen at any time; the impact would be serious",
    "VERY_HIGH": "imminent: more likely than not to happen soon; the impact would be serious",
}
LEVEL_ORDER: tuple[str, ...] = tuple(LEVELS)

COMMUNITY_GROUPS: tuple[str, ...] = ("children", "public", "known_adult", "staff")
GROUP_WORDS: dict[str, str] = {
    "children": "children",
    "public": "the public",
    "known_adult": "known adults",
    "staff": "staff",
    "prisoners": "prisoners",
}
"""Each risk group in the words of a sentence."""
RISK_GROUPS: tuple[str, ...] = (*COMMUNITY_GROUPS, "prisoners")

BANDS: dict[str, str] = {
    "LOW": "low",
    "MEDIUM": "medium",
    "HIGH": "high",
    "VERY_HIGH": "very high",
    "NOT_APPLICABLE": "not applicable",
}

CERTAINTY: dict[str, str] = {
    "fact": "established",
    "allegation": "alleged, not proven",
    "intelligence": "intelligence, source not disclosed",
    "opinion": "a professional's opinion",
}

SOURCES: dict[str, str] = {
    "ndelius": "NDelius",
    "oasys": "OASys",
    "nomis": "prison records",
    "police": "police",
    "childrens_services": "children's services",
    "ems": "monitoring provider",
    "workforce": "workforce allocation",
    "rosh_triage": "this service",
}

SUPERVISION_KINDS: dict[str, str] = {
    "community_order": "community order",
    "suspended_sentence": "suspended sentence order",
    "licence": "licence after release",
    "custody": "custodial period before release",
    "approved_premises": "residence in approved premises",
    "remand": "remand in custody",
}
END_REASONS = {
    "completed": "ran to its end",
    "breached": "ended after a proven breach",
    "revoked": "revoked",
    "recalled": "recalled to prison",
    "moved_on": "moved to other accommodation",
}


REGISTER_TYPES: dict[str, str] = {
    "RLRH": "Low RoSH",
    "RMRH": "Medium RoSH",
    "RHRH": "High RoSH",
    "RVHR": "Very high RoSH",
    "RCHD": "Risk to children",
    "REG15": "Risk to known adult",
    "REG16": "Risk to prisoner",
    "REG17": "Risk to public",
    "AV2S": "Risk to staff",
    "RCCO": "Child concerns",
    "RCPR": "Child protection",
    "ADVP": "Domestic abuse perpetrator",
    "REG30": "Domestic abuse history",
    "ADVV": "Domestic abuse victim",
    "IMAR": "MARAC",
    "MAPP": "MAPPA",
    "RSTO": "Restraining order",
    "SPO": "Stalking protection order",
    "SOPS": "Sexual harm prevention order",
    "ARSO": "Registered sex offender",
    "AVIS": "ViSOR",
    "WEAP": "Weapons",
    "STRG": "Street gangs",
    "REG26": "Organised crime",
    "IRMO": "Hate crime",
    "RTAO": "Terrorism",
    "AMHL": "Mental health issues",
    "RMDO": "Mentally disordered offender",
    "ALSH": "Suicide or self-harm",
    "RVLN": "Vulnerable",
    "RVAD": "Adult at risk",
    "REG22": "Risk to adult at risk",
    "ASFO": "Serious further offence review",
    "WRSM": "Warrant or summons",
    "IIOM": "Integrated offender management",
    "INLL": "Lifer or IPP",
    "INVI": "Victim contact",
    "PRC": "Two-thirds point: contact suspended",
    "RRR": "Required risk review",
    "HREG": "Historical register entry",
}
OVERALL_REGISTER: dict[str, str] = {
    "RLRH": "LOW",
    "RMRH": "MEDIUM",
    "RHRH": "HIGH",
    "RVHR": "VERY_HIGH",
}
GROUP_REGISTER: dict[str, str] = {
    "RCHD": "children",
    "REG15": "known_adult",
    "REG16": "prisoners",
    "REG17": "public",
    "AV2S": "staff",
}
REGISTER_LEVELS: dict[str, str] = {
    "RSKL": "LOW",
    "RSKM": "MEDIUM",
    "RSKH": "HIGH",
    "RSKV": "VERY_HIGH",
}
MAPPA_LEVELS: dict[str, str] = {"M0": "none", "M1": "level 1", "M2": "level 2", "M3": "level 3"}
REGISTER_LEVEL_CODES: dict[str, str] = {**REGISTER_LEVELS, **MAPPA_LEVELS}
MAPPA_CATEGORIES: dict[str, str] = {
    "X9": "all",
    "M1": "category 1",
    "M2": "category 2",
    "M3": "category 3",
    "M4": "category 4",
}

ASSESSMENT_STATUS: dict[str, str] = {
    "COMPLETE": "completed",
    "LOCKED_INCOMPLETE": "locked before it was complete",
    "OPEN": "started, not complete",
    "PREDICTORS_ONLY": "predictor scores without levels",
}

ORDER_KINDS: dict[str, str] = {
    "restraining_order": "restraining order",
    "non_molestation": "non-molestation order",
    "shpo": "sexual harm prevention order",
    "stalking_protection": "stalking protection order",
    "criminal_behaviour": "criminal behaviour order",
    "licence_condition": "licence condition",
    "requirement": "requirement of an order",
    "curfew": "curfew",
}
CIVIL_ORDERS: dict[str, str] = {
    "restraining_order": "RSTO",
    "non_molestation": "RSTO",
    "shpo": "SOPS",
    "stalking_protection": "SPO",
}
CONDITION_THEMES: dict[str, str] = {
    "substance": "drug or alcohol work or testing",
    "residence": "where to live",
    "non_contact": "no contact with named people",
    "movement": "freedom of movement",
    "programme": "programme or activity",
    "possession": "what may not be possessed",
}

ENQUIRY_KINDS: dict[str, str] = {
    "domestic_abuse": "domestic abuse enquiry to police",
    "child_safeguarding": "safeguarding enquiry to children's services",
    "main_occupier": "consent of the main occupier",
}
ENQUIRY_RESULTS: dict[str, str] = {
    "concerns": "concerns returned",
    "no_concerns": "nothing of concern returned",
}

INCIDENT_KINDS: dict[str, str] = {
    "violence": "violence or aggression",
    "threat": "threat",
    "weapon": "weapon carried or used",
    "domestic_abuse": "domestic abuse",
    "sexual": "sexual behaviour of concern",
    "sexual_concern_child": "information of sexual concern about a child",
    "substance_use": "drug or heavy alcohol use disclosed or seen",
    "mental_health_decline": "mental health said or seen to be worse",
    "provider_concern": "concern reported by the monitoring provider",
    "intelligence": "police intelligence",
    "custody_intelligence": "prison intelligence",
    "civil_order_breach": "breach of a court order",
    "non_disclosure": "did not tell probation of something required",
    "relapse_sign": "sign that a clinician listed as one of relapse",
}
TARGETS: dict[str, str] = {
    "child": "a child",
    "partner": "a partner or former partner",
    "family": "a family member",
    "known_adult": "another known adult",
    "public": "a member of the public",
    "staff": "staff",
    "prisoner": "a prisoner",
    "none": "nobody in particular",
}
GROUP_OF_TARGET: dict[str, str] = {
    "child": "children",
    "partner": "known_adult",
    "family": "known_adult",
    "known_adult": "known_adult",
    "public": "public",
    "staff": "staff",
    "prisoner": "prisoners",
}
SETTINGS: dict[str, str] = {
    "community": "in the community",
    "home": "at home",
    "custody": "in custody",
    "approved_premises": "in approved premises",
    "office": "in a probation office",
    "health": "in a health setting",
    "online": "online",
}

ENFORCEMENT_SCALE: tuple[str, ...] = (
    "none",
    "warning",
    "compliance_letter",
    "decision_not_to_recall",
    "recall",
)
ENFORCEMENT_SCALE_WORDS: dict[str, str] = {
    "none": "no action",
    "warning": "a warning",
    "compliance_letter": "a compliance letter",
    "decision_not_to_recall": "a decision not to recall",
    "recall": "recall",
}
DECISION_KINDS: dict[str, str] = {
    "enforcement": "how to respond to non-compliance",
    "recall": "whether to recall",
}
GRADES: dict[str, str] = {
    "PSO": "probation services officer",
    "PQiP": "trainee probation officer",
    "NQO": "newly qualified officer",
    "PO": "probation officer",
    "SPO": "senior probation officer",
    "PDU_HEAD": "head of the probation delivery unit",
}

ACTION_KINDS: dict[str, str] = {
    "mappa_action": "action set by a MAPPA meeting",
    "oversight_task": "task set in oversight",
    "mappa_exit": "end of MAPPA management",
}

DOCUMENT_KINDS: dict[str, str] = {
    "court_report": "report to a court",
    "plan": "risk management plan",
    "mappa_referral": "referral to MAPPA",
    "ap_referral": "referral to approved premises",
    "substance_referral": "referral for drug or alcohol treatment",
    "treatment_report": "report of a treatment provider",
    "psychiatric_report": "psychiatric report",
    "agency_referral": "referral to a partner agency",
    "custody_information_form": "prison information sharing form",
    "handover": "handover from prison or between areas",
    "recall_information": "risk information sent to police on recall",
}

CIRCUMSTANCE_KINDS: dict[str, str] = {
    "address": "where the person lives",
    "relationship": "an intimate relationship",
    "relationship_conflict": "conflict or breakdown in a close relationship",
    "child_contact": "lives with or has contact with a child",
    "pregnancy": "pregnancy or new child",
    "treatment": "treatment started or ended",
}
CIRCUMSTANCE_STATES: dict[str, str] = {
    "settled": "settled",
    "temporary": "temporary",
    "at_risk": "tenancy or placement at risk",
    "no_fixed_abode": "no fixed abode",
    "unknown": "not known",
    "new": "new",
    "ended": "ended",
    "current": "current",
}

REVIEW_SOURCES: dict[str, str] = {
    "audit": "audit of a random sample",
    "spo_review": "review in this service",
    "countersign": "countersigning",
    "reassessment": "a later assessment",
}
LIMIT_KINDS: dict[str, str] = {
    "exclusion": "named staff may not see the case",
    "restriction": "only named staff may see the case",
}

LINK_KINDS: dict[str, str] = {
    "shared_address": "lives or lived at the same address at the same time",
    "shared_contact": "the same person is a personal contact in both cases",
    "co_defendant": "appeared in the same Crown Court case",
    "same_victim": "the same person is named as a victim in both cases",
    "partner_is_victim": "a partner named in this case is named as a victim in the other",
    "victim_is_partner": "a victim named in this case is named as a partner in the other",
}
LINK_CONCERNS: dict[str, str] = {
    "HIGH": "recorded as high risk of serious harm",
    "VERY_HIGH": "recorded as very high risk of serious harm",
    "child_register": "on a register that concerns children",
}
