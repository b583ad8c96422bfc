"""Limits sign-in attempts from one address."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from features.errors import UserError

MOST_ADDRESSES = 10_000


class TooManyTries(UserError):
    """Too many attempts to sign in within a minute."""


@dataclass
class SignInLimit:
    """Allows a number of attempts from one address in a number of seconds, in this process.

    A second guard: the provider of sign-in has its own. Oldest addresses are forgotten first.
    """

    tries: int = 30
    seconds: float = 60.0
    _tries_of: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict)

    def count_try(self, address: str, now: float | None = None) -> None:
        """Count an attempt; raises TooManyTries over the limit."""
        at = time.monotonic() if now is None else now
        tries = self._tries_of.setdefault(address, deque())
        self._tries_of.move_to_end(address)
        while tries and tries[0] <= at - self.seconds:
            tries.popleft()
        if len(tries) >= self.tries:
            raise TooManyTries("Too many tries to sign in. Wait a minute, then try again.")
        tries.append(at)
        while len(self._tries_of) > MOST_ADDRESSES:
            self._tries_of.popitem(last=False)
