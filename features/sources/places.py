"""Lists the files below a folder, on disk or in S3."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from features.errors import MissingInput
from features.store.objects import S3, ObjectFolder


def list_files(root: str | Path) -> dict[PurePosixPath, str]:
    """Every file below a folder: its path from there, and the path or address to open it by.

    Raises MissingInput where there is no such folder, SetupProblem where S3 cannot be asked.
    """
    if isinstance(root, str) and root.startswith(S3):
        objects = ObjectFolder.parse(root)
        return {PurePosixPath(n): f"{objects.address}/{n}" for n in objects.list_some_names()}
    folder = Path(root)
    if not folder.is_dir():
        raise MissingInput(f"There is no folder {folder}.")
    files = sorted(path for path in folder.rglob("*") if not path.is_dir())
    return {PurePosixPath(path.relative_to(folder).as_posix()): str(path) for path in files}
