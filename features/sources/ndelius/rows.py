"""Prepares rows of NDelius tables: the case of each, when it was recorded, its codes in words."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from features.contracts import codes, contact_codes
from features.sources.mapping import (
    CREATED,
    CRN,
    DELETED,
    ID,
    NOTHING,
    STANDS_FOR,
    UPDATED,
    case_number,
    moment,
)
from features.sources.tables import SourceTables

STANDARD = "R_STANDARD_REFERENCE_LIST"


def is_marked(column: str) -> pl.Expr:
    """An expression: the mark is set. One that is neither yes nor no is taken for yes."""
    return pl.col(column).is_not_null() & ~pl.col(column).str.to_uppercase().is_in(["0", "N"])


_IS_DELETED = is_marked("SOFT_DELETED")
_TIMES = ("CREATED_DATETIME", "LAST_UPDATED_DATETIME", "SOFT_DELETED")


def case_rows(
    tables: SourceTables,
    table: str,
    key: str,
    *columns: str,
    via: tuple[str, str] | None = None,
    only: pl.Expr | None = None,
) -> pl.LazyFrame:
    """All rows of a table with their CRN, their times and the reason why a row has no case.

    `via` names a column and the table it refers to, for a table without OFFENDER_ID of its own;
    `only` chooses some rows.
    """
    names = [key, *columns, *_TIMES, *([via[0]] if via else ["OFFENDER_ID"])]
    rows = tables.scan(table, *dict.fromkeys(names))
    if only is not None:
        rows = rows.filter(only)
    if via:
        column, other = via
        # Of CONTACT only those that are asked for: the whole of it would be held in memory.
        owners = tables.scan(other, column, "OFFENDER_ID").join(
            rows.select(column), on=column, how="semi"
        )
        rows = rows.join(owners.unique(column, keep="any"), on=column, how="left")
    rows = rows.join(_cases(tables), on="OFFENDER_ID", how="left")
    return rows.with_columns(
        pl.col(key).alias(ID),
        moment("CREATED_DATETIME").alias(CREATED),
        moment("LAST_UPDATED_DATETIME").alias(UPDATED),
        _IS_DELETED.alias(DELETED),
        pl.when(pl.col(key).is_null())
        .then(pl.lit(f"it has no {key}"))
        .when(pl.col("OFFENDER_ID").is_null())
        .then(pl.lit("it leads to no OFFENDER_ID"))
        .when(pl.col("_known").is_null())
        .then(pl.lit("its OFFENDER_ID is not in the table OFFENDER"))
        .when(pl.col(CRN).is_null())
        .then(pl.lit("the CRN of its OFFENDER is not a letter and six digits"))
        .alias(NOTHING),
    )


SPECIAL_CONTACTS = {
    "CONTACT_TYPE_ID": (
        "R_CONTACT_TYPE",
        ("C369", "SFGC", "C515", "SFRR", "APMH", "TWH1", "POM1", "CCMR", "C423"),
    ),
    "CONTACT_OUTCOME_TYPE_ID": ("R_CONTACT_OUTCOME_TYPE", ("MO11",)),
}
"""By column, its list and the codes of contacts that are a record of another kind too.

They are read once for all: CONTACT is the largest table of all.
"""


def chosen_contacts(tables: SourceTables, column: str, of_codes: Iterable[str]) -> pl.LazyFrame:
    """The contacts with some codes of SPECIAL_CONTACTS, as `case_rows` has them, with `_code`."""
    return _special_contacts(tables).join(_ids_of_codes(tables, column, of_codes), on=column)


def with_other_contacts(
    rows: pl.LazyFrame, tables: SourceTables, column: str, of_codes: Iterable[str]
) -> pl.LazyFrame:
    """The chosen contacts, and one row that stands for all others, with why they are no record."""
    chosen = chosen_contacts(tables, column, of_codes).select(pl.len()).collect().item()
    all_contacts = tables.scan("CONTACT", "CONTACT_ID").select(pl.len()).collect().item()
    rest = {
        NOTHING: [f"a contact without the codes {', '.join(of_codes)}"],
        STANDS_FOR: [all_contacts - chosen],
    }
    others = pl.LazyFrame(rest, schema={NOTHING: pl.String, STANDS_FOR: pl.Int64})
    return pl.concat([rows, others.filter(pl.col(STANDS_FOR) > 0)], how="diagonal")


def _special_contacts(tables: SourceTables) -> pl.LazyFrame:
    name = "special contacts"
    if name not in tables.derived:
        # One comparison an id: a list of them would keep the whole table in memory.
        special = [
            (pl.col(column) == number).fill_null(value=False)
            for column, (_, codes) in SPECIAL_CONTACTS.items()
            for number in _ids_of_codes(tables, column, codes).collect()[column].drop_nulls()
        ]
        columns = ("CONTACT_DATE", *SPECIAL_CONTACTS, "STAFF_ID", "SENSITIVE")
        rows = case_rows(tables, "CONTACT", "CONTACT_ID", *columns, only=pl.any_horizontal(special))
        tables.derived[name] = rows.collect(engine="streaming")
    return tables.derived[name].lazy()


def _ids_of_codes(tables: SourceTables, column: str, of_codes: Iterable[str]) -> pl.LazyFrame:
    reference, special = SPECIAL_CONTACTS[column]
    if not set(of_codes) <= set(special):
        raise ValueError(f"SPECIAL_CONTACTS lacks some of {', '.join(of_codes)}")
    key = _KEYS.get(reference, column)
    listed = tables.scan(reference, key, "CODE").select(pl.col(key).alias(column), _code="CODE")
    supplied = listed.filter(pl.col("_code").is_in(list(of_codes)))
    both = {column: list(of_codes), "_code": list(of_codes)}
    own = pl.LazyFrame(both, schema=dict.fromkeys(both, pl.String))
    chosen = pl.concat([supplied, own.join(listed, on=column, how="anti")])
    return chosen.unique(column, keep="any").collect().lazy()


def _cases(tables: SourceTables) -> pl.LazyFrame:
    people = tables.scan("OFFENDER", "OFFENDER_ID", "CRN").filter(
        pl.col("OFFENDER_ID").is_not_null()
    )
    return people.unique("OFFENDER_ID", keep="any").select(
        "OFFENDER_ID",
        # Here, over the small table: over the rows themselves it would keep all of them in memory.
        case_number("CRN").replace(tables.survivors).alias(CRN),
        pl.lit(value=True).alias("_known"),
    )


def with_code(
    rows: pl.LazyFrame, tables: SourceTables, column: str, reference: str = STANDARD, *, name: str
) -> pl.LazyFrame:
    """Add the code (`name`) and the description (`name` + "_words") that an id refers to.

    A value that the extract's reference list does not have is a code itself where our own list has
    it; else it is kept as "COLUMN id", so that it is counted.
    """
    key = _KEYS.get(reference, column)
    code, words = _CODES.get(reference, ("CODE", "DESCRIPTION"))
    supplied = (
        tables.scan(reference, key, code, words)
        .filter(pl.col(key).is_not_null())
        .select(
            pl.col(key).alias(column), pl.col(code).alias("_listed"), pl.col(words).alias("_words")
        )
    )
    # The supplied list goes first: an id may look like a code.
    listed = pl.concat([supplied, _own_list(reference, column)]).unique(
        column, keep="first", maintain_order=True
    )
    joined = rows.join(listed, on=column, how="left")
    unlisted = pl.concat_str(pl.lit(f"{column} "), pl.col(column))
    return joined.with_columns(
        pl.coalesce("_listed", unlisted).alias(name), pl.col("_words").alias(f"{name}_words")
    ).drop("_listed", "_words")


OWN_LISTS: dict[str, dict[str, str]] = {
    "R_CONTACT_TYPE": contact_codes.CONTACT_TYPES,
    "R_CONTACT_OUTCOME_TYPE": contact_codes.OUTCOMES,
    "R_ENFORCEMENT_ACTION": contact_codes.ENFORCEMENT,
    "R_REGISTER_TYPE": codes.REGISTER_TYPES,
}
"""Our own lists, for an extract that has codes where NDelius has ids, or comes without its lists."""


def _own_list(reference: str, column: str) -> pl.LazyFrame:
    own = OWN_LISTS.get(reference, {})
    rows = {column: list(own), "_listed": list(own), "_words": list(own.values())}
    return pl.LazyFrame(rows, schema=dict.fromkeys(rows, pl.String))


_KEYS = {
    STANDARD: "STANDARD_REFERENCE_LIST_ID",
    "R_CONTACT_OUTCOME_TYPE": "CONTACT_OUTCOME_TYPE_ID",
    "R_DISPOSAL_TYPE": "DISPOSAL_TYPE_ID",
    "R_RQMNT_TYPE_MAIN_CATEGORY": "RQMNT_TYPE_MAIN_CATEGORY_ID",
    "R_LIC_COND_TYPE_MAIN_CAT": "LIC_COND_TYPE_MAIN_CAT_ID",
}
_CODES = {
    STANDARD: ("CODE_VALUE", "CODE_DESCRIPTION"),
    "R_CIRCUMSTANCE_TYPE": ("CODE_VALUE", "CODE_DESCRIPTION"),
    "R_CIRCUMSTANCE_SUB_TYPE": ("CODE_VALUE", "CODE_DESCRIPTION"),
    "R_DISPOSAL_TYPE": ("DISPOSAL_TYPE_CODE", "DESCRIPTION"),
}


def with_staff(rows: pl.LazyFrame, tables: SourceTables, column: str, name: str) -> pl.LazyFrame:
    """Add the officer code (`name`) and grade code (`name` + "_grade") of a staff id."""
    staff = tables.scan("STAFF", "STAFF_ID", "OFFICER_CODE", "STAFF_GRADE_ID")
    graded = with_code(staff, tables, "STAFF_GRADE_ID", name="_grade")
    people = graded.unique("STAFF_ID", keep="any").select(
        pl.col("STAFF_ID").alias(column),
        pl.col("OFFICER_CODE").alias(name),
        pl.col("_grade").alias(f"{name}_grade"),
    )
    return rows.join(people, on=column, how="left")


def units(tables: SourceTables) -> pl.LazyFrame:
    """Each team with the codes of its local admin unit, delivery unit (PDU) and provider."""

    # Each once before it is joined: a table that was sent several times would multiply.
    def once(table: str, *columns: str) -> pl.LazyFrame:
        return tables.scan(table, *columns).unique(columns[0], keep="any")

    team = once("TEAM", "TEAM_ID", "CODE", "DISTRICT_ID", "PROBATION_AREA_ID")
    lau = once("DISTRICT", "DISTRICT_ID", "CODE", "BOROUGH_ID")
    pdu = once("BOROUGH", "BOROUGH_ID", "CODE")
    area = once("PROBATION_AREA", "PROBATION_AREA_ID", "CODE")
    return (
        team.rename({"CODE": "team_code"})
        .join(lau.rename({"CODE": "lau_code"}), on="DISTRICT_ID", how="left")
        .join(pdu.rename({"CODE": "pdu_code"}), on="BOROUGH_ID", how="left")
        .join(area.rename({"CODE": "provider_code"}), on="PROBATION_AREA_ID", how="left")
        .select("TEAM_ID", "team_code", "lau_code", "pdu_code", "provider_code")
    )


def current_unit(tables: SourceTables) -> pl.LazyFrame:
    """The unit of each OFFENDER_ID: that of the manager whose allocation began last."""
    managers = without_deleted(
        tables.scan(
            "OFFENDER_MANAGER",
            "OFFENDER_ID",
            "TEAM_ID",
            "ALLOCATION_DATE",
            "ACTIVE_FLAG",
            "SOFT_DELETED",
        )
    )
    newest = managers.sort(
        pl.col("ACTIVE_FLAG") == "1", "ALLOCATION_DATE", nulls_last=False
    ).unique("OFFENDER_ID", keep="last", maintain_order=True)
    return newest.join(units(tables), on="TEAM_ID", how="left").select(
        "OFFENDER_ID", "team_code", "lau_code", "pdu_code", "provider_code"
    )


def without_deleted(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows that nobody has deleted."""
    return rows.filter(~_IS_DELETED)


def is_deleted(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows with `_deleted`: whether somebody has deleted them."""
    return rows.with_columns(_deleted=_IS_DELETED)


def skip_where(condition: pl.Expr, reason: str) -> pl.Expr:
    """An expression: why a row becomes no record. The reason, where the condition holds and no reason
    was given before; null where the row becomes one.
    """
    chosen = condition.fill_null(value=False)
    return pl.coalesce(NOTHING, pl.when(chosen).then(pl.lit(reason))).alias(NOTHING)
