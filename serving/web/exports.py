"""Serves what leaves the service: the disclosable record, the queue as CSV, the notices."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import RowMapping

from serving.db.session import AuditEvent, transaction
from serving.review.policies import Refused
from serving.review.service import Review
from serving.review.store import Item
from serving.web import account, formatters, pages
from serving.web.cases import ItemId, Reading

router = APIRouter()
CSV = "text/csv; charset=utf-8"
QUEUE_COLUMNS = ("crn", "highest_recorded_level", "supervision", "read_by", "where_you_stand")


@router.get("/cases/{item_id}/disclosable")
def show_disclosable(request: Request, review: Reading, item_id: ItemId) -> Response:
    """Show the record without anything that must not be disclosed to the person, for printing.

    It contains no finding, no score and no reader's view.
    """
    item, entries = _disclosable_record(review, item_id, "PRINTED_DISCLOSABLE")
    return pages.render_page(request, "disclosable.html", item=item, timeline=entries)


@router.get("/cases/{item_id}/disclosable.csv")
def disclosable_csv(review: Reading, item_id: ItemId) -> Response:
    """The part of a case record that the person may be shown, as a CSV file."""
    _, entries = _disclosable_record(review, item_id, "EXPORTED_DISCLOSABLE")
    rows = [
        (e["occurred_on"], e["what"], e["detail"], e["source"], e["certainty"]) for e in entries
    ]
    return csv_file("record.csv", ("date", "what", "detail", "source", "certainty"), rows)


def _disclosable_record(review: Review, item_id: int, what: str) -> tuple[Item, list[RowMapping]]:
    """A case with its disclosable entries; leaves an audit row."""
    item, timeline = review.read_case(item_id, [], "", system=False)
    if item.limited:
        raise Refused("Access to this case is limited. Check NDelius if you need it.")
    disclosable = [entry for entry in timeline if entry["disclosable"]]
    review.audit_case(what, item, {"left_out": len(timeline) - len(disclosable)})
    return item, disclosable


@router.get("/queue.csv")
def queue_csv(review: Reading) -> Response:
    """The reader's queue as a CSV file, without findings, as on the page."""
    waiting, _ = review.list_queue()
    # The audit names the cases, so that each account can say that its record left as a file.
    crns = {"crns": [item.crn for item in waiting]}
    review.opened.audit(AuditEvent("EXPORTED_QUEUE", "NOT_APPLICABLE", "-", crns))
    rows = [
        (item.crn, "restricted access", "", "", "")
        if item.limited
        else (
            item.crn,
            formatters.level_words(formatters.highest_level(item.person["levels"])),
            item.person.get("supervision") or "not known",
            item.due_on,
            formatters.PROGRESS[item.progress][0],
        )
        for item in waiting
    ]
    return csv_file("queue.csv", QUEUE_COLUMNS, rows)


@router.get("/notice", dependencies=[Depends(account.user_or_none)])
def show_notice(request: Request) -> Response:
    """Show the notice for people on probation: what this service is, and how to dispute it."""
    return _public_page(request, "notice.html", "PAGE_VIEW_NOTICE")


@router.get("/accessibility", dependencies=[Depends(account.user_or_none)])
def show_accessibility(request: Request) -> Response:
    """Show the accessibility statement."""
    return _public_page(request, "accessibility.html", "PAGE_VIEW_ACCESSIBILITY")


@router.get("/whats-new", dependencies=[Depends(account.user_or_none)])
def show_whats_new(request: Request) -> Response:
    """Show what changed on the pages lately, newest first."""
    return _public_page(request, "whats-new.html", "PAGE_VIEW_WHATS_NEW")


def _public_page(request: Request, name: str, what: str) -> Response:
    with transaction(request.app.state.engine, None) as opened:
        opened.audit(AuditEvent(what, "NOT_APPLICABLE", "-"))
    return pages.render_page(request, name)


def csv_file(name: str, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> Response:
    """A CSV response; cells that a spreadsheet would run as formulas are made plain text."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([[_plain_cell(cell) for cell in row] for row in rows])
    return Response(
        out.getvalue(),
        media_type=CSV,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _plain_cell(cell: object) -> str:
    text = str(cell)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
