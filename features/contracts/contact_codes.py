"""The codes of contacts: their types by group, their outcomes and the enforcement actions."""

from __future__ import annotations

# Contact types by what they are; the groups are what the indicators ask for.
CONTACT_GROUPS: dict[str, dict[str, str]] = {
    "appointment": {
        "COAP": "Planned office visit (NS)",
        "COAI": "Initial appointment in office (NS)",
        "CHVS": "Home visit (NS)",
        "COVC": "Planned video contact (NS)",
        "COPT": "Planned telephone contact (NS)",
        "CODC": "Planned doorstep contact (NS)",
    },
    "treatment": {"TRTM": "Treatment appointment (NS)"},
    "test": {
        "DRGTST": "Drug test",
        "DGTSLC": "Drug test: licence condition",
        "DGTSDR": "Drug test: drug rehabilitation requirement",
        "DGTSAP": "Drug test: approved premises",
    },
    "warning": {
        "AWLI": "First warning letter",
        "AWL2": "Second warning letter",
        "AWLF": "Final warning letter",
        "LCL": "Licence compliance letter",
        "CLBR": "Breach letter",
        "AIBR": "Breach or recall initiated",
        "ABRQ": "Breach requested",
        "ABRA": "Breach request actioned",
        "ANFA": "No further action",
        "C173": "Breach action: decision pending",
        "RECI": "Recall initiated",
    },
    "recall": {
        "RECDI": "Recall discussion",
        "C286": "Recall recommended",
        "C421": "Recall endorsed by SPO",
        "PPCS": "Recall submitted",
        "ERCL": "Recalled to prison",
    },
    # Kept apart: an arrest is no report to police and no watch over a curfew.
    "arrest_or_charge": {"CARR": "Arrest", "CNOC": "Notification of charge"},
    "police_intelligence": {
        "C369": "Police intelligence check",
        "C515": "Police intelligence: response received",
    },
    "police_liaison": {"C204": "Police liaison"},
    "safeguarding": {
        "SFGC": "Safeguarding check",
        "SFRR": "Safeguarding check: response received",
        "C157": "Child related contact",
        "C078": "Child protection meeting",
        "CCCP": "Safeguarding case conference",
        "C005": "MARAC meeting",
        "C158": "Known persons check",
        "C160": "Adult safeguarding strategy meeting",
    },
    "monitoring": {
        "EM01": "Exclusion zone violation",
        "EM02": "Strap tamper",
        "C145": "Curfew violation",
        "AAM3": "Alcohol monitoring: alcohol detected",
        "AAM4": "Alcohol monitoring: tamper",
        "C063": "Contact with monitoring provider",
        "INFFES": "Information from monitoring provider",
        "INFTES": "Information to monitoring provider",
    },
    "approved_premises": {
        "APBR": "Breach of approved premises rules",
        "C118": "Approved premises written warning",
        "C119": "Approved premises caution",
        "EAP0": "Approved premises incident",
        "APRS2": "Approved premises room search: non-compliance",
    },
    "oversight": {
        "C002": "Management oversight",
        "MO1": "Management oversight: general",
        "MO2": "Management oversight: lifer or IPP",
        "MO3": "Management oversight: MAPPA",
        "MO5": "Management oversight: recall",
        "SPOD03": "Case allocation: SPO oversight",
        "SPOD02": "Recall discussion SPO/OM",
        "CSPO": "Consultation with manager",
        "C416": "High risk review meeting",
        "RROD": "Risk review discussion",
    },
    "mappa": {
        "CCMM": "MAPPA meeting",
        "CCMR": "MAPPA referral",
        "C200": "MAPPA information",
        "C279": "MAPPA level 1 review",
        "MAPQ": "MAPPA screening",
    },
    "third_party": {"C3PR": "Report from landlord, neighbour or family"},
    "assessment": {"EOAS": "OASys assessment", "C004": "OASys completed", "CSPR": "Plan review"},
    "administrative": {
        "C070": "Case allocated",
        "ROC": "Responsible officer change",
        "ETOM": "Practitioner transfer",
        "EREL": "Release from custody",
        "CNOF": "Notification of failure",
        "EPOMAT": "Prison offender manager: automatic transfer",
        "C113": "Clerical officer contact",
        "CTXT": "Text message to send",
        "NOMISD": "Prison case note: general",
    },
    "correspondence": {
        "CMOA": "Email or text from person",
        "CMOB": "Email or text to person",
        "CTOA": "Phone contact from person",
        "CTOB": "Phone contact to person",
        "CM3A": "Email or text from other",
        "CM3B": "Email or text to other",
        "CT3B": "Phone contact to other",
        "CIEA": "Information from external agency",
        "C326": "Internal communications",
        "COUP": "Unplanned contact from person",
        "CPVS": "Prison visit",
    },
    # Consequences of a level already recorded. They are read and shown, and no behaviour
    # indicator may count them: that would tell the model the level it is meant to be blind to.
    "echo_of_level": {
        "ETCH20": "Tier change",
        "ERGN": "Registration",
        "ERGR": "Registration review",
        "ERGD": "De-registration",
        "RGN010": "Registration: high RoSH",
        "RGN016": "Registration: low RoSH",
        "RGN019": "Registration: medium RoSH",
        "RGN042": "Registration: very high RoSH",
        "RGR010": "Review: high RoSH",
        "RGR016": "Review: low RoSH",
        "RGR019": "Review: medium RoSH",
        "RGR042": "Review: very high RoSH",
    },
}
CONTACT_TYPES: dict[str, str] = {
    code: text for group in CONTACT_GROUPS.values() for code, text in group.items()
}
CONTACT_GROUP_OF: dict[str, str] = {
    code: name for name, group in CONTACT_GROUPS.items() for code in group
}
PLANNED_CONTACTS: frozenset[str] = frozenset(
    [
        code
        for name in ("appointment", "treatment", "test", "mappa", "safeguarding")
        for code in CONTACT_GROUPS[name]
    ]
    + ["CPVS"]
)

OUTCOMES: dict[str, str] = {
    "ATTC": "Attended - complied",
    "AFTC": "Attended - failed to comply",
    "ATSH": "Attended - sent home (behaviour)",
    "ATSS": "Attended - sent home (service issues)",
    "AFDA": "Attended - failure deemed acceptable",
    "UAAB": "Unacceptable absence",
    "AFTA": "Failed to attend",
    "AACL": "Acceptable absence - court or legal",
    "AAEM": "Acceptable absence - employment",
    "AAFC": "Acceptable absence - family or childcare",
    "AAHO": "Acceptable absence - holiday",
    "AAME": "Acceptable absence - medical",
    "AARC": "Acceptable absence - remand in custody",
    "AARE": "Acceptable absence - religious",
    "AAM11": "Acceptable - no breach (alcohol monitoring)",
    "MO10": "Decision to recall",
    "CO05": "Acceptable absence - professional judgement",
    "RSSR": "Rescheduled - service request",
    "RSOF": "Rescheduled - person's request",
    "MO11": "Decision not to recall",
    "TPOS": "Test positive",
    "TNEG": "Test negative",
    "TREF": "Test refused",
    "CONC": "Response received: concerns",
    "NOCO": "Response received: no concerns",
}
ATTENDED = ("ATTC", "AFTC", "ATSH", "ATSS", "AFDA")  # seen, whatever came of it
IN_PERSON = ("COAP", "COAI", "CHVS", "CODC")  # planned meetings, as they are attended in person
APPOINTMENTS = (*CONTACT_GROUPS["appointment"], *CONTACT_GROUPS["treatment"], "CPVS")
COMPLIED = ("ATTC", "AFDA")  # seen, and complied or the failure was accepted
UNACCEPTABLE_ABSENCE = ("UAAB", "AFTA")
NON_COMPLIANT = (*UNACCEPTABLE_ABSENCE, "AFTC", "ATSH")
EXCUSED = ("AACL", "AAEM", "AAFC", "AAHO", "AAME", "AARC", "AARE", "AAM11", "CO05")
BREACH_CONTACTS = ("APBR", "C145", "EM01", "EM02", "AAM3", "AAM4", "C118", "C119", "APRS2")

ENFORCEMENT: dict[str, str] = {
    "IBR": "Breach or recall initiated",
    "IMB": "Immediate breach or recall",
    "BRE": "Breach requested",
    "LCL": "Licence compliance letter sent",
    "EA02": "First warning letter sent",
    "EA03": "Second warning letter sent",
    "EA05": "Other enforcement letter",
    "EA08": "Breach letter sent",
    "EA11": "Recall requested",
    "EA09": "Send confirmation of breach",
    "EA10": "Breach confirmation sent",
    "EA12": "Decision pending response",
    "ROM": "Refer to practitioner",
    "NFA": "No further action",
    "WLS": "Enforcement letter requested",
}
