"""What happened on the wire: every HTTP call of a run, with its reference point and time.

A `Trace` is filled from two sides: by aiohttp's own tracing hooks for the provider's calls, and by
`TracingFetcher` around the UE's transport. It knows nothing of what the calls mean beyond the
reference point (M1, M2, M4, M5) that their path names.
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace

import aiohttp
from yarl import URL

from fivegms_client.fetching import Answer, Fetcher

_REFERENCE_POINTS = (
    ("/3gpp-m1/", "M1"),
    ("/m2d/", "M2"),
    ("/3gpp-m3/", "M3"),
    ("/fivegms-m3/", "M3"),
    ("/m4d/", "M4"),
    ("/3gpp-m5/", "M5"),
    ("/fivegms-m5-ai/", "M5"),
)


_SENDING_METHODS = frozenset({"PUT", "POST", "PATCH"})


def reference_point(url: URL) -> str:
    """The 5GMS reference point that a URL's path belongs to, or a dash.

    >>> reference_point(URL("http://127.0.0.1:8080/m4d/provisioning-session-1/model.mpd"))
    'M4'
    """
    return next((name for prefix, name in _REFERENCE_POINTS if url.path.startswith(prefix)), "-")


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One finished HTTP exchange; `status` is 0 where no response came.

    `media_type` is that of the body that carried content: the request's of a PUT, POST or PATCH,
    the response's of anything else; empty where there was none.
    """

    reference_point: str
    method: str
    url: str
    status: int
    duration_ms: float
    media_type: str = ""


@dataclass(slots=True)
class Trace:
    """The calls of a run in the order in which they ended."""

    calls: list[HttpCall] = field(default_factory=list)
    clock: Callable[[], float] = time.perf_counter

    def record(
        self, method: str, url: URL, status: int, started: float, media_type: str = ""
    ) -> None:
        """Add a call that began at `started` on this trace's clock and has just ended."""
        duration_ms = (self.clock() - started) * 1000
        point, plain_type = reference_point(url), media_type.partition(";")[0].strip()
        self.calls.append(HttpCall(point, method, str(url), status, duration_ms, plain_type))

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
        sends = params.method in _SENDING_METHODS
        headers = params.headers if sends else params.response.headers
        media_type = headers.get("Content-Type", "")
        self.record(params.method, params.url, params.response.status, context.started, media_type)

    async def _failed(
        self,
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        self.record(params.method, params.url, 0, context.started)


class TracingFetcher:
    """A UE transport that writes every call of another one into a trace, body included."""

    def __init__(self, inner: Fetcher, trace: Trace) -> None:
        self._inner = inner
        self._trace = trace

    @asynccontextmanager
    async def get(
        self, url: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Answer]:
        """GET `url` through the inner transport."""
        started = self._trace.clock()
        status, media_type = 0, ""
        try:
            async with self._inner.get(url, headers) as answer:
                status, media_type = answer.status, answer.headers.get("content-type", "")
                yield answer
        finally:
            self._trace.record("GET", URL(url), status, started, media_type)
