"""What happened on the wire: every HTTP call of a run, with its reference point and time.

A `Trace` is a list that aiohttp fills through its own tracing hooks; it knows nothing of what the
calls mean beyond the reference point (M1, M2, M4, M5) that the path names.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import aiohttp
from yarl import URL

_REFERENCE_POINTS = (
    ("/3gpp-m1/", "M1"),
    ("/m2d/", "M2"),
    ("/3gpp-m3/", "M3"),
    ("/fivegms-m3/", "M3"),
    ("/m4d/", "M4"),
    ("/3gpp-m5/", "M5"),
    ("/fivegms-m5-ai/", "M5"),
)


def reference_point(url: URL) -> str:
    """The 5GMS reference point that a URL's path belongs to, or a dash."""
    return next((name for prefix, name in _REFERENCE_POINTS if url.path.startswith(prefix)), "-")


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One finished HTTP exchange; `status` is 0 where no response came."""

    reference_point: str
    method: str
    url: str
    status: int
    duration_ms: float


@dataclass(slots=True)
class Trace:
    """The calls of a run in the order in which they ended."""

    calls: list[HttpCall] = field(default_factory=list)
    clock: Callable[[], float] = time.perf_counter

    def config(self) -> aiohttp.TraceConfig:
        """Hooks for an `aiohttp.ClientSession(trace_configs=[...])`."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._started)
        config.on_request_end.append(self._ended)
        config.on_request_exception.append(self._failed)
        return config

    async def _started(
        self,
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        _params: aiohttp.TraceRequestStartParams,
    ) -> None:
        context.started = self.clock()

    async def _ended(
        self,
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        self._record(context, params.method, params.url, params.response.status)

    async def _failed(
        self,
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        self._record(context, params.method, params.url, 0)

    def _record(self, context: SimpleNamespace, method: str, url: URL, status: int) -> None:
        duration_ms = (self.clock() - context.started) * 1000
        self.calls.append(HttpCall(reference_point(url), method, str(url), status, duration_ms))
