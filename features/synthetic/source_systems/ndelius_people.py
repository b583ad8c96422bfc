"""People, limits, officers and units of the made-up caseload as tables of NDelius."""

from __future__ import annotations

import polars as pl

from features.synthetic.source_systems.rows import (
    CREATED,
    DELETED,
    UPDATED,
    Tables,
    case_table,
    iso_day,
    local_time,
    offender_id,
)


def people_tables(newest: dict[str, pl.DataFrame]) -> Tables:
    """OFFENDER and USER_, EXCLUSION, RESTRICTION."""
    people, limits = newest["people"], newest["limits"]
    since = {CREATED: local_time("_created"), UPDATED: local_time("_updated")}
    offenders = people.select(
        OFFENDER_ID=offender_id(),
        CRN="crn",
        NOMS_NUMBER=_noms_number(),
        FIRST_NAME=pl.coalesce("given_name", pl.lit("Made")),
        SURNAME=pl.coalesce("family_name", pl.lit("Up")),
        DATE_OF_BIRTH_DATE=iso_day("born_on"),
        GENDER_ID=pl.when(pl.col("sex") == "female").then(pl.lit("G-F")).otherwise(pl.lit("G-M")),
        **since,
        **{DELETED: pl.lit("0")},
    )
    tables = {"OFFENDER": offenders}
    for kind in ("exclusion", "restriction"):
        table = kind.upper()
        own = limits.filter(pl.col("kind") == kind)
        columns = {
            f"{table}_ID": pl.col("_number"),
            f"{table}_DATE": iso_day("occurred_on"),
            f"{table}_END_DATE": iso_day("ended_on"),
            "USER_ID": pl.col("username"),
        }
        tables[table] = case_table(own, **columns)
    tables["USER_"] = limits.select(
        USER_ID=pl.col("username"), DISTINGUISHED_NAME=pl.col("username")
    ).drop_nulls()
    return tables


def _noms_number() -> pl.Expr:
    digits = pl.col("crn").str.slice(1)
    return pl.concat_str(pl.lit("A"), digits.str.slice(0, 4), pl.lit("Z"), digits.str.slice(4))


def staff_tables(newest: dict[str, pl.DataFrame]) -> Tables:
    """OFFENDER_MANAGER, STAFF, TEAM, DISTRICT, BOROUGH, PROBATION_AREA and MANAGEMENT_TIER."""
    allocations, placed = newest["allocations"], newest["supervisions"].drop_nulls("team_code")
    teams = placed.sort("occurred_on").unique("crn", keep="last").select("crn", "team_code")
    held = allocations.join(teams, on="crn", how="left")
    last = pl.col("ended_on").is_null()
    codes = placed.select("team_code", "lau_code", "pdu_code", "provider_code").unique()
    staff = held.sort("occurred_on").unique("staff_code", keep="last")
    return {
        "OFFENDER_MANAGER": case_table(
            held,
            OFFENDER_MANAGER_ID=pl.col("_number"),
            ALLOCATION_DATE=iso_day("occurred_on"),
            END_DATE=iso_day("ended_on"),
            ALLOCATION_STAFF_ID=pl.col("staff_code"),
            TEAM_ID=pl.col("team_code"),
            ACTIVE_FLAG=last.cast(pl.Int8),
        ),
        "STAFF": staff.select(
            STAFF_ID="staff_code",
            OFFICER_CODE="staff_code",
            STAFF_GRADE_ID=pl.concat_str(pl.lit("GR-"), "grade"),
        ),
        "TEAM": codes.select(
            TEAM_ID="team_code",
            CODE="team_code",
            DISTRICT_ID="lau_code",
            PROBATION_AREA_ID="provider_code",
        ),
        "DISTRICT": codes.select(
            DISTRICT_ID="lau_code", CODE="lau_code", BOROUGH_ID="pdu_code"
        ).unique(),
        "BOROUGH": codes.select(BOROUGH_ID="pdu_code", CODE="pdu_code").unique(),
        "PROBATION_AREA": codes.select(
            PROBATION_AREA_ID="provider_code", CODE="provider_code"
        ).unique(),
        "MANAGEMENT_TIER": case_table(
            newest["supervisions"].drop_nulls("tier"),
            TIER_ID=pl.concat_str(pl.lit("TI-"), pl.col("tier")),
            DATE_CHANGED=iso_day("occurred_on"),
        ),
    }
