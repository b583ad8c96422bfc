"""What counting entries of notes changes, beside the same training without: gains and people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from features.errors import UnreadableInput, UserError
from features.store.store import Store
from models import metrics
from tests.conftest import AS_OF
from tests.service import quick_config
from training import config, evaluate, evidence, labels, note_ablation, pipeline, splits
from training.config import Config
from training.evaluate import Judged

KINDS = ("weapon", "violence")


@pytest.fixture(scope="module")
def settings() -> Config:
    plain = quick_config()
    return replace(plain, notes=config.Notes(KINDS))


@pytest.fixture(scope="module")
def counting(made_up: Path) -> Store:
    return Store.open(made_up / "store").counting_notes(KINDS)


@pytest.fixture(scope="module")
def final(counting: Store, settings: Config) -> Judged:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "RESAMPLES", 20)
        labelled = labels.read_labels(counting, AS_OF, settings)
        folds = splits.final_folds(labelled, AS_OF, settings.splits)
        return evaluate.judge_folds("final", folds, settings, lambda _: None, {})


def test_the_evidence_has_gains_by_level_and_who_is_shown(
    counting: Store, settings: Config, final: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "RESAMPLES", 20)
    parts = note_ablation.compare_without_notes(counting, AS_OF, settings, final, lambda _: None)
    assert tuple(parts) == note_ablation.PARTS
    gains, people = parts[note_ablation.GAIN], parts[note_ablation.PEOPLE]
    own = {
        (line.stratum, name): line.figures[name] for line in final.lines for name in line.figures
    }
    assert gains
    for row in gains:
        figure = own[(row["recorded"], row["figure"])]
        assert row["with_notes"]["value"] == pytest.approx(figure.value)
    assert any(row["without_notes"] != row["with_notes"] for row in gains), "notes changed nothing"
    assert {row["characteristic"] for row in people} >= {"sex", "ethnicity"}
    for name in ("without_notes", "with_notes"):
        shares = [row[name] for row in people if row[name] is not None]
        assert all(0 <= share <= 1 for share in shares)
    shown = [row for row in people if row["characteristic"] == "sex"]
    assert sum(row["rows"] for row in shown) == final.pooled.frame.height  # type: ignore[union-attr]


def test_without_kinds_there_is_nothing_to_compare(counting: Store, final: Judged) -> None:
    plain = quick_config()
    parts = note_ablation.compare_without_notes(counting, AS_OF, plain, final, lambda _: None)
    assert parts == {note_ablation.GAIN: [], note_ablation.PEOPLE: []}


def test_other_readings_cannot_be_compared(
    counting: Store, settings: Config, final: Judged
) -> None:
    assert final.pooled is not None
    short = replace(final, pooled=final.pooled.where(final.pooled.frame["crn"] > "Z5"))
    with pytest.raises(UserError, match="other readings are judged"):
        note_ablation.compare_without_notes(counting, AS_OF, settings, short, lambda _: None)


def test_the_card_says_which_kinds_count(proposal: pipeline.Proposal) -> None:
    """By default none, and then no table compares with and without."""
    card = (proposal.folder / "card.md").read_text()
    assert "Entries of notes that count\n\nNone." in card
    for part in note_ablation.PARTS:
        assert evidence.ON_THE_CARD[part] not in card


@pytest.mark.parametrize("kind", ["wepon", "attitude_violence"])
def test_a_kind_that_no_indicator_reads_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(config.DEFAULT.read_text().replace("kinds = []", f'kinds = ["{kind}"]'))
    with pytest.raises(UnreadableInput, match=f"{kind}.*no kind that an indicator reads"):
        config.read_config(path)
