"""Compares each target of the made-up caseload with what was generated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from features.contracts import codes
from features.synthetic import compare_practice, figures
from features.synthetic.draw import pick_labels
from features.synthetic.lines import make_line, mean_of, share_lines
from features.synthetic.measure import GROUPS, Extract, Line


def every_line(extract: Extract) -> list[Line]:
    """Every target with the generated value, in the order of the parameter file."""
    parts: tuple[Callable[[Extract], list[Line]], ...] = (
        _compare_sentences,
        _compare_people,
        _compare_levels,
        *compare_practice.PARTS,
    )
    return [line for part in parts for line in part(extract)]


def _compare_sentences(extract: Extract) -> list[Line]:
    supervisions = extract.current_people()
    kinds = share_lines("Kind of sentence", figures.KINDS, supervisions["kind"], 0.02)
    regions = share_lines("Region", figures.REGIONS, supervisions["provider_code"], 0.02)  # type: ignore[arg-type]
    earlier = extract.scan("supervisions").filter(
        pl.col("end_reason").is_not_null(), ~pl.col("kind").is_in(["approved_premises", "custody"])
    )
    ended = earlier.select((pl.col("end_reason") == "completed").mean()).collect().item()
    unsettled = (
        extract.scan("circumstances")
        .filter(pl.col("kind") == "address", pl.col("ended_on").is_null())
        .sort("occurred_on")
        .unique("crn", keep="last", maintain_order=True)
        .filter(pl.col("state") != "settled")
        .select("crn")
        .collect()
    )
    community = extract.community_people()
    share = community.join(unsettled, on="crn", how="semi").height / community.height
    return [
        *kinds,
        *regions,
        make_line(
            "Earlier orders completed", figures.COMPLETED, figures.COMPLETED.value, ended, 0.03
        ),
        make_line(
            "No settled address",
            figures.NO_SETTLED_ADDRESS,
            figures.NO_SETTLED_ADDRESS.value,
            share,
            0.03,
        ),
    ]


def _compare_people(extract: Extract) -> list[Line]:
    people = extract.scan("people").collect()
    age = ((pl.lit(extract.as_of) - pl.col("born_on")).dt.total_days() / 365.25).alias("age")
    band = np.digitize(people.select(age)["age"].to_numpy(), [21, 25, 30, 40, 50, 60])
    bands = pick_labels(list(figures.AGES.value), band)
    return [
        make_line(
            "Women", figures.WOMEN, figures.WOMEN.value, mean_of(people["sex"] == "Female"), 0.01
        ),
        *share_lines("Age", figures.AGES, bands, 0.015),  # type: ignore[arg-type]
        *share_lines("Ethnicity", figures.ETHNICITY, people["ethnicity"], 0.015),  # type: ignore[arg-type]
        make_line(
            "Ethnicity missing",
            figures.ETHNICITY_MISSING,
            figures.ETHNICITY_MISSING.value,
            mean_of(people["ethnicity"].is_null()),
            0.01,
        ),
        *share_lines("Religion", figures.RELIGION, people["religion"], 0.015),  # type: ignore[arg-type]
        make_line(
            "Disability",
            figures.DISABILITY,
            figures.DISABILITY.value,
            mean_of(people["disability"].drop_nulls() == "Yes"),
            0.02,
        ),
        make_line(
            "Disability missing",
            figures.DISABILITY_MISSING,
            figures.DISABILITY_MISSING.value,
            mean_of(people["disability"].is_null()),
            0.01,
        ),
    ]


def _compare_levels(extract: Extract) -> list[Line]:
    people = extract.community_people()
    size = people.height
    names = dict(enumerate(codes.LEVEL_ORDER))
    overall = people["overall"].replace_strict(
        names, default="not recorded", return_dtype=pl.String
    )
    lines = share_lines("Overall level", figures.OVERALL, overall.fill_null("not recorded"), 0.02)
    for level, figure in ((2, figures.GROUPS_AT_HIGH), (1, figures.GROUPS_AT_MEDIUM)):
        there = people.filter(pl.col("overall") == level)
        level_words = codes.LEVEL_ORDER[level].lower()
        lines += [
            make_line(
                f"Overall {level_words}, with it: {group}",
                figure,
                share,
                mean_of(there[group] == level),
                0.06,
            )
            for group, share in figure.value.items()
        ]
    true = extract.true_levels()
    long = people.unpivot(on=list(GROUPS), index="crn", variable_name="group", value_name="now")
    low = long.join(true, on=["crn", "group"]).filter(pl.col("level") > pl.col("now"))
    target = float(extract.about["parameters"]["underestimated"])  # type: ignore[index]
    return [
        *lines,
        make_line(
            "Truly too low in some group",
            figures.UNDERESTIMATED,
            target,
            low["crn"].n_unique() / size,
            0.02,
        ),
    ]
