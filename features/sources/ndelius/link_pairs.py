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
from features.sources.ndelius.rows import case_rows, is_deleted, is_marked, with_code
from features.sources.tables import SourceTables

KEY, START, END = "_key", "_start", "_end"
"""Columns of rows to be paired: what must be alike, and from when until when the row holds."""
MOST_PEOPLE = 6
"""More people than this with the same key at the same time are a hostel or an office, not a link."""
NUMBERS = ("_noms", "_pnc")
"""Numbers of other systems: two cases that share one are one person, and no link."""
CONCERNS = {
    "RHRH": "HIGH",
    "RVHR": "VERY_HIGH",
    **dict.fromkeys(("RCHD", "RCCO", "RCPR"), "child_register"),
}
"""What a register says of the other person, by its code."""
LIMITED = "access to one of the two cases is limited"
ALONE = "no other case shares it at the same time"
MANY = f"more than {MOST_PEOPLE} people share it, as in a hostel"


def link_rows(rows: pl.LazyFrame, tables: SourceTables, kind: pl.Expr) -> pl.LazyFrame:
    """The links of prepared rows, one for each other case and once more for each concern.

    `rows` have KEY, START and END beside the columns of `case_rows`. `kind` gives the kind of link
    of a pair, whose other row has the suffix `_other`. A row that makes no link is there once, with
    the reason.
    """
    # What two cases share is a small part, and is looked at several times: worked out once.
    usable = _usable(rows, tables).collect(engine="streaming").lazy()
    keys = _crowded_keys(usable).collect().lazy()
    crowded = usable.join(keys, on=KEY, how="semi")
    pairs = _paired_rows(usable.join(keys, on=KEY, how="anti"), kind).collect().lazy()
    concerns = _with_concerns(pairs, tables).collect(engine="streaming").lazy()
    links = pl.concat([pairs, concerns], how="diagonal")
    marked = links.with_columns(
        pl.concat_str([ID, "_other", "_register"], separator="-", ignore_nulls=True).alias(ID),
        pl.when(pl.col("_closed")).then(pl.lit(LIMITED)).alias(NOTHING),
        pl.lit(value=False).alias(DELETED),
    )
    return pl.concat([marked, _rows_without_link(rows, pairs, crowded)], how="diagonal")


def _usable(rows: pl.LazyFrame, tables: SourceTables) -> pl.LazyFrame:
    """The rows that can be paired, each with who it is about and whether the case is limited.

    Of a row that is there several times, the form that was changed last.
    """
    usable = rows.filter(
        pl.col(NOTHING).is_null(),
        pl.col(KEY).is_not_null(),
        pl.col(START).is_not_null(),
        pl.col(CREATED).is_not_null(),
    ).with_columns(_changed=pl.max_horizontal(CREATED, UPDATED))
    usable = usable.filter(
        pl.col("_changed") == pl.col("_changed").max().over(ID), ~pl.col(DELETED)
    )
    ever = usable.group_by(KEY).agg(_ever=pl.col(CRN).n_unique())
    shared = ever.filter(pl.col("_ever") >= 2)
    # Only what two cases share goes further: a small part of a national table.
    return (
        usable.join(shared, on=KEY, how="semi")
        .join(_identities(tables), on="OFFENDER_ID")
        .join(_limited_cases(tables), on=CRN, how="left")
        .with_columns(pl.col("_limited").fill_null(value=False))
    )


def _identities(tables: SourceTables) -> pl.LazyFrame:
    """The numbers of other systems of each OFFENDER; none for one that was deleted, and not merged."""
    people = is_deleted(
        tables.scan("OFFENDER", "OFFENDER_ID", "CRN", "NOMS_NUMBER", "PNC_NUMBER", "SOFT_DELETED")
    )
    merged = case_number("CRN").is_in(list(tables.survivors)).fill_null(value=False)
    numbers = [
        pl.col(name).str.to_uppercase().str.replace_all("[^A-Z0-9]", "")
        for name in ("NOMS_NUMBER", "PNC_NUMBER")
    ]
    return (
        people.filter(~pl.col("_deleted") | merged)
        .select("OFFENDER_ID", _noms=numbers[0], _pnc=numbers[1])
        .unique("OFFENDER_ID", keep="any")
    )


def _crowded_keys(usable: pl.LazyFrame) -> pl.LazyFrame:
    """The keys that more than MOST_PEOPLE rows had at some time: all of them a hostel."""
    arrivals = usable.select(KEY, _on=pl.col(START), _step=pl.lit(1, pl.Int32))
    after = pl.col(END) + pl.duration(days=1)
    departures = usable.filter(pl.col(END).is_not_null()).select(
        KEY, _on=after, _step=pl.lit(-1, pl.Int32)
    )
    moves = pl.concat([arrivals, departures]).sort(KEY, "_on", "_step")
    at_once = moves.with_columns(_there=pl.col("_step").cum_sum().over(KEY))
    return at_once.filter(pl.col("_there") > MOST_PEOPLE).select(KEY).unique()


def _paired_rows(usable: pl.LazyFrame, kind: pl.Expr) -> pl.LazyFrame:
    """Every two rows of different people that share a key at the same time."""
    ends = [pl.col(END), pl.col(f"{END}_other")]
    start = pl.max_horizontal(START, f"{START}_other")
    same = [(pl.col(name) == pl.col(f"{name}_other")).fill_null(value=False) for name in NUMBERS]
    both = usable.join(usable, on=KEY, suffix="_other").filter(
        pl.col(CRN) != pl.col(f"{CRN}_other"),
        ~pl.any_horizontal(same),
        (start <= pl.min_horizontal(*ends)).fill_null(value=True),
    )
    return both.select(
        ID,
        CRN,
        pl.col(f"{ID}_other").alias("_other"),
        pl.col(f"{CRN}_other").alias("linked_crn"),
        kind.alias("kind"),
        start.alias(START),
        pl.min_horizontal(*ends).alias(END),
        pl.max_horizontal(CREATED, f"{CREATED}_other").alias(CREATED),
        pl.max_horizontal("_changed", "_changed_other").alias(UPDATED),
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
    ended = case_rows(
        tables, "DEREGISTRATION", "DEREGISTRATION_ID", "REGISTRATION_ID", "DEREGISTRATION_DATE"
    ).filter(~pl.col(DELETED))
    # An end that was recorded later was not known before.
    last = ended.group_by("REGISTRATION_ID").agg(
        pl.col("DEREGISTRATION_DATE").max(), _end_known=pl.max_horizontal(CREATED, UPDATED).max()
    )
    concerns = (
        registers.filter(pl.col("_type").is_in(list(CONCERNS)), ~pl.col(DELETED))
        .join(last, on="REGISTRATION_ID", how="left")
        .select(
            pl.col(CRN).alias("linked_crn"),
            pl.col("_type").replace_strict(CONCERNS).alias("concern"),
            pl.col(ID).alias("_register"),
            day("REGISTRATION_DATE").alias("_since"),
            end_day("DEREGISTRATION_DATE").alias("_until"),
            pl.col(CREATED).alias("_known"),
            pl.max_horizontal(CREATED, UPDATED, "_end_known").alias("_known_so"),
        )
    )
    both = pairs.drop("concern", "_register").join(concerns, on="linked_crn")
    return (
        both.with_columns(
            pl.max_horizontal(START, "_since").alias(START),
            pl.min_horizontal(END, "_until").alias(END),
            pl.max_horizontal(CREATED, "_known").alias(CREATED),
            pl.max_horizontal(UPDATED, "_known_so").alias(UPDATED),
        )
        .filter((pl.col(START) <= pl.col(END)).fill_null(value=True))
        .drop("_since", "_until", "_known", "_known_so")
    )


def _rows_without_link(
    rows: pl.LazyFrame, pairs: pl.LazyFrame, crowded: pl.LazyFrame
) -> pl.LazyFrame:
    """The rows that make no link, each once with the reason."""
    linked = pairs.select(ID).unique().with_columns(_linked=pl.lit(value=True))
    many = crowded.select(ID).unique().with_columns(_many=pl.lit(value=True))
    counted = rows.join(linked, on=ID, how="left").join(many, on=ID, how="left")
    reason = (
        pl.when(pl.col("_many"))
        .then(pl.lit(MANY))
        .when(pl.col("_linked").is_null())
        .then(pl.lit(ALONE))
    )
    marked = counted.with_columns(pl.coalesce(NOTHING, reason).alias(NOTHING))
    without = marked.filter(pl.col(NOTHING).is_not_null()).select(ID, CRN, NOTHING)
    # A row without an id cannot be there twice; another is once for each of its keys.
    named = without.filter(pl.col(ID).is_not_null()).unique(ID, keep="any")
    return pl.concat([named, without.filter(pl.col(ID).is_null())])


def _limited_cases(tables: SourceTables) -> pl.LazyFrame:
    """The CRNs to which access is limited: by a row without an end or with one to come, or a mark."""
    marks = case_rows(tables, "OFFENDER", "OFFENDER_ID", "CURRENT_EXCLUSION", "CURRENT_RESTRICTION")
    marked = is_marked("CURRENT_EXCLUSION") | is_marked("CURRENT_RESTRICTION")
    crns = [marks.filter(marked).select(CRN)]
    for table in ("EXCLUSION", "RESTRICTION"):
        rows = case_rows(tables, table, f"{table}_ID", f"{table}_END_DATE")
        ended = (end_day(f"{table}_END_DATE") < pl.lit(clock.today())).fill_null(value=False)
        crns.append(rows.filter(~ended, ~pl.col(DELETED)).select(CRN))
    people = tables.of("oasys").scan("OFFENDER", "CMS_PROB_NUMBER", "LIMITED_ACCESS_OFFENDER")
    of_oasys = people.filter(flag("LIMITED_ACCESS_OFFENDER").fill_null(value=False))
    limited = case_number("CMS_PROB_NUMBER").replace(tables.survivors)
    crns.append(of_oasys.select(limited.alias(CRN)))
    crns.append(pl.LazyFrame({CRN: sorted(tables.limited)}, schema={CRN: pl.String}))
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
