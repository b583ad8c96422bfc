"""Writes Parquet files atomically: a file is whole and on the disk before it has its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl

from features.store.digests import flush_and_digest


def write_whole(rows: pl.DataFrame, path: Path) -> str:
    """Write a Parquet file atomically and return its SHA-256."""
    return _write(rows, path, path.with_suffix(".tmp"))


def write_store_file(rows: pl.DataFrame, path: Path) -> str:
    """Write a file of a store, compressed as they are, and its folder; returns its SHA-256.

    Another process or machine may be writing the same one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{uuid4().hex}.tmp")
    return _write(rows, path, temporary, compression="zstd", compression_level=1)


def _write(rows: pl.DataFrame, path: Path, temporary: Path, **options: Any) -> str:
    rows.write_parquet(temporary, **options)
    digest = flush_and_digest(temporary)
    temporary.rename(path)
    return digest
