"""Finds the day on which a sentence says that something happened, where it names one day alone.

Read are dates with their month (`12 March`, `on 12/3`, `12.03.26`), days of the week (`on
Saturday`, `Sat night`) and `yesterday`, `last night` or `two days ago`, as a person means them who
writes on a day. Nothing is read from a sentence that names two days, or one that is still to come.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:20|19)\d\d)"
_WITH_MONTH = (
    re.compile(rf"(?i)\b{_DAY}\s+(?:of\s+)?{_MONTH}(?:,?\s+{_YEAR}\b)?"),
    re.compile(rf"(?i)\b{_MONTH}\s+{_DAY}\b(?:,?\s+{_YEAR}\b)?"),
)
_IN_NUMBERS = (
    re.compile(r"\b(?P<day>\d{1,2})[/.](?P<month>\d{1,2})[/.](?P<year>(?:20|19)?\d\d)\b"),
    # Without a year `9/10` may be a mark and `10.10` an hour: only where a day is spoken of.
    re.compile(r"(?i)\b(?:on|dated|of)\s+(?:the\s+)?(?P<day>\d{1,2})[/.](?P<month>\d{1,2})\b"),
)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY_WORD = (
    r"(?P<weekday>mon|tues?|wed(?:s|nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?(?:'s)?"
)
_WEEKDAY = (
    re.compile(rf"(?i)\b(?:on|last|this)\s+{_WEEKDAY_WORD}\b(?!\s+week)"),
    re.compile(rf"(?i)\b{_WEEKDAY_WORD}\s+(?:night|evening|eve|morning|afternoon|am|pm)\b"),
)
_DAYS_AGO = re.compile(
    r"(?i)\b(?P<number>\d{1,2}|two|three|four|five|six)\s+(?:days|nights)\s+ago\b"
)
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_BACK = {
    1: re.compile(r"(?i)\b(?:yesterday|last night)\b"),
    0: re.compile(r"(?i)\b(?:today|tonight|this (?:morning|afternoon|evening))\b"),
}
NAMES_TIME = (
    r"(?i)\d|\b(?:mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|to"
    r"|yester)|\b(?:last|this|two|three|four|five|six)\b"
)
"""Found in every note that may name a day or a year: the day of writing dates no other."""
_TO_COME = re.compile(
    r"(?i)\b(?:next|until|till|til|by|for|before|due|booked|rebooked)\s+(?:on\s+)?$"
)


def named_day(sentence: str, written_on: date | None) -> date | None:
    """The one day up to `written_on` that a sentence names; None for none, two or unknown.

    A date without a year is the last such date, a day of the week that of the last seven days.
    """
    if written_on is None:
        return None
    days = set(_days_in(sentence, written_on))
    day = days.pop() if len(days) == 1 else None
    return day if day is not None and day <= written_on else None


def _days_in(sentence: str, written_on: date) -> Iterator[date]:
    for pattern in (*_WITH_MONTH, *_IN_NUMBERS):
        for match in pattern.finditer(sentence):
            day = _date_of(match, written_on)
            if day is not None:
                yield day
    for pattern in _WEEKDAY:
        for match in pattern.finditer(sentence):
            if not _TO_COME.search(sentence[: match.start()]):
                yield _last_weekday(match["weekday"], written_on)
    for match in _DAYS_AGO.finditer(sentence):
        number = match["number"].lower()
        yield written_on - timedelta(days=_NUMBERS.get(number) or int(number))
    for back, words in _BACK.items():
        if words.search(sentence):
            yield written_on - timedelta(days=back)


def _date_of(match: re.Match[str], written_on: date) -> date | None:
    """The date of a match; without a year the last one up to `written_on`; None for no date."""
    words = match["month"].lower()
    month = int(words) if words.isdigit() else _MONTHS.index(words[:3]) + 1
    text = match.groupdict().get("year")
    years = [_year_of(text)] if text else [written_on.year, written_on.year - 1]
    days = [day for year in years if (day := _day_or_none(year, month, int(match["day"])))]
    if text:
        return days[0] if days else None
    return next((day for day in days if day <= written_on), None)


def _year_of(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)


def _day_or_none(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _last_weekday(word: str, written_on: date) -> date:
    """The last day of this name before `written_on`."""
    place = _WEEKDAYS.index(word.lower()[:3])
    return written_on - timedelta(days=(written_on.weekday() - place - 1) % 7 + 1)
