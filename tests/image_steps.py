"""make image-steps: follows the steps of the Dockerfile in an empty folder, without Docker.

Build stages are executed instruction by instruction, with their paths moved into the folder; of the
last stage, whose base image is not here, only the size of what is copied into it is printed. Then the pages'
own command is asked for its help, away from the source.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
ABSOLUTE = re.compile(r"(?<![\w./])/(src|app)\b")


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile with their arguments, continued lines put together."""
    whole = re.sub(r"\\\n", " ", text)
    lines = [line for line in whole.splitlines() if line and not line.startswith("#")]
    pairs = [line.split(maxsplit=1) for line in lines]
    return [(pair[0], pair[1]) for pair in pairs]


class Build:
    """The stages of an image in a folder: a folder a stage."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stage = folder
        self._ends_in_base = False

    def follow(self, name: str, arguments: str) -> None:
        """Follow one instruction."""
        if name == "FROM":
            parts = arguments.split()
            self._ends_in_base = len(parts) == 1
            self._stage = self._folder / (parts[2] if len(parts) == 3 else "image")
            self._stage.mkdir()
        elif name == "COPY":
            self._copy(shlex.split(arguments))
        elif name == "RUN" and not self._ends_in_base:
            command = ABSOLUTE.sub(rf"{self._stage}/\1", arguments)
            command = command.replace("python -m venv", f"{sys.executable} -m venv")
            sys.stdout.write(f"  {arguments[:110]}\n")
            subprocess.run(command, shell=True, check=True, cwd=self._stage / "src")  # noqa: S602

    def _copy(self, parts: list[str]) -> None:
        source = ROOT
        if parts[0].startswith("--from="):
            source = self._folder / parts[0].removeprefix("--from=")
            parts = [parts[1].lstrip("/"), parts[2]]
        target = self._stage / ("" if parts[-1].startswith("/") else "src") / parts[-1].lstrip("/")
        for one in parts[:-1]:
            if one == ".":
                self._copy_source(target)
            elif (source / one).is_dir():
                shutil.copytree(source / one, target, symlinks=True)
            else:
                place = target / Path(one).name if len(parts) > 2 or parts[-1] == "./" else target
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source / one, place)

    def _copy_source(self, target: Path) -> None:
        """The files that git tracks and .dockerignore does not exclude."""
        rules = (ROOT / ".dockerignore").read_text("utf-8").split()
        let_in = {rule[1:] for rule in rules if rule.startswith("!")}
        tracked = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        for name in tracked:
            if name.split("/")[0] in let_in:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, target / name)


def main() -> None:
    """Follow every step, and print what the image has."""
    with tempfile.TemporaryDirectory(prefix="rosh-image-") as temporary:
        build = Build(Path(temporary))
        for name, arguments in instructions((ROOT / "Dockerfile").read_text("utf-8")):
            build.follow(name, arguments)
        app = Path(temporary) / "image" / "app"
        size = sum(path.lstat().st_size for path in app.rglob("*")) / 2**20
        # The scripts of a virtual environment name the Python of the stage that made it.
        command = [str(Path(temporary) / "build" / "app" / "bin" / "python"), "-m", "serving"]
        subprocess.run([*command, "--help"], check=True, capture_output=True, cwd=temporary)
        packages = len(list(app.rglob("*.dist-info")))
        tools = [path.name for path in app.rglob("*") if path.name in ("gcc", "node", "pip")]
        sys.stdout.write(
            f"/app: {size:,.0f} MiB in {packages} packages; build tools left: {tools or 'none'}\n"
        )


if __name__ == "__main__":
    main()
