"""OASys, declared: its sets, sections, questions and answers become assessments.

Levels a group are the answers to SUM6.1.1 to SUM6.5.2 of the section ROSHSUM.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import polars as pl

from features.sources.mapping import (
    CREATED,
    CRN,
    DELETED,
    ID,
    NOTHING,
    UPDATED,
    Mapping,
    Value,
    case_number,
    code,
    day,
    listed,
    moment,
)
from features.sources.tables import SourceTables

LEVEL_QUESTIONS = {
    "SUM6.1.1": "children_community",
    "SUM6.1.2": "children_custody",
    "SUM6.2.1": "public_community",
    "SUM6.2.2": "public_custody",
    "SUM6.3.1": "known_adult_community",
    "SUM6.3.2": "known_adult_custody",
    "SUM6.4.1": "staff_community",
    "SUM6.4.2": "staff_custody",
    "SUM6.5.2": "prisoners_custody",
}
LEVELS = {"L": "LOW", "M": "MEDIUM", "H": "HIGH", "V": "VERY_HIGH"}
STATUSES = {
    "COMPLETE": "COMPLETE",
    "LOCKED_INCOMPLETE": "LOCKED_INCOMPLETE",
    "GUILLOTINED": "LOCKED_INCOMPLETE",
    "OPEN": "OPEN",
    "SIGNED": "OPEN",
    "AWAITING_PSR": "OPEN",
    "AWAITING_SBC": "OPEN",
}
BANDS = {"reoffending_band": "OGRS3_RISK_RECON_ELM", "violence_band": "OVP_RISK_RECON_ELM"}
"""Bands of predictors by the column that has them: L, M, H, V, or N and NC for none."""
PSYCHIATRIC = "10.6"
"""The question about current psychiatric problems: 0 none, 1 some, 2 significant."""
FULL_TYPES = ("LAYER_1", "LAYER_2", "LAYER_3", "LAYER1", "LAYER2", "LAYER3")
"""The assessments that record levels; others are screenings. One without a type is taken as full."""
MENTIONS = {
    "mentions_weapons": ("R1.2.13.1", "R1.2.13.2"),
    "mentions_domestic_abuse": ("R1.3.3.1", "R1.3.3.2"),
    "mentions_sexual_behaviour": ("R1.2.3.1", "R1.2.3.2", "R1.2.4.1", "R1.2.4.2"),
    "mentions_staff_violence": ("R1.3.1.1", "R1.3.1.2"),
}
"""Screening questions of section ROSH: current or previous, answered yes."""


def _people(tables: SourceTables) -> pl.LazyFrame:
    people = tables.scan("OFFENDER", "OFFENDER_PK", "CMS_PROB_NUMBER")
    return people.unique("OFFENDER_PK", keep="any").select(
        "OFFENDER_PK", case_number("CMS_PROB_NUMBER").alias("_of_person")
    )


def _answers(tables: SourceTables) -> pl.LazyFrame:
    """Each answer with its set: OASYS_SET_PK, question, answer."""
    sections = tables.scan("OASYS_SECTION", "OASYS_SECTION_PK", "OASYS_SET_PK")
    questions = tables.scan(
        "OASYS_QUESTION", "OASYS_QUESTION_PK", "OASYS_SECTION_PK", "REF_QUESTION_CODE"
    )
    answers = tables.scan("OASYS_ANSWER", "OASYS_QUESTION_PK", "REF_ANSWER_CODE")
    return (
        answers.join(questions, on="OASYS_QUESTION_PK")
        .join(sections, on="OASYS_SECTION_PK")
        .select(
            "OASYS_SET_PK",
            pl.col("REF_QUESTION_CODE").str.to_uppercase().alias("_question"),
            pl.col("REF_ANSWER_CODE").str.to_uppercase().alias("_answer"),
        )
    )


def _levels(tables: SourceTables) -> pl.LazyFrame:
    answers = _answers(tables)
    # Each a largest value of a group: what keeps the values of a group keeps all answers in memory.
    of = {name: _level_of(question) for question, name in LEVEL_QUESTIONS.items()}
    screened: dict[str, pl.Expr] = {
        name: pl.when(_is_one_of(questions)).then(pl.col("_answer") == "YES").max()
        for name, questions in MENTIONS.items()
    }
    psychiatric = _answer_to(PSYCHIATRIC)
    screened["mentions_mental_health"] = psychiatric.is_in(["1", "2"])
    return answers.group_by("OASYS_SET_PK").agg(
        *[value.alias(f"_{name}") for name, value in {**of, **screened}.items()]
    )


def _level_of(question: str) -> pl.Expr:
    """The level that answers a question, of several the highest; another answer as it came."""
    is_answer = pl.col("_question") == question
    ranks = [
        pl.when(is_answer & (pl.col("_answer") == letter)).then(pl.lit(rank))
        for rank, letter in enumerate(LEVELS)
    ]
    levels = dict(enumerate(LEVELS.values()))
    highest = pl.coalesce(ranks).max()
    level = highest.replace_strict(levels, default=None, return_dtype=pl.String)
    return pl.coalesce(level, _answer_to(question))


def _answer_to(question: str) -> pl.Expr:
    return pl.when(pl.col("_question") == question).then(pl.col("_answer")).max()


def _is_one_of(questions: Iterable[str]) -> pl.Expr:
    return pl.any_horizontal(pl.col("_question") == question for question in questions)


def _texts(tables: SourceTables) -> pl.LazyFrame:
    """A digest of each set's analysis in words (section ROSHFULL), and when its plan was written."""
    sections = tables.scan("OASYS_SECTION", "OASYS_SECTION_PK", "OASYS_SET_PK", "REF_SECTION_CODE")
    questions = tables.scan(
        "OASYS_QUESTION",
        "OASYS_SECTION_PK",
        "REF_QUESTION_CODE",
        "FREE_FORMAT_ANSWER",
        "LASTUPD_DATE",
    )
    words = questions.join(sections, on="OASYS_SECTION_PK").filter(
        pl.col("FREE_FORMAT_ANSWER").is_not_null()
    )
    analysis = pl.col("REF_SECTION_CODE") == "ROSHFULL"
    plan = pl.col("REF_SECTION_CODE") == "RMP"
    ordered = words.sort("OASYS_SET_PK", "REF_QUESTION_CODE")
    return ordered.group_by("OASYS_SET_PK", maintain_order=True).agg(
        pl.col("FREE_FORMAT_ANSWER").filter(analysis).str.join("\n").alias("_analysis"),
        analysis.any().alias("_analysed"),
        day("LASTUPD_DATE").filter(plan).max().alias("_plan"),
    )


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def assessment_sets(tables: SourceTables) -> pl.LazyFrame:
    """All sets with their case, times, answers, and `_plan`: when the plan was changed last."""
    rows = tables.scan(
        "OASYS_SET",
        "OASYS_SET_PK",
        "OASYS_ASSESSMENT_GROUP_PK",
        "CMS_PROB_NUMBER",
        "INITIATION_DATE",
        "DATE_COMPLETED",
        "ASSESSMENT_STATUS_ELM",
        "ASSESSMENT_TYPE_ELM",
        "PURPOSE_ASSESSMENT_ELM",
        "ASSESSOR_SIGNED_DATE",
        "COUNTERSIGNER_SIGNED_DATE",
        "COUNTERSIGNER_NAME",
        "ASSESSMENT_VOIDED_DATE",
        "DELETED_DATE",
        "CREATE_DATE",
        *BANDS.values(),
    )
    groups = tables.scan("OASYS_ASSESSMENT_GROUP", "OASYS_ASSESSMENT_GROUP_PK", "OFFENDER_PK")
    rows = rows.join(
        groups.unique("OASYS_ASSESSMENT_GROUP_PK", keep="any"),
        on="OASYS_ASSESSMENT_GROUP_PK",
        how="left",
    ).join(_people(tables), on="OFFENDER_PK", how="left")
    rows = rows.join(_levels(tables), on="OASYS_SET_PK", how="left")
    rows = rows.join(_texts(tables), on="OASYS_SET_PK", how="left")
    crn = pl.coalesce(case_number("CMS_PROB_NUMBER"), "_of_person")
    gone = pl.coalesce(moment("DELETED_DATE"), moment("ASSESSMENT_VOIDED_DATE"))
    return rows.with_columns(
        crn.replace(tables.survivors).alias(CRN),
        pl.col("OASYS_SET_PK").alias(ID),
        moment("CREATE_DATE").alias(CREATED),
        # What was not there before completion is taken out when histories are read (`settled_by`).
        gone.alias(UPDATED),
        gone.is_not_null().alias(DELETED),
        pl.when(pl.col("OASYS_SET_PK").is_null())
        .then(pl.lit("it has no OASYS_SET_PK"))
        .when(crn.is_null())
        .then(pl.lit("neither the set nor its OFFENDER has a CRN (CMS_PROB_NUMBER)"))
        .alias(NOTHING),
    )


_LEVELS = ("OASYS_ANSWER.REF_ANSWER_CODE", "OASYS_QUESTION.REF_QUESTION_CODE")
_FULL = pl.col("ASSESSMENT_TYPE_ELM").is_in(list(FULL_TYPES)).fill_null(value=True)
_STATUS = code("ASSESSMENT_STATUS_ELM", STATUSES)

ASSESSMENTS = Mapping(
    record="assessments",
    table="OASYS_SET",
    rows="every assessment; levels only of Layer 1 and Layer 3",
    prepare=assessment_sets,
    day=Value(
        "occurred_on",
        ("OASYS_SET.INITIATION_DATE",),
        "the day it was started",
        day("INITIATION_DATE"),
    ),
    values=(
        Value(
            "status",
            ("OASYS_SET.ASSESSMENT_STATUS_ELM",),
            "COMPLETE (of a screening: predictors only, which takes no level away); locked incomplete "
            "(also GUILLOTINED); all others are open",
            pl.when(~_FULL & (_STATUS == "COMPLETE"))
            .then(pl.lit("PREDICTORS_ONLY"))
            .otherwise(_STATUS),
            codes=tuple(dict.fromkeys((*STATUSES.values(), "PREDICTORS_ONLY"))),
        ),
        Value(
            "completed_on",
            ("OASYS_SET.DATE_COMPLETED",),
            "the day it was completed or locked",
            day("DATE_COMPLETED"),
        ),
        *(
            Value(
                name,
                _LEVELS,
                f"the answer to {question}: L, M, H or V; a code that is none is kept as it came",
                pl.when(_FULL).then(pl.col(f"_{name}")),
                codes=tuple(LEVELS.values()),
            )
            for question, name in LEVEL_QUESTIONS.items()
        ),
        *(
            Value(
                name,
                _LEVELS,
                f"yes to {' or '.join(questions)}; null where none of them was answered",
                pl.col(f"_{name}"),
            )
            for name, questions in MENTIONS.items()
        ),
        Value(
            "mentions_mental_health",
            _LEVELS,
            f"some or significant problems (1, 2) in answer to {PSYCHIATRIC}; null without an answer",
            pl.col("_mentions_mental_health"),
        ),
        *(
            Value(
                name,
                (f"OASYS_SET.{column}",),
                "L, M, H or V; null where it was not calculated",
                listed(column, LEVELS),
                codes=tuple(LEVELS.values()),
            )
            for name, column in BANDS.items()
        ),
        Value(
            "purpose",
            ("OASYS_SET.PURPOSE_ASSESSMENT_ELM",),
            "its code",
            pl.col("PURPOSE_ASSESSMENT_ELM"),
        ),
        Value(
            "signed_at",
            ("OASYS_SET.ASSESSOR_SIGNED_DATE",),
            "when the assessor signed",
            moment("ASSESSOR_SIGNED_DATE"),
        ),
        Value(
            "countersign_required",
            ("OASYS_SET.ASSESSMENT_STATUS_ELM", "OASYS_SET.COUNTERSIGNER_NAME"),
            "where it awaits a countersignature (SIGNED), or a countersigner or the time of a "
            "countersignature is on record; else null: the table does not say who needs one",
            pl.when(
                (pl.col("ASSESSMENT_STATUS_ELM") == "SIGNED").fill_null(value=False)
                | pl.col("COUNTERSIGNER_NAME").is_not_null()
                | pl.col("COUNTERSIGNER_SIGNED_DATE").is_not_null()
            ).then(pl.lit(value=True)),
        ),
        Value(
            "countersigned_at",
            ("OASYS_SET.COUNTERSIGNER_SIGNED_DATE",),
            "when it was countersigned",
            moment("COUNTERSIGNER_SIGNED_DATE"),
        ),
        Value(
            "countersigned_by",
            ("OASYS_SET.COUNTERSIGNER_NAME",),
            "the countersigner's name: OASys has no staff code",
            pl.col("COUNTERSIGNER_NAME"),
        ),
        Value(
            "plan_written_on",
            ("OASYS_QUESTION.LASTUPD_DATE", "OASYS_SECTION.REF_SECTION_CODE"),
            "the last change of an answer of the risk management plan (RMP)",
            pl.col("_plan"),
        ),
        Value(
            "analysis_fingerprint",
            ("OASYS_QUESTION.FREE_FORMAT_ANSWER", "OASYS_SECTION.REF_SECTION_CODE"),
            "a digest of the answers in words of section ROSHFULL",
            pl.when(pl.col("_analysed")).then(
                pl.col("_analysis").map_elements(_digest, return_dtype=pl.String)
            ),
        ),
    ),
    prefix="set-",
    hides_until_changed=False,
)

MAPPINGS: tuple[Mapping, ...] = (ASSESSMENTS,)
