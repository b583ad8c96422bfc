"""The service's commands with parts so small that a few cases keep worker processes busy.

    python -m tests.faults.small_parts score --as-of DATE

What is run is the product's own; only how many cases a worker takes at once differs.
"""

from __future__ import annotations

import sys

from features import parts
from serving import __main__ as serving_main

CASES_AT_ONCE = 60

if __name__ == "__main__":
    parts.CASES_AT_ONCE = CASES_AT_ONCE
    sys.exit(serving_main.main())
