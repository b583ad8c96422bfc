"""The unit's pages: facts without a model, one case by CRN, limited cases, papers, past reviews."""

from __future__ import annotations

import csv
import io
import re

import polars as pl
from sqlalchemy import text

from features.frame import build
from features.indicators import CATALOGUE
from serving.cases import caseload, limited_access
from serving.db import identity
from serving.db.session import AuditEvent, transaction
from serving.night import enqueue
from serving.night.outcomes_file import outcome_rows
from serving.night.sampling import Chosen
from serving.web import queue_view
from tests.conftest import AS_OF
from tests.pages import Browser
from tests.service import Service


def crns(service: Service, where: str) -> list[str]:
    """CRNs of the caseload of Alderbrook."""
    with service.admin.connect() as connection:
        rows = text(f"SELECT crn FROM triage.caseload WHERE pdu_code = 'N54ALD' AND {where}")
        return sorted(connection.execute(rows).scalars())


def test_the_checklist_holds_what_the_indicators_found(service: Service, browser: Browser) -> None:
    on = build.cases_under_supervision(service.store, AS_OF)
    open_ = on.filter(~pl.col("limited")).select("crn", "as_of")
    frame = pl.concat([part for _, part in build.build_frames(service.store, open_)])
    _as_the_night_writes(service, on, caseload.fired_indicators(frame))
    page = browser.sign_in("ALD-SPO-1").get("/unit/checklist")
    ours = set(crns(service, "NOT limited"))
    total = 0
    for name, words in caseload.CHECKLIST.items():
        values = frame.select("crn", name).iter_rows()
        fired = {crn for crn, value in values if CATALOGUE[name].fires(value)} & ours
        if name in ("da_enquiry_overdue", "sg_enquiry_overdue"):
            continue
        total += len(fired)
        matches = re.findall(rf"{re.escape(words)}: (\d+)", page)
        assert matches == ([str(len(fired))] if fired else []), name
    assert total
    assert "probability" not in page


def _as_the_night_writes(service: Service, on: pl.DataFrame, fired: pl.DataFrame) -> None:
    """Caseload and facts as a night leaves them, whichever cases other tests closed and opened."""
    where = caseload.place_cases(service.store, on)
    with transaction(service.night, None) as opened:
        opened.audit(AuditEvent("TEST", "NOT_APPLICABLE", "-"))
        on = limited_access.mark_limited(on, limited_access.limited_cases(opened.connection))
        caseload.write_caseload(opened.connection, on, where, AS_OF)
        caseload.write_facts(opened.connection, on, fired, where, AS_OF)


def test_any_case_of_the_unit_is_found_by_its_crn_and_no_other(
    service: Service, browser: Browser
) -> None:
    browser.sign_in("ALD-SPO-1").get("/people")
    assert "Enter a CRN" in browser.post("/people", 422, search="X12")
    crn = crns(service, "NOT limited")[0]
    page = browser.post("/people", search=f" {crn.lower()} ")
    assert f">{crn}</strong>" in page
    assert "This page shows the record only" in page
    assert "Record your view" not in page
    assert browser.get(f"/people/{crn}?whole=true").count("rosh-timeline__item") >= page.count(
        "rosh-timeline__item"
    )
    with service.admin.connect() as connection:
        rows = text("SELECT crn FROM triage.caseload WHERE pdu_code = 'N54BRI' LIMIT 1")
        other = connection.execute(rows).scalar_one()
    assert "no such case" in browser.get(f"/people/{other}", status=404)
    assert "no such case" in browser.get("/people/Z000000", status=404)
    browser.get("/people/not-a-crn", status=404)


def test_a_case_is_found_by_name_in_the_own_unit_alone(service: Service, browser: Browser) -> None:
    """By the first letters of any word; what was typed is in no address and in no audit row."""
    browser.sign_in("ALD-SPO-1")
    own, limited = crns(service, "NOT limited"), crns(service, "limited")
    people = service.store.read_versions("people").select("crn", "family_name")
    names = dict(people.iter_rows())
    page = browser.post("/people", search=" PERSON made ")
    assert f"The first 50 of {len(own)} cases" in page
    assert set(re.findall(r'href="/people/([A-Z][0-9]{6})"', page)) <= set(own)
    assert not any(names[crn] in page for crn in limited)
    assert "No case of your unit has this name" in browser.post("/people", search="adeup")
    assert "2 or more letters of a name" in browser.post("/people", 422, search="M")
    with service.admin.connect() as connection:
        rows = text("SELECT details FROM triage.audit WHERE what = 'SEARCHED_BY_NAME'")
        assert {"cases": len(own)} in list(connection.execute(rows).scalars())


def test_limited_cases_are_looked_at_by_hand(service: Service, browser: Browser) -> None:
    limited = crns(service, "limited")
    assert limited, "the made-up caseload holds limited cases in each unit"
    page = browser.sign_in("ALD-SPO-1").get("/unit/limited")
    due = page.count("To be looked at")
    # Another test may have looked at one of them.
    rows = page.split('data-qa="limited-case"')[1:]
    due_rows = [row for row in rows if "To be looked at" in row]
    crn = next(crn for crn in limited if crn in (due_rows or rows)[0])
    assert due <= len(limited) == page.count('data-qa="limited-case"')
    assert "You are restricted from viewing this case" in browser.get(f"/people/{crn}")
    browser.get("/unit/limited")
    assert "20 to 4,000" in browser.post(f"/unit/limited/{crn}/check", 422, words="looked")
    done = browser.post(f"/unit/limited/{crn}/check", words="Read in OASys; the levels stand.")
    assert done.count("To be looked at") == max(0, due - 1)
    assert "by Morgan Ellery" in done
    open_case = crns(service, "NOT limited")[0]
    browser.post(f"/unit/limited/{open_case}/check", 404, words="Read in OASys; levels stand.")


def test_the_queue_is_narrowed_and_ordered_by_what_is_on_the_page(
    service: Service, browser: Browser
) -> None:
    browser.sign_in("ALD-SPO-1")
    whole = browser.get("/queue")
    count = whole.count('<td class="govuk-table__cell"><strong class="govuk-tag')
    assert count
    by_level = {}
    for level in queue_view.LEVELS:
        page = browser.get(f"/queue?level={level}")
        by_level[level] = page.count('<th scope="row"')
        if not by_level[level]:
            assert "No case matches" in page
    assert sum(by_level.values()) == whole.count('<th scope="row"')
    due = browser.get("/queue?sort=person")
    assert 'aria-sort="ascending"' in due
    down = browser.get("/queue?sort=person&down=true")
    names = [part.split("<")[0] for part in due.split('href="/cases/')[1:]]
    turned = [part.split("<")[0] for part in down.split('href="/cases/')[1:]]
    waiting = whole.count('<th scope="row"')
    assert names[:waiting] == list(reversed(turned[:waiting]))
    assert browser.get("/queue?sort=score&level=WORST&stage=x").count('<th scope="row"') == waiting


def test_the_record_that_may_be_disclosed_holds_nothing_else(
    service: Service, browser: Browser
) -> None:
    with service.admin.connect() as connection:
        rows = text(
            "SELECT i.id, e.detail, e.what FROM triage.items i JOIN triage.entries e"
            " ON e.item_id = i.id WHERE i.pdu_code = 'N54ALD' AND NOT i.limited AND NOT e.system"
            " AND NOT e.disclosable ORDER BY i.id"
        )
        item = connection.execute(rows).first()
        assert item is not None
        disclosable_rows = connection.execute(
            text(
                "SELECT count(*) FILTER (WHERE disclosable), count(*) FROM triage.entries"
                " WHERE item_id = :item AND NOT system"
            ),
            {"item": item[0]},
        ).one()
    browser.sign_in("ALD-SPO-1")
    page = browser.get(f"/cases/{item[0]}/disclosable")
    assert page.count("rosh-timeline__item") == disclosable_rows[0] < disclosable_rows[1]
    assert "Not to be disclosed" not in page
    response = browser.client.get(f"/cases/{item[0]}/disclosable.csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert len(list(csv.reader(io.StringIO(response.text)))) == disclosable_rows[0] + 1


def test_the_queue_as_a_file_holds_what_the_page_shows(service: Service, browser: Browser) -> None:
    page = browser.sign_in("ALD-SPO-1").get("/queue")
    rows = list(csv.reader(io.StringIO(browser.client.get("/queue.csv").text)))
    assert rows[0] == ["crn", "highest_recorded_level", "supervision", "read_by", "where_you_stand"]
    assert len(rows) - 1 == page.count('<th scope="row"')
    assert all(row[0] in page for row in rows[1:])


def test_past_reviews_say_what_came_of_them(service: Service, browser: Browser) -> None:
    item = service.unread("N54ALD", levels=("LOW", "MEDIUM", "HIGH"))
    browser.sign_in("ALD-SPO-1").record_view(item, **{"verdict-public": "about_right"})
    browser.conclude(item, "ask_reassessment")
    page = browser.get("/reviews")
    row = page.split(f'href="/cases/{item}/findings"')[1].split("</tr>")[0]
    assert "Ask the practitioner to reassess" in row
    assert "Not answered" in row
    assert "saw the findings, and then asked for that group to be reassessed" in page
    assert f"/cases/{item}/findings" not in browser.sign_in("ALD-SPO-2").get("/reviews")
    assert "For supervision" in browser.get("/unit/week")


def test_the_caseload_of_a_night_is_every_case_with_its_unit(service: Service) -> None:
    on = build.cases_under_supervision(service.store, AS_OF)
    with service.admin.connect() as connection:
        on = limited_access.mark_limited(on, limited_access.limited_cases(connection))
        rows = connection.execute(text("SELECT crn, limited FROM triage.caseload")).all()
        facts = set(connection.execute(text("SELECT crn FROM triage.facts")).scalars())
    assert {tuple(row) for row in rows} == set(on.select("crn", "limited").iter_rows())
    assert not facts & {crn for crn, limited in rows if limited}


def test_a_second_night_changes_only_what_differs(service: Service) -> None:
    on = pl.DataFrame({"crn": ["A000001", "A000002"], "limited": [False, True]})
    where = caseload.Placed({"A000001": "U1", "A000002": "U1"}, {"A000001": "S1", "A000002": "S1"})
    fired = pl.DataFrame({"crn": ["A000001", "A000002"], "indicator": ["f", "f"]})
    with service.night.connect() as connection:
        before = connection.execute(text("SELECT count(*) FROM triage.caseload")).scalar_one()
        caseload.write_caseload(connection, on, where, AS_OF)
        caseload.write_facts(connection, on, fired, where, AS_OF)
        rows = connection.execute(
            text("SELECT crn, practitioner_code, limited FROM triage.caseload ORDER BY crn")
        ).all()
        assert [tuple(row) for row in rows] == [("A000001", "S1", False), ("A000002", None, True)]
        assert connection.execute(text("SELECT crn FROM triage.facts")).scalars().all() == [
            "A000001"
        ]
        moved = caseload.Placed({"A000001": "U2"}, {})
        caseload.write_caseload(connection, on.head(1), moved, AS_OF)
        assert connection.execute(text("SELECT crn FROM triage.facts")).all() == [], "it has moved"
        caseload.write_facts(connection, on.head(1), fired.head(0), where, AS_OF)
        assert connection.execute(text("SELECT crn FROM triage.facts")).all() == []
        connection.rollback()
    with service.admin.connect() as connection:
        assert before == connection.execute(text("SELECT count(*) FROM triage.caseload")).scalar()


def test_every_person_of_a_night_is_told() -> None:
    scored = pl.DataFrame(
        {
            "crn": ["A", "A", "B", "C", "D", "E"],
            "group": ["public", "staff"] + ["public"] * 4,
            "stratum": ["LOW"] * 6,
            "scorable": [True, True, True, True, True, False],
            "why_not": [None] * 5 + ["nothing on record"],
            "probability": [0.9, 0.1, 0.5, 0.4, 0.3, None],
        }
    )
    one = Chosen("A", "U", "public", "LOW", "flagged", 0.9, 1.0)
    rows = outcome_rows(
        scored, ["L"], {"A": "U", "B": "U", "C": "U", "E": "U"}, [one], {"B"}, {"C"}
    )
    outcome_by_case = dict(rows.select("crn", "what_happened").unique().iter_rows())
    assert outcome_by_case == {
        "A": "queued",
        "B": "already in the queue",
        "C": "cooling down",
        "D": "no unit",
        "E": "not chosen",
        "L": "limited",
    }
    assert rows.filter(crn="A")["rank"].to_list() == [1, 5]
    assert rows.filter(crn="E")["rank"].to_list() == [None]


def test_a_waiting_case_keeps_its_place_and_its_newer_score_is_sealed(
    service: Service, browser: Browser
) -> None:
    """In a transaction that is undone: a second night would change what other tests count."""
    waiting = service.unread("N54ALD", drawn_as="flagged")
    read = service.unread("N54ALD", other_than=waiting)
    browser.sign_in("ALD-SPO-2").record_view(read)
    with service.admin.connect() as connection:
        connection.execute(
            text(
                "INSERT INTO triage.runs SELECT 'later', as_of + 1, approval_id, bundle_id,"
                " store_load, store_fingerprint, scores_file, scores_sha256, counts, made_up"
                " FROM triage.runs LIMIT 1"
            )
        )
        rows = connection.execute(
            text(
                "SELECT crn, risk_group AS group FROM triage.items"
                " JOIN triage.findings ON item_id = id"
            )
        ).all()
        scored = pl.DataFrame([tuple(row) for row in rows], schema=["crn", "group"], orient="row")
        scored = scored.with_columns(stratum=pl.lit("LOW"), probability=pl.lit(0.77))
        places = "SELECT id, due_on, shuffle, state FROM triage.items ORDER BY id"
        before = connection.execute(text(places)).all()
        enqueue.score_again(connection, scored, "later")
        assert connection.execute(text(places)).all() == before
        connection.execute(text("SET LOCAL ROLE rosh_web"))
        identity.prove_identity(connection, "ALD-SPO-2")
        items_with_newer_score = set(
            connection.execute(text("SELECT item_id FROM triage.newer_scores")).scalars()
        )
        connection.rollback()
    assert read in items_with_newer_score
    assert waiting not in items_with_newer_score
