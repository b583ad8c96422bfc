"""The prior: a signed weight for every scored indicator, and a rank before any reading is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.contracts import codes
from features.errors import MissingInput, UnreadableInput
from features.frame import build
from features.history import asof
from features.indicators import CATALOGUE
from models import explain
from models.bundle import load_bundle
from models.prior import PRIOR, Prior, read_prior
from tests.conftest import AS_OF
from tests.service import Service
from training import config, pipeline

GROUPS = codes.COMMUNITY_GROUPS


@pytest.fixture(scope="module")
def prior() -> Prior:
    return read_prior()


def rows(**values: Any) -> pl.DataFrame:
    """A row for each group of people, in which nothing is on record but the given values."""
    plain = {name: item.none for name, item in CATALOGUE.items()}
    listed = [
        {
            "crn": "Z000001",
            "as_of": AS_OF,
            "group": group,
            "level": "LOW",
            "level_state": "current",
            "on_record": 1,
            **plain,
            **values,
        }
        for group in GROUPS
    ]
    schema = dict.fromkeys(CATALOGUE, pl.Float64())
    return pl.DataFrame(listed, schema_overrides=schema)


def log_odds(prior: Prior, **values: Any) -> dict[str, float]:
    return dict(prior.score_frame(rows(**values)).select("group", "log_odds").iter_rows())


@pytest.mark.parametrize("name", read_prior().scored)
def test_what_gets_worse_never_lowers_the_score(prior: Prior, name: str) -> None:
    item = CATALOGUE[name]
    (weight,) = (one for one in prior.weights if one.indicator == name)
    sign = -1 if item.fires_below else 1
    reach = abs(weight.full - item.fires_from) + 1
    steps = sorted([*np.linspace(-reach, 2 * reach, 25).tolist(), -1e-6, 1e-6])
    values = [item.fires_from + sign * step for step in steps]
    frame = pl.concat(rows(**{name: value}) for value in (*values, None))
    scores = prior.score_frame(frame)
    for group in GROUPS:
        *by_value, unknown = scores.filter(group=group)["log_odds"].to_list()
        assert by_value == sorted(by_value)
        size = prior.sizes[weight.groups.get(group, weight.size)]
        assert by_value[0] == unknown == pytest.approx(prior.base)
        assert by_value[-1] - by_value[0] == pytest.approx(size)
        fired = by_value[steps.index(1e-6)] - by_value[steps.index(-1e-6)]
        assert fired >= weight.first * size > 0, "no weight is nought"
        if weight.full != item.fires_from:
            assert fired == pytest.approx(weight.first * size, abs=1e-5)


def test_a_group_may_have_a_weight_of_its_own(prior: Prior) -> None:
    scores = log_odds(prior, sg_enquiry_missing=9.0)
    assert scores["children"] > scores["public"] > prior.base


def test_every_weight_names_what_supports_it(prior: Prior) -> None:
    for one in prior.weights:
        assert len(one.source) > 20, one.indicator
    assert set(prior.scored) == {
        *build.indicator_columns("stage_1"),
        *build.indicator_columns("stage_2"),
    }


def test_contributions_are_the_score(prior: Prior) -> None:
    frame = rows(threats_count=2.0, severe_incidents_ever=5.0)
    parts, names = prior.contributions(frame, "LOW")
    assert names[-1] == "base"
    scores = prior.score_frame(frame)["log_odds"].to_numpy()
    explain.check_adds_up(parts, scores, "LOW")
    lively = {name for name, part in zip(names, parts[0], strict=True) if part != 0}
    assert lively == {"threats_count", "severe_incidents_ever", "base"}


def test_reasons_of_the_prior_are_sentences(prior: Prior, service: Any) -> None:
    on = build.cases_under_supervision(service.store, AS_OF).select(asof.KEY).head(20)
    histories = asof.read_histories(service.store, on)
    reasons = explain.explain_rows(prior, build.build_frame(histories), histories)
    named = [reason for own in reasons.values() for reason in own if reason.findings]
    assert named
    assert all(reason.settled and reason.weight > 0 for reason in named)


LINE = 'indicator = "threats_count"\nsize = "strong"\nfull = 3'


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            LINE,
            LINE.replace("threats_count", "threat_count"),
            "no indicator 'threat_count'. Did you",
        ),
        (
            LINE,
            LINE.replace("strong", "stong"),
            "threats_count: no size 'stong'. Did you mean 'strong'",
        ),
        (LINE, LINE.replace("full = 3", "full = 0.5"), "before it fires"),
        (LINE, LINE + '\ngroups = { childrn = "slight" }', "not about the group 'childrn'"),
        (LINE, LINE + "\nsign = 1", "is no prior"),
        (LINE, LINE + "\nfirst = 0.0", "first is 0: the share that counts where it just fires"),
        (LINE, LINE + "\nfirst = 1.5", "first is 1.5"),
        (
            LINE,
            LINE.replace("full = 3", "full = 1\nfirst = 0.2"),
            "the whole counts where it fires",
        ),
        ("slight = 0.15", "slight = 0", "more than nought"),
        ("base = -3.9", "base = ", "is no prior"),
        (f"[[weight]]\n{LINE}", f"[[other]]\n{LINE}", "no weight for threats_count: every"),
        (LINE, LINE.replace("threats_count", "weapon_events_count"), "has two weights"),
        (LINE, LINE.replace("threats_count", "violence_severity_trend"), "shown and never scored"),
    ],
)
def test_a_faulty_prior_is_refused_with_its_fault(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    text = PRIOR.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "prior.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UnreadableInput) as fault:
        read_prior(path)
    assert words in str(fault.value)


def test_a_weight_without_a_source_is_refused(tmp_path: Path) -> None:
    lines = PRIOR.read_text(encoding="utf-8").split("\n")
    at = next(number for number, line in enumerate(lines) if line.startswith("source"))
    lines[at] = 'source = "somewhere"'
    path = tmp_path / "prior.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(UnreadableInput, match="name the review, guidance or study"):
        read_prior(path)


def test_no_prior_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="There is no prior"):
        read_prior(tmp_path / "prior.toml")


def test_the_prior_alone_can_be_proposed_and_scores_as_the_prior_does(
    service: Service, tmp_path: Path
) -> None:
    proposed = [
        pipeline.propose_prior(
            service.store, AS_OF, config.read_config(), tmp_path / "out", tmp_path / "tracking"
        )
        for _ in range(2)
    ]
    assert [one.fresh for one in proposed] == [True, False]
    assert proposed[0].folder == proposed[1].folder
    model = load_bundle(proposed[0].folder)
    assert model.id == proposed[0].bundle_id
    assert model.prior_alone
    assert not service.model.prior_alone
    assert model.random_only == frozenset()
    spine = asof.make_spine(service.store.read_versions("supervisions")["crn"].unique(), AS_OF)
    histories = asof.read_histories(service.store, spine)
    frame = build.build_frame(histories)
    own, alone = (one.score_frame(frame)["log_odds"] for one in (model, read_prior()))
    np.testing.assert_allclose(own.to_numpy(), alone.to_numpy(), atol=1e-12)
    reasons = explain.explain_rows(model, frame, histories)
    assert any(reasons.values()), "and they add up"
    for row in reasons.values():
        assert all(one.from_prior == pytest.approx(one.weight) for one in row)
    card = (proposed[0].folder / "card.md").read_text(encoding="utf-8")
    assert "No reading taught it anything" in card
    assert "Too few readings to tell" in card
