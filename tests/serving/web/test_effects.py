"""What an outstanding answer would change: on the findings page, after the view, widest first."""

from __future__ import annotations

from sqlalchemy import text

from serving.web.formatters import in_hundred
from tests.pages import Browser
from tests.service import Service


def test_the_page_says_after_the_view_which_answer_matters_most(
    service: Service, browser: Browser
) -> None:
    with service.admin.connect() as connection:
        item, effects = connection.execute(
            text(
                "SELECT i.id, f.effects FROM triage.items i JOIN triage.findings f"
                " ON f.item_id = i.id LEFT JOIN triage.own_views v ON v.item_id = i.id"
                " WHERE i.pdu_code = 'N54BRI' AND i.state = 'open' AND NOT i.limited"
                " AND v.item_id IS NULL AND (f.effects -> 0 ->> 'with_concerns') IS NOT NULL ORDER BY i.id LIMIT 1"
            )
        ).one()
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
    assert f"Now: {in_hundred(effects[0]['now'])}." in table


def test_hundredths_are_whole_from_ten_on() -> None:
    assert [in_hundred(p) for p in (0.004, 0.0994, 0.0996, 0.256)] == ["0.4", "9.9", "10", "26"]


def test_only_what_the_model_flagged_has_effects(service: Service) -> None:
    """Elsewhere the page does not say how sure the model is."""
    with service.admin.connect() as connection:
        rows = connection.execute(
            text("SELECT drawn_as, jsonb_array_length(effects) AS effects FROM triage.findings")
        ).all()
    assert any(row.effects for row in rows)
    assert {row.drawn_as for row in rows if row.effects} == {"flagged"}
