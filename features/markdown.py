"""Lays out Markdown pages: no line of prose is longer than 120 columns, nor any row of a table.

Prose and list items are wrapped. A table with a longer row becomes a list: the first cell names
the item, the others follow with the heading of their column.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from itertools import groupby

WIDTH = 120
_ITEM = re.compile(r"^(\s*)([-*]|\d+\.) (.*)$")
_QUOTE = "> "
_GLUE = "\0"


def layout_page(text: str) -> str:
    """The page with lines of at most 120 columns; code, headings and pictures are unchanged."""
    out: list[str] = []
    for kind, lines in groupby(_with_kinds(text.split("\n")), key=lambda one: one[0]):
        block = [line for _, line in lines]
        out += _LAYOUTS.get(kind.split(" ")[0], list)(block)
    return "\n".join(out)


def _with_kinds(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Each line with the kind of block it belongs to; each paragraph has its own number."""
    in_code, block, before = False, 0, ""
    for line in lines:
        fence = line.lstrip().startswith("```")
        if in_code or fence:
            kind = "code"
            in_code ^= fence
        elif not line.strip() or line.startswith(("#", "!", "<")):
            kind = "asis"
        elif line.lstrip().startswith("|"):
            kind = "table"
        elif line.startswith("    ") and not before.startswith("prose"):
            kind = "code"
        else:
            starts = _ITEM.match(line) or not before.startswith("prose")
            block += bool(starts) or line.startswith(_QUOTE)
            kind = f"prose {block}"
        before = kind
        yield kind, line


def _wrap_block(block: list[str]) -> list[str]:
    item = _ITEM.match(block[0])
    quote = _QUOTE if block[0].startswith(_QUOTE) else ""
    indent = len(block[0]) - len(block[0].lstrip())
    first = f"{item[1]}{item[2]} " if item else quote or " " * indent
    rest = quote or " " * len(first)
    words = " ".join([block[0][len(first) :].strip(), *(line.strip() for line in block[1:])])
    # A number at the end of a sentence must not begin a line: it would begin a list. A command or
    # name in code stays on one line.
    glued = re.sub(r" (\d+\.) ", rf"{_GLUE}\1 ", words)
    glued = re.sub(r"`[^`]+`", lambda code: code[0].replace(" ", _GLUE), glued)
    lines = textwrap.wrap(
        glued,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_GLUE, " ") for line in lines]


def _layout_table(block: list[str]) -> list[str]:
    if max(map(len, block)) <= WIDTH or len(block) < 3:
        return block
    head, _, *rows = (_split_cells(line) for line in block)
    out: list[str] = []
    for row in rows:
        name, *others = row
        parts = [
            f"{title}: {cell}" if title and len(others) > 1 else cell
            for title, cell in zip(head[1:], others, strict=False)
            if cell
        ]
        strong = name if "`" in name else f"**{name}**"
        start = f"- {strong}: " if name else "- "
        out += _wrap_block([start + "; ".join(parts)])
    return out


def _split_cells(line: str) -> list[str]:
    cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return [cell.strip() for cell in cells]


_LAYOUTS = {"prose": _wrap_block, "table": _layout_table}
