"""Writes the archive (database dump and data folder) from which the tests of upgrades start.

    git archive RELEASE --prefix=release/ | tar x -C FOLDER     then, with that code:
    python -m features synthesise --cases 120 …, check, training train, serving migrate,
    serving approve --demo, serving score       as its Makefile does for a demo
    python -m tests.upgrades.make_archive DATA NUMBER           with this code

DATA is the data folder of that demo. Conclude at least one case on the pages, as ALD-SPO-1 or
BRI-SPO-1, and leave one open. The demo's secrets go into the archive: write made-up ones into
`demo-secrets.json` before the demo is made.
"""

from __future__ import annotations

import argparse
import io
import tarfile
import tempfile
from pathlib import Path

from serving.db.server import admin_url, program_of
from serving.night import backups
from serving.settings import read_settings

LEFT = ("store", "bundles", "scores", "audit-anchors.jsonl", "demo-secrets.json")


def main() -> None:
    """Write the archive of a release beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the data folder of a demo")
    parser.add_argument("number", help="the release's number, such as 0.2.0")
    args = parser.parse_args()
    target = Path(__file__).with_name(f"release_{args.number.replace('.', '_')}.tar.xz")
    with tarfile.open(target, "w:xz", preset=9) as archive:
        add(archive, "database.sql", dump_database(args.data))
        for name in LEFT:
            top = args.data / name
            for path in sorted([top] if top.is_file() else top.rglob("*")):
                if path.is_file() and path.name != "lock":
                    add(archive, path.relative_to(args.data).as_posix(), path.read_bytes())


def dump_database(data: Path) -> bytes:
    """The schema with every row, as SQL."""
    settings = read_settings({"ROSH_MODE": "demo", "ROSH_DATA": str(data)})
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "dump"
        options = ["--format=plain", "--schema=triage", f"--file={target}"]
        backups._run_program(program_of(settings, "pg_dump"), admin_url(settings), options)
        return target.read_bytes()


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Put a file into the archive, without owner or time."""
    about = tarfile.TarInfo(name)
    about.size = len(content)
    archive.addfile(about, io.BytesIO(content))


if __name__ == "__main__":
    main()
