"""Policies and planted faults are in the data, and policy is not read as behaviour."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.errors import UserError
from features.frame import build
from features.intake.load import load_extract
from features.intake.reports import Report
from features.store.store import Store
from features.synthetic import scenarios
from features.synthetic.bucket import TRUE_LEVELS
from features.synthetic.compare_practice import APPOINTMENTS
from features.synthetic.measure import Extract
from features.synthetic.scenarios import Policies
from tests.features.synthetic.conftest import AS_OF

P = Policies()
SOME = 1500
"""People of the caseload that are enough for a comparison to the last bit."""
MakeExtract = Callable[..., Extract]


def ago(days: int) -> pl.Expr:
    return pl.lit(AS_OF - timedelta(days=days))


def units(extract: Extract) -> pl.DataFrame:
    held = extract.scan("supervisions").filter(pl.col("pdu_code").is_not_null())
    return held.select("crn", "pdu_code", "provider_code", "suspended_from").collect()


def appointments(extract: Extract) -> pl.LazyFrame:
    return extract.scan("contacts").filter(
        pl.col("type_code").is_in(APPOINTMENTS), pl.col("version") == 1
    )


# ── Policies: in every caseload ─────────────────────────────────────────────────────────────────


def test_contact_all_but_stops_while_it_is_suspended(plain: Extract) -> None:
    suspended = units(plain).filter(pl.col("suspended_from") < ago(180))
    assert suspended.height > 100
    near = appointments(plain).filter(pl.col("occurred_on").is_between(ago(180), ago(0)))
    after = near.join(suspended.lazy(), on="crn").select(pl.len()).collect().item()
    assert after / suspended.height < 1.5
    registered = plain.scan("registrations").filter(pl.col("type_code") == "PRC").collect()
    assert suspended.join(registered, on="crn", how="anti").is_empty()


def test_a_region_lost_three_weeks_and_others_did_not(plain: Extract) -> None:
    since, until = P.outage
    lost = plain.scan("contacts").filter(
        pl.col("recorded_at").is_between(ago(since - 1), ago(until + 1))
    )
    by_region = lost.join(units(plain).lazy(), on="crn").group_by("provider_code").len().collect()
    counts = dict(by_region.iter_rows())
    assert counts.get(P.outage_provider, 0) == 0
    assert min(counts.values()) > 500


def test_a_code_means_something_else_from_a_day_on(plain: Extract) -> None:
    other = appointments(plain).filter(pl.col("enforcement_code") == "EA05")
    is_kept_appointment = pl.col("outcome_code") == "ATTC"
    share = other.group_by(after=pl.col("occurred_on") >= ago(P.code_changes)).agg(
        is_kept_appointment.mean()
    )
    share_by_region = dict(share.collect().iter_rows())
    assert share_by_region[False] == 0
    assert share_by_region[True] > 0.8


def test_a_unit_records_late(plain: Extract) -> None:
    rows = plain.scan("contacts").filter(~pl.col("system_generated"), pl.col("version") == 1)
    wait = (pl.col("recorded_at").dt.date() - pl.col("occurred_on")).dt.total_days()
    near = rows.filter(pl.col("occurred_on").is_between(ago(500), ago(200)))
    late = (
        near.join(units(plain).lazy(), on="crn")
        .group_by(slow=pl.col("pdu_code") == P.slow_unit)
        .agg(wait.median())
    )
    share_by_unit = dict(late.collect().iter_rows())
    assert share_by_unit[True] >= share_by_unit[False] + P.slow_by - 2


@pytest.fixture(scope="module")
def store(loaded: tuple[Store, Report]) -> Store:
    return loaded[0]


def frame(store: Store, on_days_ago: int) -> pl.DataFrame:
    on = build.cases_under_supervision(store, AS_OF - timedelta(days=on_days_ago))
    return pl.concat(part for _, part in build.build_frames(store, on.select("crn", "as_of")))


def test_no_behaviour_indicator_reads_the_changed_code_as_risk(
    plain: Extract, store: Store, tmp_path: Path
) -> None:
    """The same people without the code's new use have the same behaviour, to the last bit."""
    other = tmp_path / "extract"
    shutil.copytree(plain.folder, other)
    some = pl.col("crn").is_in(set(units(plain)["crn"].unique().sort()[:SOME]))
    changed = 0
    for path in other.rglob("*.parquet"):
        rows = pl.read_parquet(path).filter(some)
        if path.parent.name == "contacts":
            other_use = pl.col("enforcement_code") == "EA05", pl.col("outcome_code") == "ATTC"
            is_changed = (other_use[0] & other_use[1]).fill_null(value=False)
            changed += rows.filter(is_changed).height
            rows = rows.with_columns(
                enforcement_code=pl.when(~is_changed).then("enforcement_code"),
                note=pl.lit(None, pl.String),
            )
        rows.write_parquet(path)
    assert changed > 100
    load_extract(other, tmp_path / "store")
    behaviour = ["crn", "group", *build.indicator_columns("stage_1")]
    ours, theirs = frame(store, 0).filter(some), frame(Store.open(tmp_path / "store"), 0)
    assert theirs["crn"].n_unique() > SOME / 2
    assert ours.select(behaviour).equals(theirs.select(behaviour))


@pytest.mark.parametrize(
    ("policy", "days_ago"), [("amber", sum(P.amber) // 2), ("outage", P.outage[1]), ("slow", 0)]
)
def test_a_policy_raises_no_behaviour_indicator(
    plain: Extract, store: Store, policy: str, days_ago: int
) -> None:
    """Where a policy is in force, no behaviour indicator is higher than elsewhere beyond chance."""
    rows = frame(store, days_ago).join(units(plain).unique("crn"), on="crn")
    inside = {
        "amber": pl.col("pdu_code").is_in(amber_units(plain)),
        "outage": pl.col("provider_code") == P.outage_provider,
        "slow": pl.col("pdu_code") == P.slow_unit,
    }[policy]
    there, elsewhere = rows.filter(inside), rows.filter(~inside)
    assert there.height > 500
    raised = []
    for name in build.indicator_columns("stage_1"):
        one, two = (part[name].drop_nulls().to_numpy() for part in (there, elsewhere))
        if name in LOWER_IS_WORSE:
            one, two = -one, -two
        # Four rows a person, so the rows are worth a quarter of their number.
        spread = 2 * np.sqrt(one.var() / max(len(one), 1) + two.var() / max(len(two), 1))
        if spread > 0 and (one.mean() - two.mean()) / spread > 4:
            raised.append((name, one.mean(), two.mean()))
    assert raised == []


LOWER_IS_WORSE = ("attendance_rate_90d",)


def amber_units(extract: Extract) -> list[str]:
    """Units in which appointments fell by a third or more while the policy was in force."""
    since, until = P.amber
    rows = appointments(extract).join(units(extract).lazy().unique("crn"), on="crn")
    inside = pl.col("occurred_on").is_between(ago(since), ago(until))
    before = pl.col("occurred_on").is_between(ago(2 * since - until), ago(since))
    counts = rows.group_by("pdu_code").agg(during=inside.sum(), before=before.sum()).collect()
    amber = counts.filter(pl.col("during") < 0.8 * pl.col("before"))["pdu_code"].to_list()
    assert 0 < len(amber) < counts.height
    return amber


# ── Scenarios: each plants one fault, and a test sees it ────────────────────────────────────────


def truths(one: Extract, two: Extract) -> bool:
    read = [pl.read_parquet(e.truth / TRUE_LEVELS / "*.parquet") for e in (one, two)]
    return read[0].equals(read[1])


def policing(extract: Extract) -> float:
    """Police-initiated entries a Black person, as a multiple of those a white person."""
    people = extract.scan("people").select("crn", "ethnicity").collect()
    police = extract.scan("incidents").filter(pl.col("kind").is_in(["intelligence", "weapon"]))
    counts = police.group_by("crn").len("n").collect()
    rows = people.join(counts, on="crn", how="left").with_columns(pl.col("n").fill_null(0))
    rate = dict(rows.group_by("ethnicity").agg(pl.col("n").mean()).iter_rows())
    return float(rate["Black"] / rate["White"])


def test_over_policing_is_in_the_entries_and_not_in_the_truth(
    make_extract: MakeExtract, plain: Extract
) -> None:
    planted = make_extract(scenario="over-policing")
    assert truths(plain, planted)
    assert 0.7 < policing(plain) < 1.4
    assert policing(planted) > 1.7


def waiting(extract: Extract, *providers: str) -> float:
    rows = extract.scan("contacts").filter(
        ~pl.col("system_generated"),
        pl.col("version") == 1,
        pl.col("occurred_on").is_between(ago(150), ago(60)),
        pl.col("outcome_code").is_not_null(),
    )
    wait = (pl.col("recorded_at").dt.date() - pl.col("occurred_on")).dt.total_days()
    named = units(extract).filter(
        pl.col("provider_code").is_in(providers), pl.col("pdu_code") != P.slow_unit
    )
    return float(rows.join(named.lazy(), on="crn").select(wait.median()).collect().item())


def test_late_recording_is_seen_in_the_regions_named(
    make_extract: MakeExtract, plain: Extract
) -> None:
    planted = make_extract(scenario="late-recording")
    chosen = scenarios.find_scenario("late-recording")
    late = chosen.late_providers
    assert waiting(planted, *late) >= waiting(plain, *late) + chosen.late_by - 1
    assert waiting(planted, "N54") == waiting(plain, "N54")


def test_feed_outage_leaves_a_region_without_a_row(
    make_extract: MakeExtract, plain: Extract
) -> None:
    def recent(extract: Extract) -> dict[str, int]:
        rows = extract.scan("contacts").filter(pl.col("recorded_at") > ago(20))
        joined = rows.join(units(extract).lazy(), on="crn")
        return dict(joined.group_by("provider_code").len().collect().iter_rows())

    assert recent(plain)[P.outage_provider] > 200
    assert P.outage_provider not in recent(make_extract(scenario="feed-outage"))
    assert recent(make_extract(scenario="feed-outage"))["N54"] > 200


def test_policy_change_halves_contact_for_everyone(
    make_extract: MakeExtract, plain: Extract
) -> None:
    def visits(extract: Extract) -> int:
        near = appointments(extract).filter(pl.col("occurred_on").is_between(ago(110), ago(0)))
        return int(near.select(pl.len()).collect().item())

    planted = make_extract(scenario="policy-change")
    assert truths(plain, planted)
    assert visits(planted) < 0.6 * visits(plain)
    suspended = units(planted)["suspended_from"].is_not_null().sum()
    assert suspended > 1.2 * units(plain)["suspended_from"].is_not_null().sum()


def test_inflation_raises_levels_and_not_the_truth(
    make_extract: MakeExtract, plain: Extract
) -> None:
    planted = make_extract(scenario="inflation")
    assert truths(plain, planted)
    shares = [(e.community_people()["overall"].drop_nulls() >= 2).mean() for e in (plain, planted)]
    assert shares[1] > shares[0] + 0.08  # type: ignore[operator]


def test_an_unknown_scenario_is_named_with_its_neighbours() -> None:
    with pytest.raises(UserError, match=r"Did you mean.*inflation"):
        scenarios.find_scenario("inflatoin")
