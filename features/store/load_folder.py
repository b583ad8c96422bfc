"""Writes the files of a load that is being written, from whichever process or machine.

Each file is written once, and the same rows give the same bytes: what is worked twice, because a
worker died, gives the same file. A machine that has not the folder sends its files to S3, each
under its path and SHA-256, where the commit looks for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import gethostname

import polars as pl

from features.errors import SetupProblem
from features.processes import shared_folder
from features.store.objects import ObjectFolder
from features.store.s3_store import FILES, key_of
from features.store.store import bucket_of
from features.store.whole_files import write_store_file


@dataclass(frozen=True)
class LoadFolder:
    """The folder of a load that is being written: part of the store once it is committed."""

    path: Path
    number: int
    buckets: int
    origin: str
    """The address in S3 of the store; empty where it is in none."""

    def write_rows(self, name: str, rows: pl.DataFrame, folder: str = "") -> dict[str, str]:
        """Write rows of a table to the files of their buckets, perhaps in a folder of their own.

        Returns the SHA-256 of each file, by its path in the store. A second call for the same
        bucket and folder replaces its file. Raises SetupProblem where the folder is not on this
        machine and the store is not in S3.
        """
        numbered = rows.with_columns(load=pl.lit(self.number, dtype=pl.Int32()))
        split = numbered.with_columns(bucket_of(self.buckets).alias("_b"))
        written: dict[str, tuple[Path, str]] = {}
        with self._folder_here() as here:
            for (bucket,), part in split.partition_by("_b", as_dict=True).items():
                inner = Path(name) / folder / f"{bucket:02d}.parquet"
                digest = write_store_file(part.drop("_b"), here / inner)
                written[f"loads/{self.number:04d}/{inner.as_posix()}"] = (here / inner, digest)
            if here != self.path:
                sent = {key_of(name, file[1]): file for name, file in written.items()}
                ObjectFolder.parse(self.origin).below(FILES).send(sent)
        return {name: digest for name, (_, digest) in written.items()}

    @contextmanager
    def _folder_here(self) -> Iterator[Path]:
        if self.path.exists():
            yield self.path
            return
        if not self.origin:
            raise SetupProblem(
                f"The folder of the load, {self.path}, is not on {gethostname()}. Give every "
                "machine of the cluster the store at the same path, or put it into S3. Nothing was "
                "committed."
            )
        with shared_folder() as temporary:
            yield temporary
