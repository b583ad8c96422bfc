"""Runs the whole suite on each of the other days: python -m tests.other_days (`make verify`)."""

from __future__ import annotations

import os
import subprocess
import sys

from features import clock
from tests import another_day
from tests.other_days.days import days_ahead


def main() -> int:
    """Run the suite once a day; how many of the runs failed."""
    failed = []
    for name, ahead in days_ahead(clock.today()).items():
        sys.stdout.write(f"== {name} ({ahead} days)\n")
        sys.stdout.flush()
        environment = {**os.environ, another_day.VARIABLE: str(ahead)}
        if subprocess.run(
            [sys.executable, "-m", "pytest", "-q"], env=environment, check=False
        ).returncode:
            failed.append(name)
    sys.stdout.write(f"== failed on: {', '.join(failed) or 'none of them'}\n")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
