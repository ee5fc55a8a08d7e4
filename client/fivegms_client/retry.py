"""When to try again, how long to wait first, and when to say that it is over: a pure rule.

`Attempts` follows one thing that is being fetched, from one or more mirrors. Its owner tells it
what happened and when; it answers with a delay in seconds or raises the error that ends the story.
It never sleeps, reads a clock or draws a random number.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from fivegms_client.errors import (
    FetchInterrupted,
    SegmentCorrupt,
    SegmentMissing,
    ServerUnreachable,
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with jitter, bounded in time and in number.

    An outage is measured from the last byte that arrived, so a slow path that makes progress is
    not given up; `max_outages` bounds one that breaks again and again.
    """

    first_delay_s: float = 0.2
    max_delay_s: float = 5.0
    give_up_after_s: float = 60.0
    max_outages: int = 100
    max_corrupt: int = 3

    def delay_s(self, attempt: int, jitter: float) -> float:
        """The wait after failed attempt number `attempt` (from 1); `jitter` lies in [0, 1).

        >>> [RetryPolicy().delay_s(attempt, jitter=0.0) for attempt in (1, 2, 3, 60)]
        [0.1, 0.2, 0.4, 2.5]
        """
        ceiling = min(self.max_delay_s, self.first_delay_s * 2.0 ** min(attempt - 1, 30))
        return ceiling * (1 + jitter) / 2


DEFAULT_RETRY = RetryPolicy()


class Attempts:
    """The attempts to fetch one thing from `urls`, which are tried in order and then again."""

    def __init__(self, policy: RetryPolicy, urls: Sequence[str], now: float) -> None:
        self._policy = policy
        self._all_urls = tuple(urls)
        self._mirrors = deque(urls)
        self._last_sign_of_life = now
        self._outages = 0
        self._in_a_row = 0
        self._corruptions = 0

    @property
    def url(self) -> str:
        """Where to try now."""
        return self._mirrors[0]

    def received(self, now: float) -> None:
        """Bytes arrived: the outage, if there was one, is over."""
        self._last_sign_of_life = now
        self._in_a_row = 0

    def interrupted(self, failure: FetchInterrupted, now: float, jitter: float) -> float:
        """The wait before the next attempt, in seconds. Raises ServerUnreachable."""
        self._outages += not self._in_a_row
        self._in_a_row += 1
        waited_s = now - self._last_sign_of_life
        delay_s = self._policy.delay_s(self._in_a_row, jitter)
        if failure.retry_after_s is not None:
            delay_s = max(delay_s, min(failure.retry_after_s, self._policy.give_up_after_s))
        if (
            waited_s + delay_s > self._policy.give_up_after_s
            or self._outages >= self._policy.max_outages
        ):
            raise ServerUnreachable(self.url, waited_s, str(failure))
        self._mirrors.rotate(-1)
        return delay_s

    def missing(self) -> None:
        """This mirror does not have it. Raises SegmentMissing when no other might."""
        self._mirrors.popleft()
        if not self._mirrors:
            raise SegmentMissing(self._all_urls)

    def corrupt(self, cause: str, jitter: float) -> float:
        """The wait before all of it is fetched again, in seconds. Raises SegmentCorrupt."""
        self._corruptions += 1
        if self._corruptions >= self._policy.max_corrupt:
            raise SegmentCorrupt(self.url, self._corruptions, cause)
        self._mirrors.rotate(-1)
        return self._policy.delay_s(self._corruptions, jitter)
