"""Pairs rows of different cases that share something, and adds what is on record of the other."""

from __future__ import annotations

import polars as pl

from features import clock
from features.sources.mapping import (
    CREATED,
    CRN,
    DELETED,
    ID,
    NOTHING,
    UPDATED,
    Value,
    case_number,
    day,
    end_day,
    flag,
)
from features.sources.ndelius.rows import case_rows, with_code, without_deleted
from features.sources.tables import SourceTables

KEY, START, END = "_key", "_start", "_end"
"""Columns of rows to be paired: what must be alike, and from when until when the row holds."""
MOST_PEOPLE = 6
"""More people than this with the same key at the same time are a hostel or an office, not a link."""
MOST_EVER = 60
"""More people than this with the same key ever are not paired at all."""
CONCERNS = {
    "RHRH": "HIGH",
    "RVHR": "VERY_HIGH",
    **dict.fromkeys(("RCHD", "RCCO", "RCPR"), "child_register"),
}
"""What a register says of the other person, by its code."""
LIMITED = "access to one of the two cases is limited"
ALONE = "no other case shares it at the same time"
MANY = f"more than {MOST_PEOPLE} people share it, as in a hostel"


def link_rows(
    rows: pl.LazyFrame,
    tables: SourceTables,
    kind: pl.Expr,
    only: pl.Expr | None = None,
) -> pl.LazyFrame:
    """The links of prepared rows, one for each other case and once more for each concern.

    `rows` have KEY, START and END beside the columns of `case_rows`. `kind` gives the kind of link
    of a pair, whose other row has the suffix `_other`; `only` keeps some pairs. A row that makes no
    link is there once, with the reason.
    """
    usable = _usable(rows, tables)
    pairs = _paired_rows(usable, kind, only)
    crowded = pairs.group_by(ID).agg(_n=pl.col("linked_crn").n_unique())
    few = pairs.join(crowded.filter(pl.col("_n") <= MOST_PEOPLE), on=ID, how="semi")
    links = pl.concat([few, _with_concerns(few, tables)], how="diagonal")
    marked = links.with_columns(
        pl.concat_str([ID, "_other", "_register"], separator="-", ignore_nulls=True).alias(ID),
        pl.when(pl.col("_closed")).then(pl.lit(LIMITED)).alias(NOTHING),
        pl.lit(None, pl.Datetime("us")).alias(UPDATED),
        pl.lit(value=False).alias(DELETED),
    )
    return pl.concat([marked, _rows_without_link(rows, crowded)], how="diagonal")


def _usable(rows: pl.LazyFrame, tables: SourceTables) -> pl.LazyFrame:
    """The rows that can be paired, each with when it was known and whether its case is limited."""
    usable = rows.filter(
        pl.col(NOTHING).is_null(),
        ~pl.col(DELETED),
        pl.col(KEY).is_not_null(),
        pl.col(START).is_not_null(),
        pl.col(CREATED).is_not_null(),
    )
    ever = usable.group_by(KEY).agg(_ever=pl.col(CRN).n_unique())
    shared = ever.filter(pl.col("_ever").is_between(2, MOST_EVER))
    # Only what two cases share goes further: a small part of a national table.
    return (
        usable.join(shared, on=KEY, how="semi")
        .with_columns(pl.max_horizontal(CREATED, UPDATED).alias(CREATED))
        .join(_limited_cases(tables), on=CRN, how="left")
        .with_columns(pl.col("_limited").fill_null(value=False))
    )


def _paired_rows(usable: pl.LazyFrame, kind: pl.Expr, only: pl.Expr | None) -> pl.LazyFrame:
    ends = [pl.col(END), pl.col(f"{END}_other")]
    both = usable.join(usable, on=KEY, suffix="_other").filter(
        pl.col(CRN) != pl.col(f"{CRN}_other"),
        (pl.col(START) <= pl.col(f"{END}_other")).fill_null(value=True),
        (pl.col(f"{START}_other") <= pl.col(END)).fill_null(value=True),
        *([] if only is None else [only]),
    )
    return both.select(
        ID,
        CRN,
        pl.col(f"{ID}_other").alias("_other"),
        pl.col(f"{CRN}_other").alias("linked_crn"),
        kind.alias("kind"),
        pl.max_horizontal(START, f"{START}_other").alias(START),
        pl.min_horizontal(*ends).alias(END),
        pl.max_horizontal(CREATED, f"{CREATED}_other").alias(CREATED),
        (pl.col("_limited") | pl.col("_limited_other")).alias("_closed"),
        pl.lit(None, pl.String).alias("concern"),
        pl.lit(None, pl.String).alias("_register"),
    ).unique([ID, "_other", "kind"], keep="any")


def _with_concerns(pairs: pl.LazyFrame, tables: SourceTables) -> pl.LazyFrame:
    """The pairs once more for each register of the other person, for as long as both held."""
    registers = case_rows(
        tables, "REGISTRATION", "REGISTRATION_ID", "REGISTRATION_DATE", "REGISTER_TYPE_ID"
    )
    registers = with_code(registers, tables, "REGISTER_TYPE_ID", "R_REGISTER_TYPE", name="_type")
    ended = without_deleted(
        tables.scan("DEREGISTRATION", "REGISTRATION_ID", "DEREGISTRATION_DATE", "SOFT_DELETED")
    )
    last = ended.group_by("REGISTRATION_ID").agg(pl.col("DEREGISTRATION_DATE").max())
    concerns = (
        registers.filter(pl.col("_type").is_in(list(CONCERNS)), ~pl.col(DELETED))
        .join(last, on="REGISTRATION_ID", how="left")
        .select(
            pl.col(CRN).alias("linked_crn"),
            pl.col("_type").replace_strict(CONCERNS).alias("concern"),
            pl.col(ID).alias("_register"),
            day("REGISTRATION_DATE").alias("_since"),
            end_day("DEREGISTRATION_DATE").alias("_until"),
            pl.max_horizontal(CREATED, UPDATED).alias("_known"),
        )
    )
    both = pairs.drop("concern", "_register").join(concerns, on="linked_crn")
    return (
        both.filter(
            (pl.col(START) <= pl.col("_until")).fill_null(value=True),
            (pl.col("_since") <= pl.col(END)).fill_null(value=True),
        )
        .with_columns(
            pl.max_horizontal(START, "_since").alias(START),
            pl.min_horizontal(END, "_until").alias(END),
            pl.max_horizontal(CREATED, "_known").alias(CREATED),
        )
        .drop("_since", "_until", "_known")
    )


def _rows_without_link(rows: pl.LazyFrame, crowded: pl.LazyFrame) -> pl.LazyFrame:
    """The rows that make no link, each once with the reason."""
    counted = rows.join(crowded, on=ID, how="left")
    reason = (
        pl.when(pl.col("_n") > MOST_PEOPLE)
        .then(pl.lit(MANY))
        .when(pl.col("_n").is_null())
        .then(pl.lit(ALONE))
    )
    marked = counted.with_columns(pl.coalesce(NOTHING, reason).alias(NOTHING))
    without = marked.filter(pl.col(NOTHING).is_not_null()).select(ID, CRN, NOTHING)
    return without.unique(ID, keep="any", maintain_order=True)


def _limited_cases(tables: SourceTables) -> pl.LazyFrame:
    """The CRNs to which access is limited: by a row without an end or with one to come, or a mark."""
    marks = case_rows(tables, "OFFENDER", "OFFENDER_ID", "CURRENT_EXCLUSION", "CURRENT_RESTRICTION")
    marked = (pl.col("CURRENT_EXCLUSION") == "1") | (pl.col("CURRENT_RESTRICTION") == "1")
    crns = [marks.filter(marked).select(CRN)]
    for table in ("EXCLUSION", "RESTRICTION"):
        rows = case_rows(tables, table, f"{table}_ID", f"{table}_END_DATE")
        ended = (end_day(f"{table}_END_DATE") < pl.lit(clock.today())).fill_null(value=False)
        crns.append(rows.filter(~ended, ~pl.col(DELETED)).select(CRN))
    people = tables.of("oasys").scan("OFFENDER", "CMS_PROB_NUMBER", "LIMITED_ACCESS_OFFENDER")
    of_oasys = people.filter(flag("LIMITED_ACCESS_OFFENDER").fill_null(value=False))
    limited = case_number("CMS_PROB_NUMBER").replace(tables.survivors)
    crns.append(of_oasys.select(limited.alias(CRN)))
    everyone = pl.concat(crns).drop_nulls()
    return everyone.unique().with_columns(_limited=pl.lit(value=True))


def linked_values(
    shared: tuple[str, ...], ends: tuple[str, ...], kinds: tuple[str, ...]
) -> tuple[Value, ...]:
    """The declaration of the columns of a link, by the source columns that are shared and end it."""
    return (
        Value("kind", shared, "by what the two cases share", pl.col("kind"), codes=kinds),
        Value("linked_crn", ("OFFENDER.CRN",), "the other case", pl.col("linked_crn")),
        Value(
            "concern",
            ("REGISTRATION.REGISTER_TYPE_ID", "R_REGISTER_TYPE.CODE"),
            "a register of the other person: high or very high risk, or one that concerns children",
            pl.col("concern"),
            codes=tuple(dict.fromkeys(CONCERNS.values())),
        ),
        Value(
            "ended_on",
            (*ends, "DEREGISTRATION.DEREGISTRATION_DATE"),
            "the first day on which one of the two, or the concern, had ended",
            pl.col(END),
        ),
    )
