"""Commands: help for newcomers, written exit codes, a sentence instead of a traceback."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from features import __main__ as features_main
from features import errors, progress
from features.contracts import records, records_page
from features.frame import build, catalogue_pages, timeline
from features.history.asof import Histories, make_spine
from features.indicators import CATALOGUE
from features.markdown import layout_page
from features.store import store
from serving import __main__ as serving_main
from tests import factories
from tests.conftest import AS_OF, SHARED
from tests.factories import CRN, known_histories, row
from training import __main__ as training_main

COMMANDS = {
    "features": ["synthesise", "check", "import-hmpps", "build", "docs", "caseload", "dictionary"],
    "training": ["train", "trivial"],
    "serving": ["migrate", "add-user", "approve", "score", "serve", "assets", "docs"],
}
MAINS = {
    "features": features_main.main,
    "training": training_main.main,
    "serving": serving_main.main,
}


@pytest.mark.parametrize(("package", "command"), [(p, c) for p, cs in COMMANDS.items() for c in cs])
def test_help_is_understandable(
    package: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        MAINS[package]([command, "--help"])
    assert stop.value.code == 0
    assert f"python -m {package} {command}" in capsys.readouterr().out


@pytest.mark.parametrize("package", COMMANDS)
def test_help_lists_commands_and_exit_codes(
    package: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        MAINS[package](["--help"])
    output = capsys.readouterr().out
    assert all(command in output for command in COMMANDS[package])
    assert "exit codes: 0 done; 1 something went wrong that nobody foresaw" in " ".join(
        output.split()
    )


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["check", "nowhere"], 11, "There is no extract folder nowhere"),
        (["build", "--store", "nowhere", "--as-of", "2026-01-01"], 11, "There is no store"),
        (["import-hmpps", "nowhere", "--out", "x"], 11, "There is no folder nowhere"),
        (["synthesise", "--cases", "7"], 10, "--cases must lie between"),
    ],
)
def test_what_a_user_can_cause_is_one_sentence(
    arguments: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert features_main.main(arguments) == code
    output = capsys.readouterr()
    assert sentence in output.err
    assert "Traceback" not in output.err + output.out


def test_no_traceback_from_the_shell(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "training",
            "train",
            "--store",
            str(tmp_path),
            "--until",
            "2026-01-01",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 11
    assert "There is no store" in done.stderr
    assert "Traceback" not in done.stderr


def test_exit_codes_are_written_down() -> None:
    page = Path("docs/running.md").read_text(encoding="utf-8")
    for code in errors.EXIT_CODES:
        assert f"| {code} |" in page


def test_the_whole_way_by_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = features_main.main
    command = ["synthesise", "--cases", "60", "--out", f"{tmp_path}/x", "--truth", f"{tmp_path}/t"]
    assert run(command) == 0
    assert run(command) == 0
    assert "Already there" in capsys.readouterr().out
    assert run([*command[:2], "61", *command[3:]]) == 10
    assert run(["check", f"{tmp_path}/x", "--store", f"{tmp_path}/s"]) == 0
    assert run(["check", f"{tmp_path}/x", "--store", f"{tmp_path}/s"]) == 0
    output = capsys.readouterr().out
    assert "Kept as load 1" in output
    assert "Nothing new" in output
    frame = f"{tmp_path}/f.parquet"
    assert run(["build", "--store", f"{tmp_path}/s", "--as-of", str(AS_OF), "--out", frame]) == 0
    assert run(["build", "--store", f"{tmp_path}/s", "--as-of", "1990-01-01", "--out", frame]) == 10
    assert run(["docs", "--out", f"{tmp_path}/d"]) == 0
    assert (tmp_path / "d" / "records.md").read_text() == layout_page(records_page.as_markdown())


def test_the_dictionary_says_all_that_is_declared(capsys: pytest.CaptureFixture[str]) -> None:
    assert features_main.main(["dictionary", "--format", "json"]) == 0
    rows_by_indicator = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows_by_indicator) == set(CATALOGUE)
    assert rows_by_indicator["dntr_count"]["rule"] == CATALOGUE["dntr_count"].rule
    assert features_main.main(["dictionary"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["id"] for row in rows] == list(CATALOGUE)
    assert rows[0]["sentence"] == next(iter(CATALOGUE.values())).sentence
    needs = {row["id"]: row["needs"] for row in rows}
    assert needs["licence_breach_count_cumulative"] == "contacts; supervisions"


def test_every_core_indicator_of_the_shared_list_is_declared() -> None:
    listed = SHARED / "domain" / "indicators.csv"
    if not listed.exists():
        pytest.skip("the shared list of indicators is not beside the project")
    core = [
        row
        for row in csv.DictReader(listed.read_text(encoding="utf-8").splitlines())
        if row["core"] == "1"
    ]
    assert len(core) == 99
    assert [row["id"] for row in core if row["id"] not in CATALOGUE] == []
    kinds = {"B": "behaviour", "P": "process", "X": "context"}
    assert [r["id"] for r in core if CATALOGUE[r["id"]].kind != kinds[r["kind"]]] == []
    assert [r["id"] for r in core if CATALOGUE[r["id"]].family != r["family"]] == []


def test_missing_spec_tables_are_said(tmp_path: Path) -> None:
    assert features_main.main(["docs", "--out", str(tmp_path), "--examples", "nowhere"]) == 11


def test_unknown_codes_and_refusals_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row("incidents", "2026-06-01") for _ in range(200)]
    odd = row("incidents", "2026-06-01", target="ODD")
    bad = row("incidents", "2026-06-01", crn="x")
    small = row("incidents", "2026-06-01", setting="Custody")
    ancient = row("incidents", date(1, 1, 1))
    folder = factories.extract(tmp_path / "x", {"incidents": [*rows, odd, bad, small, ancient]})
    assert features_main.main(["check", str(folder), "--store", str(tmp_path / "s")]) == 0
    output = capsys.readouterr().out
    assert "incidents.target: codes not known: ODD (1)" in output
    assert "incidents.setting: codes not known: Custody (1; did you mean custody?)" in output
    assert "incidents: 1 refused: malformed CRN" in output
    assert "incidents: 1 refused: date before 1900-01-01" in output


def test_did_you_mean() -> None:
    assert errors.did_you_mean("contcts", records.TABLES) == " Did you mean 'contacts'?"
    assert errors.did_you_mean("zzz", records.TABLES) == ""
    with pytest.raises(errors.UserError, match="Did you mean 'contacts'"):
        records.find_table("contcts")
    with pytest.raises(errors.UserError, match="no column"):
        records.find_table("contacts").column("crm")


def test_progress_says_steps_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.show_steps("work") as step:
        step("half-way")
    output = capsys.readouterr().err
    assert "work: half-way" in output
    assert " s" in output


def test_every_indicator_is_documented() -> None:
    tables = Path(__file__).parents[1] / "spec" / "tables"
    page = "\n".join(catalogue_pages.render_pages(catalogue_pages.read_examples(tables)).values())
    for name in build.indicator_columns():
        assert f"## {name}\n" in page


def test_timeline_says_every_entry_in_words() -> None:
    rows = {
        "contacts": [
            row(
                "contacts",
                "2026-06-01",
                outcome_code="UAAB",
                enforcement_code="EA02",
                note="No call.",
            )
        ],
        "incidents": [
            row(
                "incidents", "2026-06-02", target="staff", setting="office", severity=3, proven=True
            )
        ],
        "assessments": [factories.assessment("2026-06-03", "HIGH", serious_band="LOW")],
        "decisions": [
            row("decisions", "2026-06-04", decided="recall", endorsed_by_grade="PDU_HEAD")
        ],
        "circumstances": [row("circumstances", "2026-06-05", state="at_risk")],
        "registrations": [row("registrations", "2026-06-06", type_code="ODD", level_code="RSKH")],
        "orders": [row("orders", "2026-06-07", theme="substance", category="NLC8.NST14")],
        "enquiries": [row("enquiries", "2026-06-08")],
        "documents": [
            row(
                "documents",
                "2026-06-12",
                kind="agency_referral",
                level="MEDIUM",
                claims_checks=True,
            )
        ],
        "actions": [row("actions", "2026-06-09", due_on=date(2026, 6, 20))],
        "allocations": [row("allocations", "2026-06-10", grade="PO")],
        "supervisions": [row("supervisions", "2026-06-11")],
    }
    lines = [
        f"{e.what} | {e.detail}" for e in timeline.timeline_entries(known_histories(rows))[CRN]
    ]
    assert lines == [
        "Referral to a partner agency | States medium. Says that checks were done",
        "Start of licence after release | ",
        "Allocated to N07A001 | Probation officer",
        "Task set in oversight | Due 20 June 2026. Not recorded as done",
        "Domestic abuse enquiry to police | Not requested",
        "Requirement of an order | Drug or alcohol work or testing. NLC8.NST14",
        "Register: ODD (code not known) | High",
        "Where the person lives | Tenancy or placement at risk. The person's own account",
        "Decision: recall | Nothing recorded as issued. Endorsed by head of the probation delivery unit",
        "Assessment: completed | Completed or locked 3 June 2026. Risk to children high, public high, "
        "known adult high, staff high. Predictors: serious reoffending low",
        "Violence or aggression | Concerning staff. In a probation office. Seriousness 3 of 5. Proven",
        "Planned office visit (NS) | Unacceptable absence. First warning letter sent. No call.",
    ]


def test_every_entry_behind_an_indicator_can_be_read() -> None:
    feeds = {feed for item in CATALOGUE.values() for feed in item.feeds}
    # Links are no entry of the record: they are described where findings are shown.
    assert feeds <= {*timeline.THEMES, "links"}


def test_spine_and_buckets_hold_each_case_once() -> None:
    frame = make_spine(["B000002", "A000001", "A000001"], AS_OF)
    assert frame["crn"].to_list() == ["A000001", "B000002"]
    numbered = frame.with_columns(store.bucket_of(8).alias("b"))
    assert numbered["b"].to_list() == [1, 2]
    assert isinstance(known_histories({}), Histories)


def test_a_reader_of_the_output_who_has_seen_enough_is_no_error() -> None:
    piped = f"{sys.executable} -m features dictionary --format json | head -c 20"
    process = subprocess.run(
        ["sh", "-c", piped],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout.startswith("[")
    assert process.stderr == ""


def test_a_command_that_is_told_to_end_cleans_up_behind_it(tmp_path: Path) -> None:
    """SIGTERM ends a command as an interruption does: what it had begun is taken away."""
    code = (
        "import sys, tempfile, time\n"
        "from features.errors import shown_to_people\n"
        "def command():\n"
        f"    with tempfile.TemporaryDirectory(dir={str(tmp_path)!r}):\n"
        "        print('begun', flush=True); time.sleep(60)\n"
        "sys.exit(shown_to_people(command))\n"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "begun\n"
    assert list(tmp_path.iterdir())
    running.terminate()
    assert running.wait(20) == errors.TERMINATED
    assert not list(tmp_path.iterdir())
    running.stdout.close()
