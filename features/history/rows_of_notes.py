"""Counts what notes say as entries of other tables, for the kinds that the board has switched on.

Only what a note says of the person, as a fact, of the time of the note or of a day that it names:
what was earlier, on no day that is said, enters no window. One event is one entry: a
note's is left out where a coded entry of the same thing lies within SAME_DAYS of it, or a note's in
the SAME_DAYS before it, and violence where the same note says domestic abuse.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import polars as pl

from features.contracts import contact_codes, note_columns

TABLE = "note_entries"
SAME_DAYS = 7
"""Days within which an entry that was coded and one that was noted are the same."""


IS_FACT = pl.all_horizontal(
    pl.col("asserted") == "yes",
    pl.col("done_by") == "pop",
    (pl.col("period") == "now") | pl.col("named_on").is_not_null(),
)
"""Said of the person, as a fact, of the time of the note or of a day that it names."""


@dataclass(frozen=True)
class CountsAs:
    """The table and codes under which a kind of note entry counts."""

    table: str
    codes: Mapping[str, str]


COUNTS_AS: dict[str, CountsAs] = {
    **{kind: CountsAs("incidents", {"kind": kind}) for kind in note_columns.INCIDENTS},
    "third_party_complaint": CountsAs(
        "contacts", {"type_code": next(iter(contact_codes.CONTACT_GROUPS["third_party"]))}
    ),
    "relationship_new": CountsAs("circumstances", {"kind": "relationship", "state": "new"}),
    "relationship_ended": CountsAs("circumstances", {"kind": "relationship", "state": "ended"}),
    "relationship_conflict": CountsAs(
        "circumstances", {"kind": "relationship_conflict", "state": "current"}
    ),
    "child_contact": CountsAs("circumstances", {"kind": "child_contact", "state": "current"}),
    "pregnancy": CountsAs("circumstances", {"kind": "pregnancy", "state": "new"}),
    "address_changed": CountsAs("circumstances", {"kind": "address", "state": "new"}),
    "address_lost_or_at_risk": CountsAs("circumstances", {"kind": "address", "state": "at_risk"}),
}
"""Kinds without a line here are attitudes: no indicator reads them, and they are shown alone."""


def add_rows_of_notes(
    tables: dict[str, pl.DataFrame], kinds: Collection[str], empty: Mapping[str, pl.DataFrame]
) -> dict[str, pl.DataFrame]:
    """The tables as known, with a row for each entry of a note of the given kinds.

    `empty` gives a table without rows, for one that was not supplied.
    """
    notes = tables.get(TABLE)
    if notes is None or not kinds:
        return tables
    facts = notes.filter(IS_FACT)
    added = dict(tables)
    for kind in sorted(set(kinds) & set(COUNTS_AS)):
        counts_as = COUNTS_AS[kind]
        coded = tables.get(counts_as.table, empty[counts_as.table])
        rows = _not_coded(_first_of_each(_of_kind(facts, kind, kinds)), coded, counts_as.codes)
        own = _as_rows(rows, counts_as.codes, coded.schema)
        added[counts_as.table] = pl.concat([added.get(counts_as.table, coded), own])
    return added


def _of_kind(facts: pl.DataFrame, kind: str, kinds: Collection[str]) -> pl.DataFrame:
    """The facts of a kind; violence without that which the same note says is domestic abuse."""
    own = facts.filter(pl.col("kind") == kind)
    if kind != "violence" or "domestic_abuse" not in kinds:
        return own
    abuse = facts.filter(pl.col("kind") == "domestic_abuse")
    return own.join(abuse, on=["case_date", "contact_id"], how="anti")


def _first_of_each(notes: pl.DataFrame) -> pl.DataFrame:
    """Entries of one kind without those that another lies before by SAME_DAYS or less."""
    ordered = notes.sort("case_date", "occurred_on", "record_id")
    gap = (pl.col("occurred_on") - pl.col("occurred_on").shift(1)).dt.total_days()
    follows = (pl.col("case_date") == pl.col("case_date").shift(1)) & (gap <= SAME_DAYS)
    return ordered.filter(~follows.fill_null(value=False))


def _not_coded(notes: pl.DataFrame, coded: pl.DataFrame, codes: Mapping[str, str]) -> pl.DataFrame:
    """The entries of notes near which no entry of the same codes lies."""
    same = [pl.col(name).cast(pl.String) == code for name, code in codes.items()]
    days = coded.filter(same).select("case_date", coded_on=pl.col("occurred_on"))
    gap = (pl.col("occurred_on") - pl.col("coded_on")).dt.total_days().abs()
    doubled = notes.join(days, on="case_date").filter(gap <= SAME_DAYS)
    return notes.join(doubled, on=["case_date", "record_id"], how="anti")


def _as_rows(notes: pl.DataFrame, codes: Mapping[str, str], schema: pl.Schema) -> pl.DataFrame:
    """Rows of another table with its columns; what a note does not say is empty."""
    coded = notes.with_columns(pl.lit(code).alias(name) for name, code in codes.items())
    empty = [pl.lit(None).alias(name) for name in schema if name not in coded.columns]
    return coded.with_columns(empty).select(pl.col(n).cast(d) for n, d in schema.items())
