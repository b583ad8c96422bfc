"""Promise 12: every indicator that fires in a case is said on its findings page, whatever it weighs.

Among the reasons, or also on record. What the model makes little of can be what a reader sees.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import polars as pl
from sqlalchemy import text

from features.contracts.codes import COMMUNITY_GROUPS
from features.frame import build, evidence
from features.history import asof
from features.indicators import CATALOGUE
from serving.db.tables import findings
from tests.conftest import AS_OF
from tests.pages import Browser
from tests.service import Service


def sealed_items(service: Service) -> list[Any]:
    with service.admin.connect() as connection:
        return list(
            connection.execute(
                text(
                    "SELECT i.id, i.crn, i.pdu_code, f.risk_group, f.reasons, f.shown_only, f.because,"
                    " f.other_groups"
                    " FROM triage.items i JOIN triage.findings f ON f.item_id = i.id"
                    " WHERE i.as_of = :day AND NOT i.limited"
                ),
                {"day": AS_OF},
            )
        )


def fired(service: Service, crns: list[str]) -> dict[tuple[str, str], set[str]]:
    """The indicators that fire for each case and group, by the frame alone."""
    histories = asof.read_histories(service.store, asof.make_spine(crns, AS_OF))
    frame = build.build_frame(histories)
    return {
        (row["crn"], row["group"]): {
            name for name, item in CATALOGUE.items() if item.fires(row[name])
        }
        for row in frame.iter_rows(named=True)
    }


def indicators_of(findings: list[dict[str, Any]]) -> list[str]:
    return [one["indicator"] for one in findings]


def test_every_indicator_that_fires_is_sealed_with_the_case_once(service: Service) -> None:
    items = sealed_items(service)
    assert len(items) > 50
    expected = fired(service, [one.crn for one in items])
    also = 0
    for one in items:
        in_reasons = [name for r in one.reasons for name in indicators_of(r["findings"])]
        beside = indicators_of(one.shown_only)
        assert {*in_reasons, *beside} == expected[one.crn, one.risk_group], one.id
        assert not set(in_reasons) & set(beside), one.id
        assert len(beside) == len(set(beside))
        also += sum(CATALOGUE[name].page_only_because is None for name in beside)
    assert also > len(items), "the model makes nothing of many that it scores"


def test_what_fires_for_another_group_is_said_too(service: Service) -> None:
    """A case put forward for known adults once hid that a child safeguarding enquiry was missing."""
    items = sealed_items(service)
    expected = fired(service, [one.crn for one in items])
    others = 0
    for one in items:
        listed = [(part["group"], indicators_of(part["findings"])) for part in one.other_groups]
        own = expected[one.crn, one.risk_group]
        about_all = own | {name for _, names in listed for name in names}
        for group in COMMUNITY_GROUPS:
            assert expected[one.crn, group] <= about_all, (one.id, group)
        for group, names in listed:
            assert group != one.risk_group
            assert len(names) == len(set(names))
            assert set(names) <= expected[one.crn, group]
            assert not {name for name in names if not CATALOGUE[name].per_group} & own
            others += len(names)
    assert others > len(items)


def test_the_page_says_the_sentence_of_each_and_the_size_of_each_reason(
    service: Service, browser: Browser
) -> None:
    others_fired = findings.c.other_groups[0]["findings"][0].astext.is_not(None)
    item = service.unread("N54ALD", drawn_as="flagged", having=others_fired)
    sealed = next(one for one in sealed_items(service) if one.id == item)
    browser.sign_in("ALD-SPO-1").record_view(item)
    page = unescape(browser.get(f"/cases/{item}/findings"))
    sayings = [f for r in sealed.reasons for f in r["findings"]] + sealed.shown_only
    others = [f for part in sealed.other_groups for f in part["findings"]]
    sayings += others
    assert len(sayings) > 2
    assert others
    for finding in sayings:
        assert finding["sentence"] in page, finding["indicator"]
    words = re.sub(r"<[^>]+>", " ", page.partition('id="also"')[2])
    for finding in sealed.shown_only:
        assert finding["sentence"] in words
    sections = re.findall(r'data-qa="reason".*?</section>', page, re.S)
    assert sections
    for section in sections:
        assert re.search(r'data-qa="size">(most|much|some|little) of the weight<', section)
        width = re.search(r'<rect width="([\d.]+)" height="6" fill="#1d70b8"', section)
        assert width is not None
        assert 0 < float(width[1]) <= 100


def test_every_indicator_of_the_catalogue_can_be_said(service: Service) -> None:
    """Wherever an indicator fires in the caseload, there is a finding with entries for it."""
    spine = asof.make_spine(service.store.read_versions("supervisions")["crn"].unique(), AS_OF)
    histories = asof.read_histories(service.store, spine)
    frame = build.build_frame(histories)
    findings = evidence.collect_findings(histories, CATALOGUE.values())
    for name, item in CATALOGUE.items():
        at = frame.filter(
            pl.col(name).map_elements(item.fires, return_dtype=pl.Boolean, skip_nulls=True)
        )
        for crn, group in at.select("crn", "group").iter_rows():
            assert (crn, group if item.per_group else None) in findings[name], (name, crn, group)
