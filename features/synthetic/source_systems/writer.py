"""Writes the tables of the three systems from a made-up caseload, bucket by bucket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from features.contracts import records
from features.errors import MissingInput, UserError
from features.synthetic.source_systems import (
    ndelius_people,
    ndelius_records,
    ndelius_sentences,
    nomis,
    oasys,
)
from features.synthetic.source_systems.rows import Tables, newest_rows, standard_list

NDELIUS = (
    ndelius_people.people_tables,
    ndelius_people.staff_tables,
    ndelius_sentences.sentence_tables,
    ndelius_sentences.condition_tables,
    ndelius_sentences.offence_tables,
    ndelius_records.contact_tables,
    ndelius_records.register_tables,
    ndelius_records.circumstance_tables,
    ndelius_records.document_tables,
)


def write_source_systems(
    extract: Path, out: Path, step: Callable[[str], None] = lambda _: None
) -> dict[str, dict[str, int]]:
    """Write `out`/ndelius, oasys and nomis from an extract; returns rows by system and table.

    Each table is a folder with a Parquet file a bucket. Raises MissingInput where there is no
    extract, UserError where `out` holds something.
    """
    buckets = sorted(path.stem for path in (extract / "people").glob("*.parquet"))
    if not buckets:
        raise MissingInput(f"{extract} has no people. Make it with: python -m features synthesise")
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out} is not empty. Name a new folder for the tables of the systems.")
    counts: dict[str, dict[str, int]] = {}
    for bucket in buckets:
        step(f"bucket {bucket}")
        for system, tables in _system_tables(extract, bucket).items():
            for name, rows in tables.items():
                target = out / system / name / f"{bucket}.parquet"
                target.parent.mkdir(parents=True, exist_ok=True)
                rows.with_columns(pl.all().cast(pl.String)).write_parquet(target)
                of_system = counts.setdefault(system, {})
                of_system[name] = of_system.get(name, 0) + rows.height
    return counts


def _system_tables(extract: Path, bucket: str) -> dict[str, Tables]:
    newest = {
        name: newest_rows(_read_bucket(extract, name, bucket))
        for name in records.TABLES
        if name not in ("reviews", "links", "note_entries")
    }
    of_nomis, shared = nomis.custody_tables(newest)
    ndelius: Tables = {"R_STANDARD_REFERENCE_LIST": standard_list()}
    for tables in (*[make(newest) for make in NDELIUS], shared):
        for name, rows in tables.items():
            ndelius[name] = pl.concat(
                [part for part in (ndelius.get(name), rows) if part is not None], how="diagonal"
            )
    return {"ndelius": ndelius, "oasys": oasys.assessment_tables(newest), "nomis": of_nomis}


def _read_bucket(extract: Path, name: str, bucket: str) -> pl.DataFrame:
    path = extract / name / f"{bucket}.parquet"
    return pl.read_parquet(path) if path.exists() else records.empty_frame(name)
