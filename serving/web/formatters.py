"""Formats values for pages: dates, levels, states, names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote, unquote

from features.contracts import codes
from features.frame.timeline import THEMES
from features.history.recorded_levels import LEVEL_STATES
from features.indicators import CATALOGUE
from serving.db.silent_feeds import SILENT
from serving.review.policies import pasted_sentences
from serving.review.states import OUTCOMES, PAST_OUTCOMES, VERDICTS, Progress, RequestState
from serving.watch.against_random import DRAWN_BY
from serving.watch.figures import THRESHOLDS, in_words

UNIT_NAMES = {
    "N54ALD": "Alderbrook",
    "N54BRI": "Brindle Vale",
    "N58CAR": "Carrow",
    "N58DUN": "Dunmere",
    "N56EAS": "Eastholme",
    "N56FEN": "Fennick",
}
"""The made-up units of the demo; a real unit is shown by its code until its name is supplied."""

PROGRESS = {
    Progress.TO_READ: ("Not started", "govuk-tag--grey"),
    Progress.TO_REPEAT: ("To read again", "govuk-tag--turquoise"),
    Progress.WITH_ANOTHER: ("Being read", "govuk-tag--orange"),
    Progress.CLAIMED: ("You are reading it", "govuk-tag--light-blue"),
    Progress.VIEW_RECORDED: ("View recorded", "govuk-tag--blue"),
    Progress.FINDINGS_SEEN: ("Findings seen", "govuk-tag--yellow"),
    Progress.CONCLUDED: ("Concluded", "govuk-tag--green"),
}
_GROUPS = {
    "children": "Children",
    "public": "Public",
    "known_adult": "Known adult",
    "staff": "Staff",
    "prisoners": "Prisoners",
}


def format_day(value: date | datetime | str | None) -> str:
    """A date such as 3 March 2026, or "not known"."""
    if value is None or value == "":
        return "not known"
    day = date.fromisoformat(value[:10]) if isinstance(value, str) else value
    return f"{day.day} {day:%B %Y}"


def format_moment(value: datetime) -> str:
    """A time such as 3 March 2026, 14:05 (UTC)."""
    return f"{format_day(value)}, {value.astimezone(UTC):%H:%M} UTC"


def format_month(value: str) -> str:
    """A month such as March 2026."""
    return f"{date.fromisoformat(f'{value}-01'):%B %Y}"


def age_on(born_on: str | None, at: date) -> str:
    """Age in whole years on a date."""
    if not born_on:
        return "not known"
    born = date.fromisoformat(born_on)
    return str(at.year - born.year - ((at.month, at.day) < (born.month, born.day)))


def level_words(code: str | None) -> str:
    """A level in words; None is "unknown", never low."""
    if code is None:
        return "Unknown"
    return {"CANNOT_TELL": "Cannot tell"}.get(code, code.replace("_", " ").capitalize())


def level_class(code: str | None) -> str:
    """The CSS class of a level; colour is never the only sign."""
    name = (code or "unknown").lower().replace("_", "-")
    return f"rosh-level rosh-level--{name}"


def group_words(name: str) -> str:
    """A risk group in words."""
    return _GROUPS.get(name, name)


def group_in_sentence(name: str) -> str:
    """A risk group within a sentence, as in: the risk to the public."""
    return codes.GROUP_WORDS.get(name, name)


def highest_level(levels: dict[str, dict[str, str | None]]) -> str | None:
    """The highest recorded level over the groups in the community, as official statistics have it;
    None where none has a current one.
    """
    recorded = [
        item["level"]
        for group, item in levels.items()
        if group in codes.COMMUNITY_GROUPS and item["level"] in codes.LEVELS
    ]
    return max(recorded, key=lambda code: codes.LEVEL_ORDER.index(str(code)), default=None)


def state_words(name: str) -> str:
    """The reason why a level is known or not, in words."""
    return LEVEL_STATES[name]


def table_words(table: str) -> str:
    """The name of a table in words."""
    return THEMES.get(table, table)


def _feed_name(name: str) -> str:
    return {
        **THEMES,
        "people": "Names",
        "reviews": "Earlier readings",
        "limits": "Limits of access",
    }.get(name, name)


def feed_sentence(name: str, state: str) -> str:
    """A feed that is missing or stopped, as a sentence."""
    (sentence,) = feed_sentences({name: state})
    return sentence


def feed_sentences(feeds: Mapping[str, str]) -> list[str]:
    """The feeds that are missing, stopped or silent as sentences, those of one state together."""
    sentences = []
    for state in dict.fromkeys(feeds.values()):
        first, *others = [_feed_name(name) for name, own in feeds.items() if own == state]
        names = "; ".join([first, *(other.lower() for other in others)])
        if state.startswith(SILENT):
            since = format_day(state.removeprefix(SILENT))
            sentences.append(f"{names}: none have arrived from this region since {since}")
        else:
            what = "have stopped arriving" if state == "stopped" else "not supplied"
            sentences.append(f"{names}: {what}")
    return sentences


def unit_name(code: str | None) -> str:
    """A unit's name, or its code."""
    return UNIT_NAMES.get(code or "", code or "")


LANE_WORDS = {lane: words.capitalize() for lane, words in DRAWN_BY.items() if lane != "flagged"}
"""The lanes beside the model, in words."""


def drawn_as_words(drawn_as: str) -> str:
    """How a case was drawn, in words."""
    return DRAWN_BY.get(drawn_as, "drawn at random").capitalize()


def outcome_words(code: str) -> str:
    """A conclusion in words."""
    return {**PAST_OUTCOMES, **OUTCOMES}[code]


def verdict_words(code: str) -> str:
    """A verdict on a recorded level, in words."""
    return VERDICTS[code]


def verdict_choices(recorded: str | None) -> list[tuple[str, str]]:
    """The verdicts that a reader can choose, each with the level that it would give.

    Without a recorded level, the choices are the four levels and "cannot tell".
    """
    if recorded is None:
        level_choices = [(f"given:{one}", level_words(one)) for one in codes.LEVEL_ORDER]
        return [*level_choices, ("cannot_tell", VERDICTS["cannot_tell"])]
    place = codes.LEVEL_ORDER.index(recorded)
    choices = [("about_right", VERDICTS["about_right"])]
    for verdict_, others in (
        ("too_low", codes.LEVEL_ORDER[place + 1 :]),
        ("too_high", tuple(reversed(codes.LEVEL_ORDER[:place]))),
    ):
        choices += [
            (f"{verdict_}:{one}", f"{VERDICTS[verdict_]}: I would give {level_words(one).lower()}")
            for one in others
        ]
    return [*choices, ("cannot_tell", VERDICTS["cannot_tell"])]


def entry_keys(entries: Sequence[Mapping[Any, Any]]) -> str:
    """The value of a tick box: tables and record numbers of its entries."""
    return " ".join(quote(f"{one['source_table']}:{one['record_id']}", safe=":") for one in entries)


def ticked_entries(values: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The entries (table, record number) behind ticked boxes, each once."""
    keys = dict.fromkeys(unquote(part) for value in values for part in value.split())
    parts = (key.partition(":") for key in keys)
    return tuple((table, number) for table, _, number in parts)


def name_or_crn(item: Any) -> str:
    """The person's name or, where none is supplied, the CRN."""
    name: str = (item["person"] if isinstance(item, dict) else item.person).get("name") or ""
    crn = item["crn"] if isinstance(item, dict) else item.crn
    return name or f"CRN {crn}"


REQUEST_STATES = {
    RequestState.WAITING: ("Not answered", "govuk-tag--grey"),
    RequestState.ANSWERED: ("Answered", "govuk-tag--blue"),
    RequestState.ACCEPTED: ("Accepted", "govuk-tag--blue"),
    RequestState.DECLINED: ("Declined", "govuk-tag--orange"),
    RequestState.REASSESSED: ("Reassessed", "govuk-tag--green"),
    RequestState.SETTLED: ("Settled", "govuk-tag--green"),
}
ANSWERS = {
    "accepted": "Accepted",
    "declined": "Declined",
    "fact": "Added a fact",
    "second_look": "Asked for a second look",
    "reply": "The reader asked again",
    "settled": "Closed: no further action",
    "reassessed": "New assessment found overnight",
}


def answer_words(kind: str) -> str:
    """The kind of an answer (such as accepted or declined) in words."""
    return ANSWERS[kind]


ROLES = {
    "spo": "Senior probation officer",
    "head": "Head of the probation delivery unit",
    "practitioner": "Probation practitioner",
    "board": "Member of the model governance board",
    "analyst": "Analyst",
    "inspector": "Inspector or coroner's officer, afterwards",
    "batch": "Another service",
}


def role_words(code: str) -> str:
    """A role in words."""
    return ROLES[code]


def how_sure(probability: float, stratum: str) -> str:
    """The probability as a frequency in words; it is about the group, not the person.

    Without a current level it is of a level of high or very high (`models.strata`).
    """
    tenths = round(probability * 10)
    often = "fewer than one" if tenths < 1 else "about one" if tenths == 1 else f"about {tenths}"
    of_ten = (
        f"Of ten people with a record like this and no current level, a reader gave {often} a high "
        "or very high level."
        if stratum == "UNKNOWN"
        else f"Of ten people with a record like this and the same recorded level, a reader gave "
        f"{often} a higher level."
    )
    return f"{of_ten} The figures cannot say which of them this person is."


def in_hundred(probability: float) -> str:
    """A probability as a number of 100, whole from ten on."""
    hundredths = 100 * probability
    return f"{hundredths:.0f}" if hundredths >= 9.95 else f"{hundredths:.1f}"


def speaks_of_mental_health(findings: Mapping[Any, Any]) -> bool:
    """Whether any finding is related to mental health."""
    named = [finding for reason in findings["reasons"] for finding in reason["findings"]]
    others = [finding for part in findings["other_groups"] for finding in part["findings"]]
    ids = {finding["indicator"] for finding in [*named, *findings["shown_only"], *others]}
    return any(
        "mental" in (CATALOGUE[name].protected_link or "") for name in ids if name in CATALOGUE
    )


def limits_of(name: str) -> str:
    """Where a watched figure needs a look and where action, or what judges it, as a sentence."""
    line = THRESHOLDS[name]
    if line.judged_by:
        other = THRESHOLDS[line.judged_by].title
        return f"Judged by “{other}”: how many levels are too low is not of this service's making."
    if line.by_interval:
        return "Look where the whole interval lies below nought: being shown would have done harm."
    both = f"Look {line.way} {in_unit(line.look, name)}, act {line.way} {in_unit(line.act, name)}"
    if not line.too_much:
        return f"{both}."
    look, act = (in_unit(value, name) for value in line.too_much)
    return f"{both}; also look above {look}, act above {act}."


def in_unit(value: float, name: str) -> str:
    """A watched figure's value with its unit; shares are given out of 100."""
    words = in_words(name, value)
    return f"{words} of 100" if THRESHOLDS[name].unit == "share" else words


FILTERS = {
    "called": name_or_crn,
    "day": format_day,
    "feed_sentences": feed_sentences,
    "age": age_on,
    "moment": format_moment,
    "month": format_month,
    "level": level_words,
    "level_class": level_class,
    "group": group_words,
    "group_in_sentence": group_in_sentence,
    "highest": highest_level,
    "level_state": state_words,
    "theme": table_words,
    "unit": unit_name,
    "drawn_as": drawn_as_words,
    "outcome": outcome_words,
    "verdict": verdict_words,
    "choices": verdict_choices,
    "entry_keys": entry_keys,
    "answer": answer_words,
    "role": role_words,
    "how_sure": how_sure,
    "in_hundred": in_hundred,
    "in_unit": in_unit,
    "limits": limits_of,
    "pasted": pasted_sentences,
}
