"""The made-up caseload is what its page says: figures near targets, stories, no real person."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from features.contracts import codes, records
from features.contracts.table import CRN_PATTERN
from features.intake.reports import Report
from features.store.store import Store
from features.synthetic import compare, figures, lives, page, places
from features.synthetic import people as people_module
from features.synthetic.bucket import GOING_ON
from features.synthetic.draw import Draw
from features.synthetic.measure import Extract, Line
from tests.features.synthetic.conftest import AS_OF

# What needs the national caseload to come near: 12 regions, and rates of rare things.
NATIONAL = (
    "Region:",
    "Readers: too low",
    "Appointments a year: very high",
    "Overall level: VERY_HIGH",
)


@pytest.fixture(scope="module")
def lines(plain: Extract) -> list[Line]:
    return compare.every_line(plain)


def test_every_figure_comes_near_its_target(lines: list[Line]) -> None:
    off = [
        (line.name, line.target, line.generated)
        for line in lines
        if not line.holds and not line.name.startswith(NATIONAL)
    ]
    assert len(lines) > 55
    assert off == []


def test_every_figure_says_where_it_is_from() -> None:
    listed = figures.listed_figures()
    assert len(listed) > 40
    for name, item in listed.items():
        assert item.mark in ("seen", "memory", "assumption"), name
        assert len(item.source) > 10, name


def test_the_page_lists_every_figure_and_every_scenario(plain: Extract, lines: list[Line]) -> None:
    text = page.as_markdown(plain, lines)
    for line in lines:
        assert f"| {line.name} |" in text
    for name in ("over-policing", "late-recording", "feed-outage", "policy-change", "inflation"):
        assert f"- `{name}`: " in text
    assert "never accuracy" in text


@pytest.mark.parametrize("target", [0.03, 0.2])
def test_the_share_too_low_is_settable(make_extract: Callable[..., Extract], target: float) -> None:
    lines = compare.every_line(make_extract(underestimated=target))
    share_line = next(line for line in lines if line.name == "Truly too low in some group")
    assert share_line.generated == pytest.approx(target, abs=0.015)


def test_no_person_has_a_name_and_every_crn_is_marked_as_made_up(plain: Extract) -> None:
    people = plain.scan("people").collect()
    assert people["given_name"].null_count() == people["family_name"].null_count() == people.height
    assert people["crn"].n_unique() == people.height
    assert people["crn"].str.contains(r"^Z\d{6}$").all()
    assert people["crn"].str.contains(CRN_PATTERN).all()


def test_each_file_holds_the_same_cases_of_every_table(plain: Extract) -> None:
    buckets = int(str(plain.about["buckets"]))
    assert buckets == 2
    for name in set(records.TABLES) - {"note_entries"}:
        files = sorted((plain.folder / name).glob("*.parquet"))
        assert [path.name for path in files] == ["00.parquet", "01.parquet"]
        for number, path in enumerate(files):
            buckets_of_rows = pl.read_parquet(path)["crn"].str.slice(1).cast(pl.Int64) % buckets
            assert set(buckets_of_rows) <= {number}


def test_the_extract_is_taken_whole(loaded: tuple[Store, Report]) -> None:
    _, report = loaded
    assert {item.name for item in report.tables if item.supplied} == set(records.TABLES)
    assert sum(item.refused_rows for item in report.tables) == 0
    assert {item.name: item.unknown_codes for item in report.tables if item.unknown_codes} == {}


def test_entries_follow_what_goes_on(plain: Extract) -> None:
    """Substance use is written about while it goes on, and less about lives that are concealed."""
    life = pl.read_parquet(plain.truth / GOING_ON / "*.parquet")
    now = life.select("crn", "concealed", using=pl.col("substance").arr.last() == 1)
    recent = plain.scan("incidents").filter(
        pl.col("kind") == "substance_use",
        pl.col("occurred_on") > pl.lit(AS_OF) - pl.duration(days=30),
    )
    contacts_by_case = recent.group_by("crn").len("n").collect()
    both = now.join(contacts_by_case, on="crn", how="left").with_columns(pl.col("n").fill_null(0))
    rate = {key: part["n"].mean() for (key,), part in both.group_by("using")}
    assert rate[True] > 5 * rate[False]  # type: ignore[operator]
    hidden = {key: part["n"].mean() for (key,), part in both.filter("using").group_by("concealed")}
    assert hidden[True] < 0.3 * hidden[False]  # type: ignore[operator]


def test_how_much_is_written_follows_the_recorded_level(plain: Extract) -> None:
    year = pl.col("occurred_on") > pl.lit(AS_OF) - pl.duration(days=365)
    counts = plain.scan("contacts").filter(year).group_by("crn").len("n").collect()
    held = plain.community_people().join(counts, on="crn", how="left").drop_nulls("overall")
    by_level = dict(held.group_by("overall").agg(pl.col("n").mean()).iter_rows())
    assert by_level[0] < by_level[1] < by_level[2]


def test_recorded_levels_err_both_ways_and_some_truly_high_cases_have_clean_records(
    plain: Extract,
) -> None:
    held = plain.community_people().unpivot(
        on=list(codes.COMMUNITY_GROUPS), index="crn", variable_name="group", value_name="now"
    )
    both = held.join(plain.true_levels(), on=["crn", "group"]).drop_nulls("now")
    too_low = both.filter(pl.col("level") > pl.col("now"))
    too_high = both.filter(pl.col("level") < pl.col("now"))
    assert 0.01 < too_low.height / both.height < 0.06
    assert 0.01 < too_high.height / both.height < 0.06
    anything = plain.scan("incidents").select("crn").unique().collect()
    high = both.filter(pl.col("level") >= 2).select("crn").unique()
    clean = high.join(anything, on="crn", how="anti").height / high.height
    assert 0.005 < clean < 0.2


def test_strain_brings_errors(plain: Extract) -> None:
    """Cases of practitioners over 130 per cent are too low more often than of those under 100."""
    held = plain.community_people().unpivot(
        on=list(codes.COMMUNITY_GROUPS), index="crn", variable_name="group", value_name="now"
    )
    both = held.join(plain.true_levels(), on=["crn", "group"]).drop_nulls("now")
    low = both.group_by("crn").agg(low=(pl.col("level") > pl.col("now")).any())
    work = plain.scan("allocations").filter(pl.col("ended_on").is_null()).collect()
    rows = low.join(work.select("crn", "workload_percent", "grade"), on="crn")
    strained = rows.filter((pl.col("workload_percent") > 130) | (pl.col("grade") != "PO"))
    calm = rows.filter(pl.col("workload_percent") < 105, pl.col("grade") == "PO")
    assert strained["low"].mean() > 1.3 * calm["low"].mean()  # type: ignore[operator]


def test_the_record_has_the_faults_of_a_real_one(plain: Extract) -> None:
    incidents = plain.scan("incidents").collect()
    wait = (incidents["recorded_at"].dt.date() - incidents["occurred_on"]).dt.total_days()
    assert 0.03 < (wait > 14).mean() < 0.3  # type: ignore[operator]
    assert incidents.filter(pl.col("version") == 2).height > 50
    assert incidents["withdrawn_at"].is_not_null().sum() > 20
    assert incidents["severity"].null_count() > 100
    same = ["crn", "kind", "occurred_on", "recorded_at", "target", "version"]
    assert incidents.select(same).is_duplicated().sum() > 100, "two people put it on record"
    contacts = plain.scan("contacts").filter(pl.col("type_code") == "COAP")
    ahead = contacts.filter(pl.col("occurred_on") > pl.lit(AS_OF)).collect()
    assert ahead.height > 100
    assert ahead["outcome_code"].null_count() == ahead.height
    twice = contacts.filter(pl.col("version") == 2).collect()
    first = contacts.filter(pl.col("version") == 1).collect()
    both = twice.join(first, on="record_id")
    assert both.height > 0.99 * twice.height
    assert (both["recorded_at_right"] < both["recorded_at"]).all()
    assert both["outcome_code_right"].null_count() == both.height


def test_readings_say_how_each_came_about(plain: Extract) -> None:
    readings = plain.scan("reviews").collect()
    audits = readings.filter(source="audit")
    assert audits["sampling_probability"].is_between(0.1, 0.2).all()
    assert set(readings["source"]) == set(codes.REVIEW_SOURCES)
    assert readings.filter(source="countersign")["same_person"].all()
    for source in ("countersign", "reassessment"):
        assert readings.filter(source=source)["sampling_probability"].is_null().all()
    service = readings.filter(source="spo_review")
    assert 0.2 < service["sampling_probability"].is_not_null().mean() < 0.7  # type: ignore[operator]
    assert 0.4 < service["before_findings"].mean() < 0.6  # type: ignore[operator]
    assert (readings["recorded_at"].dt.date() > readings["snapshot_on"]).all()


def test_who_someone_is_touches_no_error_and_no_entry(plain: Extract) -> None:
    """Ethnicity and religion are drawn apart from everything: no gap beyond chance."""
    people = plain.scan("people").select("crn", "ethnicity").collect()
    held = plain.community_people().unpivot(
        on=list(codes.COMMUNITY_GROUPS), index="crn", variable_name="group", value_name="now"
    )
    both = held.join(plain.true_levels(), on=["crn", "group"]).drop_nulls("now")
    low = (
        both.group_by("crn").agg(low=(pl.col("level") > pl.col("now")).any()).join(people, on="crn")
    )
    white = low.filter(ethnicity="White")["low"].to_numpy()
    other = low.filter(pl.col("ethnicity").is_in(["Black", "Asian", "Mixed"]))["low"].to_numpy()
    apart = abs(white.mean() - other.mean())
    chance = np.sqrt(white.var() / len(white) + other.var() / len(other))
    assert apart < 4 * chance


def test_units_are_108_nationally_and_three_at_least() -> None:
    assert len(places.unit_codes(240_000)) == 108
    assert places.unit_codes(60) == ["N54ALD", "N54BRI", "N58CAR"]
    national = places.unit_codes(240_000)
    assert len(set(national)) == 108
    counted = {p: sum(code.startswith(p) for code in national) for p in figures.REGIONS.value}
    assert counted == figures.REGIONS.value
    assert all(re.fullmatch(r"N\d\d[A-Z0-9]{3}", code) for code in national)


def test_registers_follow_the_level_of_their_day_and_not_today_s(plain: Extract) -> None:
    """Nothing of today may stand in the past: a year ago the register said what was assessed then."""
    on = AS_OF - timedelta(days=365)
    then = plain.scan("registrations").filter(
        pl.col("type_code").is_in(list(codes.OVERALL_REGISTER)),
        pl.col("occurred_on") <= pl.lit(on),
        pl.col("ended_on").is_null() | (pl.col("ended_on") > pl.lit(on)),
    )
    rank = {code: codes.LEVEL_ORDER.index(level) for code, level in codes.OVERALL_REGISTER.items()}
    levels_said = then.select("crn", said=pl.col("type_code").replace_strict(rank)).collect()
    assessed = plain.levels(on).select("crn", "overall")
    both = levels_said.join(assessed, on="crn").drop_nulls()
    assert both.height > 1000
    assert (both["said"] == both["overall"]).mean() > 0.9  # type: ignore[operator]


def test_record_numbers_tell_nothing_of_how_a_row_was_drawn(plain: Extract) -> None:
    for name in set(records.TABLES) - {"note_entries"}:
        ids = plain.scan(name).select("record_id").collect()["record_id"]
        assert ids.str.contains(rf"^{name[:3].upper()}\d{{10}}$").all(), name
    rows = plain.scan("incidents").filter(pl.col("version") == 1).sort("record_id").collect()
    following = (rows["kind"] == rows["kind"].shift(1)).mean()
    shares = rows["kind"].value_counts(normalize=True)["proportion"]
    assert following == pytest.approx((shares**2).sum(), abs=0.02)  # type: ignore[operator]


def test_lives_are_possible(plain: Extract) -> None:
    born = plain.scan("people").select("crn", "born_on")
    began = plain.scan("supervisions").join(born, on="crn")
    age = (pl.col("occurred_on") - pl.col("born_on")).dt.total_days() / 365.25
    assert began.select(age.min()).collect().item() > 17.9
    for name in ("supervisions", "circumstances", "registrations", "allocations", "orders"):
        rows = plain.scan(name).filter(pl.col("ended_on") <= pl.col("occurred_on"))
        wrong = rows.select(pl.len()).collect().item()
        assert wrong == 0 or name in ("allocations", "registrations"), (name, wrong)
    signed = plain.scan("assessments").select(pl.col("countersigned_at").max()).collect().item()
    assert signed.date() <= AS_OF
    done = plain.scan("actions").filter(pl.col("done_on") > pl.lit(AS_OF))
    assert done.select(pl.len()).collect().item() == 0


def test_who_someone_is_brings_circumstances_on_and_nothing_else() -> None:
    draw = Draw(7, AS_OF)
    people = people_module.make_people(draw, 500, 1)
    other = replace(people, leaning={name: values + 3 for name, values in people.leaning.items()})
    assert set(people.leaning) == {"illness", "chaos"}
    for group in codes.COMMUNITY_GROUPS:
        assert (lives.static_score(people, group) == lives.static_score(other, group)).all()
    before, after = lives.make_lives(draw, people), lives.make_lives(draw, other)
    assert after.going_on["unwell"].sum() > 1.5 * before.going_on["unwell"].sum()
    assert (after.going_on["peers"] == before.going_on["peers"]).all()
