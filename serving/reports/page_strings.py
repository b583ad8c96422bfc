"""Lists the strings of the templates, page by page, for review and translation.

Every branch of each template. A value that is filled in is written as an ellipsis; words that come
from code (messages, codes in words, sentences of indicators) are not here: the page says where.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import Environment

from serving.web import pages

TEMPLATES = Path(pages.__file__).with_name("templates")
VALUE = "…"
_BLOCKS = frozenset(
    ["p", "li", "h1", "h2", "h3", "h4", "label", "legend", "summary", "caption", "dt", "dd"]
    + ["th", "td", "div", "button", "option", "title", "section", "details"]
)
_SPOKEN = ("aria-label", "alt")
"""Attributes that are read out."""


class _Strings(HTMLParser):
    """The texts between block elements, and what is read out of attributes."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.strings: list[str] = []
        self._words: list[str] = []
        self.feed(source)
        self._end_block()

    def _end_block(self) -> None:
        self._add("".join(self._words))
        self._words = []

    def _add(self, text: str) -> None:
        string = re.sub(r"\s+", " ", text).strip()
        if re.search(r"[A-Za-z]{2}", string):
            self.strings.append(string)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """End a block, and read out what its attributes say."""
        if tag in _BLOCKS:
            self._end_block()
        for name, value in attributes:
            if name in _SPOKEN and value:
                self._add(value)

    def handle_endtag(self, tag: str) -> None:
        """End a block."""
        if tag in _BLOCKS:
            self._end_block()

    def handle_data(self, data: str) -> None:
        """Add words to the block."""
        self._words.append(data)


def strings_of(template: str) -> list[str]:
    """The strings of a template's source in order, each once."""
    return list(dict.fromkeys(_Strings("".join(_text_of(template))).strings))


def _text_of(template: str) -> Iterator[str]:
    """The HTML of a template: each value an ellipsis, with the words that an expression chooses."""
    is_value = False
    for _, kind, text in Environment(autoescape=True).lex(template):
        if kind == "data":
            yield text
        elif kind == "variable_begin":
            is_value = True
        elif kind == "variable_end":
            is_value = False
            yield VALUE
        elif kind == "block_end":
            yield " "
        elif kind == "string" and re.search(r"[a-z] [a-z]|^.[A-Z][a-z]", text):
            yield f" [{text[1:-1]}] " if is_value else f"<p>{text[1:-1]}</p>"


def as_markdown() -> str:
    """Every page's strings as Markdown."""
    lines = [
        "# The strings of the pages",
        "",
        "Generated from the templates by `python -m serving docs`; do not edit. Every string of "
        "each template, in the order of the page, every branch of it. An ellipsis is a value that "
        "is filled in; in square brackets stand words that a value chooses. Words that come from "
        "code are not here: messages are in `serving/review/policies.py` and `serving/web/`, words "
        "for values in `serving/web/formatters.py`, codes in `features/contracts/codes.py`, "
        "sentences of indicators in `docs/indicators/`.",
    ]
    for path in sorted(TEMPLATES.rglob("*.html")):
        lines += ["", f"## {path.stem}", ""]
        lines += [f"- {string}" for string in strings_of(path.read_text(encoding="utf-8"))]
    return "\n".join([*lines, ""])
