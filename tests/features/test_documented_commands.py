"""Every command that README and docs/running.md print is one: its parser takes it as it is printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from features import __main__ as features_main
from serving import __main__ as serving_main
from training import __main__ as training_main

ROOT = Path(__file__).parents[2]
PARSERS = {
    "features": features_main._make_parser,
    "serving": serving_main.build_parser,
    "training": training_main._make_parser,
}
PLACEHOLDERS = {"N": "3", "DATE": "2026-11-20", "ROLE": "analyst", "CRN": "A000001", "…": "because"}
PAGES = ("README.md", "docs/running.md", "docs/extract.md")


def printed() -> list[tuple[str, str]]:
    """Each command in backquotes, with its page."""
    texts = []
    for page in PAGES:
        for line in re.findall(r"`(python -m [^`]+)`", (ROOT / page).read_text(encoding="utf-8")):
            if len(line.split()) > 3 or line.split()[2].partition(".")[0] in PARSERS:
                texts.append((page, line))
    return texts


def needs(line: str) -> bool:
    """Whether the line says how it is called, and does not only name the command."""
    return len(line.split()) > 4


@pytest.mark.parametrize(("page", "line"), printed(), ids=lambda v: v[:60])
def test_a_printed_command_is_taken_by_its_parser(page: str, line: str) -> None:
    _, _, module, *arguments = shlex.split(line)
    parser = PARSERS[module]()
    words = [PLACEHOLDERS.get(word, word) for word in arguments]
    if not needs(line):
        commands = next(a for a in parser._actions if a.choices and not a.option_strings)
        assert not words or words[0] in (commands.choices or ()), (page, line)
        return
    assert parser.parse_args(words), (page, line)


def test_there_are_some() -> None:
    assert len(printed()) > 25
