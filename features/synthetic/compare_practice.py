"""Compares the targets for practice with what was generated: entries, contact, readers."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from features.contracts import codes, contact_codes
from features.synthetic import figures
from features.synthetic.draw import MONTH
from features.synthetic.lines import make_line, mean_of
from features.synthetic.measure import GROUPS, Extract, Line

YEAR = 365
APPOINTMENTS = tuple(contact_codes.CONTACT_GROUPS["appointment"])


def _compare_assessment_practice(extract: Extract) -> list[Line]:
    cases = extract.case_count
    allocations = extract.scan("allocations").collect()
    open_ = allocations.filter(pl.col("ended_on").is_null())
    last_year = pl.col("occurred_on") > pl.lit(extract.as_of) - pl.duration(days=YEAR)
    held_before = allocations.join(
        extract.current_people().select("crn", began="occurred_on"), on="crn"
    )
    changes = held_before.filter(
        last_year, pl.col("occurred_on") > pl.col("began") + pl.duration(days=MONTH)
    ).height
    mean, _ = figures.WORKLOAD.value
    years = extract.current_people().select(
        (pl.lit(extract.as_of) - pl.col("occurred_on")).dt.total_days().clip(0, YEAR).sum() / YEAR
    )
    enquiries = extract.scan("enquiries").collect()
    domestic, children = (
        mean_of(enquiries.filter(kind=kind)["requested_on"].is_not_null())
        for kind in ("domestic_abuse", "child_safeguarding")
    )
    completed = extract.scan("assessments").filter(
        pl.col("status") == "COMPLETE",
        pl.col("completed_on") > pl.lit(extract.as_of) - pl.duration(days=YEAR),
    )
    weekly = (
        completed.select(pl.len()).collect().item() / 52 * figures.NATIONAL_CASELOAD.value / cases
    )
    abusers = (
        extract.scan("registrations").filter(pl.col("type_code") == "ADVP").select("crn").collect()
    )
    return [
        make_line(
            "Cases a practitioner",
            figures.CASES_PER_PRACTITIONER,
            (35.2, 37.1),
            open_.height / max(open_["staff_code"].n_unique(), 1),
            2,
            "cases",
        ),
        make_line(
            "Workload",
            figures.WORKLOAD,
            mean,
            float(open_["workload_percent"].mean() or 0),  # type: ignore[arg-type]
            4,
            "per cent",
        ),
        make_line(
            "Changes of practitioner a year",
            figures.CHANGES_A_YEAR,
            figures.CHANGES_A_YEAR.value,
            changes / years.item(),
            0.15,
            "changes",
        ),
        make_line(
            "OASys completed a week, nationally",
            figures.OASYS_A_WEEK,
            figures.OASYS_A_WEEK.value,
            weekly,
            2500,
            "assessments",
        ),
        make_line(
            "Domestic abuse enquiries made",
            figures.DOMESTIC_ABUSE_ENQUIRIES,
            figures.DOMESTIC_ABUSE_ENQUIRIES.value,
            domestic,
            0.03,
        ),
        make_line(
            "Child safeguarding enquiries made",
            figures.SAFEGUARDING_ENQUIRIES,
            figures.SAFEGUARDING_ENQUIRIES.value,
            children,
            0.03,
        ),
        make_line(
            "Registered for domestic abuse",
            figures.DOMESTIC_ABUSE_PERPETRATORS,
            figures.DOMESTIC_ABUSE_PERPETRATORS.value,
            abusers["crn"].n_unique() / cases,
            0.04,
        ),
    ]


def _settled_all_year(extract: Extract) -> pl.DataFrame:
    """People in the community all year whose contact was not suspended."""
    return extract.community_people().filter(
        pl.col("suspended_from").is_null(),
        pl.col("occurred_on") < pl.lit(extract.as_of) - pl.duration(days=YEAR),
    )


def _written_in_a_year(extract: Extract) -> pl.DataFrame:
    """For each case, in a year: appointments, other entries by people, entries by the system."""
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
    people = _settled_all_year(extract).join(counted, on="crn", how="left")
    return people.with_columns(pl.col("visits", "other", "system").fill_null(0))


def entries_by_level(extract: Extract) -> list[tuple[str, int, float, float, float]]:
    """For each recorded level: the number of people, and entries per person and year by author."""
    rows = _written_in_a_year(extract).drop_nulls("overall").sort("overall")
    means = rows.group_by("overall", maintain_order=True).agg(
        pl.len(), pl.col("visits", "other", "system").mean()
    )
    return [
        (codes.LEVEL_ORDER[level].lower().replace("_", " "), *means_of)
        for level, *means_of in means.iter_rows()
    ]


def _compare_contact(extract: Extract) -> list[Line]:
    counted = _written_in_a_year(extract)
    year = pl.lit(extract.as_of) - pl.duration(days=YEAR)
    lines = []
    for i, level in enumerate(codes.LEVEL_ORDER):
        there = counted.filter(pl.col("overall") == i)["visits"]
        if there.len() >= 20:
            lines.append(
                make_line(
                    f"Appointments a year: {level.lower().replace('_', ' ')}",
                    figures.APPOINTMENTS_A_YEAR,
                    figures.APPOINTMENTS_A_YEAR.value[level],
                    float(there.mean() or 0),  # type: ignore[arg-type]
                    6,
                    "appointments",
                )
            )
    scale = figures.NATIONAL_CASELOAD.value / extract.case_count
    totals = (
        extract.scan("contacts")
        .select(n=pl.len(), staff=(~pl.col("system_generated")).mean())
        .collect()
    )
    taken = (
        extract.scan("decisions")
        .filter(pl.col("decided") == "recall", pl.col("occurred_on") > year)
        .select(pl.len())
        .collect()
        .item()
    )
    return [
        *lines,
        make_line(
            "Contacts in three years, nationally",
            figures.ENTRIES_NATIONALLY,
            figures.ENTRIES_NATIONALLY.value,
            totals["n"].item() * scale,
            4e6,
            "entries",
        ),
        make_line(
            "Contacts written by a person",
            figures.STAFF_SHARE,
            figures.STAFF_SHARE.value,
            totals["staff"].item(),
            0.04,
        ),
        make_line(
            "Recalls a year, nationally",
            figures.RECALLS_A_YEAR,
            float(figures.RECALLS_A_YEAR.value),
            taken * scale,
            8000,
            "recalls",
        ),
    ]


def _compare_attendance(extract: Extract) -> list[Line]:
    outcome = pl.col("outcome_code")
    by_person = (
        extract.scan("contacts")
        .filter(pl.col("type_code").is_in(APPOINTMENTS), outcome.is_not_null())
        .group_by("crn")
        .agg(
            n=pl.len(),
            kept=outcome.is_in(contact_codes.ATTENDED).sum(),
            missed=outcome.is_in(contact_codes.UNACCEPTABLE_ABSENCE).sum(),
        )
        .collect()
    )
    total, attended, missed = (float(by_person[name].sum()) for name in ("n", "kept", "missed"))
    attended, missed = attended / total, missed / total
    often = by_person.filter(pl.col("n") >= 40)
    mean, spread = figures.ATTENDED_SHARE.value
    apart = (often["kept"] / often["n"]).std()
    return [
        make_line("Appointments kept", figures.ATTENDED_SHARE, mean, attended, 0.03),
        make_line(
            "Appointments kept: spread over people",
            figures.ATTENDED_SHARE,
            spread,
            float(apart or 0),  # type: ignore[arg-type]
            0.04,
        ),
        make_line(
            "Missed without acceptable reason",
            figures.UNACCEPTABLE,
            figures.UNACCEPTABLE.value,
            missed,
            0.02,
        ),
        make_line(
            "Missed with acceptable reason, or moved",
            figures.ACCEPTABLE,
            figures.ACCEPTABLE.value,
            1 - attended - missed,
            0.02,
        ),
    ]


def _compare_readers(extract: Extract) -> list[Line]:
    """The newest round of audits against the truth and the level recorded then."""
    readings = (
        extract.scan("reviews")
        .filter(pl.col("source") == "audit")
        .filter(pl.col("snapshot_on") == pl.col("snapshot_on").max())
        .collect()
    )
    rank = {level: i for i, level in enumerate(codes.LEVEL_ORDER)}
    long = readings.unpivot(on=list(GROUPS), index="crn", variable_name="group", value_name="said")
    snapshot = readings["snapshot_on"][0]
    levels = extract.levels(snapshot).unpivot(
        on=list(GROUPS), index="crn", variable_name="group", value_name="now"
    )
    true = extract.true_levels((extract.as_of - snapshot).days)
    both = (
        long.join(true, on=["crn", "group"])
        .join(levels, on=["crn", "group"])
        .with_columns(said=pl.col("said").replace_strict(rank, return_dtype=pl.Int64))
        .drop_nulls("now")
    )
    low = both.filter(pl.col("level") > pl.col("now"))
    right = both.group_by("crn").agg(
        alone=(pl.col("said") == pl.col("now")).all(),
        right=(pl.col("level") == pl.col("now")).all(),
    )
    return [
        make_line(
            "Readers: too low, seen as too low",
            figures.SENSITIVITY,
            figures.SENSITIVITY.value,
            mean_of(low["said"] > low["now"]),
            0.08,
        ),
        make_line(
            "Readers: right, left alone",
            figures.SPECIFICITY,
            figures.SPECIFICITY.value,
            mean_of(right.filter("right")["alone"]),
            0.05,
        ),
    ]


PARTS: tuple[Callable[[Extract], list[Line]], ...] = (
    _compare_assessment_practice,
    _compare_contact,
    _compare_attendance,
    _compare_readers,
)
