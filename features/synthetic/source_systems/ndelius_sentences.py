"""Sentences, custody, conditions and offences of the made-up caseload as tables of NDelius."""

from __future__ import annotations

import polars as pl

from features.synthetic.source_systems.rows import Tables, case_table, code_list, iso_day

DISPOSALS = {
    "community_order": "ORA Community Order",
    "suspended_sentence": "ORA Suspended Sentence Order",
    "custody": "ORA Adult Custody (inc PSS)",
}
REASONS = {
    "completed": "EN-DONE",
    "breached": "EN-BREACH",
    "revoked": "EN-REVOKED",
}
REQUIREMENTS = {
    "programme": "Accredited programme",
    "substance": "Drug rehabilitation",
    "residence": "Residence",
    "curfew": "Curfew with electronic monitoring",
    "curfew_alone": "Curfew",
}


def _reason() -> pl.Expr:
    return pl.col("end_reason").replace_strict(REASONS, default=None, return_dtype=pl.String)


def sentence_tables(newest: dict[str, pl.DataFrame]) -> Tables:
    """EVENT, DISPOSAL, CUSTODY, RELEASE, RECALL and stays in approved premises.

    A licence that begins where custody ends is its release; one without custody on record has a
    sentence without a date.
    """
    rows = newest["supervisions"]
    orders = rows.filter(pl.col("kind").is_in(["community_order", "suspended_sentence"]))
    jailed = rows.filter(pl.col("kind") == "custody").sort("crn", "occurred_on")
    licences = rows.filter(pl.col("kind") == "licence")
    begun = jailed.select("crn", occurred_on="ended_on", _custody="_number").drop_nulls()
    released = licences.join(begun, on=["crn", "occurred_on"], how="left").with_columns(
        pl.coalesce("_custody", "_number").alias("_custody")
    )
    alone = released.filter(pl.col("_custody") == pl.col("_number"))
    recalled = released.filter(pl.col("end_reason") == "recalled")
    over = released.select(_number="_custody", _over="ended_on", _why="end_reason")
    custodial = pl.concat([jailed, alone.select(jailed.columns)])
    custodial = custodial.join(over, on="_number", how="left")
    sentences = pl.concat(
        [orders, custodial.drop("_over", "_why").filter(pl.col("kind") != "licence")]
    )
    disposals = case_table(
        sentences,
        DISPOSAL_ID=pl.col("_number"),
        EVENT_ID=pl.col("_number"),
        DISPOSAL_DATE=iso_day("occurred_on"),
        DISPOSAL_TYPE_ID=pl.col("kind"),
        TERMINATION_DATE=pl.when(pl.col("kind") != "custody").then(iso_day("ended_on")),
        ENTERED_NOTIONAL_END_DATE=pl.when(pl.col("kind") != "custody").then(
            iso_day("expected_end_on")
        ),
        DISPOSAL_TERMINATION_REASON_ID=pl.when(pl.col("kind") != "custody").then(_reason()),
    )
    ends = custodial.drop_nulls("_over").with_columns(end_reason="_why", ended_on="_over")
    ended = ends.select(
        DISPOSAL_ID="_number",
        _on=iso_day("ended_on"),
        _reason=_reason(),
    )
    disposals = disposals.join(ended, on="DISPOSAL_ID", how="left").with_columns(
        TERMINATION_DATE=pl.coalesce("TERMINATION_DATE", "_on"),
        DISPOSAL_TERMINATION_REASON_ID=pl.coalesce("DISPOSAL_TERMINATION_REASON_ID", "_reason"),
    )
    return {
        "EVENT": case_table(
            pl.concat([sentences, alone.select(sentences.columns)]), EVENT_ID=pl.col("_number")
        ),
        "DISPOSAL": pl.concat([disposals.drop("_on", "_reason"), _undated_sentences(alone)]),
        "R_DISPOSAL_TYPE": code_list(
            DISPOSALS, "DISPOSAL_TYPE_ID", "DISPOSAL_TYPE_CODE", "DESCRIPTION"
        ),
        "CUSTODY": case_table(
            custodial, CUSTODY_ID=pl.col("_number"), DISPOSAL_ID=pl.col("_number")
        ),
        "KEY_DATE": _key_dates(jailed, released),
        "RELEASE": case_table(
            released,
            RELEASE_ID=pl.col("_number"),
            CUSTODY_ID=pl.col("_custody"),
            ACTUAL_RELEASE_DATE=iso_day("occurred_on"),
        ),
        "RECALL": case_table(
            recalled,
            RECALL_ID=pl.col("_number"),
            RELEASE_ID=pl.col("_number"),
            RECALL_DATE=iso_day("ended_on"),
        ),
        "APPROVED_PREMISES_RESIDENCE": case_table(
            rows.filter(pl.col("kind") == "approved_premises"),
            APPROVED_PREMISES_RESIDENCE_ID=pl.col("_number"),
            ARRIVAL_DATE=iso_day("occurred_on"),
            DEPARTURE_DATE=iso_day("ended_on"),
            DEPARTURE_REASON_ID=pl.when(pl.col("ended_on").is_not_null()).then(pl.lit("DR-MOVED")),
        ),
    }


def _undated_sentences(alone: pl.DataFrame) -> pl.DataFrame:
    return case_table(
        alone,
        DISPOSAL_ID=pl.col("_number"),
        EVENT_ID=pl.col("_number"),
        DISPOSAL_DATE=pl.lit(None, pl.String),
        DISPOSAL_TYPE_ID=pl.lit("custody"),
        TERMINATION_DATE=iso_day("ended_on"),
        ENTERED_NOTIONAL_END_DATE=pl.lit(None, pl.String),
        DISPOSAL_TERMINATION_REASON_ID=_reason(),
    )


def _key_dates(jailed: pl.DataFrame, released: pl.DataFrame) -> pl.DataFrame:
    """KEY_DATE: when a release is expected, and when a licence expires."""
    release = jailed.with_columns(_custody="_number", _type=pl.lit("KD-EXP"))
    expiry = released.with_columns(_type=pl.lit("KD-LED"))
    rows = pl.concat([release, expiry.select(release.columns)])
    return case_table(
        rows.drop_nulls("expected_end_on"),
        KEY_DATE_ID=pl.col("_number"),
        CUSTODY_ID=pl.col("_custody"),
        KEY_DATE_TYPE_ID=pl.col("_type"),
        KEY_DATE=iso_day("expected_end_on"),
    )


def condition_tables(newest: dict[str, pl.DataFrame]) -> Tables:
    """RQMNT with its categories: requirements and curfews; the end of a relaxed one says so."""
    rows = newest["orders"].filter(pl.col("kind").is_in(["requirement", "curfew"]))
    unmonitored = (pl.col("kind") == "curfew") & ~pl.col("monitored").fill_null(value=True)
    alone = pl.when(unmonitored).then(pl.lit("curfew_alone"))
    category = alone.otherwise(pl.coalesce("theme", "kind"))
    end = pl.coalesce("relaxed_on", "ended_on").dt.strftime("%Y-%m-%d")
    return {
        "RQMNT": case_table(
            rows,
            RQMNT_ID=pl.col("_number"),
            START_DATE=iso_day("occurred_on"),
            TERMINATION_DATE=end,
            RQMNT_TYPE_MAIN_CATEGORY_ID=category,
            RQMNT_TERMINATION_REASON_ID=pl.when(pl.col("relaxed_on").is_not_null()).then(
                pl.lit("EN-RELAXED")
            ),
        ),
        "R_RQMNT_TYPE_MAIN_CATEGORY": code_list(
            REQUIREMENTS, "RQMNT_TYPE_MAIN_CATEGORY_ID", "CODE", "DESCRIPTION"
        ),
    }


OFFENCES = {
    "violence": ("00801", "Assault occasioning actual bodily harm"),
    "threat": ("00300", "Threat or conspiracy to murder"),
    "weapon": ("08105", "Having an article with a blade or point in a public place"),
    "sexual": ("01716", "Sexual assault"),
    "sexual_concern_child": ("08624", "Making an indecent photograph of a child"),
    "domestic_abuse": ("00880", "Controlling or coercive behaviour"),
    "civil_order_breach": ("06653", "Breach of a restraining order"),
}
"""An offence of each kind of incident that was proven in court, in the words of its statute."""


def _convictions(newest: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Incidents in the community that were proven, as additional offences."""
    proven = pl.col("proven") & (pl.col("setting") != "custody")
    rows = newest["incidents"].filter(proven, pl.col("kind").is_in(list(OFFENCES)))
    codes = {kind: code for kind, (code, _) in OFFENCES.items()}
    words = {kind: words for kind, (_, words) in OFFENCES.items()}
    return rows.with_columns(
        pl.concat_str(pl.lit("7"), "_number").alias("_number"),
        main=pl.lit(value=False),
        code=pl.col("kind").replace_strict(codes),
        description=pl.col("kind").replace_strict(words),
        count=pl.lit(1, pl.Int64),
    ).select(newest["offences"].columns)


def offence_tables(newest: dict[str, pl.DataFrame]) -> Tables:
    """MAIN_OFFENCE, ADDITIONAL_OFFENCE and R_OFFENCE, each under an EVENT of its own."""
    rows = pl.concat([newest["offences"], _convictions(newest)])
    event = pl.concat_str(pl.lit("9"), pl.col("_number"))
    tables = {}
    for table, main in (("MAIN_OFFENCE", True), ("ADDITIONAL_OFFENCE", False)):
        columns = {
            f"{table}_ID": pl.col("_number"),
            "EVENT_ID": event,
            "OFFENCE_ID": pl.col("code"),
            "OFFENCE_DATE": iso_day("occurred_on"),
            "OFFENCE_COUNT": pl.col("count"),
        }
        tables[table] = case_table(rows.filter(pl.col("main") == main), **columns)
    tables["R_OFFENCE"] = rows.select(
        OFFENCE_ID="code",
        CODE="code",
        MAIN_CATEGORY_CODE=pl.col("code").str.slice(0, 3),
        DESCRIPTION="description",
    ).unique()
    tables["EVENT"] = case_table(rows, EVENT_ID=event)
    return tables
