"""The notes of the made-up caseload: written without the lexicon, with their truth beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.contracts import note_columns
from features.errors import UserError
from features.notes import reader
from features.notes.phrases import read_lexicon
from features.notes.sentences import split_sentences
from features.synthetic import Parameters, hands, synthesise_extract
from features.synthetic.bucket import Bucket, make_bucket, make_plan
from features.synthetic.notes import WITHIN_DAYS
from tests.features.synthetic.conftest import AS_OF

LABELLED = Path(__file__).parents[3] / "training/notes/labelled"
MOST_SHARED = 0.1
GAPS = {"..", "..."}
ATTITUDES = {"attitude_violence", "hostile_to_supervision"}
"""Kinds that no indicator reads, and of which nothing happens in a made-up life."""
TABLES = ("incidents", "circumstances")


def make_people(only_in_notes: float) -> Bucket:
    plan = make_plan(
        seed=4,
        as_of=AS_OF,
        cases=400,
        buckets=1,
        underestimated=0.08,
        audited=0.05,
        scenario="none",
        only_in_notes=only_in_notes,
    )
    return make_bucket(plan, 0)


@pytest.fixture(scope="module")
def all_coded() -> Bucket:
    return make_people(0.0)


@pytest.fixture(scope="module")
def half_in_notes() -> Bucket:
    return make_people(0.5)


def write_every_line(times: int) -> list[str]:
    """Every line of every writer, written out some times for men and women."""
    rng = np.random.default_rng(3)
    texts = [one.text for one in (*hands.grammar_lines(), *hands.routine_lines())]
    return [
        hands.write_line(rng, text, woman=bool(at % 2)) for text in texts for at in range(times)
    ]


def test_few_phrases_of_the_lexicon_occur_word_for_word_in_the_made_up_notes() -> None:
    """The reader is not tested on its own words: of its phrases, a tenth at most, in any wording.

    A phrase with a gap, between whose words others stand, occurs nowhere word for word.
    """
    matched = {
        (phrase.kind, phrase.phrase.say)
        for text in write_every_line(4)
        for _, sentence in split_sentences(text)
        for phrase in reader._phrases_in(sentence, None)
        if GAPS.isdisjoint(phrase.phrase.say.split()) and phrase.pattern.search(sentence)
    }
    assert 0 < len(matched) <= MOST_SHARED * len(read_lexicon())


def test_no_line_stands_in_a_labelled_note() -> None:
    notes = "\n".join(
        " ".join(json.loads(line)["text"].lower().split())
        for path in sorted(LABELLED.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    )
    long_lines = [text for text in write_every_line(1) if len(text.split()) >= 5]
    assert len(long_lines) > 900
    assert [text for text in long_lines if text.lower().rstrip(".") in notes] == []


def test_every_writer_writes_facts_and_other_manners_of_every_kind() -> None:
    kinds = set(note_columns.KINDS) - ATTITUDES
    assert len(hands.hand_names()) == 3
    for hand in hands.hand_names():
        own = [line for line in hands.grammar_lines() if line.hand == hand]
        assert {line.kind for line in own if line.manner == "fact"} == kinds
        assert {line.kind for line in own if line.manner != "fact"} == kinds
        assert {line.manner for line in own} == {
            "fact",
            "denied",
            "feared",
            "other",
            "past",
            "conditional",
        }
        outcomes = {one.outcome for one in hands.routine_lines() if one.hand == hand}
        assert outcomes == {"attended", "absent", "excused", "other"}


def test_a_line_written_out_has_no_choice_or_slot_left_and_the_right_pronouns() -> None:
    assert [text for text in write_every_line(3) if set(text) & set("[]{}|")] == []
    rng = np.random.default_rng(1)
    text = "{He} [hit|struck] {his} friend; {he} ran, {name} saw {him}"
    assert "her friend; she ran" in "".join(
        hands.write_line(rng, text, woman=True) for _ in range(9)
    )
    assert "his friend; he ran" in "".join(
        hands.write_line(rng, text, woman=False) for _ in range(9)
    )
    texts = {hands.write_line(rng, "He hit him", woman=False) for _ in range(60)}
    assert "He hit him." in texts
    assert len(texts) > 3, "now and then a slip of the keys"


def happenings(bucket: Bucket) -> pl.DataFrame:
    """The coded incidents and circumstances of a bucket, each once."""
    return pl.concat(
        bucket.tables[name]
        .filter(~pl.col("record_id").str.starts_with("D"), pl.col("version") == 1)
        .filter(~pl.col("kind").is_in(["custody_intelligence"]))
        .select("crn", "record_id", "occurred_on")
        for name in TABLES
    )


def test_half_of_what_happens_stands_in_notes_alone(
    all_coded: Bucket, half_in_notes: Bucket
) -> None:
    before, after = happenings(all_coded), happenings(half_in_notes)
    uncoded = half_in_notes.in_notes.filter("only_in_notes")
    assert before.height - after.height == uncoded.height
    assert uncoded.height / before.height == pytest.approx(0.5, abs=0.02)
    assert not all_coded.in_notes["only_in_notes"].any()
    for name in TABLES:
        first, rest = all_coded.tables[name], half_in_notes.tables[name]
        assert rest.join(first, on=rest.columns, how="anti", nulls_equal=True).is_empty()
        # With a record its later versions and its double go too.
        gone = first.join(rest, on="record_id", how="anti")["record_id"].str.strip_prefix("D")
        assert not set(gone) & set(rest["record_id"].str.strip_prefix("D"))


def test_nothing_but_notes_and_what_is_coded_differs(
    all_coded: Bucket, half_in_notes: Bucket
) -> None:
    for name, rows in all_coded.tables.items():
        if name not in TABLES:
            other = half_in_notes.tables[name]
            assert rows.drop("note", strict=False).equals(other.drop("note", strict=False)), name


def test_what_happened_stands_in_a_contact_of_the_person_soon_after(half_in_notes: Bucket) -> None:
    facts = half_in_notes.in_notes.filter(pl.col("manner") == "fact")
    waited = (facts["noted_on"] - facts["occurred_on"]).dt.total_days()
    assert waited.min() == 0
    assert waited.max() <= WITHIN_DAYS
    notes = half_in_notes.tables["contacts"].filter(pl.col("note").is_not_null())
    with_notes = facts.join(
        notes.select("crn", "note", noted_on="occurred_on"), on=["crn", "noted_on"], how="left"
    )
    assert with_notes["note"].null_count() == 0
    own = {line.text for line in hands.grammar_lines() if line.kind == "weapon"}
    words = {word for text in own for word in text.lower().split() if len(word) > 3}
    # Another note of the same day says other things: one of them says it.
    weapons = with_notes.filter(pl.col("kind") == "weapon").group_by("crn", "noted_on").agg("note")
    assert all(words & set(" ".join(notes).lower().split()) for notes in weapons["note"])


def test_a_caseload_has_the_notes_that_its_truth_tells(tmp_path: Path) -> None:
    parameters = Parameters(60, 3, AS_OF, only_in_notes=0.3)
    synthesise_extract(parameters, tmp_path / "extract", tmp_path / "truth")
    in_notes = pl.read_parquet(tmp_path / "truth/in-notes/*.parquet")
    assert in_notes["only_in_notes"].any()
    contacts = pl.read_parquet(tmp_path / "extract/contacts/*.parquet")
    assert contacts["note"].n_unique() > 50
    assert "in-notes" not in {path.name for path in (tmp_path / "extract").iterdir()}


@pytest.mark.parametrize("share", [-0.1, 0.91])
def test_a_share_out_of_range_is_refused(tmp_path: Path, share: float) -> None:
    with pytest.raises(UserError, match="--only-in-notes must lie between"):
        synthesise_extract(
            Parameters(60, 3, AS_OF, only_in_notes=share), tmp_path / "a", tmp_path / "b"
        )
