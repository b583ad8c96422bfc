"""The list of the strings of the pages: whole sentences, every branch, values left open."""

from __future__ import annotations

from serving.reports import page_strings
from serving.reports.page_strings import TEMPLATES, as_markdown, strings_of

TEMPLATE = """{% if late %}<p class="x">Overdue by {{ days }} <strong>days</strong>.</p>
{% else %}<p>Not due yet</p>{% endif %}
<table aria-label="What was asked, table"><th>CRN</th></table>{# nobody reads this #}
{% call row("Next appointment", "contacts") %}{% endcall %}
<p>{{ "nobody has answered" if not count else count }}</p><p>Not due yet</p>"""


def test_strings_are_whole_and_each_is_listed_once() -> None:
    assert strings_of(TEMPLATE) == [
        "Overdue by … days.",
        "Not due yet",
        "What was asked, table",
        "CRN",
        "Next appointment",
        "[nobody has answered] …",
    ]


def test_every_template_is_listed() -> None:
    text = as_markdown()
    for path in TEMPLATES.rglob("*.html"):
        assert f"## {path.stem}\n" in text
    assert "no flag is not evidence of safety" in text.lower()
    assert page_strings.VALUE in text
