"""Finds words that this project does not use: in names of the code, and in what people read.

    python -m tests.words

The list with the remedies is tests/words.txt. `make check` runs this.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("features", "models", "training", "serving", "tests")
READ_BY_PEOPLE = ("features/**/*.py", "serving/**/*.py", "serving/**/*.html", "training/**/*.py")
"""Where the sentences of pages, commands and messages are."""
EXPRESSION = re.compile(r"\{[{%].*?[%}]\}")
QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
BARE_NAME = re.compile(r"(?<![.\w])[a-z_]+\b(?!\s*\()")


def remedies() -> tuple[dict[str, str], dict[str, str]]:
    """The words that no name may be and the phrases that no page may use, each with a remedy."""
    lines = (ROOT / "tests/words.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition(": ") for line in lines if line and not line.startswith("#")]
    words = {word: remedy for word, _, remedy in pairs if not word.startswith('"')}
    phrases = {phrase.strip('"'): remedy for phrase, _, remedy in pairs if phrase.startswith('"')}
    return words, phrases


def names_in(source: str) -> Iterator[tuple[str, int]]:
    """Every name that a module defines, with its line: values, parameters, functions, classes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno


def names_in_template(source: str) -> Iterator[tuple[str, int]]:
    """Every name that a template uses, with its line; attributes and strings are left out."""
    for number, line in enumerate(source.splitlines(), 1):
        for expression in EXPRESSION.findall(line):
            for name in BARE_NAME.findall(QUOTED.sub("", expression)):
                yield name, number


def faults_of_names() -> Iterator[str]:
    """A line for each name that is one of the words, with the remedy."""
    words, _ = remedies()
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    templates = sorted((ROOT / "serving").rglob("*.html"))
    for path in [*paths, *templates]:
        if "migrations" in path.parts or "node_modules" in path.parts:
            continue
        source = path.read_text(encoding="utf-8")
        names = names_in(source) if path.suffix == ".py" else names_in_template(source)
        for name, line in names:
            remedy = words.get(name.strip("_").lower())
            if remedy:
                yield f"{path.relative_to(ROOT)}:{line}: the name {name!r}: {remedy}"


def faults_of_phrases() -> Iterator[str]:
    """A line for each phrase on a page, in a command or in a message, with the remedy."""
    _, phrases = remedies()
    for path in sorted({path for pattern in READ_BY_PEOPLE for path in ROOT.glob(pattern)}):
        for number, line in enumerate(path.read_text(encoding="utf-8").lower().splitlines(), 1):
            for phrase, remedy in phrases.items():
                if phrase in line:
                    yield f"{path.relative_to(ROOT)}:{number}: {phrase!r}: {remedy}"


def main() -> int:
    """Print each fault; how many there are."""
    lines = [*faults_of_names(), *faults_of_phrases()]
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return min(len(lines), 100)


if __name__ == "__main__":
    sys.exit(main())
