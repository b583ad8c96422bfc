"""Audits fairness for a training run, and measures what the indicators reveal about people.

The only place in training that reads who people are. Nothing here is ever an input of a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from features.frame import build
from features.store import protected_characteristics as people_as
from features.store.protected_characteristics import CHARACTERISTICS, NOT_KNOWN
from features.store.store import Store
from models import metrics
from models.inputs import Matrix
from models.strata import stratum_of
from training import fairness, labels
from training.fairness import GroupLine
from training.labels import Labelled

TOO_FEW = "too few to tell"
FEWEST = 100
"""A characteristic needs this many rows on each side to ask whether indicators give it away."""


@dataclass(frozen=True)
class Proxy:
    """How well the indicators predict membership of a group, and which of them do so most."""

    characteristic: str
    group: str
    auc: float
    indicators: tuple[str, ...]


def read_characteristics(store: Store, rows: pl.DataFrame) -> dict[str, fairness.Words]:
    """The protected characteristics of the people in some rows (crn, as_of), a word for each."""
    people = people_as.characteristics_of(store, rows)
    return {name: people[name].to_numpy().astype(object) for name in CHARACTERISTICS}


def audit_rows(
    judged: Labelled,
    probability: Matrix,
    characteristics: Mapping[str, fairness.Words],
    share: float,
) -> list[GroupLine]:
    """The fairness audit of evaluated rows, with the top share of each recorded level shown."""
    strata = stratum_of(judged.frame).to_numpy().astype(object)
    shown = fairness.by_group(probability, strata, judged.weights, share)
    people = judged.frame["crn"].to_numpy().astype(object)
    truth = labels.read_higher(judged) > 0
    return fairness.audit_groups(probability, shown, truth, judged.weights, people, characteristics)


@dataclass(frozen=True)
class Narrowed:
    """The effect of a selection rule on the groups of a characteristic, and its cost.

    Of all shown the share right, of all to be found the share found; and the lowest and highest
    share shown among the groups that are large enough to tell.
    """

    characteristic: str
    way: str
    right: metrics.Figure
    share_found: metrics.Figure
    least_shown: str
    most_shown: str


def compare_narrowed(
    judged: Labelled,
    probability: Matrix,
    characteristics: Mapping[str, fairness.Words],
    share: float,
) -> Iterator[Narrowed]:
    """The usual selection beside one with equal review rates for every group in each level."""
    strata = stratum_of(judged.frame).to_numpy().astype(object)
    truth, people = labels.read_higher(judged) > 0, judged.frame["crn"].to_numpy().astype(object)
    for characteristic, words in characteristics.items():
        cells = np.array([f"{s} {w}" for s, w in zip(strata, words, strict=True)], dtype=object)
        for way, groups in (("as it is", strata), ("each the same review rate", cells)):
            shown = fairness.by_group(probability, groups, judged.weights, share)
            arguments = shown, truth, judged.weights, people, 1
            rates = sorted(_group_rates(shown, words, judged.weights))
            ends = [f"{group}: {rate:.1%}" for rate, group in (*rates[:1], *rates[-1:])]
            yield Narrowed(
                characteristic,
                way,
                metrics.bootstrap_interval(fairness.share_right, "higher", *arguments),
                metrics.bootstrap_interval(fairness.share_found, "higher", *arguments),
                *(ends or [TOO_FEW, TOO_FEW]),
            )


def _group_rates(
    shown: Matrix, words: fairness.Words, weights: Matrix
) -> Iterator[tuple[float, str]]:
    for group in sorted(set(words)):
        rows = words == group
        if rows.sum() >= FEWEST:
            yield float(np.average(shown[rows], weights=weights[rows])), str(group)


def measure_proxies(judged: Labelled, characteristics: Mapping[str, fairness.Words]) -> list[Proxy]:
    """How well a logistic regression on all indicators predicts each group, one row a person."""
    columns = [*build.indicator_columns("stage_1"), *build.indicator_columns("stage_2")]
    placed = judged.frame.select("crn", "group", place=pl.int_range(pl.len()))
    # The row that concerns the public: most of what is on record does.
    ranked = placed.sort(pl.col("group") == "public", "place")
    places = ranked.unique("crn", keep="last")["place"].sort().to_numpy()
    frame = judged.frame[places]
    rows = frame.select(pl.col(name).cast(pl.Float64) for name in columns).to_numpy()
    people = frame["crn"].to_numpy()
    lines = []
    for characteristic, words in characteristics.items():
        for group in sorted(set(words) - {NOT_KNOWN}):
            member = words[places] == group
            if min(member.sum(), (~member).sum()) >= FEWEST:
                lines.append(_measure_proxy(characteristic, group, rows, member, people, columns))
    return lines


def _measure_proxy(
    characteristic: str,
    group: str,
    rows: Matrix,
    member: np.ndarray,
    people: np.ndarray,
    columns: list[str],
) -> Proxy:
    model = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=0.1, max_iter=500),
    )
    guessed = cross_val_predict(
        model, rows, member, groups=people, cv=GroupKFold(4), method="predict_proba"
    )
    weights = np.abs(model.fit(rows, member)[-1].coef_[0])
    telling = tuple(columns[place] for place in np.argsort(-weights)[:3])
    return Proxy(characteristic, group, float(roc_auc_score(member, guessed[:, 1])), telling)
