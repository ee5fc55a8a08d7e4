"""Reports that wait to be sent: in order, not too many, and again later when nobody answers. Pure.

The owner sends what `next` gives and tells what became of it; `now` is in seconds.
"""

from collections import deque
from collections.abc import Iterable

from fivegms_client.reporting import Report
from fivegms_client.retry import RetryPolicy

CAPACITY = 64
PATIENCE = RetryPolicy(first_delay_s=1.0, max_delay_s=60.0)


class Outbox:
    """At most `capacity` reports; more push the oldest out, which `lost` counts."""

    def __init__(self, capacity: int = CAPACITY, patience: RetryPolicy = PATIENCE) -> None:
        self._waiting: deque[Report] = deque()
        self._capacity = capacity
        self._patience = patience
        self._failures = 0
        self.wait_until: float | None = None
        self.lost = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, reports: Iterable[Report]) -> None:
        """Queue reports behind those that wait."""
        for report in reports:
            self._waiting.append(report)
            if len(self._waiting) > self._capacity:
                self._waiting.popleft()
                self.lost += 1

    def next(self, now: float) -> tuple[Report, str] | None:
        """The report to send now and where to; None while there is none or it is too early."""
        if not self._waiting or (self.wait_until is not None and now < self.wait_until):
            return None
        report = self._waiting[0]
        return report, report.urls[self._failures % len(report.urls)]

    def done(self, report: Report) -> None:
        """It was taken, or refused for good; either way it is not sent again."""
        self._failures = 0
        self.wait_until = None
        if self._waiting and self._waiting[0] is report:
            self._waiting.popleft()

    def failed(self, now: float, jitter: float, asked_s: float = 0.0) -> None:
        """Nobody answered, or asked for patience of `asked_s`; `jitter` lies in [0, 1)."""
        self._failures += 1
        asked_s = min(asked_s, self._patience.give_up_after_s)
        self.wait_until = now + max(asked_s, self._patience.delay_s(self._failures, jitter))
