"""Gives the account of a case by a day: record, scores, pages shown and actions, for an inspector.

For an inspector or coroner. Every question leaves an audit row before anything is answered. The
record is what was known on the day; a case of limited access is its CRN and what people did here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection, RowMapping, select, text

from features import clock
from features.errors import MissingInput, RunStopped, UserError
from features.store import working_copy
from features.store.store import Store
from serving.cases import legal_holds, limited_access, summary
from serving.db.linked_cases import close_links
from serving.db.session import AuditEvent, Transaction
from serving.db.silent_feeds import with_silent_feeds
from serving.db.tables import (
    acknowledgements,
    acute,
    answers,
    claims,
    conclusions,
    findings,
    items,
    newer_scores,
    openings,
    own_views,
    runs,
)
from serving.db.unit_tables import limited_checks

FIRST_DAY = date(2000, 1, 1)


@dataclass(frozen=True)
class Account:
    """Everything on record about one case at the end of a day; nothing is computed anew."""

    crn: str
    on: date
    limited: bool
    limits_known: bool
    """Whether the list of limited-access cases can be read; where it has stopped, `limited`."""
    person: dict[str, Any] | None
    entries: list[dict[str, Any]]
    run: RowMapping | None
    """The last run that was made by the end of the day."""
    computed: list[dict[str, Any]]
    night: RowMapping | None
    """The last run about the day, where that is another: it was made later."""
    computed_later: list[dict[str, Any]]
    queued: list[dict[str, Any]]
    acute: list[dict[str, Any]]
    """Acute entries of the case, with who acknowledged each and the action taken."""
    looked_at_by_hand: list[dict[str, Any]]
    """Who read the case by hand while access was limited, and when."""
    audit: list[RowMapping]
    on_hold: bool


def account_of_case(opened: Transaction, store: Store, scores: Path, crn: str, on: date) -> Account:
    """The account of a case by the end of a day: what the system held, computed and showed.

    Raises UserError for what is no CRN or a day to come, MissingInput where a file of scores that
    a run committed is gone.
    """
    legal_holds.check_crn(crn)
    if on > clock.today():
        raise UserError("That day has not come yet.")
    if on < FIRST_DAY:
        raise UserError(f"Nothing is told of days before {FIRST_DAY.day} {FIRST_DAY:%B %Y}.")
    opened.audit(AuditEvent("ASKED_FOR_ACCOUNT", "CRN", crn, {"on": on.isoformat()}))
    connection = opened.connection
    connection.execute(text("SELECT set_config('rosh.asked_crn', :crn, true)"), {"crn": crn})
    limited, limits_known = _access_state(connection, store, crn, on)
    who, entries = (None, []) if limited else summary.one_case(store, crn, on)
    end = clock.end_of(on)
    queued, acute_rows = _queue_entries(connection, crn, end), _acute_rows(connection, crn, end)
    if limited:
        queued = _without_record(queued, steps=not limits_known)
        acute_rows = _without_words(acute_rows)
    if who is not None:
        who = with_silent_feeds(connection, who, who["unit"], on)
    run, night = _last_run(connection, end), _last_night(connection, on)
    if run is not None and night is not None and night["id"] == run["id"]:
        night = None
    return Account(
        crn=crn,
        on=on,
        limited=limited,
        limits_known=limits_known,
        person=who,
        entries=entries,
        run=run,
        computed=_score_rows(scores, run, crn, limited=limited),
        night=night,
        computed_later=_score_rows(scores, night, crn, limited=limited),
        queued=queued,
        acute=acute_rows,
        looked_at_by_hand=_hand_checks(connection, crn, end),
        audit=_audit_rows(connection, crn, end),
        on_hold=legal_holds.is_held(connection, crn),
    )


def _access_state(connection: Connection, store: Store, crn: str, on: date) -> tuple[bool, bool]:
    """Whether access is limited, and whether the list of limits is still supplied.

    A list that has stopped closes the record (promise 7), not what people did here with the case.
    """
    try:
        return limited_access.is_limited(connection, store, crn, on), True
    except RunStopped:
        return True, False


def as_json(account: Account) -> dict[str, Any]:
    """The account as plain values; dates and times are left for the caller to format."""
    content = {name: getattr(account, name) for name in account.__dataclass_fields__}
    for name in ("run", "night"):
        row = content[name]
        content[name] = dict(row) if row is not None else None
    content["audit"] = [dict(row) for row in account.audit]
    return content


def _last_run(connection: Connection, end: datetime) -> RowMapping | None:
    """The last run that was committed by a moment, or None."""
    rows = select(runs).where(runs.c.at < end).order_by(runs.c.as_of.desc(), runs.c.at.desc())
    return connection.execute(rows.limit(1)).mappings().first()


def _last_night(connection: Connection, on: date) -> RowMapping | None:
    """The last run for a given as-of date; it is committed when that day is over."""
    rows = select(runs).where(runs.c.as_of == on).order_by(runs.c.at.desc())
    return connection.execute(rows.limit(1)).mappings().first()


def _score_rows(
    scores: Path, run: Mapping[Any, Any] | None, crn: str, *, limited: bool
) -> list[dict[str, Any]]:
    """The rows that the last run by that day kept of the case; of one limited now, or since, no
    more than that it was left out for that.
    """
    if run is None:
        return []
    path = working_copy.fetch_file(scores / run["scores_file"])
    if not path.exists():
        raise MissingInput(
            f"The scores of run {run['id']} are missing: {path.name}. The retention schedule "
            "ended them, or they are kept elsewhere; their SHA-256 stands with the run."
        )
    ours = pl.scan_parquet(path).filter(pl.col("crn") == crn)
    if limited:
        ours = ours.filter(pl.col("what_happened") == "limited")
    return ours.collect().to_dicts()


def _queue_entries(connection: Connection, crn: str, end: datetime) -> list[dict[str, Any]]:
    """Each time the case was queued by then, with every step taken on it by then."""
    rows = (
        select(items)
        .join(runs, runs.c.id == items.c.run_id)
        .where(items.c.crn == crn, runs.c.at < end)
        .order_by(items.c.id)
    )
    return [
        _item_record(connection, item, end) for item in connection.execute(rows).mappings().all()
    ]


def _item_record(connection: Connection, item: RowMapping, end: datetime) -> dict[str, Any]:
    parts = {
        "findings": findings,
        "claims": claims,
        "own_views": own_views,
        "openings": openings,
        "conclusions": conclusions,
        "answers": answers,
    }
    record: dict[str, Any] = {}
    for name, table in parts.items():
        ours = select(table).where(table.c.item_id == item["id"])
        if "at" in table.c:
            ours = ours.where(table.c.at < end).order_by(table.c.at)
        record[name] = [dict(row) for row in connection.execute(ours).mappings()]
    record["findings"] = [close_links(connection, row) for row in record["findings"]]
    newer = (
        select(newer_scores)
        .join(runs, runs.c.id == newer_scores.c.run_id)
        .where(newer_scores.c.item_id == item["id"], runs.c.at < end)
        .order_by(runs.c.at)
    )
    record["newer_scores"] = [dict(row) for row in connection.execute(newer).mappings()]
    twice = text(
        "SELECT * FROM triage.second_reads_asked(:crn) WHERE item_id = :item AND at < :end"
    )
    values = {"crn": item["crn"], "item": item["id"], "end": end}
    record["second_reads"] = [dict(row) for row in connection.execute(twice, values).mappings()]
    repeats = text(
        "SELECT * FROM triage.repeat_reads_asked(:crn) WHERE item_id = :item AND at < :end"
    )
    record["repeat_reads"] = [
        _as_of_then(row, end) for row in connection.execute(repeats, values).mappings()
    ]
    # Who holds the case, and who countersigned, are stored as of now: left out for a past day.
    then = {name: item[name] for name in item if name not in ("practitioner_code", "hands")}
    then["state"] = "concluded" if record["conclusions"] else "open"
    if item["state"] == "by_hand" and _hand_checks(connection, item["crn"], end):
        then["state"] = "by_hand"
    return {"item": then, **record}


def _as_of_then(row: RowMapping, end: datetime) -> dict[str, Any]:
    """A repeat reading; of one answered later, no more than that it was asked for."""
    later = row["viewed_at"] is None or row["viewed_at"] >= end
    return {**row, "viewed_at": None, "verdicts": {}} if later else dict(row)


def _hand_checks(connection: Connection, crn: str, end: datetime) -> list[dict[str, Any]]:
    """Who read a case by hand by then, access being limited, and when."""
    rows = select(limited_checks.c.username, limited_checks.c.at).where(
        limited_checks.c.crn == crn, limited_checks.c.at < end
    )
    looked = connection.execute(rows.order_by(limited_checks.c.at)).mappings()
    return [dict(row) for row in looked]


def _without_record(queued: list[dict[str, Any]], *, steps: bool) -> list[dict[str, Any]]:
    """When a case was queued, without its record: access is limited.

    A limit holds from the load that brought it, as it does after the next night for the database.
    With `steps`, what people did stays: where the list of limits has stopped, nobody limited it.
    """
    hidden = ["findings", "newer_scores"]
    if not steps:
        hidden += ["own_views", "conclusions", "openings", "claims", "repeat_reads"]
    nothing: dict[str, Any] = {name: [] for name in hidden}
    return [{**one, **nothing, "item": {**one["item"], "person": {}}} for one in queued]


def _without_words(acute_rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    words = ("listed_as", "what", "detail", "source", "certainty")
    return [{**row, **dict.fromkeys(words, "")} for row in acute_rows]


def _acute_rows(connection: Connection, crn: str, end: datetime) -> list[dict[str, Any]]:
    rows = select(acute).where(acute.c.crn == crn, acute.c.at < end).order_by(acute.c.at)
    acute_entries = []
    for row in connection.execute(rows).mappings().all():
        acknowledged = select(acknowledgements).where(
            acknowledgements.c.acute_id == row["id"], acknowledgements.c.at < end
        )
        # Who holds the case is stored as of now: left out for a past day.
        entry = {name: row[name] for name in row if name != "practitioner_code"}
        acknowledgement_rows = connection.execute(
            acknowledged.order_by(acknowledgements.c.at)
        ).mappings()
        acute_entries.append({**entry, "acknowledged": [dict(one) for one in acknowledgement_rows]})
    return acute_entries


def _audit_rows(connection: Connection, crn: str, end: datetime) -> list[RowMapping]:
    rows = text("SELECT seq, at, who, what, details FROM triage.audit_about(:crn) WHERE at < :end")
    return list(connection.execute(rows, {"crn": crn, "end": end}).mappings())
