"""Fetches and sends what a backup holds, where the data folder or the backup is in S3."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from features.store import legal_holds, s3_store, working_copy
from features.store.digests import digest_of
from features.store.objects import ObjectFolder
from serving.settings import MIRRORED, Settings

MANIFEST = "backup.json"


def fetch_beside_store(settings: Settings) -> None:
    """Fetch legal holds, scores and bundles, where they are only in S3."""
    legal_holds.cases_on_hold(settings.store)
    working_copy.fetch_files(working_copy.list_paths(settings.scores))
    working_copy.fetch_folder(settings.bundles)


def send_backup(folder: Path, objects: ObjectFolder, digests: dict[str, str]) -> None:
    """Send the files of a backup and then its manifest, without which it is none."""
    objects.send({name: (folder / name, digest) for name, digest in digests.items()})
    objects.send({MANIFEST: (folder / MANIFEST, digest_of(folder / MANIFEST))})


def send_everything(settings: Settings) -> None:
    """Send what was restored to S3, where the data folder is its cache."""
    if origin := working_copy.origin_of(settings.data):
        # As if it had stood here before the folder became a cache.
        (settings.data / working_copy.ORIGIN).unlink()
        s3_store.move_to_s3(settings.data, origin[0].address, MIRRORED)


def remove_everything(
    settings: Settings, folders: Iterable[str], objects: ObjectFolder | None
) -> None:
    """Remove what a restore that could not be finished has put here, and into S3."""
    if objects is not None:
        # Only what this restore put there: another command may have begun since.
        s3_store.remove_sent(settings.data, objects, MIRRORED)
        working_copy.name_origin(settings.data, objects.address)
    for name in folders:
        shutil.rmtree(settings.data / name, ignore_errors=True)
    settings.anchors.unlink(missing_ok=True)
