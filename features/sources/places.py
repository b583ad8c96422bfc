"""Lists the files below a folder, on disk or in S3."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from features.errors import MissingInput

S3 = "s3://"


def parse_place(text: str) -> str | Path:
    """A folder as it was named: a path, or the address of a prefix in S3 (`s3://bucket/prefix`)."""
    return text.rstrip("/") if text.startswith(S3) else Path(text)


def list_files(root: str | Path) -> dict[PurePosixPath, str]:
    """Every file below a folder: its path from there, and the path or address to open it by.

    Raises MissingInput where there is no such folder, or S3 cannot be asked.
    """
    if isinstance(root, str) and root.startswith(S3):
        return _list_objects(root)
    folder = Path(root)
    if not folder.is_dir():
        raise MissingInput(f"There is no folder {folder}.")
    files = sorted(path for path in folder.rglob("*") if not path.is_dir())
    return {PurePosixPath(path.relative_to(folder).as_posix()): str(path) for path in files}


def _endpoint() -> str:
    """The server of S3 where the environment names one: pyarrow, unlike Polars, does not ask it."""
    address = urlsplit(os.environ.get("AWS_ENDPOINT_URL", ""))
    if not address.netloc:
        return ""
    return f"?scheme={address.scheme}&endpoint_override={address.netloc}"


def _list_objects(root: str) -> dict[PurePosixPath, str]:
    from pyarrow import fs  # Loaded for S3 alone: it takes a third of a second.

    try:
        system, prefix = fs.FileSystem.from_uri(root + _endpoint())
        objects = system.get_file_info(fs.FileSelector(prefix, recursive=True))
    except (OSError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MissingInput(
            f"{root} cannot be listed: {first}. Nothing was written. Check the name, and that this "
            "machine may read it (the AWS settings of its environment)."
        ) from error
    bucket = PurePosixPath(prefix)
    return {
        PurePosixPath(one.path).relative_to(bucket): f"{S3}{one.path}"
        for one in sorted(objects, key=lambda one: str(one.path))
        if one.is_file
    }
