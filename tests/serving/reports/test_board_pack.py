"""The board's pack of a month: what it says, that it stands alone, that no person is in it."""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from markupsafe import Markup
from sqlalchemy import text

from features import clock
from features.errors import MissingInput, UserError
from serving import __main__ as main_module
from serving import watch
from serving.reports import board_pack
from tests.conftest import AS_OF
from tests.service import Service

MONTH = f"{AS_OF:%Y-%m}"


@pytest.fixture(scope="module", autouse=True)
def month_of_the_night() -> Iterator[None]:
    """On the first day of a month the tests' night is about the month before, and what the board
    signed today is of this one: for these tests the month of the night then lasts until today.
    """
    parse_month = board_pack.Month.parse_month

    def lasting_until_today(text: str) -> board_pack.Month:
        month = parse_month(text)
        last = max(month.last, clock.today()) if text == MONTH else month.last
        return replace(month, last=last)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(board_pack.Month, "parse_month", lasting_until_today)
        yield


@pytest.fixture(scope="module")
def pack_folder(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pack of the month of the tests' night, made by the command."""
    out = tmp_path_factory.mktemp("pack")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROSH_MODE", "demo")
        patch.setenv("ROSH_DATA", str(service.settings.data))
        assert main_module.main(["board-pack", "--month", MONTH, "--out", str(out)]) == 0
    return out


def test_the_page_stands_alone_and_says_what_the_board_asks(pack_folder: Path) -> None:
    page = (pack_folder / f"board-pack-{MONTH}.html").read_text(encoding="utf-8")
    for phrase in (
        "What needs a decision",
        "What changed since the month before",
        "Is the involvement of people meaningful?",
        "Annex B: the model card",
        "made-up people",
        "Annex C: the dictionary of indicators",
        "Made-up people",
        "no flag is not evidence of",
    ):
        assert phrase in page, phrase
    for outside in ("http://", "src=", "<link", "<script", "@import"):
        own = page.replace("http://www.w3.org/2000/svg", "").replace('src="data:image/png', "")
        assert outside not in own, outside


def test_no_person_stands_in_the_pack(pack_folder: Path, service: Service) -> None:
    with service.admin.connect() as connection:
        crns = list(connection.execute(text("SELECT crn FROM triage.caseload")).scalars())
        readers = list(
            connection.execute(text("SELECT name FROM triage.users WHERE role = 'spo'")).scalars()
        )
    page_text = "".join(
        p.read_text(encoding="utf-8") for p in pack_folder.iterdir() if p.suffix != ".pdf"
    )
    assert not [name for name in [*crns, *readers] if name in page_text]


def test_the_pdf_is_tagged_and_the_tables_hold_every_figure(pack_folder: Path) -> None:
    content = (pack_folder / f"board-pack-{MONTH}.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    streams = re.findall(rb"stream\n(.*?)\nendstream", content, re.DOTALL)
    plain = b"".join(zlib.decompress(one) for one in streams if one[:1] == b"x")
    assert b"/StructTreeRoot" in content + plain
    with (pack_folder / f"board-pack-{MONTH}-figures.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["figure"] for row in rows] == list(board_pack.watch.THRESHOLDS)
    misses = next(row for row in rows if row["figure"] == "misses_corrected")
    assert misses["value"] == ""
    assert misses["state"] == "too few to tell"
    assert (pack_folder / f"board-pack-{MONTH}-parts.csv").stat().st_size > 1000


def test_what_is_no_month_or_has_no_night_is_said(service: Service) -> None:
    with pytest.raises(UserError, match="write it as 2026-10"):
        board_pack.Month.parse_month("October")
    with pytest.raises(UserError, match="has not come yet"):
        board_pack.Month.parse_month("2999-01")
    with (
        pytest.raises(MissingInput, match="There was no night"),
        service.night.connect() as connection,
    ):
        board_pack.gather_pack(connection, board_pack.Month.parse_month("2020-02"), demo=True)
    assert board_pack.Month.parse_month("2024-02").last == date(2024, 2, 29)
    assert clock.today() >= board_pack.Month.parse_month(MONTH).first


def test_a_month_without_a_night_has_a_pack_that_says_so(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(watch, "newest_snapshot", lambda *_: None)
    with service.night.connect() as connection:
        pack = board_pack.gather_pack(connection, board_pack.Month.parse_month(MONTH), demo=True)
    assert pack.figures == []
    assert "No night was kept in the month: why, and what stood in its place." in pack.decisions
    page = board_pack.write_pack(pack, tmp_path, Markup("No card."))[0].read_text(encoding="utf-8")
    assert "No night was kept in this month, so there are no figures" in page
    # What the board did stands in it, in the order in which it was done.
    assert page.index("was made: model") < page.index("signed proposal 1")
    assert "Involvement is active" not in page, "that is for the board to say"


def test_what_stopped_or_runs_out_needs_a_decision(service: Service) -> None:
    with service.night.connect() as connection:
        soon = board_pack._list_decisions(connection, [], None, clock.now(), demo=True)
    assert "Nothing is approved to score: whether to approve a proposal." in soon


def test_what_readers_did_after_a_month_is_not_told_of_it(service: Service) -> None:
    """`watch` by day adds a snapshot to the last night: the pack of a month past keeps the older."""
    month, quiet = board_pack.Month.parse_month("2026-03"), date(2026, 3, 31)
    with service.admin.connect() as connection:
        put = text(
            "INSERT INTO triage.snapshots (as_of, version, figures, parts, at)"
            " VALUES (:as_of, 2, '[]', '{}', :at) RETURNING id"
        )
        days = [datetime(2026, *day, 6, tzinfo=UTC) for day in ((3, 31), (4, 1), (4, 20))]
        snapshot_ids = [
            connection.execute(put, {"as_of": quiet, "at": at}).scalar_one() for at in days
        ]
        by = datetime(2026, 4, 1, 23, tzinfo=UTC)
        snapshot = watch.newest_snapshot(connection, month.last, by)
        assert snapshot is not None
        assert snapshot["id"] == snapshot_ids[1]
        late = watch.newest_snapshot(connection, month.last, datetime(2026, 3, 1, tzinfo=UTC))
        assert late is not None
        assert late["id"] == snapshot_ids[0], "all were made later: the first of them"
        newest = watch.newest_snapshot(connection, month.last)
        assert newest is not None
        assert newest["id"] == snapshot_ids[2]
        chosen: list[datetime] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                watch, "newest_snapshot", lambda _c, _until, at: chosen.append(at) or snapshot
            )
            board_pack.gather_pack(connection, month, demo=True)
        assert chosen[0] == datetime(2026, 4, 1, 23, tzinfo=UTC), (
            "the end of the day after, in summer"
        )
        connection.rollback()
