"""Patience with requests: how long one is waited for, and when it is made again."""

import random
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from curation.buckets.store import RequestError
from curation.core.words import counted

Answer = TypeVar("Answer")

LEAST_RATE = 32 << 10
"""Bytes a second. What comes slower is given up and asked for again, as if it had stopped."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 15.0
_WINDOW_S = 15.0
_TICK_S = 1.0


class GivenUpError(Exception):
    """A request was made until time was up, or there is no use in making it again.

    Attributes:
        reason: for people: what failed, and how often it was tried.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Patience:
    """The time that one matter may take, with all of its tries, and the pauses between them.

    Args:
        timeout_s: seconds; more is granted for bytes that arrive.
        alive: called about every second.
    """

    def __init__(self, timeout_s: float, alive: Callable[[], object]) -> None:
        self._until = time.monotonic() + timeout_s
        self._alive = alive
        self._tries = 0
        self.window_s = min(_WINDOW_S, timeout_s / 4)
        """Seconds after which a request that has not begun to answer, or is too slow, is given up."""

    def received(self, size: int) -> None:
        """Grant the time that so many bytes take at the least rate."""
        self._until += size / LEAST_RATE
        self._alive()

    def awaited(self, future: "Future[Answer]", until: float) -> Answer:
        """Wait for an answer.

        Args:
            future: of the request, which is cancelled when time is up.
            until: time of `time.monotonic`.

        Raises:
            RequestError: time is up, or whatever the request raises.
        """
        limit = min(until, self._until)
        while True:
            try:
                return future.result(timeout=max(0.0, min(_TICK_S, limit - time.monotonic())))
            except TimeoutError:
                if time.monotonic() >= limit:
                    future.cancel()
                    raise RequestError("failed", "the service does not answer in time") from None
                self._alive()

    def pause(self, error: RequestError) -> None:
        """Wait before the next try; each pause is about twice as long as the one before.

        Raises:
            GivenUpError: there is no time for another one, or no use.
        """
        self._tries += 1
        if error.kind != "failed":
            raise GivenUpError(error.reason)
        pause_s = min(_FIRST_PAUSE_S * 2 ** (self._tries - 1), _LONGEST_PAUSE_S) * random.uniform(0.5, 1.0)
        end = time.monotonic() + pause_s
        if end >= self._until:
            raise GivenUpError(f"{error.reason}; tried {counted(self._tries, 'time')}")
        while (left := end - time.monotonic()) > 0:
            self._alive()
            time.sleep(min(left, _TICK_S))


def patiently(
    request: Callable[[], "Future[Answer]"], *, timeout_s: float, answer_s: float, alive: Callable[[], object]
) -> Answer:
    """Make a request until it succeeds.

    Args:
        request: makes it once.
        timeout_s: seconds that tries and pauses may take together.
        answer_s: seconds that one try may take.
        alive: called about every second.

    Raises:
        GivenUpError: it did not succeed.
    """
    patience = Patience(timeout_s, alive)
    while True:
        try:
            return patience.awaited(request(), time.monotonic() + answer_s)
        except RequestError as error:
            patience.pause(error)
