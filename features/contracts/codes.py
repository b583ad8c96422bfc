"""The codes that the records use, with their meanings; each list says where it was seen.

Codes are those of NDelius and OASys as they appear in public Ministry of Justice repositories
(MIT): contact types, outcomes and enforcement actions as served to "manage people on probation",
"make a recall decision" and the tier service; registers as in the assessment-summary integration.
A code not listed here is kept as it came, counted and named by intake, and never refused.
"""

from __future__ import annotations

LEVELS: dict[str, str] = {
    "LOW": "current evidence does not indicate likelihood of serious harm",
    "MEDIUM": "potential to cause serious harm, but unlikely unless circumstances change",
    "HIGH": "could happen at any time; the impact would be serious",
    "VERY_HIGH": "imminent: more likely than not to happen soon; the impact would be serious",
}
LEVEL_ORDER: tuple[str, ...] = tuple(LEVELS)

COMMUNITY_GROUPS: tuple[str, ...] = ("children", "public", "known_adult", "staff")
RISK_GROUPS: tuple[str, ...] = (*COMMUNITY_GROUPS, "prisoners")

BANDS: dict[str, str] = {
    "LOW": "low", "MEDIUM": "medium", "HIGH": "high", "VERY_HIGH": "very high",
    "NOT_APPLICABLE": "not applicable",
}  # fmt: skip

CERTAINTY: dict[str, str] = {
    "fact": "established", "allegation": "alleged, not proven",
    "intelligence": "intelligence, source not disclosed", "opinion": "a professional's opinion",
}  # fmt: skip

SOURCES: dict[str, str] = {
    "ndelius": "NDelius", "oasys": "OASys", "nomis": "prison records",
    "police": "police", "childrens_services": "children's services", "ems": "monitoring provider",
    "workforce": "workforce allocation", "rosh_triage": "this service",
}  # fmt: skip

SUPERVISION_KINDS: dict[str, str] = {
    "community_order": "community order", "suspended_sentence": "suspended sentence order",
    "licence": "licence after release", "custody": "custodial period before release",
    "approved_premises": "residence in approved premises", "remand": "remand in custody",
}  # fmt: skip
END_REASONS = {"completed": "ran to its end", "breached": "ended after a proven breach", "revoked": "revoked",
               "recalled": "recalled to prison", "moved_on": "moved to other accommodation"}  # fmt: skip

# Contact types by what they are; the groups are what the indicators ask for.
CONTACT_GROUPS: dict[str, dict[str, str]] = {
    "appointment": {
        "COAP": "Planned office visit (NS)", "COAI": "Initial appointment in office (NS)",
        "CHVS": "Home visit (NS)", "COVC": "Planned video contact (NS)",
        "COPT": "Planned telephone contact (NS)", "CODC": "Planned doorstep contact (NS)",
    },
    "treatment": {"TRTM": "Treatment appointment (NS)"},
    "test": {
        "DRGTST": "Drug test", "DGTSLC": "Drug test: licence condition",
        "DGTSDR": "Drug test: drug rehabilitation requirement", "DGTSAP": "Drug test: approved premises",
    },
    "warning": {
        "AWLI": "First warning letter", "AWL2": "Second warning letter",
        "AWLF": "Final warning letter", "LCL": "Licence compliance letter", "CLBR": "Breach letter",
        "AIBR": "Breach or recall initiated", "ABRQ": "Breach requested",
        "ABRA": "Breach request actioned", "ANFA": "No further action",
        "C173": "Breach action: decision pending", "RECI": "Recall initiated",
    },
    "recall": {
        "RECDI": "Recall discussion", "C286": "Recall recommended", "C421": "Recall endorsed by SPO",
        "PPCS": "Recall submitted", "ERCL": "Recalled to prison",
    },
    # Kept apart: an arrest is no report to police and no watch over a curfew.
    "arrest_or_charge": {"CARR": "Arrest", "CNOC": "Notification of charge"},
    "police_intelligence": {"C369": "Police intelligence check", "C515": "Police intelligence: response received"},
    "police_liaison": {"C204": "Police liaison"},
    "safeguarding": {
        "SFGC": "Safeguarding check", "SFRR": "Safeguarding check: response received",
        "C157": "Child related contact", "C078": "Child protection meeting",
        "CCCP": "Safeguarding case conference", "C005": "MARAC meeting",
        "C158": "Known persons check", "C160": "Adult safeguarding strategy meeting",
    },
    "monitoring": {
        "EM01": "Exclusion zone violation", "EM02": "Strap tamper", "C145": "Curfew violation",
        "AAM3": "Alcohol monitoring: alcohol detected", "AAM4": "Alcohol monitoring: tamper",
        "C063": "Contact with monitoring provider", "INFFES": "Information from monitoring provider",
        "INFTES": "Information to monitoring provider",
    },
    "approved_premises": {
        "APBR": "Breach of approved premises rules", "C118": "Approved premises written warning",
        "C119": "Approved premises caution", "EAP0": "Approved premises incident",
        "APRS2": "Approved premises room search: non-compliance",
    },
    "oversight": {
        "C002": "Management oversight", "MO1": "Management oversight: general",
        "MO2": "Management oversight: lifer or IPP", "MO3": "Management oversight: MAPPA",
        "MO5": "Management oversight: recall", "SPOD03": "Case allocation: SPO oversight",
        "SPOD02": "Recall discussion SPO/OM", "CSPO": "Consultation with manager",
        "C416": "High risk review meeting", "RROD": "Risk review discussion",
    },
    "mappa": {
        "CCMM": "MAPPA meeting", "CCMR": "MAPPA referral", "C200": "MAPPA information",
        "C279": "MAPPA level 1 review", "MAPQ": "MAPPA screening",
    },
    "third_party": {"C3PR": "Report from landlord, neighbour or family"},
    "assessment": {"EOAS": "OASys assessment", "C004": "OASys completed", "CSPR": "Plan review"},
    "administrative": {
        "C070": "Case allocated", "ROC": "Responsible officer change", "ETOM": "Practitioner transfer",
        "EREL": "Release from custody", "CNOF": "Notification of failure",
        "EPOMAT": "Prison offender manager: automatic transfer", "C113": "Clerical officer contact",
        "CTXT": "Text message to send", "NOMISD": "Prison case note: general",
    },
    "correspondence": {
        "CMOA": "Email or text from person", "CMOB": "Email or text to person",
        "CTOA": "Phone contact from person", "CTOB": "Phone contact to person",
        "CM3A": "Email or text from other", "CM3B": "Email or text to other",
        "CT3B": "Phone contact to other", "CIEA": "Information from external agency",
        "C326": "Internal communications", "COUP": "Unplanned contact from person",
        "CPVS": "Prison visit",
    },
    # Consequences of a level already recorded. They are read and shown, and no behaviour
    # indicator may count them: that would tell the model the level it is meant to be blind to.
    "echo_of_level": {
        "ETCH20": "Tier change", "ERGN": "Registration", "ERGR": "Registration review",
        "ERGD": "De-registration", "RGN010": "Registration: high RoSH",
        "RGN016": "Registration: low RoSH", "RGN019": "Registration: medium RoSH",
        "RGN042": "Registration: very high RoSH", "RGR010": "Review: high RoSH",
        "RGR016": "Review: low RoSH", "RGR019": "Review: medium RoSH",
        "RGR042": "Review: very high RoSH",
    },
}  # fmt: skip
CONTACT_TYPES: dict[str, str] = {
    code: text for group in CONTACT_GROUPS.values() for code, text in group.items()
}
CONTACT_GROUP_OF: dict[str, str] = {
    code: name for name, group in CONTACT_GROUPS.items() for code in group
}
PLANNED_CONTACTS: frozenset[str] = frozenset(
    code for name in ("appointment", "treatment", "test", "mappa", "safeguarding")
    for code in CONTACT_GROUPS[name]
)  # fmt: skip

OUTCOMES: dict[str, str] = {
    "ATTC": "Attended - complied", "AFTC": "Attended - failed to comply",
    "ATSH": "Attended - sent home (behaviour)", "ATSS": "Attended - sent home (service issues)",
    "AFDA": "Attended - failure deemed acceptable", "UAAB": "Unacceptable absence",
    "AFTA": "Failed to attend", "AACL": "Acceptable absence - court or legal",
    "AAEM": "Acceptable absence - employment", "AAFC": "Acceptable absence - family or childcare",
    "AAHO": "Acceptable absence - holiday", "AAME": "Acceptable absence - medical",
    "AARC": "Acceptable absence - remand in custody", "AARE": "Acceptable absence - religious",
    "AAM11": "Acceptable - no breach (alcohol monitoring)", "MO10": "Decision to recall",
    "CO05": "Acceptable absence - professional judgement", "RSSR": "Rescheduled - service request",
    "RSOF": "Rescheduled - person's request", "MO11": "Decision not to recall",
    "TPOS": "Test positive", "TNEG": "Test negative", "TREF": "Test refused",
    "CONC": "Response received: concerns", "NOCO": "Response received: no concerns",
}  # fmt: skip
ATTENDED = ("ATTC", "AFTC", "ATSH", "ATSS", "AFDA")  # seen, whatever came of it
COMPLIED = ("ATTC", "AFDA")  # seen, and complied or the failure was accepted
UNACCEPTABLE_ABSENCE = ("UAAB", "AFTA")
NON_COMPLIANT = (*UNACCEPTABLE_ABSENCE, "AFTC", "ATSH")
EXCUSED = ("AACL", "AAEM", "AAFC", "AAHO", "AAME", "AARC", "AARE", "AAM11", "CO05")
BREACH_CONTACTS = ("APBR", "C145", "EM01", "EM02", "AAM3", "AAM4", "C118", "C119", "APRS2")

ENFORCEMENT: dict[str, str] = {
    "IBR": "Breach or recall initiated", "IMB": "Immediate breach or recall",
    "BRE": "Breach requested", "LCL": "Licence compliance letter sent",
    "EA02": "First warning letter sent", "EA03": "Second warning letter sent",
    "EA05": "Other enforcement letter", "EA08": "Breach letter sent", "EA11": "Recall requested",
    "EA09": "Send confirmation of breach", "EA10": "Breach confirmation sent",
    "EA12": "Decision pending response", "ROM": "Refer to practitioner",
    "NFA": "No further action", "WLS": "Enforcement letter requested",
}  # fmt: skip

REGISTER_TYPES: dict[str, str] = {
    "RLRH": "Low RoSH", "RMRH": "Medium RoSH", "RHRH": "High RoSH", "RVHR": "Very high RoSH",
    "RCHD": "Risk to children", "REG15": "Risk to known adult", "REG16": "Risk to prisoner",
    "REG17": "Risk to public", "AV2S": "Risk to staff", "RCCO": "Child concerns",
    "RCPR": "Child protection", "ADVP": "Domestic abuse perpetrator",
    "REG30": "Domestic abuse history", "ADVV": "Domestic abuse victim", "IMAR": "MARAC",
    "MAPP": "MAPPA", "RSTO": "Restraining order", "SPO": "Stalking protection order",
    "SOPS": "Sexual harm prevention order", "ARSO": "Registered sex offender", "AVIS": "ViSOR",
    "WEAP": "Weapons", "STRG": "Street gangs", "REG26": "Organised crime", "IRMO": "Hate crime",
    "RTAO": "Terrorism", "AMHL": "Mental health issues", "RMDO": "Mentally disordered offender",
    "ALSH": "Suicide or self-harm", "RVLN": "Vulnerable", "RVAD": "Adult at risk",
    "REG22": "Risk to adult at risk", "ASFO": "Serious further offence review",
    "WRSM": "Warrant or summons", "IIOM": "Integrated offender management",
    "INLL": "Lifer or IPP", "INVI": "Victim contact", "PRC": "Two-thirds point: contact suspended",
    "RRR": "Required risk review", "HREG": "Historical register entry",
}  # fmt: skip
OVERALL_REGISTER: dict[str, str] = {
    "RLRH": "LOW", "RMRH": "MEDIUM", "RHRH": "HIGH", "RVHR": "VERY_HIGH",
}  # fmt: skip
GROUP_REGISTER: dict[str, str] = {
    "RCHD": "children", "REG15": "known_adult", "REG16": "prisoners", "REG17": "public",
    "AV2S": "staff",
}  # fmt: skip
REGISTER_LEVELS: dict[str, str] = {
    "RSKL": "LOW", "RSKM": "MEDIUM", "RSKH": "HIGH", "RSKV": "VERY_HIGH",
}  # fmt: skip
MAPPA_LEVELS: dict[str, str] = {"M0": "none", "M1": "level 1", "M2": "level 2", "M3": "level 3"}
REGISTER_LEVEL_CODES: dict[str, str] = {**REGISTER_LEVELS, **MAPPA_LEVELS}
MAPPA_CATEGORIES: dict[str, str] = {
    "X9": "all", "M1": "category 1", "M2": "category 2", "M3": "category 3", "M4": "category 4",
}  # fmt: skip

ASSESSMENT_STATUS: dict[str, str] = {
    "COMPLETE": "completed", "LOCKED_INCOMPLETE": "locked before it was complete",
    "OPEN": "started, not complete", "PREDICTORS_ONLY": "predictor scores without levels",
}  # fmt: skip

ORDER_KINDS: dict[str, str] = {
    "restraining_order": "restraining order", "non_molestation": "non-molestation order",
    "shpo": "sexual harm prevention order", "stalking_protection": "stalking protection order",
    "criminal_behaviour": "criminal behaviour order", "licence_condition": "licence condition",
    "requirement": "requirement of an order", "curfew": "curfew",
}  # fmt: skip
CIVIL_ORDERS: dict[str, str] = {
    "restraining_order": "RSTO", "non_molestation": "RSTO", "shpo": "SOPS",
    "stalking_protection": "SPO",
}  # fmt: skip
CONDITION_THEMES: dict[str, str] = {
    "substance": "drug or alcohol work or testing", "residence": "where to live",
    "non_contact": "no contact with named people", "movement": "freedom of movement",
    "programme": "programme or activity", "possession": "what may not be possessed",
}  # fmt: skip

ENQUIRY_KINDS: dict[str, str] = {
    "domestic_abuse": "domestic abuse enquiry to police",
    "child_safeguarding": "safeguarding enquiry to children's services",
    "main_occupier": "consent of the main occupier",
}  # fmt: skip
ENQUIRY_RESULTS: dict[str, str] = {
    "concerns": "concerns returned", "no_concerns": "nothing of concern returned",
}  # fmt: skip

INCIDENT_KINDS: dict[str, str] = {
    "violence": "violence or aggression", "threat": "threat", "weapon": "weapon carried or used",
    "domestic_abuse": "domestic abuse", "sexual": "sexual behaviour of concern",
    "sexual_concern_child": "information of sexual concern about a child",
    "substance_use": "drug or heavy alcohol use disclosed or seen",
    "mental_health_decline": "mental health said or seen to be worse",
    "provider_concern": "concern reported by the monitoring provider",
    "intelligence": "police intelligence", "custody_intelligence": "prison intelligence",
    "civil_order_breach": "breach of a court order",
    "non_disclosure": "did not tell probation of something required",
    "relapse_sign": "sign that a clinician listed as one of relapse",
}  # fmt: skip
TARGETS: dict[str, str] = {
    "child": "a child", "partner": "a partner or former partner", "family": "a family member",
    "known_adult": "another known adult", "public": "a member of the public", "staff": "staff",
    "prisoner": "a prisoner", "none": "nobody in particular",
}  # fmt: skip
GROUP_OF_TARGET: dict[str, str] = {
    "child": "children", "partner": "known_adult", "family": "known_adult",
    "known_adult": "known_adult", "public": "public", "staff": "staff", "prisoner": "prisoners",
}  # fmt: skip
SETTINGS: dict[str, str] = {
    "community": "in the community", "home": "at home", "custody": "in custody",
    "approved_premises": "in approved premises", "office": "in a probation office",
    "health": "in a health setting", "online": "online",
}  # fmt: skip

ENFORCEMENT_SCALE: tuple[str, ...] = (
    "none", "warning", "compliance_letter", "decision_not_to_recall", "recall",
)  # fmt: skip
ENFORCEMENT_SCALE_WORDS: dict[str, str] = {
    "none": "no action", "warning": "a warning", "compliance_letter": "a compliance letter",
    "decision_not_to_recall": "a decision not to recall", "recall": "recall",
}  # fmt: skip
DECISION_KINDS: dict[str, str] = {
    "enforcement": "how to respond to non-compliance", "recall": "whether to recall",
}  # fmt: skip
GRADES: dict[str, str] = {
    "PSO": "probation services officer", "PQiP": "trainee probation officer",
    "NQO": "newly qualified officer", "PO": "probation officer",
    "SPO": "senior probation officer", "PDU_HEAD": "head of the probation delivery unit",
}  # fmt: skip

ACTION_KINDS: dict[str, str] = {
    "mappa_action": "action set by a MAPPA meeting", "oversight_task": "task set in oversight",
    "mappa_exit": "end of MAPPA management",
}  # fmt: skip

DOCUMENT_KINDS: dict[str, str] = {
    "court_report": "report to a court", "plan": "risk management plan",
    "mappa_referral": "referral to MAPPA", "ap_referral": "referral to approved premises",
    "substance_referral": "referral for drug or alcohol treatment",
    "treatment_report": "report of a treatment provider",
    "psychiatric_report": "psychiatric report", "agency_referral": "referral to a partner agency",
    "custody_information_form": "prison information sharing form",
    "handover": "handover from prison or between areas",
    "recall_information": "risk information sent to police on recall",
}  # fmt: skip

CIRCUMSTANCE_KINDS: dict[str, str] = {
    "address": "where the person lives", "relationship": "an intimate relationship",
    "relationship_conflict": "conflict or breakdown in a close relationship",
    "child_contact": "lives with or has contact with a child", "pregnancy": "pregnancy or new child",
    "treatment": "treatment started or ended",
}  # fmt: skip
CIRCUMSTANCE_STATES: dict[str, str] = {
    "settled": "settled", "temporary": "temporary", "at_risk": "tenancy or placement at risk",
    "no_fixed_abode": "no fixed abode", "unknown": "not known", "new": "new", "ended": "ended",
    "current": "current",
}  # fmt: skip

REVIEW_SOURCES: dict[str, str] = {
    "audit": "audit of a random sample", "spo_review": "review in this service", "countersign": "countersigning",
    "reassessment": "a later assessment",
}  # fmt: skip
LIMIT_KINDS: dict[str, str] = {
    "exclusion": "named staff may not see the case",
    "restriction": "only named staff may see the case",
}  # fmt: skip
