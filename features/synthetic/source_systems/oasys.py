"""Assessments and plans of the made-up caseload as tables of OASys."""

from __future__ import annotations

import polars as pl

from features.synthetic.source_systems.rows import Tables, iso_day, local_time

QUESTIONS = {
    "children": "SUM6.1",
    "public": "SUM6.2",
    "known_adult": "SUM6.3",
    "staff": "SUM6.4",
    "prisoners": "SUM6.5",
}
SCREENING = {
    "mentions_weapons": "R1.2.13.1",
    "mentions_domestic_abuse": "R1.3.3.1",
    "mentions_sexual_behaviour": "R1.2.3.1",
    "mentions_staff_violence": "R1.3.1.1",
}
LETTERS = {"LOW": "L", "MEDIUM": "M", "HIGH": "H", "VERY_HIGH": "V"}


def assessment_tables(newest: dict[str, pl.DataFrame]) -> Tables:
    """OASYS_SET, its sections, questions and answers, and OFFENDER."""
    rows = newest["assessments"]
    sets = rows.select(
        OASYS_SET_PK="_number",
        CMS_PROB_NUMBER="crn",
        INITIATION_DATE=iso_day("occurred_on"),
        DATE_COMPLETED=iso_day("completed_on"),
        ASSESSMENT_STATUS_ELM="status",
        ASSESSMENT_TYPE_ELM=pl.lit("LAYER_3"),
        PURPOSE_ASSESSMENT_ELM="purpose",
        ASSESSOR_SIGNED_DATE=local_time("signed_at"),
        COUNTERSIGNER_SIGNED_DATE=local_time("countersigned_at"),
        COUNTERSIGNER_NAME=pl.when("countersign_required").then(
            pl.coalesce("countersigned_by", pl.lit("A Manager"))
        ),
        OGRS3_RISK_RECON_ELM=pl.col("reoffending_band").replace_strict(LETTERS, default=None),
        OVP_RISK_RECON_ELM=pl.col("violence_band").replace_strict(LETTERS, default=None),
        CREATE_DATE=local_time("_created"),
    )
    answers = pl.concat([*_level_answers(rows), *_screening_answers(rows)])
    texts = pl.concat([_analyses(rows), _plans(rows)], how="diagonal")
    questions = pl.concat([answers.drop("REF_ANSWER_CODE"), texts], how="diagonal")
    sections = questions.select("OASYS_SECTION_PK", "_set", "_section").unique()
    return {
        "OFFENDER": rows.select(
            OFFENDER_PK="crn", CMS_PROB_NUMBER="crn", LIMITED_ACCESS_OFFENDER=pl.lit("N")
        ).unique(),
        "OASYS_SET": sets,
        "OASYS_SECTION": sections.select(
            "OASYS_SECTION_PK", OASYS_SET_PK="_set", REF_SECTION_CODE="_section"
        ),
        "OASYS_QUESTION": questions.drop("_set", "_section"),
        "OASYS_ANSWER": answers.select("OASYS_QUESTION_PK", "REF_ANSWER_CODE"),
    }


def _question(rows: pl.DataFrame, section: str, code: str, **columns: pl.Expr) -> pl.DataFrame:
    number = pl.col("_number")
    return rows.select(
        OASYS_QUESTION_PK=pl.concat_str(number, pl.lit(f"-{section}-{code}")),
        OASYS_SECTION_PK=pl.concat_str(number, pl.lit(f"-{section}")),
        REF_QUESTION_CODE=pl.lit(code),
        _set=number,
        _section=pl.lit(section),
        **columns,
    )


def _level_answers(rows: pl.DataFrame) -> list[pl.DataFrame]:
    answers = []
    for group, question in QUESTIONS.items():
        for place, number in (("community", 1), ("custody", 2)):
            column = f"{group}_{place}"
            if column in rows.columns:
                letter = pl.col(column).replace_strict(LETTERS, default=None)
                own = rows.filter(pl.col(column).is_not_null())
                code = f"{question}.{number}"
                answers.append(_question(own, "ROSHSUM", code, REF_ANSWER_CODE=letter))
    return answers


def _screening_answers(rows: pl.DataFrame) -> list[pl.DataFrame]:
    answers = []
    for column, code in SCREENING.items():
        own = rows.filter(pl.col(column).is_not_null())
        answer = pl.when(pl.col(column)).then(pl.lit("YES")).otherwise(pl.lit("NO"))
        answers.append(_question(own, "ROSH", code, REF_ANSWER_CODE=answer))
    unwell = pl.when("mentions_mental_health").then(pl.lit("1")).otherwise(pl.lit("0"))
    return [*answers, _question(rows, "10", "10.6", REF_ANSWER_CODE=unwell)]


def _analyses(rows: pl.DataFrame) -> pl.DataFrame:
    """An analysis in words: the same words where the made-up analysis is the same."""
    words = pl.concat_str(pl.lit("Analysis of "), pl.col("analysis_fingerprint"))
    own = rows.filter(pl.col("analysis_fingerprint").is_not_null())
    return _question(own, "ROSHFULL", "FA1", FREE_FORMAT_ANSWER=words)


def _plans(rows: pl.DataFrame) -> pl.DataFrame:
    """The plan of an assessment, with the day on which it was written."""
    own = rows.filter(pl.col("plan_written_on").is_not_null())
    return _question(
        own,
        "RMP",
        "RMP1",
        FREE_FORMAT_ANSWER=pl.lit("The plan."),
        LASTUPD_DATE=iso_day("plan_written_on"),
    )
