"""AQ and RG: how far the recorded level can be trusted, from the assessment and the registers."""

from __future__ import annotations

import polars as pl

from features.contracts import codes
from features.history.asof import CASE, CASE_GROUP, Histories, latest_rows
from features.history.recorded_levels import current_assessment
from features.indicators.answers import answers_to
from features.indicators.base import EVIDENCE, declare_indicator
from features.indicators.events import significant_events
from features.indicators.language import (
    IS_LAST,
    N,
    concerning_groups,
    counts_within,
    in_force,
    is_overdue,
    matching_entries,
    never_followed_by,
    one_of,
    value_before,
)
from features.indicators.orders import ORDERS
from features.indicators.ranks import level_word, levels_said, overall_now, overall_ranks, rank_of

SFO_REVIEW = "Independent serious further offence review (HM Inspectorate of Probation)"
CORONER_OCTOBER = "Chief Probation Officer's response to a coroner, October 2024"

REGISTERS_BY_LEVEL = sorted(
    codes.OVERALL_REGISTER,
    key=lambda code: codes.LEVEL_ORDER.index(codes.OVERALL_REGISTER[code]),
)


def _current_assessments(histories: Histories) -> pl.LazyFrame:
    return current_assessment(histories).with_columns(table=pl.lit("assessments"))


@declare_indicator(
    family="AQ",
    kind="process",
    sentence="The current assessment is {d} days old.",
    feeds=("assessments",),
    source=f"{SFO_REVIEW}, recommendation 8; {CORONER_OCTOBER}, section 3",
    value=pl.col("age").max(),
    words={"d": pl.col("age").max()},
    none=None,
    fires_from=180.0,
)
def assessment_age_days(histories: Histories) -> pl.LazyFrame:
    """Days since the latest completed assessment was completed; not known where there is none."""
    return _current_assessments(histories)


@declare_indicator(
    family="AQ",
    kind="process",
    sentence="An assessment was locked, or left open for over 45 days, before it was complete (started "
    "on {date}); none has been completed since.",
    feeds=("assessments",),
    source=f"{SFO_REVIEW}, sections 4 and 10: locks 45 days after it was started",
    words={"n": N, "date": pl.col("occurred_on").max()},
)
def assessment_locked_incomplete(histories: Histories) -> pl.LazyFrame:
    """Assessments locked incomplete after the latest one that was completed, or started after it and
    left open for more than 45 days.
    """
    completed = current_assessment(histories).select(*CASE, done_on=pl.col("completed_on"))
    left_open = (pl.col("status") == "OPEN") & (pl.col("days") > 45)
    rows = matching_entries(
        histories, "assessments", (pl.col("status") == "LOCKED_INCOMPLETE") | left_open
    )
    since = pl.coalesce("completed_on", "occurred_on")
    return rows.join(completed, on=CASE, how="left").filter(
        pl.col("done_on").is_null() | (since > pl.col("done_on"))
    )


@declare_indicator(
    family="AQ",
    kind="process",
    sentence="{n} significant event[|s] [has|have] become known since the last assessment, without a "
    "review.",
    feeds=("assessments", "contacts", "incidents", "circumstances"),
    source=f"{SFO_REVIEW}, sections 5 and 12; {CORONER_OCTOBER}, section 3",
    disclosure="possible",
    disclosable_sentence="Events since the last assessment have not been reviewed.",
)
def no_review_after_significant_event(histories: Histories) -> pl.LazyFrame:
    """Significant events that became known in the last 365 days, more than 15 working days ago, and
    after which no assessment was completed.
    """
    events = significant_events(histories).filter(counts_within(365), is_overdue(15, "counts_on"))
    return never_followed_by(events, answers_to(histories, "no_review_after_significant_event"))


@declare_indicator(
    family="AQ",
    kind="process",
    sentence="The latest assessment repeats the analysis of the one before word for word.",
    feeds=("assessments",),
    source=f"{SFO_REVIEW}, sections 5, 12 and 13",
)
def assessment_copied_forward(histories: Histories) -> pl.LazyFrame:
    """The latest two completed assessments have the same fingerprint of their analysis."""
    completed = matching_entries(
        histories,
        "assessments",
        pl.col("status") == "COMPLETE",
        pl.col("completed_on").is_not_null(),
        pl.col("analysis_fingerprint").is_not_null(),
    )
    ordered = completed.sort(*CASE, "completed_on", "record_id")
    fingerprint = pl.col("analysis_fingerprint")
    return ordered.filter(IS_LAST & (fingerprint == value_before(fingerprint)))


@declare_indicator(
    family="AQ",
    kind="process",
    sentence="Risk to this group is recorded as low although {n} recorded event[|s] [concerns|concern] this group.",
    feeds=("assessments", "incidents"),
    source=f"{SFO_REVIEW}, sections 5 and 10",
    per_group=True,
    disclosure="possible",
    disclosable_sentence="Events on record are not reflected in the level for this group.",
)
def risk_group_low_with_evidence(histories: Histories) -> pl.LazyFrame:
    """Violence, threats, abuse or sexual behaviour, and intelligence or a provider's concern that says
    whom it is about, known for less than 730 days, concerning a group of which the latest completed
    assessment that gives it a level says low.
    """
    about_group = concerning_groups(histories).filter(counts_within(730))
    low = levels_said(histories).filter(pl.col("level") == "LOW")
    return about_group.join(low, on=CASE_GROUP, how="semi")


@declare_indicator(
    family="AQ",
    kind="process",
    sentence="Actuarial scores are {band} while the highest recorded level is {level}.",
    feeds=("assessments",),
    source=f"{CORONER_OCTOBER}, sections 3 and 7",
    groups=("public", "known_adult"),
    value=(pl.col("band") - pl.col("overall")).max(),
    words={
        "band": level_word(pl.col("band").max()),
        "level": level_word(pl.col("overall").max()),
    },
)
def actuarial_level_mismatch(histories: Histories) -> pl.LazyFrame:
    """How many levels the higher of the latest serious and violence predictor bands, of an assessment
    or of predictor scores alone, lies above the overall level.
    """
    band = pl.max_horizontal(rank_of(name) for name in ("serious_band", "violence_band"))
    scored = matching_entries(
        histories,
        "assessments",
        one_of("status", ["COMPLETE", "PREDICTORS_ONLY"]),
        band.is_not_null(),
    )
    overall = overall_now(histories).select(*CASE, overall="now")
    banded = latest_rows(scored.with_columns(band=band), by="completed_on")
    return banded.join(overall, on=CASE, how="inner").filter(pl.col("band") > pl.col("overall"))


@declare_indicator(
    family="AQ",
    kind="process",
    sentence="The assessment needed countersigning and was {how}.",
    feeds=("assessments",),
    source=f"{SFO_REVIEW}, recommendation 8 and section 14; {CORONER_OCTOBER}, section 3",
    words={
        "how": pl.when(pl.col("countersigned_at").is_null())
        .then(pl.lit("not countersigned"))
        .otherwise(pl.lit("countersigned within ten minutes of being signed"))
        .last()
    },
)
def countersignature_missing_or_rushed(histories: Histories) -> pl.LazyFrame:
    """The latest completed assessment needed countersigning, and it was not done, or done within 10
    minutes of signing. It is needed where it says so, and where nothing is said and its overall level
    is high or very high.
    """
    taken = (pl.col("countersigned_at") - pl.col("signed_at")).dt.total_minutes()
    rushed = (taken < 10).fill_null(value=False)
    high = (pl.col("overall") >= 3).fill_null(value=False)
    needed = pl.col("countersign_required").fill_null(high)
    rows = latest_rows(overall_ranks(histories), by="completed_on")
    return rows.filter(needed, pl.col("countersigned_at").is_null() | rushed)


@declare_indicator(
    family="AQ",
    kind="process",
    sentence="There is no risk management plan since the latest assessment was started, or none at all.",
    feeds=("assessments", "documents", "supervisions"),
    source=f"{CORONER_OCTOBER}, section 3; {SFO_REVIEW}, section 9",
)
def plan_missing_or_before_assessment(histories: Histories) -> pl.LazyFrame:
    """The latest completed assessment has no plan, neither its own nor a plan on file, dated since it was
    started; or an order or licence has been in force for more than 15 working days with no completed
    assessment and no plan on file since it began.
    """
    columns = [*CASE, "as_of", *EVIDENCE]
    filed = matching_entries(histories, "documents", pl.col("kind") == "plan")
    plan = pl.col("plan_written_on")
    without = _current_assessments(histories).filter(
        plan.is_null() | (plan < pl.col("occurred_on"))
    )
    without = never_followed_by(without, filed, since="occurred_on")
    orders = in_force(histories, "supervisions", one_of("kind", ORDERS)).filter(is_overdue(15))
    never = orders.join(current_assessment(histories).select(CASE), on=CASE, how="anti")
    never = never_followed_by(never, filed, since="occurred_on")
    return pl.concat([without.select(columns), never.select(columns)])


@declare_indicator(
    family="RG",
    kind="process",
    sentence="A civil order ({kinds}) is in force with no matching register entry.",
    feeds=("orders", "registrations"),
    source=f"{CORONER_OCTOBER}, section 8",
    groups=("public", "known_adult"),
    words={"n": N, "kinds": pl.col("kind").replace(codes.ORDER_KINDS).unique()},
)
def civil_order_without_register(histories: Histories) -> pl.LazyFrame:
    """Restraining and similar orders in force without the active register entry they need."""
    in_force = matching_entries(
        histories,
        "orders",
        one_of("kind", codes.CIVIL_ORDERS),
        pl.col("ended_on").is_null(),
    ).with_columns(register=pl.col("kind").replace_strict(codes.CIVIL_ORDERS, default=None))
    active = histories.scan("registrations").filter(pl.col("ended_on").is_null())
    return in_force.join(
        active.select(*CASE, register=pl.col("type_code")), on=[*CASE, "register"], how="anti"
    )


@declare_indicator(
    family="RG",
    kind="process",
    sentence="The register says {register} and the assessment says {level}.",
    feeds=("registrations", "assessments"),
    source=f"{CORONER_OCTOBER}, sections 3 and 8",
    value=pl.len().clip(0, 1),
    words={
        "register": level_word(pl.col("registered").max()),
        "level": level_word(pl.col("overall").max()),
    },
)
def register_level_mismatch(histories: Histories) -> pl.LazyFrame:
    """The highest active overall RoSH register is higher than the latest assessment's overall."""
    active = matching_entries(
        histories,
        "registrations",
        one_of("type_code", codes.OVERALL_REGISTER),
        pl.col("ended_on").is_null(),
    )
    ranked = active.with_columns(registered=rank_of("type_code", REGISTERS_BY_LEVEL))
    overall = overall_now(histories).select(*CASE, overall="now")
    return ranked.join(overall, on=CASE, how="inner").filter(
        pl.col("registered") > pl.col("overall")
    )
