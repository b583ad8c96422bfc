"""Names what an entry that is read in a note fills of the record that it counts in."""

from __future__ import annotations

import polars as pl

from features.contracts import codes, records
from features.history.rows_of_notes import CountsAs
from features.sources.mapping import Value

NOTES = "CONTACT.NOTES"
DAY_OF_NOTE = Value(
    "occurred_on", ("CONTACT.CONTACT_DATE",), "the day of the contact", pl.lit(None)
)
_READ = {
    "target": tuple(codes.TARGETS),
    "certainty": (),
    "disclosable": (),
}
"""Columns of a record that an entry of a note fills beside its codes, with the codes it may hold."""


def values_of_note(counts_as: CountsAs) -> tuple[Value, ...]:
    """The columns of a record that an entry of one kind fills: its codes, and who was harmed."""
    names = records.find_table(counts_as.table).schema
    fixed = [
        Value(column, (NOTES,), "by the kind of the entry", pl.lit(code), (code,))
        for column, code in counts_as.codes.items()
    ]
    read = [
        Value(column, (NOTES,), "as the note says it", pl.lit(None), of_list)
        for column, of_list in _READ.items()
        if column in names
    ]
    return (*fixed, *read)
