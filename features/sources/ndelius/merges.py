"""Follows merges of cases in NDelius: under which CRN the rows of a merged case count."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from features.sources.mapping import case_number
from features.sources.ndelius.rows import is_deleted
from features.sources.tables import SourceTables

TABLES = ("MERGE_HISTORY", "MERGE_DUPLICATES")
"""Each row says that something moved from one OFFENDER to another."""


@dataclass(frozen=True)
class Merges:
    """The cases that were merged, and those of which the tables contradict themselves."""

    survivors: dict[str, str]
    """The CRN that survived, by the CRN of each case that was merged into it, directly or not."""
    cycles: tuple[str, ...]
    """CRNs that were merged into one another in a circle; each keeps its own rows."""


def find_merges(tables: SourceTables) -> Merges:
    """The merges of an extract: a deleted OFFENDER of MERGE_HISTORY or MERGE_DUPLICATES.

    An OFFENDER that is not deleted keeps its rows: its merge was undone. Of several targets the one
    named by the highest row number counts. Source: MERGE_HISTORY and MERGE_DUPLICATES of NDelius.
    """
    if not any(tables.has(table) for table in TABLES):
        return Merges({}, ())
    deleted = is_deleted(tables.scan("OFFENDER", "OFFENDER_ID", "CRN", "SOFT_DELETED"))
    people = deleted.select("OFFENDER_ID", "_deleted", crn=case_number("CRN")).drop_nulls("crn")
    names = people.unique("OFFENDER_ID", keep="any", maintain_order=True)
    pairs = pl.concat(_moved_rows(tables, table) for table in TABLES)
    newest = pairs.sort("_number").unique("_origin", keep="last", maintain_order=True)
    origins = names.filter("_deleted").select(_origin="OFFENDER_ID", origin_crn="crn")
    targets = names.select(_target="OFFENDER_ID", target_crn="crn")
    merged = newest.join(origins, on="_origin").join(targets, on="_target")
    chosen = merged.select("origin_crn", "target_crn").sort("origin_crn", "target_crn").collect()
    return follow_merges(
        {origin: target for origin, target in chosen.iter_rows() if origin != target}
    )


def follow_merges(targets: dict[str, str]) -> Merges:
    """The last CRN of each chain of merges; `targets` has the next CRN of each merged one.

    A chain that comes back to itself has no last one.
    """
    survivors: dict[str, str] = {}
    cycles: set[str] = set()
    for origin in targets:
        chain = [origin]
        while chain[-1] in targets and chain.count(chain[-1]) == 1:
            chain.append(targets[chain[-1]])
        if chain.count(chain[-1]) > 1:
            cycles |= {crn for crn, _ in pairwise(chain)}
        else:
            survivors[origin] = chain[-1]
    return Merges(survivors, tuple(sorted(cycles)))


def _moved_rows(tables: SourceTables, table: str) -> pl.LazyFrame:
    number = f"{table}_ID"
    rows = tables.scan(table, number, "ORIGIN_OFFENDER_ID", "TARGET_OFFENDER_ID")
    return (
        rows.select(
            _number=pl.col(number).cast(pl.Int64, strict=False),
            _origin="ORIGIN_OFFENDER_ID",
            _target="TARGET_OFFENDER_ID",
        )
        .drop_nulls(("_origin", "_target"))
        .group_by("_origin", "_target")
        .agg(pl.col("_number").max())
    )
