"""The made-up case that the board is shown: its bars make up its score, and it is nobody."""

from __future__ import annotations

import numpy as np
import pytest

from features.indicators import CATALOGUE
from models import bundle
from models.prior import read_prior
from models.weights import sigmoid
from training import worked_case
from training.pipeline import Proposal


def test_the_case_is_recorded_low_and_many_indicators_fire() -> None:
    frame = worked_case.frame_of_life()
    assert frame.select("crn", "group", "level").rows() == [("E000001", "known_adult", "LOW")]
    fired = [
        name
        for name, item in CATALOGUE.items()
        if name in frame.columns and frame.select(item.fires_in_frame).item()
    ]
    assert len(fired) > 15


def test_the_bars_add_up_to_the_score_of_the_case(proposal: Proposal) -> None:
    model = bundle.load_bundle(proposal.folder)
    picture = worked_case.draw_worked_case(model)
    (axes,) = picture.get_axes()
    bars = [bar.get_width() for bar in axes.patches]
    assert len(bars) == worked_case.SHOWN + 1
    scored = model.score_frame(worked_case.frame_of_life())
    parts, names = model.contributions(worked_case.frame_of_life(), "LOW")
    base = dict(zip(names, parts[0], strict=True))["base"]
    assert base + sum(bars) == pytest.approx(scored["log_odds"].item())
    after = round(100 * float(sigmoid(np.array(base + sum(bars)))))
    title = picture.get_suptitle()
    assert (f"ends at {after} of 100" in title) == ("LOW" not in model.by_prior)


def test_the_prior_alone_gives_no_likelihood() -> None:
    model = bundle.bundle_of_prior(read_prior(), {"note_kinds": []})
    title = worked_case.draw_worked_case(model).get_suptitle()
    assert "of 100" not in title
    assert "before others" in title
