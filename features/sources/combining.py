"""Puts together what mappings and responses yield of a record: the versions of each, a bucket a file."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from features.contracts import records
from features.sources.api_versions import BESIDE, CHANGED, GUESSED
from features.store.store import bucket_of

PARTS = "parts"
"""The folder of what each mapping yields, before the parts of a record are put together."""
LIMITS = "limits"
RESPONSES = "api"
"""Beside those, the folder of what API responses yield."""
NUMBERED = ("ndelius-", "oasys-")
"""How record numbers of responses begin that are numbers of a system."""
_IS_NUMBERED = pl.any_horizontal(pl.col("record_id").str.starts_with(one) for one in NUMBERED)
_OF_A_VERSION = ("record_id", "version", "recorded_at", "withdrawn_at")


def write_responses(out: Path, frames: dict[str, pl.DataFrame], buckets: int) -> None:
    """Write the rows of API responses as parts, in case buckets.

    A number of a system stands for one record: where the tables have it, it is of their case, and one
    that responses tell of under two cases with different content is left to the tables.
    """
    for name, frame in frames.items():
        schema = {**records.find_table(name).schema, **BESIDE}
        rows = frame.with_columns(
            pl.lit(None, dtype).alias(column)
            for column, dtype in schema.items()
            if column not in frame.columns
        ).select(pl.col(column).cast(dtype) for column, dtype in schema.items())
        rows = rows.filter(~(_IS_NUMBERED & pl.col("record_id").str.contains(r"-[A-Z]\d{6}$")))
        rows = _of_their_cases(rows, out / PARTS / name)
        for (bucket,), own in rows.group_by(bucket_of(buckets).alias("_bucket")):
            folder = out / PARTS / name / RESPONSES / f"_bucket={bucket}"
            folder.mkdir(parents=True, exist_ok=True)
            own.drop("_bucket", strict=False).write_parquet(folder / "0.parquet")


def _of_their_cases(rows: pl.DataFrame, parts: Path) -> pl.DataFrame:
    """The rows, each under the case that the tables give its record, where they have it."""
    files = [path for path in parts.glob("*/*/*.parquet") if path.parent.parent.name != RESPONSES]
    if not files:
        return rows
    ours = pl.col("record_id").is_in(rows["record_id"].unique().implode())
    cases = pl.scan_parquet(files).filter(ours).select("record_id", _case="crn").unique("record_id")
    joined = rows.join(cases.collect(), on="record_id", how="left")
    return joined.with_columns(crn=pl.coalesce("_case", "crn")).drop("_case")


def combine_parts(out: Path, record: str, buckets: int) -> int:
    """Write the files of a record, a bucket each; returns how many rows were told twice.

    The same row in two files is one; different rows of one record are versions of it, in the order
    of their own moments, whatever the order of files.
    """
    folder = out / record
    folder.mkdir()
    told_twice = 0
    for bucket in range(buckets):
        files = sorted((out / PARTS / record).glob(f"*/_bucket={bucket}/*.parquet"))
        parts: dict[bool, list[pl.DataFrame]] = {True: [], False: []}
        for path in files:
            parts[path.parent.parent.name == RESPONSES].append(pl.read_parquet(path))
        empty = records.empty_frame(record)
        rows = pl.concat([empty, *parts[False]])
        # Nearly every record is told once: only the others are compared column by column.
        several = rows["record_id"].hash().is_duplicated()
        single = rows.filter(~several)
        once = pl.concat([single, rows.filter(several).unique()])
        schema = {**records.find_table(record).schema, **BESIDE}
        responses = pl.concat([pl.DataFrame(schema=schema), *parts[True]])
        if record == LIMITS:
            # Limits add up: one that either tells of is one.
            once = pl.concat([once, responses.select(once.columns)]).unique()
        else:
            once = _with_responses(once, responses)
        _number_versions(once).write_parquet(folder / f"{bucket:02d}.parquet")
        told_twice += rows.height + sum(map(len, parts[True])) - once.height
    return told_twice


def _with_responses(rows: pl.DataFrame, responses: pl.DataFrame) -> pl.DataFrame:
    """The rows of the tables, with what responses add (decision 0089).

    A response that was changed after the last version of its record changes what it speaks of; an
    earlier one, or one whose moment is a guess, says nothing more. One without a number of the
    system adds a record only to a case that the tables have not: it cannot be told apart from what
    stands there.
    """
    if responses.is_empty():
        return rows
    in_tables = pl.col("crn").is_in(rows["crn"].unique().implode())
    responses = responses.filter(_IS_NUMBERED | ~in_tables)
    new = responses.join(rows, on="record_id", how="anti").select(rows.columns)
    last = rows.sort("record_id", "recorded_at", "version").unique("record_id", keep="last")
    last = last.filter(pl.col("withdrawn_at").is_null())
    since = last.select("record_id", _since="recorded_at")
    moved = responses.with_columns(recorded_at=pl.max_horizontal("recorded_at", CHANGED))
    later = moved.join(since, on="record_id").filter(
        pl.col("recorded_at") > pl.col("_since"), ~pl.col(GUESSED).fill_null(value=False)
    )
    ordered = pl.concat(
        [last.with_columns(_later=False), later.select(rows.columns).with_columns(_later=True)]
    ).sort("record_id", "recorded_at", "version")
    content = [name for name in rows.columns if name not in _OF_A_VERSION]
    case = [pl.col(name).first().over("record_id") for name in ("crn", "source_system")]
    filled = ordered.with_columns(pl.col(content).forward_fill().over("record_id"))
    filled = filled.with_columns(case)
    differs = pl.any_horizontal(
        pl.col(name).ne_missing(pl.col(name).shift(1).over("record_id")) for name in content
    )
    changed = filled.filter("_later", differs).drop("_later")
    return pl.concat([rows, changed, new])


def _number_versions(rows: pl.DataFrame) -> pl.DataFrame:
    """The versions of each record in the order of their moments, numbered from 1.

    A record that some copy of its row says was deleted is withdrawn with its last version, unless a
    copy has a later form: then it was restored.
    """
    several = rows["record_id"].hash().is_duplicated()
    is_gone = pl.col("withdrawn_at") >= pl.col("recorded_at")
    single = rows.filter(~several).with_columns(
        version=pl.lit(1, pl.Int64), withdrawn_at=pl.when(is_gone).then("withdrawn_at")
    )
    numbered = _number_several(rows.filter(several))
    return pl.concat([single, numbered]).sort("crn", "record_id", "version")


def _number_several(rows: pl.DataFrame) -> pl.DataFrame:
    gone = rows.select("record_id", _gone="withdrawn_at").group_by("record_id").max()
    order = ("crn", "record_id", "recorded_at", "version")
    whole = rows.with_columns(withdrawn_at=pl.lit(None, pl.Datetime("us"))).unique()
    number = pl.int_range(1, pl.len() + 1).over("record_id")
    is_last = pl.col("recorded_at") == pl.col("recorded_at").max().over("record_id")
    is_gone = is_last & (pl.col("_gone") >= pl.col("recorded_at"))
    return (
        whole.sort(*order, *[name for name in rows.columns if name not in order])
        .join(gone, on="record_id", maintain_order="left")
        .with_columns(
            version=number.cast(pl.Int64),
            withdrawn_at=pl.when(is_gone).then(pl.col("_gone")),
        )
        .select(rows.columns)
    )
