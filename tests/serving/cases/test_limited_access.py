"""Limits of access by named user: whom they let in, what closes, what opens again, what is redrawn.

The table of whom a limit lets in is the specification of triage.access (decision 0021).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from features import clock
from features.frame import build
from features.intake.load import load_extract
from features.store.store import Load, Store
from serving.cases import account, acute_entries, limited_access
from serving.db import identity
from serving.db.session import AuditEvent, transaction
from serving.db.tables import acute as acute_table
from serving.db.tables import items
from serving.db.unit_tables import caseload, facts, limits
from serving.night import choose, run, sampling
from serving.night.sampling import Key
from serving.review.states import TURNS, QueueState, Turn
from tests import factories
from tests.conftest import AS_OF
from tests.pages import Browser
from tests.service import Service, later_night
from tests.serving.review.test_follow_up import PRACTITIONER, ask, own

__all__ = ["own"]
WORDS = "The address was checked with the police on Monday."
"""No other test says them: a page of the unit has what all of them said."""
X = ("X000001", "exclusion")
R = ("X000001", "restriction")
PAST, TO_COME = date(2026, 1, 1), date(2100, 1, 1)
LET_IN: list[tuple[str, list[tuple[Any, ...]], str, str]] = [
    # what, limits (case, kind, whom, ended on), who asks, let in
    ("nothing is known of whom it names", [], "ALD-SPO-1", "unknown"),
    ("a restriction to oneself", [(*R, "ALD-SPO-1", None)], "ALD-SPO-1", "named"),
    ("names are one whatever their case", [(*R, "ald-spo-1", None)], "ALD-SPO-1", "named"),
    ("a restriction to another", [(*R, "ALD-SPO-2", None)], "ALD-SPO-1", "closed"),
    ("an exclusion of oneself", [(*X, "ALD-SPO-1", None)], "ALD-SPO-1", "closed"),
    ("an exclusion of another", [(*X, "ALD-SPO-2", None)], "ALD-SPO-1", "named"),
    (
        "both: to oneself, without oneself",
        [(*R, "ALD-SPO-1", None), (*X, "ALD-SPO-1", None)],
        "ALD-SPO-1",
        "closed",
    ),
    (
        "two restrictions, one to oneself",
        [(*R, "A", None), (*R, "ALD-SPO-1", None)],
        "ALD-SPO-1",
        "named",
    ),
    ("a restriction that ended", [(*R, "ALD-SPO-2", PAST), (*X, "A", None)], "ALD-SPO-1", "named"),
    ("a restriction that will end", [(*R, "ALD-SPO-2", TO_COME)], "ALD-SPO-1", "closed"),
    (
        "named, and another that names nobody",
        [(*R, "ALD-SPO-1", None), (*X, "", None)],
        "ALD-SPO-1",
        "unknown",
    ),
    ("names nobody", [(*R, "", None)], "ALD-SPO-1", "unknown"),
    (
        "excluded, and another that names nobody",
        [(*X, "ALD-SPO-1", None), (*R, "", None)],
        "ALD-SPO-1",
        "closed",
    ),
    (
        "a limit of another case",
        [("X000002", "restriction", "ALD-SPO-1", None)],
        "ALD-SPO-1",
        "unknown",
    ),
    ("a member of the board, named", [(*R, "BOARD-1", None)], "BOARD-1", "closed"),
    ("nobody known", [(*R, "NOBODY-9", None)], "NOBODY-9", "closed"),
]


def says(service: Service, *rows: tuple[Any, ...], told_at: datetime | None = None) -> None:
    """Write limits as the night would."""
    with service.admin.begin() as connection:
        for row in rows:
            values = dict(zip(("crn", "kind", "username", "ended_on"), row, strict=True))
            connection.execute(insert(limits).values(**values, told_at=told_at))


@pytest.fixture(autouse=True)
def as_before(service: Service) -> Iterator[None]:
    """Limits and what they closed stand as the night left them when a test is over."""
    with service.admin.connect() as connection:
        before = [dict(row) for row in connection.execute(select(limits)).mappings()]
        was = {row.id: (row.limited, row.person) for row in connection.execute(select(items))}
        held = [dict(row) for row in connection.execute(select(caseload)).mappings()]
        told_of = [dict(row) for row in connection.execute(select(facts)).mappings()]
    yield
    with service.admin.begin() as connection:
        connection.execute(delete(limits))
        connection.execute(insert(limits), before)
        waits = select(items.c.id, items.c.limited).where(items.c.state != "by_hand")
        for row in connection.execute(waits).all():
            if row.id in was and row.limited != was[row.id][0]:
                back = {"limited": was[row.id][0], "person": was[row.id][1]}
                connection.execute(update(items).where(items.c.id == row.id).values(**back))
        connection.execute(delete(caseload))
        connection.execute(insert(caseload), held)
        connection.execute(delete(facts))
        connection.execute(insert(facts), told_of)


def crn_of(service: Service, item: int) -> str:
    """The case of an item."""
    with service.admin.connect() as connection:
        return str(connection.execute(select(items.c.crn).where(items.c.id == item)).scalar_one())


def is_let_in(service: Service, crn: str, excluded: list[str], only: list[str]) -> bool:
    """What another service tells by day; whether a unit holds the case."""
    with service.admin.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO triage.users (username, name, role, made_up)"
                " VALUES ('BATCH-1', 'Batch', 'batch', true) ON CONFLICT DO NOTHING"
            )
        )
    with transaction(service.web, "BATCH-1") as opened:
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        return limited_access.limit_case(opened.connection, crn, excluded, only)


def later_list(store: Store, *, complete: bool) -> Store:
    """The same store with one more load of limits, taken in a year: declared complete, or not."""
    at = clock.now_as_recorded() + timedelta(days=360)
    load = Load(99, at, True, {"limits": {"complete": complete}}, {"limits": at}, {})
    return replace(store, loads=[*store.loads, load])


def closed_to_all_but(service: Service, item: int, *names: str) -> str:
    """The case was limited since, to some users by name; its CRN."""
    crn = crn_of(service, item)
    with transaction(service.night, None) as opened:
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        limited_access.shrink_items(opened.connection, [crn])
    says(service, *[(crn, "restriction", name, None) for name in names])
    return crn


@pytest.mark.parametrize(
    ("rows", "who", "sentence"), [case[1:] for case in LET_IN], ids=[case[0] for case in LET_IN]
)
def test_whom_a_limit_lets_in(
    service: Service, rows: list[tuple[Any, ...]], who: str, sentence: str
) -> None:
    says(service, *rows)
    with transaction(service.web, who) as opened:
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        statement = text("SELECT triage.access('X000001')")
        assert opened.connection.execute(statement).scalar_one() == sentence


def test_who_is_not_known_to_ndelius_or_has_left_is_let_in_by_no_name(service: Service) -> None:
    """Entered before staff codes were asked for: such rows stand in no new database."""
    says(service, (*R, "ALD-SPO-9", None))
    put = text(
        "INSERT INTO triage.users (username, name, role, pdu_code, staff_code, made_up)"
        " VALUES ('ALD-SPO-9', 'New', 'spo', 'N54ALD', :code, false)"
    )
    with service.admin.connect() as connection:
        connection.execute(text("ALTER TABLE triage.users DROP CONSTRAINT users_hand"))
        connection.execute(put, {"code": None})
        assert access(connection, "ALD-SPO-9", "X000001") == "closed"
        change = "UPDATE triage.users SET {} WHERE username = 'ALD-SPO-9'"
        connection.execute(text(change.format("staff_code = 'N54A999'")))
        assert access(connection, "ALD-SPO-9", "X000001") == "named"
        connection.execute(text(change.format("ended_at = now()")))
        assert access(connection, "ALD-SPO-9", "X000001") == "closed"
        connection.rollback()


def test_what_was_asked_stays_open_to_whom_a_limit_lets_in(
    service: Service, browser: Browser, own: int
) -> None:
    ask(browser, own)
    crn = closed_to_all_but(service, own, PRACTITIONER, "ALD-SPO-1")
    browser.sign_in(PRACTITIONER)
    assert f'href="/asked/{own}"' in browser.get("/asked")
    page = browser.get(f"/asked/{own}")
    assert "you are one of those let in" in page
    assert "The entries are one event told three times." in page, "what the reader wrote"
    assert "What the person did" not in page, "nothing of the findings or the record"
    browser.post(f"/asked/{own}/answer", kind="fact", words=WORDS)
    assert WORDS in browser.get(f"/asked/{own}")
    assert WORDS in browser.sign_in("ALD-SPO-1").get("/unit")
    # The head: an SPO of the unit may be drawn as a second reader, who learns nothing meanwhile.
    page = browser.sign_in("ALD-HEAD").get("/unit")
    row = page[page.index(crn) :].split("</tr>")[0]
    assert "you no longer have access to this case" in row
    assert WORDS not in page


def test_who_is_not_let_in_learns_that_something_was_asked_and_no_more(
    service: Service, browser: Browser, own: int
) -> None:
    ask(browser, own)
    crn = closed_to_all_but(service, own, "ALD-SPO-2")
    page = browser.sign_in(PRACTITIONER).get("/asked")
    row = page[page.index(crn) :].split("</tr>")[0]
    assert "Something is asked of you here" in row
    assert "The level for" not in row
    browser.get(f"/asked/{own}", status=404)
    browser.post(f"/asked/{own}/answer", 404, kind="fact", words=WORDS)
    with (
        pytest.raises(DBAPIError, match="row-level"),
        transaction(service.web, PRACTITIONER) as opened,
    ):
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        insert_answer = "INSERT INTO triage.answers (item_id, username, kind, words) VALUES (:i, :u, 'fact', :w)"
        opened.connection.execute(text(insert_answer), {"i": own, "u": PRACTITIONER, "w": WORDS})


def test_a_queued_case_leaves_the_queue_by_hand_alone(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD")
    crn = closed_to_all_but(service, item, "ALD-SPO-1")
    browser.sign_in("ALD-SPO-2")
    assert crn in browser.get("/queue")
    page = browser.get("/unit/limited")
    part = page[page.index(f"CRN {crn}") :].split("</section>")[0]
    assert "Was waiting to be read" in part
    assert "You do not have access" in part
    assert "<form" not in part
    browser.post(f"/unit/limited/{crn}/check", 403, words="Read in OASys; the levels stand.")
    with (
        pytest.raises(DBAPIError, match="row-level"),
        transaction(service.web, "ALD-SPO-2") as opened,
    ):
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        insert_check = (
            "INSERT INTO triage.limited_checks (crn, username, words) VALUES (:c, :u, :w)"
        )
        opened.connection.execute(text(insert_check), {"c": crn, "u": "ALD-SPO-2", "w": WORDS})
    browser.sign_in("ALD-SPO-1").get("/unit/limited")
    browser.post(f"/unit/limited/{crn}/check", words="Read in OASys; the levels stand.")
    assert crn not in browser.get("/queue")
    with service.admin.connect() as connection:
        state = select(items.c.state).where(items.c.id == item)
        assert connection.execute(state).scalar_one() == "by_hand"


def test_only_the_turns_of_the_table_are_possible(service: Service) -> None:
    """Each state against each: the table, and no other way, moves a case (promise 10)."""
    stands = {
        QueueState.OPEN: ("open", False),
        QueueState.CLOSED: ("open", True),
        QueueState.BY_HAND: ("by_hand", True),
        QueueState.CONCLUDED: ("concluded", False),
    }
    turns = {(before, after) for (before, _), after in TURNS.items()}
    item, possible = service.unread("N54BRI"), set()
    for before, (state, limited) in stands.items():
        for after, (then, limited_then) in stands.items():
            with service.admin.connect() as connection:
                connection.execute(text("SET LOCAL session_replication_role = replica"))
                ours = update(items).where(items.c.id == item)
                connection.execute(ours.values(state=state, limited=limited, person={}))
                connection.execute(text("SET LOCAL session_replication_role = origin"))
                try:
                    connection.execute(ours.values(state=then, limited=limited_then))
                except DBAPIError:
                    continue
                finally:
                    connection.rollback()
                if before is not after:
                    possible.add((before, after))
    # A concluded case shrinks to its CRN and comes back too; it stays concluded.
    assert possible - {(QueueState.CLOSED, QueueState.CONCLUDED)} == turns
    assert Turn.LIMIT_ENDED in {turn for _, turn in TURNS}


def test_a_limit_told_by_day_closes_the_case_at_once_until_a_later_list(service: Service) -> None:
    item = service.unread("N54BRI")
    crn = crn_of(service, item)
    assert is_let_in(service, crn, ["bri-spo-2"], [])
    with transaction(service.web, "BRI-SPO-1") as opened:
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        read = select(items.c.limited, items.c.person).where(items.c.id == item)
        assert tuple(opened.connection.execute(read).one()) == (True, {})
        statement = text("SELECT triage.access(:crn)")
        assert opened.connection.execute(statement, {"crn": crn}).scalar() == "named"
        facts = text("SELECT count(*) FROM triage.facts WHERE crn = :crn")
        assert opened.connection.execute(facts, {"crn": crn}).scalar() == 0
        assert limited_access.is_limited(opened.connection, service.store, crn, AS_OF)
    with transaction(service.night, None) as opened:
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        closed = limited_access.close_cases(opened.connection, service.store, AS_OF)
        assert crn in closed.limited, "the list of the night was extracted before it was told"
        complete = later_list(service.store, complete=True)
        named_one = later_list(service.store, complete=False)
        assert crn in limited_access.close_cases(opened.connection, named_one, AS_OF).limited, (
            "it may lack it"
        )
        opened_again = limited_access.close_cases(opened.connection, complete, AS_OF)
        assert crn not in opened_again.limited
        assert opened_again.opened == 1
        state = select(items.c.limited, items.c.person).where(items.c.id == item)
        limited, person = opened.connection.execute(state).one()
        assert not limited
        assert person["name"].startswith("Madeup")
        assert person["levels"].keys() >= {"public", "children"}


def test_limits_are_told_by_services_alone(service: Service) -> None:
    with (
        pytest.raises(DBAPIError, match="services alone"),
        transaction(service.web, "ALD-HEAD") as opened,
    ):
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        limited_access.limit_case(opened.connection, "X000001", [], [])
    for statement in ("SELECT * FROM triage.limits", "DELETE FROM triage.limits"):
        with (
            pytest.raises(DBAPIError, match="permission"),
            transaction(service.web, "ALD-HEAD") as opened,
        ):
            opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
            opened.connection.execute(text(statement))


def test_an_acute_entry_gets_its_words_back_where_the_limit_ended(service: Service) -> None:
    on = build.cases_under_supervision(service.store, AS_OF)
    with service.night.connect() as connection:
        acute_entries.deliver_entries(
            connection, service.store, on.select("crn", "as_of"), set(), AS_OF
        )
        # A journey leaves an entry that no record stands behind.
        real = list(service.store.read_versions("incidents")["record_id"])
        ours_now = select(acute_table).where(~acute_table.c.limited)
        rows = connection.execute(ours_now.where(acute_table.c.record_id.in_(real)))
        row = rows.mappings().first()
        assert row is not None, "the made-up caseload holds an acute entry of the last days"
        ours = select(acute_table.c.what, acute_table.c.listed_as, acute_table.c.detail).where(
            acute_table.c.id == row["id"]
        )
        words_row = tuple(connection.execute(ours).one())
        acute_entries.shrink_limited(connection, [row["crn"]])
        assert tuple(connection.execute(ours).one()) == ("", "", "")
        acute_entries.open_again(connection, {row["crn"]})
        acute_entries.deliver_entries(
            connection, service.store, on.select("crn", "as_of"), {row["crn"]}, AS_OF
        )
        assert tuple(connection.execute(ours).one()) == ("", "", "")
        acute_entries.open_again(connection, set())
        acute_entries.deliver_entries(
            connection, service.store, on.select("crn", "as_of"), set(), AS_OF
        )
        assert tuple(connection.execute(ours).one()) == words_row, "also where it was acknowledged"
        connection.rollback()


def test_for_a_case_that_closed_another_is_drawn_in_the_same_week(service: Service) -> None:
    with service.night.connect() as connection:
        rows = select(items.c.crn).where(items.c.state == "open", ~items.c.limited)
        before = choose.count_redraws(connection, AS_OF)
        had = _queued(service, connection)
        limited_access.shrink_items(connection, list(connection.execute(rows).scalars())[:3])
        assert choose.count_redraws(connection, AS_OF) == before + 3
        assert _queued(service, connection) == had - 3
        connection.rollback()


def _queued(service: Service, connection: Any) -> int:
    """How many of this week's cases count towards its rates, as `choose` sees them."""
    draws: list[dict[str, int]] = []

    def select_(*, queued_this_week: dict[str, int], **_: Any) -> list[Any]:
        draws.append(queued_this_week)
        return []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose.sampling, "sample_cases", select_)
        patch.setattr(choose, "_free_slots", lambda _: {})
        approval = type("Rates", (), {"weekly_reviews": {}, "random_share": 0.2})()
        choose.choose_cases(connection, approval, pl.DataFrame(), {}, None, AS_OF, ())  # type: ignore[arg-type]
    return sum(draws[0].values())


def listed(*rows: tuple[str, str, str]) -> pl.DataFrame:
    """The list as the store would give it."""
    schema = {"crn": pl.String, "kind": pl.String, "username": pl.String, "ended_on": pl.Date}
    return pl.DataFrame([(*row, None) for row in rows], schema=schema, orient="row")


def access(connection: Any, who: str, crn: str) -> str:
    """What the rule says of a user, within a transaction of the database's administrator."""
    identity.prove_identity(connection, who)
    return str(connection.execute(text("SELECT triage.access(:crn)"), {"crn": crn}).scalar_one())


@pytest.mark.parametrize(
    ("what", "rows", "excluded", "only", "let_in"),
    [
        (
            "an exclusion told beside one listed",
            [("exclusion", "ALD-SPO-2")],
            ["SOMEBODY"],
            [],
            {"ALD-SPO-1": "named", "ALD-SPO-2": "closed"},
        ),
        (
            "an exclusion told beside a restriction",
            [("restriction", "ALD-SPO-1")],
            ["X"],
            [],
            {"ALD-SPO-1": "named", "ALD-SPO-2": "closed"},
        ),
        (
            "the only users replace those listed",
            [("restriction", "ALD-SPO-1")],
            [],
            ["ALD-SPO-2"],
            {"ALD-SPO-1": "closed", "ALD-SPO-2": "named"},
        ),
        (
            "nobody named beside one listed",
            [("restriction", "ALD-SPO-1")],
            [],
            [],
            {"ALD-SPO-1": "unknown", "ALD-SPO-2": "closed"},
        ),
    ],
)
def test_what_is_told_and_what_is_listed_both_count(
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    rows: list[tuple[str, str]],
    excluded: list[str],
    only: list[str],
    let_in: dict[str, str],
) -> None:
    """Before a night and after one whose list was taken before it was told."""
    crn = "X000003"
    says(service, *[(crn, *row, None) for row in rows])
    is_let_in(service, crn, excluded, only)
    monkeypatch.setattr(build, "limits_in_force", lambda *_: listed(*[(crn, *r) for r in rows]))
    with service.admin.connect() as connection:
        assert {who: access(connection, who, crn) for who in let_in} == let_in, what
        assert crn in limited_access.close_cases(connection, service.store, AS_OF).limited
        assert {who: access(connection, who, crn) for who in let_in} == let_in, what
        connection.rollback()


class Stopped(Exception):
    """The night is stopped where it would have chosen."""


def test_a_limit_told_while_the_night_runs_holds_for_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told between the closing of the doors and the commit: neither queued, scored, nor counted."""
    with service.admin.connect() as connection:
        crns = list(
            connection.execute(
                text(
                    "SELECT crn FROM triage.caseload WHERE NOT limited AND pdu_code = 'N58CAR'"
                    " AND crn NOT IN (SELECT crn FROM triage.items)"
                )
            ).scalars()
        )
    assert crns
    calls: list[Any] = []

    def watched(_: Any, __: Any, looked: Any, *___: Any, **____: Any) -> None:
        calls.append(looked)
        raise Stopped

    def step(words: str) -> None:
        if words.startswith("choosing"):
            for crn in crns:
                is_let_in(service, crn, [], [])

    monkeypatch.setattr(run, "_choose_and_write", watched)
    with later_night(1) as day, pytest.raises(Stopped):
        run.run_night(service.settings, service.night, day, step)
    looked = calls[0]
    for frame in (looked.scores, looked.facts, looked.watched, looked.people):
        assert not set(frame["crn"]) & set(crns)
    assert set(looked.cases.filter("limited")["crn"]) >= set(crns)
    assert not set(looked.units) & set(crns)


def test_a_kind_that_nobody_knows_closes_the_case_to_everyone(
    service: Service, tmp_path: Path
) -> None:
    rows = {
        "supervisions": [factories.row("supervisions", "2026-01-05", record_id="S1")],
        "limits": [factories.row("limits", "2026-02-01", kind="EXCLUSION", username="ALD-SPO-1")],
    }
    load_extract(factories.extract(tmp_path / "x", rows), tmp_path / "s")
    with service.night.connect() as connection:
        closed = limited_access.close_cases(
            connection, Store.open(tmp_path / "s"), date(2026, 6, 30)
        )
        assert closed.limited >= {factories.CRN}
        statement = select(limits.c.kind, limits.c.username).where(limits.c.crn == factories.CRN)
        assert [tuple(row) for row in connection.execute(statement)] == [("restriction", "")]
        connection.rollback()


def test_what_was_read_before_it_closed_is_not_drawn_again(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54ALD")
    browser.sign_in("ALD-SPO-1").record_view(item)
    browser.conclude(item)
    with service.night.connect() as connection:
        before = choose.count_redraws(connection, AS_OF)
        limited_access.shrink_items(connection, [crn_of(service, item)])
        assert choose.count_redraws(connection, AS_OF) == before
        connection.rollback()


def test_one_drawn_in_the_place_of_another_weighs_like_the_others() -> None:
    """Ten of a thousand, one of which closed: the eleventh does not stand for a thousand."""
    frame = pl.DataFrame(
        {
            "crn": [f"A{n:06d}" for n in range(990)],
            "pdu_code": "N54ALD",
            "group": "public",
            "stratum": "LOW",
            "probability": 0.1,
        }
    )
    (one,) = sampling._draw_random_share(frame, 1, Key("s", "r"), before=10)
    assert one.inclusion_probability == pytest.approx(11 / 1000)
    alone = sampling._draw_random_share(frame, 10, Key("s", "r"))
    assert {each.inclusion_probability for each in alone} == {10 / 990}


def test_a_closed_case_that_left_the_caseload_is_still_to_be_looked_at(
    service: Service, browser: Browser
) -> None:
    item = service.unread("N54ALD")
    crn = closed_to_all_but(service, item, "ALD-SPO-1")
    with service.admin.begin() as connection:
        connection.execute(delete(caseload).where(caseload.c.crn == crn))
    page = browser.sign_in("ALD-SPO-1").get("/unit/limited")
    assert "Was waiting to be read" in page[page.index(f"CRN {crn}") :].split("</section>")[0]
    browser.post(f"/unit/limited/{crn}/check", words="Read in OASys; the levels stand.")
    assert crn not in browser.get("/queue")
    assert crn not in browser.get("/unit/limited")


def test_who_is_not_let_in_cannot_settle_an_acute_entry(service: Service, browser: Browser) -> None:
    crn = "X000004"
    says(service, (crn, "exclusion", "ALD-SPO-1", None))
    with service.admin.begin() as connection:
        entry = connection.execute(
            text(
                "INSERT INTO triage.acute (crn, pdu_code, record_id, occurred_on, recorded_at,"
                " listed_as, what, detail, source, certainty, disclosable, disputed, limited)"
                " VALUES (:crn, 'N54ALD', 'R9', '2026-11-19', '2026-11-19', '', '', '', '', '',"
                " false, false, true) RETURNING id"
            ),
            {"crn": crn},
        ).scalar_one()
    page = browser.sign_in("ALD-SPO-1").get("/acute")
    part = page[page.index(f"CRN {crn}") :].split("</section>")[0]
    assert "You do not have access" in part
    assert "<form" not in part
    browser.post(f"/acute/{entry}/acknowledge", 403, done="Rang the police at once.")
    with (
        pytest.raises(DBAPIError, match="row-level"),
        transaction(service.web, "ALD-SPO-1") as opened,
    ):
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        insert_acknowledgement = (
            "INSERT INTO triage.acknowledgements (acute_id, username, done) VALUES (:i, :u, :w)"
        )
        values = {"i": entry, "u": "ALD-SPO-1", "w": "Rang the police at once."}
        opened.connection.execute(text(insert_acknowledgement), values)
    browser.sign_in("ALD-SPO-2").get("/acute")
    browser.post(f"/acute/{entry}/acknowledge", done="Rang the police at once.")
    page = browser.sign_in("ALD-SPO-1").get("/acute")
    assert "You do not have access" not in page, "it is done, and by whom is not told"
    assert "Rang the police at once." not in page


def test_what_was_written_by_hand_is_read_by_no_page(service: Service) -> None:
    with (
        pytest.raises(DBAPIError, match="permission"),
        transaction(service.web, "ALD-HEAD") as opened,
    ):
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        opened.connection.execute(text("SELECT words FROM triage.limited_checks"))


def test_after_the_event_a_limited_case_has_no_scores(service: Service) -> None:
    """Neither one that the list limits nor one that was scored and told of since."""
    item = service.unread("N54BRI")
    is_let_in(service, crn_of(service, item), [], [])
    listed_one = build.limits_in_force(service.store, AS_OF)["crn"][0]
    for crn, rows in ((crn_of(service, item), 0), (listed_one, 1)):
        with transaction(service.web, "INSPECTOR-1") as opened:
            told_of = account.account_of_case(
                opened, service.store, service.settings.scores, crn, clock.today()
            )
        assert told_of.limited
        assert told_of.person is None
        assert len(told_of.computed) == rows
        assert not [row for row in told_of.computed if row["probability"] is not None]


def test_events_of_a_case_open_again_say_what_was_concluded(
    service: Service, browser: Browser
) -> None:
    """A case once looked at by hand is not limited for ever."""
    item = service.unread("N54ALD")
    crn = closed_to_all_but(service, item, "ALD-SPO-1")
    browser.sign_in("ALD-SPO-1").get("/unit/limited")
    browser.post(f"/unit/limited/{crn}/check", words="Read in OASys; the levels stand.")
    put = text(
        "INSERT INTO triage.events (event_type, body) VALUES ('t', jsonb_build_object("
        "'additionalInformation', '{}'::jsonb, 'personReference', jsonb_build_object("
        "'identifiers', jsonb_build_array(jsonb_build_object('type', 'CRN', 'value',"
        " cast(:crn AS text)))))) RETURNING id"
    )
    ask = text("SELECT body FROM triage.events_after(:after, 1)")
    with service.admin.connect() as connection:
        event = connection.execute(put, {"crn": crn}).scalar_one()
        identity.prove_identity(connection, "BATCH-1")
        body = connection.execute(ask, {"after": event - 1}).scalar_one()
        assert "additionalInformation" not in body, "the limit is in force"
        connection.execute(delete(limits).where(limits.c.crn == crn))
        body = connection.execute(ask, {"after": event - 1}).scalar_one()
        assert "additionalInformation" in body
        connection.rollback()
