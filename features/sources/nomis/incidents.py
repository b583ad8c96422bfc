"""NOMIS, declared: adjudications, incidents and security alerts in prison become incidents."""

from __future__ import annotations

import polars as pl

from features.sources.mapping import ID, NOTHING, Grading, Mapping, Value, by_words
from features.sources.nomis.rows import harmed_group_value, harmed_groups, with_case
from features.sources.tables import SourceTables

ADJUDICATIONS = {
    "51:1": ("violence", 3),
    "51:2": ("violence", 4),
    "51:4": ("violence", 2),
    "51:9": ("substance_use", 2),
    "51:20": ("threat", 2),
}
"""Kind and seriousness by the paragraph of Prison Rule 51: assault, detaining, fighting, drugs,
threatening words.
"""
BY_WORDS = (
    ("sexual", 4, "sexual assault|rape"),
    ("sexual", 3, "sexual|indecent"),
    ("weapon", 3, "weapon|blade|knife"),
)
"""Kind and seriousness by the words of the charge, which go before its paragraph."""
CHARGE = Grading(BY_WORDS, ADJUDICATIONS)
VICTIMS = (
    ("staff", "officer|member of staff|of staff"),
    ("prisoner", "(assault on|will of an) (inmate|prisoner)|will of an inmate"),
)
"""Who was harmed, by the words of a charge, where no victim is named."""
INCIDENT_TYPES = {"ASSAULT": "violence", "FIGHT": "violence", "HOSTAGE": "violence"}
PERPETRATORS = ("ASSIAL", "FIGHT", "HOST", "PERP", "SUSINV", "ACTINV")
"""Roles of those who did it (assailant, fighter, hostage taker, perpetrator, suspected, active)."""


def _charges(tables: SourceTables) -> pl.LazyFrame:
    rows = tables.scan(
        "AGENCY_INCIDENT_CHARGES",
        "AGENCY_INCIDENT_ID",
        "CHARGE_SEQ",
        "PARTY_SEQ",
        "CHARGED_OIC_OFFENCE_ID",
        "FINDING_CODE",
    )
    incidents = tables.scan("AGENCY_INCIDENTS", "AGENCY_INCIDENT_ID", "INCIDENT_DATE")
    parties = tables.scan(
        "AGENCY_INCIDENT_PARTIES", "AGENCY_INCIDENT_ID", "PARTY_SEQ", "OFFENDER_BOOK_ID"
    )
    offences = tables.scan("OIC_OFFENCES", "OIC_OFFENCE_ID", "OIC_OFFENCE_CODE", "DESCRIPTION")
    harmed = harmed_groups(tables, "AGENCY_INCIDENT_PARTIES", "AGENCY_INCIDENT_ID", "INCIDENT_ROLE")
    results = tables.scan("OIC_HEARING_RESULTS", "AGENCY_INCIDENT_ID", "CHARGE_SEQ", "FINDING_CODE")
    findings = results.group_by("AGENCY_INCIDENT_ID", "CHARGE_SEQ").agg(
        (pl.col("FINDING_CODE") == "PROVED").any().alias("_proved")
    )
    keys = ["AGENCY_INCIDENT_ID", "PARTY_SEQ"]
    rows = (
        rows.join(
            incidents.unique("AGENCY_INCIDENT_ID", keep="any"), on="AGENCY_INCIDENT_ID", how="left"
        )
        .join(parties.unique(keys, keep="any"), on=keys, how="left")
        .join(
            offences.unique("OIC_OFFENCE_ID", keep="any"),
            left_on="CHARGED_OIC_OFFENCE_ID",
            right_on="OIC_OFFENCE_ID",
            how="left",
        )
        .join(findings, on=["AGENCY_INCIDENT_ID", "CHARGE_SEQ"], how="left")
        .join(harmed, on="AGENCY_INCIDENT_ID", how="left")
    )
    rule = pl.col("OIC_OFFENCE_CODE").str.extract(r"^(51:\d+)")
    words = pl.col("DESCRIPTION").fill_null("")
    rows = rows.with_columns(
        CHARGE.kind(words, rule).alias("_kind"),
        CHARGE.severity(words, rule).alias("_severity"),
        pl.coalesce("_target", by_words(words, VICTIMS)).alias("_target"),
    )
    rows = rows.with_columns(
        pl.concat_str("AGENCY_INCIDENT_ID", "CHARGE_SEQ", separator="-").alias(ID),
        pl.when(rule.is_null())
        .then(pl.lit("its offence is not in OIC_OFFENCES"))
        .when(pl.col("_kind").is_null())
        .then(pl.lit("a charge that is not violence, sexual harm, threat, weapons or drugs"))
        .alias(NOTHING),
    )
    return with_case(rows, tables, "INCIDENT_DATE")


_RULE = (
    "AGENCY_INCIDENT_CHARGES.CHARGED_OIC_OFFENCE_ID",
    "OIC_OFFENCES.OIC_OFFENCE_CODE",
    "OIC_OFFENCES.DESCRIPTION",
)
_FIXED = (
    Value(
        "setting",
        ("OFFENDER_BOOKINGS.OFFENDER_BOOK_ID",),
        "always custody",
        pl.lit("custody"),
        codes=("custody",),
    ),
)

CHARGES = Mapping(
    record="incidents",
    table="AGENCY_INCIDENT_CHARGES",
    rows="charges of violence, sexual harm, threat, weapons and drugs at adjudication that were shared "
    "with probation",
    prepare=_charges,
    day=Value(
        "occurred_on", ("AGENCY_INCIDENTS.INCIDENT_DATE",), "the day of the incident", pl.col("_on")
    ),
    values=(
        Value(
            "kind",
            _RULE,
            "by the words of the charge (sexual, weapon), else by the paragraph of Prison Rule 51",
            pl.col("_kind"),
            codes=CHARGE.kinds,
        ),
        Value("severity", _RULE, "likewise", pl.col("_severity")),
        Value(
            "proven",
            ("OIC_HEARING_RESULTS.FINDING_CODE", "AGENCY_INCIDENT_CHARGES.FINDING_CODE"),
            "whether some hearing found it proved; null where none did anything",
            pl.coalesce("_proved", pl.col("FINDING_CODE") == "PROVED"),
        ),
        harmed_group_value("AGENCY_INCIDENT_PARTIES", "INCIDENT_ROLE", "OIC_OFFENCES.DESCRIPTION"),
        *_FIXED,
    ),
    prefix="charge-",
)


def _parties(tables: SourceTables) -> pl.LazyFrame:
    rows = tables.scan(
        "INCIDENT_CASE_PARTIES",
        "INCIDENT_CASE_ID",
        "PARTY_SEQ",
        "OFFENDER_BOOK_ID",
        "PARTICIPATION_ROLE",
    )
    cases = tables.scan("INCIDENT_CASES", "INCIDENT_CASE_ID", "INCIDENT_DATE", "INCIDENT_TYPE")
    rows = rows.join(
        cases.unique("INCIDENT_CASE_ID", keep="any"), on="INCIDENT_CASE_ID", how="left"
    )
    harmed = harmed_groups(
        tables, "INCIDENT_CASE_PARTIES", "INCIDENT_CASE_ID", "PARTICIPATION_ROLE"
    )
    rows = rows.join(harmed, on="INCIDENT_CASE_ID", how="left")
    kind = pl.col("INCIDENT_TYPE").replace_strict(
        INCIDENT_TYPES, default=None, return_dtype=pl.String
    )
    did_it = pl.col("PARTICIPATION_ROLE").is_in(list(PERPETRATORS))
    rows = rows.with_columns(
        pl.concat_str("INCIDENT_CASE_ID", "PARTY_SEQ", separator="-").alias(ID),
        kind.alias("_kind"),
        pl.when(pl.col("OFFENDER_BOOK_ID").is_null())
        .then(pl.lit("staff or a visitor, not a prisoner"))
        .when(kind.is_null())
        .then(pl.lit("a type of incident that is no violence"))
        .when(~did_it.fill_null(value=False))
        .then(pl.lit("a victim, witness or other role"))
        .alias(NOTHING),
    )
    return with_case(rows, tables, "INCIDENT_DATE")


INCIDENTS = Mapping(
    record="incidents",
    table="INCIDENT_CASE_PARTIES",
    rows="those who did it in incidents of violence that were shared with probation",
    prepare=_parties,
    day=Value(
        "occurred_on", ("INCIDENT_CASES.INCIDENT_DATE",), "the day of the incident", pl.col("_on")
    ),
    values=(
        Value(
            "kind",
            ("INCIDENT_CASES.INCIDENT_TYPE",),
            "violence, by its type",
            pl.col("_kind"),
            codes=("violence",),
        ),
        Value(
            "certainty",
            ("INCIDENT_CASE_PARTIES.PARTICIPATION_ROLE",),
            "an allegation: no hearing has found it",
            pl.lit("allegation"),
            codes=("allegation",),
        ),
        harmed_group_value("INCIDENT_CASE_PARTIES", "PARTICIPATION_ROLE"),
        *_FIXED,
    ),
    prefix="incident-",
)


def _alerts(tables: SourceTables) -> pl.LazyFrame:
    rows = tables.scan(
        "OFFENDER_ALERTS", "OFFENDER_BOOK_ID", "ALERT_SEQ", "ALERT_DATE", "ALERT_TYPE"
    )
    rows = rows.with_columns(
        pl.concat_str("OFFENDER_BOOK_ID", "ALERT_SEQ", separator="-").alias(ID),
        pl.when((pl.col("ALERT_TYPE") != "X").fill_null(value=True))
        .then(pl.lit("not a security alert"))
        .alias(NOTHING),
    )
    return with_case(rows, tables, "ALERT_DATE")


ALERTS = Mapping(
    record="incidents",
    table="OFFENDER_ALERTS",
    rows="security alerts that were shared with probation",
    prepare=_alerts,
    day=Value(
        "occurred_on", ("OFFENDER_ALERTS.ALERT_DATE",), "the day of the alert", pl.col("_on")
    ),
    values=(
        Value(
            "kind",
            ("OFFENDER_ALERTS.ALERT_TYPE",),
            "prison intelligence (type X)",
            pl.lit("custody_intelligence"),
            codes=("custody_intelligence",),
        ),
        Value(
            "certainty",
            ("OFFENDER_ALERTS.ALERT_TYPE",),
            "intelligence",
            pl.lit("intelligence"),
            codes=("intelligence",),
        ),
        Value("disclosable", ("OFFENDER_ALERTS.ALERT_TYPE",), "never", pl.lit(value=False)),
        *_FIXED,
    ),
    prefix="alert-",
)

MAPPINGS: tuple[Mapping, ...] = (CHARGES, INCIDENTS, ALERTS)
