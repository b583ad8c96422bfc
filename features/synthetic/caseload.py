"""Writes a made-up caseload, bucket by bucket: an extract, and the hidden truth beside it.

Everything is written into folders named `.partial` and renamed at the end, so that a killed run
leaves nothing that looks complete. A bucket is drawn from the seed and its own number alone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from features import clock
from features.errors import UserError
from features.processes import count_workers, process_pool
from features.synthetic import bucket as buckets
from features.synthetic import figures, scenarios
from features.synthetic.bucket import Plan
from features.synthetic.draw import MONTH, MONTHS

SMALLEST, LARGEST = 50, 300_000
CASES_A_BUCKET = 5000
SEALED = "truth.json"


@dataclass(frozen=True)
class Parameters:
    """The parameters of a made-up caseload; equal parameters give equal rows."""

    cases: int = 3000
    seed: int = 1
    as_of: date = field(default_factory=clock.last_full_day)
    underestimated: float = figures.UNDERESTIMATED.value
    audited: float = figures.AUDITED.value
    """Share of the caseload whose levels are read again in each quarterly audit."""
    scenario: str = "none"
    only_in_notes: float = 0.0
    """Share of incidents and circumstances that a note tells and nobody codes."""

    @property
    def buckets(self) -> int:
        """How many buckets of cases the made-up caseload is split into, each with its own files."""
        return max(1, -(-self.cases // CASES_A_BUCKET))


@dataclass
class CaseloadSummary:
    """Rows and digest of each table, and whether the caseload already existed."""

    fresh: bool
    rows: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)


def synthesise_extract(
    parameters: Parameters,
    out: Path,
    truth: Path,
    step: Callable[[str], None] = lambda _: None,
    workers: int | None = None,
) -> CaseloadSummary:
    """Write the extract to `out` and the hidden truth to `truth`, unless they exist already.

    Raises UserError for parameters out of range or a folder that holds something else.
    """
    _check_parameters(parameters)
    description = {**asdict(parameters), "as_of": parameters.as_of.isoformat()}
    _check_folders(out, truth)
    standing = _standing_summary(out, truth, description)
    if standing is not None:
        return standing
    with _partial_folder(out) as writing, _partial_folder(truth) as sealing:
        step("a pilot, to set the cuts and the share that is too low")
        plan = buckets.make_plan(
            seed=parameters.seed,
            as_of=parameters.as_of,
            cases=parameters.cases,
            buckets=parameters.buckets,
            underestimated=parameters.underestimated,
            audited=parameters.audited,
            scenario=parameters.scenario,
            only_in_notes=parameters.only_in_notes,
        )
        summary = CaseloadSummary(fresh=True)
        for bucket_count, (rows, digests) in enumerate(
            _each_bucket(plan, writing, sealing, workers or count_workers()), 1
        ):
            _add_rows(summary, rows, digests)
            step(f"bucket {bucket_count} of {parameters.buckets}")
        _write_description(writing, plan, description, summary)
        (sealing / SEALED).write_text(
            json.dumps({"as_of": description["as_of"], "months": MONTHS, "days_a_month": MONTH}),
            encoding="utf-8",
        )
    return summary


def _check_parameters(parameters: Parameters) -> None:
    if not SMALLEST <= parameters.cases <= LARGEST:
        raise UserError(f"--cases must lie between {SMALLEST} and {LARGEST:,}.")
    low, high = figures.UNDERESTIMATED_RANGE.value
    if not low <= parameters.underestimated <= high:
        raise UserError(f"--underestimated must lie between {low} and {high}.")
    if not 0.01 <= parameters.audited <= 0.5:
        raise UserError("--audited must lie between 0.01 and 0.5.")
    if not 0 <= parameters.only_in_notes <= 0.9:
        raise UserError("--only-in-notes must lie between 0 and 0.9.")
    scenarios.find_scenario(parameters.scenario)


def _check_folders(out: Path, truth: Path) -> None:
    one, two = out.resolve(), truth.resolve()
    if one == two or one in two.parents or two in one.parents:
        raise UserError(
            "The truth lies beside the extract: neither --out nor --truth may hold the other."
        )
    if truth.exists() and any(truth.iterdir()) and not (truth / SEALED).exists():
        raise UserError(f"{truth} is not empty and holds no truth. Choose another --truth.")


def _standing_summary(
    out: Path, truth: Path, description: dict[str, Any]
) -> CaseloadSummary | None:
    about = out / "extract.json"
    if not about.exists():
        if out.exists() and any(out.iterdir()):
            raise UserError(f"{out} is not empty. Choose an empty folder with --out.")
        return None
    content = json.loads(about.read_text(encoding="utf-8"))
    if content.get("parameters") != description:
        raise UserError(f"{out} holds another extract. Choose an empty folder with --out.")
    if not (truth / SEALED).exists():
        raise UserError(f"{out} stands without its truth in {truth}. Choose an empty folder.")
    return CaseloadSummary(False, content["rows"], content["digests"])


@contextmanager
def _partial_folder(folder: Path) -> Iterator[Path]:
    """A folder to write in, renamed to `folder` at the end; on failure it is removed."""
    writing = folder.with_name(folder.name + ".partial")
    shutil.rmtree(writing, ignore_errors=True)
    writing.mkdir(parents=True)
    yield writing
    shutil.rmtree(folder, ignore_errors=True)
    writing.rename(folder)


def _each_bucket(
    plan: Plan, out: Path, truth: Path, workers: int
) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
    numbers = range(plan.buckets)
    if plan.buckets == 1 or workers == 1:
        for number in numbers:
            yield buckets.write_bucket(plan, number, out, truth)
        return
    with process_pool(min(workers, plan.buckets)) as others:
        waiting = [
            others.submit(buckets.write_bucket, plan, number, out, truth) for number in numbers
        ]
        for work in waiting:
            yield work.result()


def _add_rows(summary: CaseloadSummary, rows: dict[str, int], digests: dict[str, int]) -> None:
    for name, count in rows.items():
        summary.rows[name] = summary.rows.get(name, 0) + count
        total = int(summary.digests.get(name, "0"), 16) + digests[name]
        summary.digests[name] = f"{total % 2**64:016x}"


def _write_description(
    folder: Path, plan: Plan, description: dict[str, Any], summary: CaseloadSummary
) -> None:
    content = {
        "made_up": True,
        "extracted_at": plan.draw().extracted_at.isoformat(),
        "complete": [],
        "buckets": plan.buckets,
        "parameters": description,
        "planted": scenarios.as_json(plan.policies, plan.scenario),
        "rows": dict(sorted(summary.rows.items())),
        "digests": dict(sorted(summary.digests.items())),
    }
    about = folder / "extract.json"
    about.write_text(json.dumps(content, indent=1), encoding="utf-8")
