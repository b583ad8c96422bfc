"""A silent trial: who is drawn, that a list says nothing of why, and what the report says."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.contracts.codes import COMMUNITY_GROUPS, LEVEL_ORDER
from features.errors import MissingInput, UserError
from features.intake.load import load_extract
from features.store.store import Store
from models.bundle import load_bundle
from models.prior import read_prior
from tests.conftest import AS_OF
from tests.factories import extract, row
from training import silent_draw, silent_report
from training.__main__ import main
from training.config import read_config
from training.pipeline import Proposal
from training.silent_draw import RANDOM, Protocol
from training.silent_report import Trial

PROTOCOL = Protocol("prior", by_model=40, by_lane=5, at_random=60, weeks=2, secret="kept")
FIRST = AS_OF - timedelta(days=21)


@pytest.fixture(scope="module")
def trial_folder(made_up: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trial with two draws of the made-up caseload."""
    folder = tmp_path_factory.mktemp("trial") / "trial"
    silent_draw.begin_trial(folder, PROTOCOL)
    store = Store.open(made_up / "store")
    for day in (FIRST, AS_OF - timedelta(days=14)):
        silent_draw.draw_list(folder, store, read_prior(), day, lambda _: None)
    return folder


def sealed(folder: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted(folder.glob("*/sealed.parquet"))])


def test_each_person_is_drawn_once_and_as_many_as_agreed(trial_folder: Path) -> None:
    rows = sealed(trial_folder)
    assert rows["crn"].n_unique() == rows.height
    for _, of_day in rows.group_by("as_of"):
        counts = Counter(of_day["drawn_as"])
        assert counts["model"] == PROTOCOL.by_model
        assert counts[RANDOM] == PROTOCOL.at_random
        assert 0 < counts["unusual"] <= PROTOCOL.by_lane
        assert of_day.filter(pl.col("drawn_as") == RANDOM)["inclusion"].n_unique() == 1
    assert set(rows.filter(pl.col("drawn_as") != RANDOM)["inclusion"]) == {1.0}


def test_a_list_says_nothing_of_why_anybody_is_on_it(trial_folder: Path) -> None:
    for path in trial_folder.glob("*/reading-list.csv"):
        listed = pl.read_csv(path)
        assert listed.columns == ["crn", "snapshot_on"]
        drawn = pl.read_parquet(path.with_name("sealed.parquet"))
        places = {crn: place for place, crn in enumerate(listed["crn"])}
        by_model = [places[crn] for crn in drawn.filter(pl.col("drawn_as") == "model")["crn"]]
        middle = sum(by_model) / len(by_model) / len(places)
        assert 0.35 < middle < 0.65, "those flagged do not stand first"


def test_the_random_draw_is_keyed(made_up: Path, trial_folder: Path) -> None:
    first = sealed(trial_folder).filter(pl.col("as_of") == FIRST)
    scores = silent_draw.score_store(
        Store.open(made_up / "store"),
        read_prior(),
        FIRST,
        silent_draw.Shares(0.0, 0.0),
        lambda _: None,
    )
    again = silent_draw.draw_people(PROTOCOL, scores, set(), FIRST)
    assert again.sort("crn").equals(first.sort("crn"))
    other = silent_draw.draw_people(replace(PROTOCOL, secret="other"), scores, set(), FIRST)
    chance = pl.col("drawn_as") == RANDOM
    assert set(other.filter(~chance)["crn"]) == set(first.filter(~chance)["crn"])
    assert set(other.filter(chance)["crn"]) != set(first.filter(chance)["crn"])


def readings(folder: Path, higher: dict[str, int]) -> list[dict[str, Any]]:
    """Readings of everybody drawn: of each lane every so-manyth is put at very high."""
    rows = []
    numbers: Counter[str] = Counter()
    for one in sealed(folder).sort("crn").iter_rows(named=True):
        numbers[one["drawn_as"]] += 1
        is_higher = numbers[one["drawn_as"]] % higher.get(one["drawn_as"], 2) == 0
        levels = dict.fromkeys(COMMUNITY_GROUPS, LEVEL_ORDER[0])
        if is_higher:
            levels[one["group"]] = LEVEL_ORDER[-1]
        twice = numbers[one["drawn_as"]] % 5 == 0
        for reader in ("r1", "r2") if twice else (f"r{numbers[one['drawn_as']] % 2 + 1}",):
            on = date.fromisoformat(str(one["as_of"]))
            recorded = datetime.combine(on + timedelta(days=4), time(9 + int(reader[1])))
            rows.append(
                row(
                    "reviews",
                    on + timedelta(days=4),
                    crn=one["crn"],
                    source="audit",
                    snapshot_on=on,
                    recorded_at=recorded,
                    reader=reader,
                    before_findings=True,
                    **levels,
                )
            )
    return rows


@pytest.fixture
def read_store(made_up: Path, trial_folder: Path, tmp_path: Path) -> Store:
    """The made-up caseload with the readings of the trial loaded."""
    shutil.copytree(made_up / "store", tmp_path / "store")
    listed = {"reviews": readings(trial_folder, {"model": 2, RANDOM: 12})}
    at = datetime.combine(AS_OF + timedelta(days=1), time(0)).isoformat()
    load_extract(extract(tmp_path / "more", listed, at, made_up=True), tmp_path / "store")
    return Store.open(tmp_path / "store")


def test_the_report_says_what_was_found_and_missed_and_each_criterion(
    trial_folder: Path, read_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.md"
    where = ["--trial", str(trial_folder), "--store", str(read_store.path)]
    command = ["silent-report", *where, "--until", str(AS_OF + timedelta(days=1))]
    assert main([*command, "--out", str(out)]) == 0
    page = out.read_text()
    assert "proves plumbing, not accuracy" in page
    assert "| the model | 80 | 80 | 50 of 100" in page
    # Every twelfth is put at very high: about 8, as recorded levels weigh differently.
    assert re.search(r"\| drawn at random \| 120 \| 120 \| ([6-9]|10) of 100", page)
    assert "- **met**: At least 80 of 100 people drawn are read: 100 of 100" in page
    assert "2 readers, 264 readings" in page
    assert "of about" in page, "how many people that is"
    assert "| sex: " in page
    assert "Not every criterion is met" in page
    printed = " ".join(capsys.readouterr().out.split())
    assert "met: Of people drawn by the model" in printed


def made_trial(**changes: Any) -> Trial:
    """A trial of readings as counted: by lane how many were read, and of how many it was true."""
    rows = [
        {
            "crn": f"{lane}{n}",
            "as_of": AS_OF,
            "drawn_as": lane,
            "inclusion": 0.01 if lane == RANDOM else 1.0,
            "probability": 0.2,
            "is_read": n < read,
            "too_low": n < low if n < read else None,
            "same_group": n < low if n < read else None,
            "stratum": "LOW",
        }
        for lane, (drawn, read, low) in changes.items()
        for n in range(drawn)
    ]
    schema = {"too_low": pl.Boolean, "same_group": pl.Boolean}
    draws = pl.DataFrame(rows, schema_overrides=schema)
    read = draws.filter("is_read").select("crn", "as_of", "too_low", reader=pl.lit("r1"))
    return Trial(PROTOCOL, draws, read, pl.DataFrame({"crn": draws["crn"]}))


@pytest.mark.parametrize(
    ("drawn", "read", "low", "met"),
    [
        (100, 100, 20, [True, True, True]),
        (100, 100, 8, [True, False, False]),
        (100, 79, 20, [True, True, True]),
        (100, 29, 20, [False, None, None]),
        (100, 100, 60, [True, True, False]),
    ],
)
def test_each_criterion_is_met_by_its_rule(
    drawn: int, read: int, low: int, met: list[bool | None]
) -> None:
    trial = made_trial(model=(drawn, read, low), random=(200, 200, 10))
    of_read, by_model, *_, expected, _ = silent_report.criteria_of(trial)
    assert [of_read.is_met, by_model.is_met, expected.is_met] == met


def pairs(*views: tuple[bool, bool, str]) -> pl.DataFrame:
    """Two readings of each case, the second by the named reader."""
    return pl.DataFrame(
        [
            {"crn": f"{n}", "as_of": AS_OF, "reader": reader, "too_low": low}
            for n, (first, second, other) in enumerate(views)
            for reader, low in (("r1", first), (other, second))
        ]
    )


@pytest.mark.parametrize(
    ("views", "is_met"),
    [
        ([(True, True, "r2")] * 10 + [(False, False, "r2")] * 30, True),
        (
            [(True, False, "r2")] * 6 + [(False, True, "r2")] * 6 + [(False, False, "r2")] * 60,
            False,
        ),
        ([(True, True, "r1")] * 40, None),
        ([(True, True, "r2")] * 29, None),
        ([(False, False, "r2")] * 40, None),
    ],
)
def test_agreement_is_of_two_readers_and_beyond_chance(
    views: list[tuple[bool, bool, str]], is_met: bool | None
) -> None:
    assert silent_report._agreement(pairs(*views)).is_met is is_met


def test_a_lane_is_compared_with_chance_at_the_levels_that_it_draws_from() -> None:
    trial = made_trial(model=(100, 100, 40), random=(900, 900, 18))
    high = trial.draws.filter(pl.col("drawn_as") == "model").with_columns(stratum=pl.lit("HIGH"))
    chance = made_trial(random=(100, 100, 40)).draws.with_columns(stratum=pl.lit("HIGH"))
    draws = pl.concat([high, trial.draws.filter(pl.col("drawn_as") == RANDOM), chance])
    one = silent_report._against_chance(draws, "model")
    assert one.is_met is False, "forty of a hundred, as chance finds at that level"


def test_what_cannot_be_told_is_not_met(tmp_path: Path) -> None:
    trial = made_trial(model=(20, 20, 20), random=(20, 20, 0))
    criteria = silent_report.criteria_of(trial)
    assert [one.words() for one in criteria[1:]] == ["cannot be told"] * 5
    assert "cannot be told: 20 of 30 readings" in silent_report.share_of(trial.draws[:20]).words()


def test_nothing_goes_wrong_unsaid(
    made_up: Path, trial_folder: Path, tmp_path: Path, proposal: Proposal
) -> None:
    store = Store.open(made_up / "store")
    prior = read_prior()
    with pytest.raises(UserError, match="was drawn before"):
        silent_draw.draw_list(trial_folder, store, prior, FIRST, lambda _: None)
    with pytest.raises(UserError, match="is of model prior"):
        silent_draw.draw_list(
            trial_folder, store, load_bundle(proposal.folder), AS_OF, lambda _: None
        )
    with pytest.raises(UserError, match="under way"):
        silent_draw.begin_trial(trial_folder, PROTOCOL)
    with pytest.raises(UserError, match="drawn at random"):
        silent_draw.begin_trial(tmp_path / "new", replace(PROTOCOL, at_random=0))
    with pytest.raises(MissingInput, match="silent-begin"):
        silent_draw.read_protocol(tmp_path)
    begun = tmp_path / "begun"
    silent_draw.begin_trial(begun, PROTOCOL)
    with pytest.raises(UserError, match="Nobody was drawn"):
        silent_report.read_trial(begun, store, AS_OF, read_config())
    with pytest.raises(UserError, match="was read blind"):
        silent_report.read_trial(trial_folder, store, AS_OF, read_config())


def test_the_commands_begin_and_draw(
    made_up: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trial = ["--trial", str(tmp_path / "trial"), "--prior"]
    assert main(["silent-begin", *trial, "--by-model", "5", "--by-lane", "2"]) == 0
    draw = ["silent-draw", *trial, "--store", str(made_up / "store"), "--as-of", str(AS_OF)]
    assert main(draw) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "readers must not have it" in printed
    assert "people to read as of" in printed
    assert main(draw) == 10
