"""Finds names in the code that say what was done to a value instead of what the value is.

    python -m tests.words

The list with the remedies is tests/words.txt. `make check` runs this.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("features", "models", "training", "serving", "tests")


def remedies() -> dict[str, str]:
    """The words that no name may be, each with what to write instead."""
    lines = (ROOT / "tests/words.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition(": ") for line in lines if line and not line.startswith("#"))
    return {word: remedy for word, _, remedy in pairs}


def names_in(source: str) -> Iterator[tuple[str, int]]:
    """Every name that a module defines, with its line: values, parameters, functions, classes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno


def faults() -> list[str]:
    """A line for each name that is one of the words, with the remedy."""
    words = remedies()
    return [
        f"{path.relative_to(ROOT)}:{line}: the name {name!r}: {words[name.strip('_').lower()]}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations" not in path.parts
        for name, line in names_in(path.read_text(encoding="utf-8"))
        if name.strip("_").lower() in words
    ]


def main() -> int:
    """Print each fault; how many there are."""
    lines = faults()
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return min(len(lines), 100)


if __name__ == "__main__":
    sys.exit(main())
