"""Limits how often somebody may try: to sign in from one address, to ask in one name."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from features.errors import UserError

MOST_NAMES = 10_000
RETRY_AFTER = "60"
"""Seconds after which to try again, as HTTP says it."""
SIGN_INS = 30
"""Attempts to sign in from one address in a minute; the provider of sign-in has its own limit."""
REQUESTS = 600
"""Requests of one user in a minute: above what a person needs, below what scraping a unit needs."""


class TooManyTries(UserError):
    """Somebody asked more often within a minute than is allowed."""


@dataclass
class Limit:
    """Allows a number of tries by one name or address in a number of seconds, in this process.

    Those that tried longest ago are forgotten first.
    """

    tries: int
    words: str
    """What is said to whoever tries once more."""
    seconds: float = 60.0
    _tries_of: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict)

    def count_try(self, name: str, now: float | None = None) -> None:
        """Count a try; raises TooManyTries over the limit."""
        at = time.monotonic() if now is None else now
        tries = self._tries_of.setdefault(name, deque())
        self._tries_of.move_to_end(name)
        while tries and tries[0] <= at - self.seconds:
            tries.popleft()
        if len(tries) >= self.tries:
            raise TooManyTries(self.words)
        tries.append(at)
        while len(self._tries_of) > MOST_NAMES:
            self._tries_of.popitem(last=False)


def limit_sign_ins(*, demo: bool) -> Limit:
    """The limit of attempts to sign in; a demo has one address for everybody."""
    words = "Too many tries to sign in. Wait a minute, then try again."
    return Limit(20 * SIGN_INS if demo else SIGN_INS, words)


def limit_requests(*, demo: bool) -> Limit:
    """The limit of requests in one name; a demo is measured under load by a few names."""
    words = "Too many pages were asked for in your name. Wait a minute, then try again."
    return Limit(100 * REQUESTS if demo else REQUESTS, words)
