"""Shows the progress of long work: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def show_steps(title: str) -> Iterator[Callable[[str], None]]:
    """Yields a function that shows the current step; prints the total time at the end."""
    console = Console(stderr=True)
    started = time.monotonic()
    if sys.stderr.isatty():
        with console.status(title) as status:
            yield lambda text: status.update(f"{title}: {text}")
    else:
        yield lambda text: console.print(f"  {title}: {text}", highlight=False)
    console.print(f"  {title}: {time.monotonic() - started:.1f} s", highlight=False)
