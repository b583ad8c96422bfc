"""What the slow reference stands on: one case as it was known, in plain Python dictionaries.

It shares with the engine the codes and nothing else, and is written to be checked by reading.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import holidays

from features.contracts import codes, contact_codes, note_columns, records
from features.contracts.table import Table

Row = dict[str, Any]
GROUPS = codes.COMMUNITY_GROUPS
RANK = {level: i for i, level in enumerate(codes.LEVEL_ORDER, start=1)}
BREACHES = contact_codes.BREACH_CONTACTS


@cache
def bank_holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("GB", subdiv="ENG", years=year))


def working_day_after(day: date, count: int) -> date:
    """The working day so many working days later: neither a weekend nor a bank holiday counts."""
    for _ in range(count):
        day += timedelta(days=1)
        while day.weekday() >= 5 or day in bank_holidays(day.year):
            day += timedelta(days=1)
    return day


def last_day(row: Row) -> date:
    """The day of an entry; where the month alone is known, the last day it can have been."""
    day: date = row["occurred_on"]
    if not row["month_only"]:
        return day
    following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return max(day, min(following - timedelta(days=1), row["first_recorded_at"].date()))


def known_day(row: Row) -> date:
    """The day from which an answer can be asked for: more than a fortnight late, the day of record."""
    day: date = row["occurred_on"]
    recorded: date = row["first_recorded_at"].date()
    return recorded if (recorded - day).days > 14 else day


_PLACES = {
    "third_party_complaint": ("contacts", {"type_code": "C3PR"}),
    "relationship_new": ("circumstances", {"kind": "relationship", "state": "new"}),
    "relationship_ended": ("circumstances", {"kind": "relationship", "state": "ended"}),
    "relationship_conflict": (
        "circumstances",
        {"kind": "relationship_conflict", "state": "current"},
    ),
    "child_contact": ("circumstances", {"kind": "child_contact", "state": "current"}),
    "pregnancy": ("circumstances", {"kind": "pregnancy", "state": "new"}),
    "address_changed": ("circumstances", {"kind": "address", "state": "new"}),
    "address_lost_or_at_risk": ("circumstances", {"kind": "address", "state": "at_risk"}),
}
NOTED: dict[str, tuple[str, dict[str, str]]] = {
    **{kind: ("incidents", {"kind": kind}) for kind in note_columns.INCIDENTS},
    **_PLACES,
}
"""Where each kind of entry of a note counts, once the board has switched it on."""


class History:
    """One case as it was known at the end of a day."""

    def __init__(
        self,
        versions: dict[str, list[Row]],
        crn: str,
        as_of: date,
        note_kinds: frozenset[str] = frozenset(),
    ) -> None:
        self.as_of = as_of
        self.tables = {
            name: self._known_versions(versions.get(name, []), crn, records.find_table(name))
            for name in records.TABLES
        }

        if note_kinds:
            self._count_notes(note_kinds)

    def _count_notes(self, kinds: frozenset[str]) -> None:
        """Facts of notes count as what they are about, unless the same is coded within a week."""
        facts = [
            note
            for note in self.tables["note_entries"]
            if (note["asserted"], note["done_by"]) == ("yes", "pop")
            and (note["period"] == "now" or note["named_on"] is not None)
            and note["kind"] in kinds
        ]
        counted: list[tuple[str, Row]] = []
        for note in facts:
            if note["kind"] in NOTED and not self._is_counted(note, facts):
                table, codes_of = NOTED[note["kind"]]
                blank = dict.fromkeys(records.find_table(table).schema)
                shared = {name: note[name] for name in note if name in blank}
                first = {"first_recorded_at": note["first_recorded_at"]}
                counted.append((table, {**blank, **shared, **codes_of, **first}))
        for table, row in counted:
            self.tables[table].append(row)

    def _is_counted(self, note: Row, facts: list[Row]) -> bool:
        """Whether what a note says is counted already: coded, noted before, or as abuse."""
        table, codes_of = NOTED[note["kind"]]
        day = note["occurred_on"]
        coded = any(
            all(row[name] == code for name, code in codes_of.items())
            and abs((row["occurred_on"] - day).days) <= 7
            for row in self.tables[table]
        )
        noted = any(
            other["kind"] == note["kind"]
            and (other["occurred_on"], other["record_id"]) < (day, note["record_id"])
            and (day - other["occurred_on"]).days <= 7
            for other in facts
        )
        abuse = note["kind"] == "violence" and any(
            other["kind"] == "domestic_abuse" and other["contact_id"] == note["contact_id"]
            for other in facts
        )
        return coded or noted or abuse

    def _known_versions(self, versions: list[Row], crn: str, table: Table) -> list[Row]:
        end = datetime.combine(self.as_of + timedelta(days=1), datetime.min.time())
        latest: dict[str, Row] = {}
        for row in sorted(versions, key=lambda r: r["version"]):
            if row["crn"] != crn:
                continue
            earlier = [
                other["recorded_at"]
                for other in versions
                if other["record_id"] == row["record_id"]
                and other["crn"] == crn
                and other["version"] <= row["version"]
            ]
            if max(earlier) < end:
                latest[row["record_id"]] = row | {"first_recorded_at": min(earlier)}
        rows = []
        for row in latest.values():
            withdrawn = row["withdrawn_at"] is not None and row["withdrawn_at"] < end
            if not withdrawn and row["occurred_on"] <= self.as_of:
                rows.append(self._masked(row | {"occurred_on": last_day(row)}, table))
        return rows

    def _masked(self, row: Row, table: Table) -> Row:
        row = dict(row)
        for column in table.own:
            value = row[column.name]
            if column.type in ("date", "time") and not column.plan and value is not None:
                day = value.date() if isinstance(value, datetime) else value
                if day > self.as_of:
                    row[column.name] = None
        for column in table.own:
            if column.settled_by and row[column.settled_by] is None:
                row[column.name] = column.unsettled
        return row

    def rows(self, name: str, days: int | None = None) -> list[Row]:
        """The rows of a table, about the last so many days."""
        return [
            row
            for row in self.tables[name]
            if days is None or (self.as_of - row["occurred_on"]).days < days
        ]

    def orders(self) -> list[Row]:
        """Every order and licence."""
        kinds = ("community_order", "suspended_sentence", "licence")
        return [r for r in self.rows("supervisions") if r["kind"] in kinds]

    def lately(self) -> list[Row]:
        """Orders and licences in force, or ended in the last year."""
        return [
            r
            for r in self.orders()
            if r["ended_on"] is None or (self.as_of - r["ended_on"]).days < 365
        ]

    def releases(self, days: int) -> list[Row]:
        """Licences that began in the last so many days."""
        return [r for r in self.rows("supervisions", days) if r["kind"] == "licence"]

    def suspended_on(self, day: date) -> bool:
        """Whether contact was not due on a day: all orders then in force say so, or the register."""
        asks = [
            r["suspended_from"] is None or day < r["suspended_from"]
            for r in self.orders()
            if r["occurred_on"] <= day and (r["ended_on"] is None or day <= r["ended_on"])
        ]
        registered = any(
            r["type_code"] == "PRC"
            and r["occurred_on"] <= day
            and (r["ended_on"] is None or day < r["ended_on"])
            for r in self.rows("registrations")
        )
        return registered or (bool(asks) and not any(asks))

    def suspended(self) -> bool:
        """Whether contact is suspended now."""
        asks = [
            r["suspended_from"] is None or r["suspended_from"] > self.as_of
            for r in self.orders()
            if r["ended_on"] is None
        ]
        registered = any(
            r["type_code"] == "PRC" and r["ended_on"] is None for r in self.rows("registrations")
        )
        return registered or (bool(asks) and not any(asks))

    def due(self, rows: list[Row]) -> list[Row]:
        """Contacts of days on which contact was due; curfews, zones and hostel rules always are."""
        return [
            r for r in rows if r["type_code"] in BREACHES or not self.suspended_on(r["occurred_on"])
        ]

    def due_for(self, group: str, groups: tuple[str, ...]) -> bool:
        """Whether a group has a level on the date: prisoners only while the person is inside."""
        inside = any(
            r["kind"] in ("custody", "remand") and r["ended_on"] is None
            for r in self.rows("supervisions")
        )
        return group in groups and (group != "prisoners" or inside)

    def under_supervision(self, rows: list[Row]) -> list[Row]:
        """Rows since the earliest order or licence in force, or ended in the last year, began."""
        starts = [r["occurred_on"] for r in self.lately()]
        return [r for r in rows if starts and r["occurred_on"] >= min(starts)]

    def completed(self) -> list[Row]:
        """Completed assessments, oldest first."""
        done = [
            r
            for r in self.rows("assessments")
            if r["status"] == "COMPLETE" and r["completed_on"] is not None
        ]
        return sorted(done, key=lambda r: (r["completed_on"], r["record_id"]))

    def rated(self) -> Row | None:
        """The latest completed assessment that gives any community level."""
        done = [r for r in self.completed() if overall(r) is not None]
        return done[-1] if done else None

    def level_said(self, group: str) -> str | None:
        """The level that a completed assessment last gave a group."""
        levels_given = [r[level_column(group)] for r in self.completed()]
        levels_known = [level for level in levels_given if level is not None]
        return levels_known[-1] if levels_known else None

    def current(self) -> Row | None:
        """The latest completed assessment, of any age."""
        done = self.completed()
        return done[-1] if done else None

    def unanswered(self, events: list[date], answers: list[date], limit: int) -> int:
        """Events whose time for an answer has passed without one."""
        count = 0
        for event in events:
            last = working_day_after(event, limit)
            if last < self.as_of and not any(event <= a <= last for a in answers):
                count += 1
        return count

    def significant(self, days: int) -> list[tuple[date, str]]:
        """Significant events of the last so many days: the day that each is about, and its kind."""
        return [
            (r["occurred_on"], kind)
            for r, kind in self.events()
            if (self.as_of - r["occurred_on"]).days < days
        ]

    def significant_known(self, days: int) -> list[date]:
        """The days from which significant events count, of the last so many days."""
        known_days = [known_day(r) for r, _ in self.events()]
        return [day for day in known_days if (self.as_of - day).days < days]

    def events(self) -> list[tuple[Row, str]]:
        """Significant events, and which kind."""
        event_rows = []
        for r in self.rows("contacts"):
            if r["type_code"] in ("CARR", "CNOC"):
                event_rows.append((r, "arrest"))
            elif r["type_code"] in BREACHES:
                event_rows.append((r, "breach"))
            elif r["type_code"] == "C3PR":
                event_rows.append((r, "complaint"))
        for r in self.rows("incidents"):
            if r["kind"] in ("violence", "threat", "weapon", "domestic_abuse", "sexual"):
                event_rows.append((r, r["kind"]))
            elif r["kind"] in (
                "intelligence",
                "sexual_concern_child",
                "provider_concern",
                "custody_intelligence",
            ):
                event_rows.append((r, "intelligence"))
            elif r["kind"] == "civil_order_breach":
                event_rows.append((r, "breach"))
            elif r["kind"] == "substance_use":
                event_rows.append((r, "substance"))
            elif r["kind"] in ("mental_health_decline", "relapse_sign"):
                event_rows.append((r, "mental health"))
        for r in self.rows("circumstances"):
            if r["kind"] == "relationship_conflict":
                event_rows.append((r, "conflict"))
            elif r["kind"] == "relationship" and r["state"] == "new":
                event_rows.append((r, "relationship"))
            elif r["state"] in ("at_risk", "no_fixed_abode"):
                event_rows.append((r, "accommodation"))
        return event_rows


def failed(r: Row) -> bool:
    """Whether a contact is recorded non-compliance: a breach that nobody excused, or a failure."""
    excused = r["outcome_code"] in contact_codes.EXCUSED
    missed = r["outcome_code"] in ("UAAB", "AFTA", "AFTC", "ATSH")
    return missed or (r["type_code"] in BREACHES and not excused)


def concerns(r: Row) -> str | None:
    """The risk group of the target; where that is nobody or not said, by the kind."""
    if r["target"] in codes.GROUP_OF_TARGET:
        return codes.GROUP_OF_TARGET[r["target"]]
    if r["kind"] == "sexual_concern_child":
        return "children"
    if r["kind"] in ("domestic_abuse", "civil_order_breach"):
        return "known_adult"
    if r["kind"] in ("violence", "threat", "weapon", "sexual") or r["target"] == "none":
        return "public"
    return None


def in_group(r: Row, group: str) -> bool:
    """Whether an incident concerns the group."""
    return concerns(r) == group


def incidents(h: History, kinds: tuple[str, ...], days: int | None = None) -> list[Row]:
    """Incidents of some kinds."""
    return [r for r in h.rows("incidents", days) if r["kind"] in kinds]


def about(h: History, group: str, days: int) -> list[Row]:
    """Harm, and information that says whom it is about, concerning a group and known so lately."""
    harm = ("violence", "threat", "weapon", "domestic_abuse", "sexual", "sexual_concern_child")
    harm += ("civil_order_breach",)
    information_kinds = ("provider_concern", "intelligence", "custody_intelligence")
    return [
        r
        for r in h.rows("incidents")
        if (
            r["kind"] in harm
            or (r["kind"] in information_kinds and r["target"] in codes.GROUP_OF_TARGET)
        )
        and concerns(r) == group
        and (h.as_of - known_day(r)).days < days
    ]


def oversight(h: History) -> list[date]:
    """Management oversight that was held."""
    return [
        r["occurred_on"]
        for r in h.rows("contacts")
        if contact_codes.CONTACT_GROUP_OF.get(r["type_code"]) == "oversight"
        and r["outcome_code"] not in ("RSSR", "RSOF")
    ]


def level_column(group: str) -> str:
    """Where an assessment holds the level of a group."""
    return "prisoners_custody" if group == "prisoners" else f"{group}_community"


def overall(r: Row) -> int | None:
    """The highest community level of an assessment, 1 to 4."""
    ranks = [RANK[r[f"{g}_community"]] for g in GROUPS if r[f"{g}_community"] in RANK]
    return max(ranks, default=None)
