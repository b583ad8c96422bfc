"""What an outstanding answer would change: on the findings page, after the view, widest first."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from serving.db.tables import findings
from serving.review import store as review_store
from serving.web.formatters import in_hundred
from tests.pages import Browser
from tests.service import Service


def test_the_page_says_after_the_view_which_answer_matters_most(
    service: Service, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_effects = findings.c.effects[0]["with_concerns"].astext.is_not(None)
    item = service.unread("N54BRI", drawn_as="flagged", having=has_effects)
    with service.admin.connect() as connection:
        effects = connection.execute(
            text("SELECT effects FROM triage.findings WHERE item_id = :item"), {"item": item}
        ).scalar_one()
    before = browser.sign_in("BRI-SPO-1").get(f"/cases/{item}")
    assert "What an answer would change" not in before
    browser.record_view(item)
    page = browser.get(f"/cases/{item}/findings")
    assert f"this matters most: {effects[0]['words']}".replace("'", "&#39;") in page
    table = page.partition('data-qa="effects"')[2].partition("</table>")[0]
    places = [table.index(one["words"].replace("'", "&#39;")) for one in effects]
    assert places == sorted(places)
    for one in effects:
        assert f">{in_hundred(one['without_concerns'])}<" in table
        concerned = one["with_concerns"]
        shown = "another level would be given" if concerned is None else in_hundred(concerned)
        assert f">{shown}<" in table
    assert f"Now: {in_hundred(effects[0]['now'])}, in part because" in table
    _check_that_the_prior_gives_no_likelihood(browser, item, page, monkeypatch)


def _check_that_the_prior_gives_no_likelihood(
    browser: Browser, item: int, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same case, ranked by the prior: how often its like is put higher was not measured."""
    assert 'data-qa="how-sure"' in page
    assert 'data-qa="steps"' in page
    assert "readers are most likely to put higher" in page
    sealed = review_store.Store.read_findings

    def of_prior(self: review_store.Store, item_id: int) -> dict[str, Any] | None:
        findings = sealed(self, item_id)
        if findings is not None:
            findings |= {"because": findings["because"] | {"by_prior": True}, "effects": []}
        return findings

    monkeypatch.setattr(review_store.Store, "read_findings", of_prior)
    page = browser.get(f"/cases/{item}/findings")
    assert "has not been measured yet" in page
    assert "readers are most likely to put higher" not in page
    for name in ("how-sure", "effects", "matters-most", "steps"):
        assert f'data-qa="{name}"' not in page


def test_hundredths_are_whole_from_ten_on() -> None:
    assert [in_hundred(p) for p in (0.004, 0.0994, 0.0996, 0.256)] == ["0.4", "9.9", "10", "26"]


def test_only_what_readings_taught_the_model_to_flag_has_effects(service: Service) -> None:
    """Elsewhere the page does not say how sure the model is."""
    with service.admin.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT drawn_as, stratum, jsonb_array_length(effects) AS effects,"
                " (because ->> 'by_prior')::boolean AS by_prior FROM triage.findings"
            )
        ).all()
    assert any(row.effects for row in rows)
    assert {(row.drawn_as, row.by_prior) for row in rows if row.effects} == {("flagged", False)}
    for row in rows:
        of_prior = row.stratum in service.model.by_prior
        assert row.by_prior == (row.drawn_as == "flagged" and of_prior)
