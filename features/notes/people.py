"""Judges who did what a phrase says, who told of it, and who was or could be harmed."""

from __future__ import annotations

import re

RELATIVES = (
    r"mum|mother|mam|dad|father|stepdad|stepfather|brother|sister|bro|sis|uncle|aunt|cousin|nan|"
    r"grandmother|grandad|parents|family"
)
PARTNERS = r"partner|girlfriend|boyfriend|gf|bf|wife|husband|ex|ex-partner|fianc[ée]e?|missus"
OTHERS = (
    rf"{RELATIVES}|{PARTNERS}|neighbour|neighbor|landlord|landlady|resident|co-resident|flatmate|"
    r"housemate|friend|mate|cellmate|victim|complainant|ip"
)
_SUBJECT = re.compile(
    rf"(?i)\b(?:{OTHERS})(?:'s)?(?:\s+(?:has|had|is|was|been|were|also|then))*\s*$"
)
_VICTIM_BEFORE = re.compile(
    r"(?i)\b(?:victim of|subjected to|was|been|being|got|getting|were)\s+(?:\w+\s+){0,2}$"
)
_BY_OTHER = re.compile(
    rf"(?i)^\s*(?:\w+\s+){{0,3}}?by\s+(?:(?:his|her|an?|the|another|other|two|some|unknown)\s+)*"
    rf"(?:{OTHERS}|men|males?|lads|youths?|strangers?|prisoners?|inmates?|gang)\b"
)
_SUFFERED = re.compile(
    r"(?i)\b(?:was|were|is|been|being|be|got|gets|getting)\s+(?:\w+\s+){0,3}?\w+(?:ed|en|ung|ut|it)\s+"
    r"(?:\w+\s+){0,4}?by\s+(?!him\b|her\b|pop\b|sp\b)\w+"
)
_AGENCY = re.compile(
    r"(?i)\b(?:police|pnc|pc \w+|dc \w+|ppu|cps|mash|csc|social worker|sw|childrens? services|"
    r"children's services|prison|omu|pom|hmp|cmht|cpn|hospital|a&e|gp|marac|mappa|intel\w*|cad|"
    r"ems|electronic monitoring|tag(?:ging)? (?:company|provider)|court|ids|drug service|housing "
    r"officer|council|school)\b"
)
_THIRD = re.compile(
    rf"(?i)\b(?:{RELATIVES}|{PARTNERS}|neighbour|landlord|landlady|resident|caller|victim|"
    r"member of the public|employer|friend)\b[^.]{0,40}?\b(?:said|says|states?|stated|reports?|"
    r"reported|rang|called|phoned|told|alleges?|alleged|complain\w*|emailed|texted|contacted|adv\w*)"
    rf"|\b(?:call|tc|t/c|email|text|letter|voicemail|complaint)\s+(?:from|fr|w/?|with)\s+"
    rf"(?:\w+\s+){{0,2}}?(?:{RELATIVES}|{PARTNERS}|neighbour|landlord|landlady|member of the "
    r"public)"
)
_SELF = re.compile(
    r"(?i)\b(?:he|she|pop|sp|client|subject)?\s*(?:said|says|states?|stated|told me|tells me|"
    r"reports?|reported|disclosed|discloses|admit\w*|claims?|claimed|explained|acknowledged|"
    r"mentioned|adm)\b|[\"“”]"
)
_ABOUT_CASE = frozenset(
    {
        "third_party_complaint",
        "provider_concern",
        "intelligence",
        "relationship_new",
        "relationship_ended",
        "relationship_conflict",
        "child_contact",
        "pregnancy",
        "address_changed",
        "address_lost_or_at_risk",
        "non_disclosure",
        "civil_order_breach",
    }
)
"""Kinds that are about the person, whoever acts in the sentence."""
_TARGETS = (
    ("child", r"child|children|kids?|son|daughter|toddler|baby|minor|pupil|schoolgirl|schoolboy"),
    ("staff", r"officer|staff|worker|receptionist|tutor|nurse|po|pso|police|paramedic|keyworker"),
    ("prisoner", r"cellmate|inmate|prisoner|wing|cell"),
    ("partner", PARTNERS),
    ("family", RELATIVES),
    ("known_adult", r"neighbour|landlord|landlady|friend|mate|flatmate|resident|victim"),
    ("public", r"stranger|public|shop|bouncer|doorman|passer\w*|pub|street|bus|driver|customer"),
)
_HARM = frozenset(
    {"violence", "threat", "weapon", "domestic_abuse", "sexual", "sexual_concern_child"}
)


_HARMED = (
    r"(?:punched|hit|kicked|slapped|assaulted|attacked|beaten|battered|stabbed|slashed|knifed|"
    r"threatened|robbed|jumped|bitten|bit|head-?butted|nutted|bottled|glassed|pushed|shoved|"
    r"strangled|choked|grabbed|abused|raped|groped|mugged|chased|hurt|injured|struck|smacked|"
    r"thumped|decked|floored|burnt|burned|scratched|targeted|bullied|set upon|spat (?:at|on)|"
    r"sworn at)"
)
_HARMED_BY = re.compile(
    rf"(?i)\b(?:was|were|been|being|got|gets|getting)\s+(?:\w+ly\s+|also\s+|then\s+|just\s+)?"
    rf"{_HARMED}\s+(?:(?:up|at|over)\s+)?(?:\w+\s+){{0,3}}?by\s+"
    # By the person, or by the tie.
    r"(?!(?:him|her|them|pop|sp|subject|client|offender|resident|our|this|suspect|defendant)\b|"
    r"(?:the|his|her)\s+(?:hair|arm|neck|throat|collar|wrist|tie|hand|leg|coat|shirt|ears?)\b)\w+"
)
_ANOTHER_HARMED = re.compile(
    r"(?i)\b(?:another|other|an?|two|three|four|some|several|his|her|their)\s+(?:\w+\s+){0,2}?"
    rf"(?:{OTHERS}|prisoner|inmate|lad|man|men|male|youth|boy|girl|woman|female|stranger|bloke|"
    r"guy|gang|group|people|doorman|bouncer|padmate)s?\s+(?:has\s+|had\s+|then\s+|also\s+)?"
    rf"{_HARMED}\s+(?:him|her|pop|them)\b"
)


def harmed_by_another(sentence: str, span: tuple[int, int]) -> bool:
    """Whether words of a sentence are of harm that another did, as in "was hit by his brother".

    `span` is the place of the words: harm in another part of the sentence does not count.
    """
    first, last = span
    return any(
        match.start() < last and first < match.end()
        for pattern in (_HARMED_BY, _ANOTHER_HARMED)
        for match in pattern.finditer(sentence)
    )


def judge_doer(kind: str, before: str, after: str) -> str:
    """`other` where somebody else did it or the person suffered it, else `pop`."""
    if kind in _ABOUT_CASE:
        return "pop"
    if _BY_OTHER.search(after) or _SUBJECT.search(before):
        return "other"
    suffered = _VICTIM_BEFORE.search(before) and kind in ("violence", "domestic_abuse", "sexual")
    return "other" if suffered else "pop"


def suffers_by_another(sentence: str) -> bool:
    """Whether a sentence says that something was done by another, as in "was hit by a man"."""
    return _SUFFERED.search(sentence) is not None


def judge_teller(source: str, sentence: str) -> str:
    """Who told of it: `agency`, `third_party`, `self`, or `seen` by the writer."""
    if source in ("police_log", "court", "prison") or _AGENCY.search(sentence):
        return "agency"
    if _THIRD.search(sentence):
        return "third_party"
    return "self" if _SELF.search(sentence) else "seen"


def judge_target(kind: str, sentence: str) -> str:
    """Who was or could be harmed, by the nearest words; `none` where nobody is named."""
    if kind == "sexual_concern_child":
        return "child"
    if kind not in _HARM:
        return ""
    if kind == "domestic_abuse":
        return "family" if re.search(rf"(?i)\b(?:{RELATIVES})\b", sentence) else "partner"
    for target, words in _TARGETS:
        if re.search(rf"(?i)\b(?:{words})s?\b", sentence):
            return target
    return "none"
