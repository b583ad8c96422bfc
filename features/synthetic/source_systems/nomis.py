"""Incidents in custody of the made-up caseload as tables of NOMIS, and what shares them."""

from __future__ import annotations

import polars as pl

from features.synthetic.source_systems.rows import Tables, case_table, iso_day

TYPES = {"violence": "ASSAULT"}
VICTIMS = {"staff": "STAFF_ID", "prisoner": "OFFENDER_BOOK_ID"}


def custody_tables(newest: dict[str, pl.DataFrame]) -> tuple[Tables, Tables]:
    """INCIDENT_CASES with parties, alerts and case notes of NOMIS; and CONTACT rows of NDelius.

    An incident reached probation when it was recorded in the made-up record: a contact that was
    made then names a case note of the day.
    """
    rows = newest["incidents"].filter(pl.col("setting") == "custody")
    incidents = rows.filter(pl.col("kind").is_in(list(TYPES)))
    alerts = newest["incidents"].filter(pl.col("kind") == "custody_intelligence")
    shared = pl.concat([incidents, alerts])
    people = shared.select("crn").unique()
    nomis = {
        "OFFENDERS": people.select(
            OFFENDER_ID="crn",
            OFFENDER_ID_DISPLAY=pl.concat_str(
                pl.lit("A"),
                pl.col("crn").str.slice(1, 4),
                pl.lit("Z"),
                pl.col("crn").str.slice(5),
            ),
        ),
        "OFFENDER_BOOKINGS": people.select(OFFENDER_BOOK_ID="crn", OFFENDER_ID="crn"),
        "INCIDENT_CASES": incidents.select(
            INCIDENT_CASE_ID="_number",
            INCIDENT_DATE=iso_day("occurred_on"),
            INCIDENT_TYPE=pl.col("kind").replace_strict(TYPES),
        ),
        "INCIDENT_CASE_PARTIES": pl.concat(
            [
                incidents.select(
                    INCIDENT_CASE_ID="_number",
                    PARTY_SEQ=pl.lit("1"),
                    PARTICIPATION_ROLE=pl.lit("ASSIAL"),
                    OFFENDER_BOOK_ID="crn",
                ),
                *[
                    incidents.filter(pl.col("target") == target).select(
                        INCIDENT_CASE_ID="_number",
                        PARTY_SEQ=pl.lit("2"),
                        PARTICIPATION_ROLE=pl.lit("VICT"),
                        **{column: pl.lit("somebody")},
                    )
                    for target, column in VICTIMS.items()
                ],
            ],
            how="diagonal",
        ),
        "OFFENDER_ALERTS": alerts.select(
            OFFENDER_BOOK_ID="crn",
            ALERT_SEQ="_number",
            ALERT_DATE=iso_day("occurred_on"),
            ALERT_TYPE=pl.lit("X"),
        ),
        "OFFENDER_CASE_NOTES": shared.select(
            CASE_NOTE_ID="_number", OFFENDER_BOOK_ID="crn", CONTACT_DATE=iso_day("occurred_on")
        ),
    }
    contacts = case_table(
        shared,
        CONTACT_ID=pl.concat_str(pl.lit("8"), pl.col("_number")),
        CONTACT_DATE=pl.col("_created").dt.strftime("%Y-%m-%d"),
        CONTACT_TYPE_ID=pl.lit("NOMISD"),
        NOMIS_CASE_NOTE_ID=pl.col("_number"),
    )
    return nomis, {"CONTACT": contacts}
