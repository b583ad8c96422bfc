"""What an outstanding answer would change: only where it is outstanding, and never the wrong way."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from features.errors import UnreadableInput
from features.indicators import CATALOGUE
from models.answers import Answer, effects_of_answers, read_answers
from models.prior import read_prior
from tests.models.test_prior import rows
from tests.service import Service

ANSWERS = read_answers()


def firing(*names: str, **values: float | None) -> pl.DataFrame:
    return rows(**{name: CATALOGUE[name].fires_from for name in names} | values)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda one: one.id)
def test_an_answer_is_told_of_where_it_is_outstanding_alone(answer: Answer) -> None:
    assert effects_of_answers(read_prior(), firing(), [answer]) == {}
    for name in answer.asked_where:
        effects = effects_of_answers(read_prior(), firing(name), [answer])
        assert set(CATALOGUE[name].groups) & {group for _, group in effects}, name


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda one: one.id)
def test_no_concern_lowers_or_leaves_and_concern_is_never_below_it(answer: Answer) -> None:
    frame = firing(*answer.asked_where)
    for own in effects_of_answers(read_prior(), frame, [answer]).values():
        for one in own:
            assert one.without_concerns < one.now
            assert (one.with_concerns is None) == (not answer.raises)
            assert one.with_concerns is None or one.with_concerns > one.without_concerns


def test_the_effect_is_the_score_of_the_record_with_the_answer() -> None:
    """By hand: an overdue enquiry comes back with concerns."""
    prior, answer = read_prior(), ANSWERS[0]
    frame = firing("da_enquiry_overdue", "da_allegations_without_conviction")
    before = CATALOGUE["da_allegations_without_conviction"].fires_from
    after = firing("enquiry_result_not_reflected", da_allegations_without_conviction=before + 1)
    expected = dict(zip(after["group"], prior.score_frame(after)["probability"], strict=True))
    for (_, group), own in effects_of_answers(prior, frame, [answer]).items():
        assert own[0].with_concerns == pytest.approx(expected[group])


def test_what_is_not_known_stays_not_known_and_very_high_has_no_effect() -> None:
    frame = firing("da_enquiry_overdue").with_columns(
        enquiry_result_not_reflected=pl.lit(None, pl.Float64),
        da_allegations_without_conviction=pl.lit(None, pl.Float64),
    )
    assert effects_of_answers(read_prior(), frame, ANSWERS[:1]) == {}, "both answers are one"
    very_high = firing("da_enquiry_overdue").with_columns(level=pl.lit("VERY_HIGH"))
    assert effects_of_answers(read_prior(), very_high, ANSWERS) == {}


def test_the_widest_comes_first() -> None:
    names = [name for answer in ANSWERS for name in answer.asked_where]
    for own in effects_of_answers(read_prior(), firing(*names), ANSWERS).values():
        spreads = [one.spread for one in own]
        assert spreads == sorted(spreads, reverse=True)


def test_a_model_gives_them_too(service: Service) -> None:
    effects = effects_of_answers(service.model, firing("da_enquiry_overdue"), ANSWERS)
    assert effects
    for own in effects.values():
        assert all(one.without_concerns <= one.now for one in own)


ENTRY = 'id = "a"\nwords = "b"\nasked_where = {0}\nsettles = {1}\nraises = {2}\n'
ONE = '["da_enquiry_missing"]'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "cannot be read"),
        ('[[answer]]\nid = "a"\n', "it needs exactly"),
        ("[[answer]]\n" + ENTRY.format(ONE, "[]", "[]"), "say where it is outstanding"),
        ("[[answer]]\n" + ENTRY.format(ONE, '["da_enquiry_mising"]', "[]"), "Did you mean"),
        ("[[answer]]\n" + ENTRY.format(ONE, ONE, '["attendance_rate_90d"]'), "is not scored"),
        ("[[answer]]\n" + ENTRY.format(ONE, ONE, '["days_since_release"]'), "is not scored"),
    ],
)
def test_a_faulty_table_is_refused_by_its_entry(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "answers.toml"
    path.write_text(text)
    with pytest.raises(UnreadableInput, match=why):
        read_answers(path)
