"""The house: import contracts hold, modules are small, notebooks run, files hold no secret."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from features.markdown import WIDTH
from tests import words

ROOT = Path(__file__).parents[1]
PACKAGES = ("features", "models", "training", "serving")
PAGES = [
    path
    for path in sorted(ROOT.rglob("*.md"))
    if not {"node_modules", ".venv", "var"} & {*path.parts}
]
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
TEXTS = (".py", ".md", ".toml", ".txt", ".in", ".json", ".html", ".css", ".js", ".ipynb", "")


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_are_small_and_catch_nothing_they_do_not_name(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    # A table of columns is as long as its columns are many.
    limit = 375 if path.name == "records.py" else 345
    assert source.count("\n") <= limit
    tree = ast.parse(source)
    broad = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
    ]
    # One boundary of commands and one of pages turn what nobody foresaw into a sentence.
    boundaries = {ROOT / "features/errors.py", ROOT / "serving/web/request_log.py"}
    assert len(broad) == (path in boundaries)
    public = [*tree.body, *[n for c in tree.body if isinstance(c, ast.ClassDef) for n in c.body]]
    for node in public:
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if named and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path.name}: {node.name} has no docstring"


def test_the_hidden_truth_is_named_where_it_is_made_and_where_it_is_read() -> None:
    """An import contract keeps the reader (training/sealed.py) from all that learns or serves."""
    named = {str(p.relative_to(ROOT)) for p in MODULES if "true-levels" in p.read_text("utf-8")}
    assert named == {"features/synthetic/bucket.py", "training/sealed.py"}
    modules_naming_it = [
        p for p in MODULES if re.search(r"\b(TRUE_LEVELS|GOING_ON)\b", p.read_text("utf-8"))
    ]
    assert {p.parent.name for p in modules_naming_it} == {"synthetic"}


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.name)
def test_notebooks_run_on_made_up_data_and_define_nothing(path: Path, service: object) -> None:
    """From their own folder, and with pictures where the file holds pictures."""
    book = nbformat.read(path, as_version=4)
    held = [_kinds(cell) for cell in book.cells]
    assert "error" not in str(held)
    assert sum(map(bool, held)) > 1, "run it over `make demo` and save it with what it shows"
    for cell in book.cells:
        if cell.cell_type == "code":
            tree = ast.parse(cell.source)
            assert not [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    data = service.settings.data  # type: ignore[attr-defined]
    source, demo = book.cells[1].source, r"DATA = Path\(Path\(.*"
    assert re.search(demo, source)
    book.cells[1].source = re.sub(demo, f'DATA = Path("{data}")', source)
    for cell in book.cells:
        # Fitted quickly, as everything in the tests is.
        quickly = "__import__('tests.service').service.quick_config()"
        cell.source = cell.source.replace("config.read_config()", quickly)
    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
    assert [_kinds(cell) for cell in book.cells] == held


def _kinds(cell: Any) -> set[str]:
    """What a cell shows beside printed lines: text, tables, pictures, errors."""
    shown = [one for one in cell.get("outputs", []) if one.output_type != "stream"]
    return {kind for one in shown for kind in (one.get("data") or {"error": 1})}


def test_a_command_that_scores_nobody_brings_no_learning_library_along() -> None:
    """They take seconds of every start: of the night's workers too."""
    code = (
        "import sys, serving.__main__; "
        "print(sorted({'lightgbm', 'sklearn', 'pandas', 'mlflow', 'shap'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_no_address_of_this_machine_and_no_registry_in_the_repository() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.split():
        path = ROOT / name
        if path.suffix in TEXTS and path.is_file():
            text = path.read_text(encoding="utf-8", errors="ignore")
            assert "/wo" + "rk/" not in text, name
            if path.suffix in (".txt", ".in") and "requirements" in name:
                assert "://" not in text, name
            if path.name == "package-lock.json":
                assert '"resolved"' not in text


def test_every_picture_of_the_documentation_is_one_of_the_product() -> None:
    """Each is taken by a journey, or drawn by a command, and each is shown somewhere."""
    journeys = "".join(
        path.read_text(encoding="utf-8") for path in Path("tests/journeys").glob("*.py")
    )
    taken = {f"{name}.png" for name in re.findall(r'picture\(\w+, "([\w-]+)"\)', journeys)}
    image_names = {path.name for path in Path("docs/images").iterdir()}
    assert image_names == taken | {"soak.svg", "stories.svg"}
    pages = [Path("README.md"), *Path("docs").glob("*.md")]
    shown = "".join(page.read_text(encoding="utf-8") for page in pages)
    assert {name for name in image_names if f"images/{name}" not in shown} == set()


@pytest.mark.parametrize("package", ["features", "serving"])
def test_tests_lie_in_folders_named_like_those_of_the_code(package: str) -> None:
    folders, of_tests = (
        {path.parent.name for path in (ROOT / top).glob("*/__init__.py")}
        for top in (package, f"tests/{package}")
    )
    assert of_tests <= folders
    tables = {path.stem for path in (ROOT / "tests" / "spec" / "tables").glob("*.txt")}
    assert tables <= {path.stem for path in (ROOT / "features" / "indicators").glob("*.py")}


def test_a_name_says_what_a_value_is() -> None:
    assert list(words.faults_of_names()) == []
    names = dict(words.names_in("def told(x): found = x\n"))
    assert set(names) >= {"told", "found"}
    in_template = words.names_in_template(
        '{% for one in told %}{{ one.kept }}{{ "said" }}{% endfor %}'
    )
    assert {name for name, _ in in_template} == {"for", "one", "in", "told", "endfor"}
    remedies, _ = words.remedies()
    assert all(remedies[name] for name in ("told", "found"))


def test_pages_use_no_phrase_that_the_list_of_words_forbids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(words.faults_of_phrases()) == []
    page = tmp_path / "serving" / "page.html"
    page.parent.mkdir()
    page.write_text("<p>This case is Past its day.</p>", encoding="utf-8")
    listed = words.ROOT / "tests" / "words.txt"
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "words.txt").write_text(listed.read_text(encoding="utf-8"), "utf-8")
    monkeypatch.setattr(words, "ROOT", tmp_path)
    assert list(words.faults_of_phrases()) == ["serving/page.html:1: 'past its day': Overdue"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_lines_of_documentation_are_at_most_120_columns(path: Path) -> None:
    in_code, long = False, []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        in_code ^= line.startswith("```")
        if len(line) > WIDTH and not in_code and not line.startswith("    "):
            long.append(number)
    assert not long, "python -c 'from features.markdown import layout_page' lays a page out"


def test_no_line_is_kept_from_the_formatter() -> None:
    marked = [path for path in MODULES if "fmt: " + "skip" in path.read_text(encoding="utf-8")]
    assert not marked
