"""Each target of the made-up caseload beside what was generated, measured in the extract."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from features.contracts import codes
from features.synthetic import figures
from features.synthetic.draw import MONTH, pick
from features.synthetic.figures import Figure
from features.synthetic.measure import GROUPS, Extract, Line

YEAR = 365
APPOINTMENTS = tuple(codes.CONTACT_GROUPS["appointment"])


def every_line(extract: Extract) -> list[Line]:
    """Every target with what was generated, in the order of the parameter file."""
    parts: tuple[Callable[[Extract], list[Line]], ...] = (
        _sentences, _people, _levels, _practice, _contact, _attendance, _readers,
    )  # fmt: skip
    return [line for part in parts for line in part(extract)]


def _line(
    name: str, figure: Figure[object], target: float | tuple[float, float], generated: float,
    slack: float, unit: str = "share",
) -> Line:  # fmt: skip
    pair = target if isinstance(target, tuple) else (target, target)
    return Line(name, pair, generated, slack, figure, unit)


def _shares(
    name: str, figure: Figure[dict[str, float]], found: pl.Series, slack: float
) -> list[Line]:
    total = sum(figure.value.values())
    names = found.drop_nulls()
    counts = {key: int((names == key).sum()) for key in figure.value}
    size = max(names.len(), 1)
    return [
        _line(f"{name}: {key}", figure, share / total, counts[key] / size, slack)
        for key, share in figure.value.items()
    ]


def _sentences(extract: Extract) -> list[Line]:
    held = extract.current()
    kinds = _shares("Kind of sentence", figures.KINDS, held["kind"], 0.02)
    regions = _shares("Region", figures.REGIONS, held["provider_code"], 0.02)  # type: ignore[arg-type]
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
    community = extract.community()
    share = community.join(unsettled, on="crn", how="semi").height / community.height
    return [
        *kinds,
        *regions,
        _line("Earlier orders completed", figures.COMPLETED, figures.COMPLETED.value, ended, 0.03),
        _line("No settled address", figures.NO_SETTLED_ADDRESS,
              figures.NO_SETTLED_ADDRESS.value, share, 0.03),
    ]  # fmt: skip


def _people(extract: Extract) -> list[Line]:
    people = extract.scan("people").collect()
    age = ((pl.lit(extract.as_of) - pl.col("born_on")).dt.total_days() / 365.25).alias("age")
    band = np.digitize(people.select(age)["age"].to_numpy(), [21, 25, 30, 40, 50, 60])
    bands = pick(list(figures.AGES.value), band)
    return [
        _line("Women", figures.WOMEN, figures.WOMEN.value, _mean(people["sex"] == "Female"), 0.01),
        *_shares("Age", figures.AGES, bands, 0.015),  # type: ignore[arg-type]
        *_shares("Ethnicity", figures.ETHNICITY, people["ethnicity"], 0.015),  # type: ignore[arg-type]
        _line("Ethnicity missing", figures.ETHNICITY_MISSING, figures.ETHNICITY_MISSING.value,
              _mean(people["ethnicity"].is_null()), 0.01),
        *_shares("Religion", figures.RELIGION, people["religion"], 0.015),  # type: ignore[arg-type]
        _line("Disability", figures.DISABILITY, figures.DISABILITY.value,
              _mean(people["disability"].drop_nulls() == "Yes"), 0.02),
        _line("Disability missing", figures.DISABILITY_MISSING,
              figures.DISABILITY_MISSING.value, _mean(people["disability"].is_null()), 0.01),
    ]  # fmt: skip


def _mean(flags: pl.Series) -> float:
    found = flags.mean()
    return float(found) if isinstance(found, int | float) else 0.0


def _levels(extract: Extract) -> list[Line]:
    held = extract.community()
    size = held.height
    names = dict(enumerate(codes.LEVEL_ORDER))
    overall = held["overall"].replace_strict(names, default="not recorded", return_dtype=pl.String)
    lines = _shares("Overall level", figures.OVERALL, overall.fill_null("not recorded"), 0.02)
    for level, figure in ((2, figures.GROUPS_AT_HIGH), (1, figures.GROUPS_AT_MEDIUM)):
        there = held.filter(pl.col("overall") == level)
        said = codes.LEVEL_ORDER[level].lower()
        lines += [
            _line(f"Overall {said}, with it: {group}", figure, share,
                  _mean(there[group] == level), 0.06)
            for group, share in figure.value.items()
        ]  # fmt: skip
    true = extract.true_levels()
    long = held.unpivot(on=list(GROUPS), index="crn", variable_name="group", value_name="now")
    low = long.join(true, on=["crn", "group"]).filter(pl.col("level") > pl.col("now"))
    wanted = float(extract.about["parameters"]["underestimated"])  # type: ignore[index]
    return [
        *lines,
        _line("Truly too low in some group", figures.UNDERESTIMATED, wanted,
              low["crn"].n_unique() / size, 0.02),
    ]  # fmt: skip


def _practice(extract: Extract) -> list[Line]:
    cases = extract.cases
    held = extract.scan("allocations").collect()
    open_ = held.filter(pl.col("ended_on").is_null())
    last_year = pl.col("occurred_on") > pl.lit(extract.as_of) - pl.duration(days=YEAR)
    held_before = held.join(extract.current().select("crn", began="occurred_on"), on="crn")
    changes = held_before.filter(
        last_year, pl.col("occurred_on") > pl.col("began") + pl.duration(days=MONTH)
    ).height
    mean, _ = figures.WORKLOAD.value
    years = extract.current().select(
        (pl.lit(extract.as_of) - pl.col("occurred_on")).dt.total_days().clip(0, YEAR).sum() / YEAR
    )
    asked = extract.scan("enquiries").collect()
    domestic, children = (
        _mean(asked.filter(kind=kind)["requested_on"].is_not_null())
        for kind in ("domestic_abuse", "child_safeguarding")
    )
    done = extract.scan("assessments").filter(
        pl.col("status") == "COMPLETE",
        pl.col("completed_on") > pl.lit(extract.as_of) - pl.duration(days=YEAR),
    )
    weekly = done.select(pl.len()).collect().item() / 52 * figures.NATIONAL_CASELOAD.value / cases
    abusers = (
        extract.scan("registrations").filter(pl.col("type_code") == "ADVP").select("crn").collect()
    )
    return [
        _line("Cases a practitioner", figures.CASES_PER_PRACTITIONER, (35.2, 37.1),
              open_.height / max(open_["staff_code"].n_unique(), 1), 2, "cases"),
        _line("Workload", figures.WORKLOAD, mean, float(open_["workload_percent"].mean() or 0),  # type: ignore[arg-type]
              4, "per cent"),
        _line("Changes of practitioner a year", figures.CHANGES_A_YEAR,
              figures.CHANGES_A_YEAR.value, changes / years.item(), 0.15, "changes"),
        _line("OASys completed a week, nationally", figures.OASYS_A_WEEK,
              figures.OASYS_A_WEEK.value, weekly, 2500, "assessments"),
        _line("Domestic abuse enquiries made", figures.DOMESTIC_ABUSE_ENQUIRIES,
              figures.DOMESTIC_ABUSE_ENQUIRIES.value, domestic, 0.03),
        _line("Child safeguarding enquiries made", figures.SAFEGUARDING_ENQUIRIES,
              figures.SAFEGUARDING_ENQUIRIES.value, children, 0.03),
        _line("Registered for domestic abuse", figures.DOMESTIC_ABUSE_PERPETRATORS,
              figures.DOMESTIC_ABUSE_PERPETRATORS.value,
              abusers["crn"].n_unique() / cases, 0.04),
    ]  # fmt: skip


def _settled_all_year(extract: Extract) -> pl.DataFrame:
    """People in the community all year whose contact was not suspended."""
    return extract.community().filter(
        pl.col("suspended_from").is_null(),
        pl.col("occurred_on") < pl.lit(extract.as_of) - pl.duration(days=YEAR),
    )


def _written_in_a_year(extract: Extract) -> pl.DataFrame:
    """For each case: appointments, other entries by people, and the system's, in a year."""
    year = pl.lit(extract.as_of) - pl.duration(days=YEAR)
    visit = pl.col("type_code").is_in(APPOINTMENTS)
    system = pl.col("system_generated")
    counted = (
        extract.scan("contacts")
        .filter(pl.col("version") == 1)
        .filter(pl.col("occurred_on") > year, pl.col("occurred_on") <= pl.lit(extract.as_of))
        .group_by("crn")
        .agg(visits=visit.sum(), other=(~visit & ~system).sum(), system=system.sum())
        .collect()
    )
    held = _settled_all_year(extract).join(counted, on="crn", how="left")
    return held.with_columns(pl.col("visits", "other", "system").fill_null(0))


def entries_by_level(extract: Extract) -> list[tuple[str, int, float, float, float]]:
    """Recorded level, people, and what was written about each in a year, by whom."""
    rows = _written_in_a_year(extract).drop_nulls("overall").sort("overall")
    means = rows.group_by("overall", maintain_order=True).agg(
        pl.len(), pl.col("visits", "other", "system").mean()
    )
    return [
        (codes.LEVEL_ORDER[level].lower().replace("_", " "), *told)
        for level, *told in means.iter_rows()
    ]


def _contact(extract: Extract) -> list[Line]:
    counted = _written_in_a_year(extract)
    year = pl.lit(extract.as_of) - pl.duration(days=YEAR)
    lines = []
    for i, level in enumerate(codes.LEVEL_ORDER):
        there = counted.filter(pl.col("overall") == i)["visits"]
        if there.len() >= 20:
            lines.append(
                _line(f"Appointments a year: {level.lower().replace('_', ' ')}",
                      figures.APPOINTMENTS_A_YEAR, figures.APPOINTMENTS_A_YEAR.value[level],
                      float(there.mean() or 0), 6, "appointments")  # type: ignore[arg-type]
            )  # fmt: skip
    scale = figures.NATIONAL_CASELOAD.value / extract.cases
    totals = extract.scan("contacts").select(
        n=pl.len(), staff=(~pl.col("system_generated")).mean()
    ).collect()  # fmt: skip
    taken = extract.scan("decisions").filter(
        pl.col("decided") == "recall", pl.col("occurred_on") > year
    ).select(pl.len()).collect().item()  # fmt: skip
    return [
        *lines,
        _line("Contacts in three years, nationally", figures.ENTRIES_NATIONALLY,
              figures.ENTRIES_NATIONALLY.value, totals["n"].item() * scale, 4e6, "entries"),
        _line("Contacts written by a person", figures.STAFF_SHARE, figures.STAFF_SHARE.value,
              totals["staff"].item(), 0.04),
        _line("Recalls a year, nationally", figures.RECALLS_A_YEAR,
              float(figures.RECALLS_A_YEAR.value), taken * scale, 8000, "recalls"),
    ]  # fmt: skip


def _attendance(extract: Extract) -> list[Line]:
    outcome = pl.col("outcome_code")
    by_person = (
        extract.scan("contacts")
        .filter(pl.col("type_code").is_in(APPOINTMENTS), outcome.is_not_null())
        .group_by("crn")
        .agg(
            n=pl.len(),
            kept=outcome.is_in(codes.ATTENDED).sum(),
            missed=outcome.is_in(codes.UNACCEPTABLE_ABSENCE).sum(),
        )
        .collect()
    )
    total, kept, missed = (float(by_person[name].sum()) for name in ("n", "kept", "missed"))
    kept, missed = kept / total, missed / total
    often = by_person.filter(pl.col("n") >= 40)
    mean, spread = figures.KEPT.value
    apart = (often["kept"] / often["n"]).std()
    return [
        _line("Appointments kept", figures.KEPT, mean, kept, 0.03),
        _line("Appointments kept: spread over people", figures.KEPT, spread,
              float(apart or 0), 0.04),  # type: ignore[arg-type]
        _line("Missed without acceptable reason", figures.UNACCEPTABLE,
              figures.UNACCEPTABLE.value, missed, 0.02),
        _line("Missed with acceptable reason, or moved", figures.ACCEPTABLE,
              figures.ACCEPTABLE.value, 1 - kept - missed, 0.02),
    ]  # fmt: skip


def _readers(extract: Extract) -> list[Line]:
    """Audits of the newest round, against the truth and the level that stood there."""
    said = (
        extract.scan("reviews")
        .filter(pl.col("source") == "audit")
        .filter(pl.col("snapshot_on") == pl.col("snapshot_on").max())
        .collect()
    )
    rank = {level: i for i, level in enumerate(codes.LEVEL_ORDER)}
    long = said.unpivot(on=list(GROUPS), index="crn", variable_name="group", value_name="said")
    snapshot = said["snapshot_on"][0]
    held = extract.levels(snapshot).unpivot(
        on=list(GROUPS), index="crn", variable_name="group", value_name="now"
    )
    true = extract.true_levels((extract.as_of - snapshot).days)
    both = (
        long.join(true, on=["crn", "group"])
        .join(held, on=["crn", "group"])
        .with_columns(said=pl.col("said").replace_strict(rank, return_dtype=pl.Int64))
        .drop_nulls("now")
    )
    low = both.filter(pl.col("level") > pl.col("now"))
    right = both.group_by("crn").agg(
        alone=(pl.col("said") == pl.col("now")).all(),
        right=(pl.col("level") == pl.col("now")).all(),
    )
    return [
        _line("Readers: too low, seen as too low", figures.SENSITIVITY, figures.SENSITIVITY.value,
              _mean(low["said"] > low["now"]), 0.08),
        _line("Readers: right, left alone", figures.SPECIFICITY, figures.SPECIFICITY.value,
              _mean(right.filter("right")["alone"]), 0.05),
    ]  # fmt: skip
