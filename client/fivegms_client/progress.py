"""Honest progress of a fetch: network and cache apart, goodput apart from what was thrown away.

`FetchProgress` is a value for a progress bar; `ProgressMeter` counts. `now` is a parameter.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FetchProgress:
    """How far a fetch is. `done_bytes` are checked or being checked; they never exceed the total.

    `network_bytes` counts everything that arrived, also what was thrown away. `rate_bps` is its
    mean since the first byte. `waiting_for` says why nothing arrives, while nothing does.
    """

    done_bytes: int
    total_bytes: int
    network_bytes: int
    cache_bytes: int
    rate_bps: float
    waiting_for: str | None = None


OnProgress = Callable[[FetchProgress], None]


class ProgressMeter:
    """Counts the bytes of one fetch of `total_bytes` and reports each change.

    `first_byte_at` is when the network gave its first byte, `newest_at` when anything happened
    last, in the caller's clock. `cached` are the digests of parts that were on this device. A stall
    lasts from the first wait after something arrived until something arrives again. What came over
    the network in an attempt that failed before, `after` which this one is, is counted on.
    """

    def __init__(
        self,
        total_bytes: int,
        report: OnProgress | None,
        after: "ProgressMeter | None" = None,
    ) -> None:
        self._total_bytes = total_bytes
        self._report = report
        self._done_bytes = 0
        self.network_bytes = 0
        self.cache_bytes = 0
        self.first_byte_at: float | None = None
        self.newest_at: float | None = None
        self.retransmitted_bytes = 0
        self.cached: set[str] = set()
        self.stalls = 0
        self.stalled_s = 0.0
        self._stalled_at: float | None = None
        if after is not None:
            self.network_bytes = after.network_bytes
            self.retransmitted_bytes = after.retransmitted_bytes
            self.first_byte_at = after.first_byte_at
            self.stalls, self.stalled_s = after.stalls, after.stalled_s

    def arrived(self, size_bytes: int, now: float) -> None:
        """Bytes came over the network."""
        if self.first_byte_at is None:
            self.first_byte_at = now
        if self._stalled_at is not None:
            self.stalled_s += now - self._stalled_at
            self._stalled_at = None
        self.network_bytes += size_bytes
        self._done_bytes += size_bytes
        self._tell(now)

    def thrown_away(self, size_bytes: int, now: float) -> None:
        """Bytes that had arrived were wrong, or are about to arrive again."""
        self._done_bytes -= size_bytes
        self.retransmitted_bytes += size_bytes
        self._tell(now)

    def from_cache(self, size_bytes: int, now: float, sha256: str | None = None) -> None:
        """A part, of that digest, was on this device already."""
        if sha256 is not None:
            self.cached.add(sha256)
        self.cache_bytes += size_bytes
        self._done_bytes += size_bytes
        self._tell(now)

    def waiting(self, cause: str, now: float) -> None:
        """Nothing arrives for a while, because of `cause`."""
        if self._stalled_at is None:
            self._stalled_at = now
            self.stalls += 1
        self._tell(now, cause)

    def _tell(self, now: float, waiting_for: str | None = None) -> None:
        self.newest_at = now
        if self._report is None:
            return
        elapsed_s = 0.0 if self.first_byte_at is None else now - self.first_byte_at
        self._report(
            FetchProgress(
                done_bytes=self._done_bytes,
                total_bytes=self._total_bytes,
                network_bytes=self.network_bytes,
                cache_bytes=self.cache_bytes,
                rate_bps=8 * self.network_bytes / elapsed_s if elapsed_s > 0 else 0.0,
                waiting_for=waiting_for,
            )
        )
