"""Sends reports beside the app: a thread with an event loop of its own, for one model in use.

Inference never waits for it. Whoever closes the model waits at most FLUSH_S for the last reports;
what is not taken by then is lost, as are reports of a process that is killed.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from threading import Event, RLock, Thread, current_thread
from typing import Protocol

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from fivegms_api.service_access_information import ServiceAccessInformation
from fivegms_client.authorization import Authorization, TokenKeeper
from fivegms_client.clock import SYSTEM_CLOCK, Clock
from fivegms_client.errors import AccessRefused, FetchInterrupted
from fivegms_client.fetching import UNAUTHORISED, Answer, check_status
from fivegms_client.outbox import Outbox
from fivegms_client.reporting import Report, ReportingSession, Subject, plan

FLUSH_S = 2.0

_TIMEOUT = aiohttp.ClientTimeout(total=10.0)
_TAKEN = frozenset({200, 201, 202, 204})


class Poster(Protocol):
    """A way to send documents."""

    async def post(self, url: str, report: Report) -> None:
        """Raises FetchInterrupted where it may be tried again, AccessRefused where not."""


Connect = Callable[[], AbstractAsyncContextManager[Poster]]


class Reporter:
    """Sends what a `ReportingSession` says is due, from `start` until `stop`."""

    def __init__(
        self,
        session: ReportingSession,
        connect: Connect,
        *,
        clock: Clock = SYSTEM_CLOCK,
        flush_s: float = FLUSH_S,
    ) -> None:
        self._session = session
        self._connect = connect
        self._clock = clock
        self._flush_s = flush_s
        self._outbox = Outbox()
        self._stopping = Event()
        self._lock = RLock()
        self._wake: Callable[[], object] | None = None
        self._thread = Thread(target=self._run, name="fivegms-reports", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def inferred(self, latency_ms: float, ttfi_ms: float | None) -> None:
        """An inference ended now, and the first one `ttfi_ms` after the start. Never waits."""
        self._session.inferred(latency_ms, ttfi_ms)

    def uses(self, subject: Subject) -> None:
        """From now on inferences are of another variant or version."""
        self._session.uses(subject)

    def stop(self) -> None:
        """Send the last reports and end; stopping twice is fine.

        Any thread may forget the model at any place, so also that of the reports, which goes on.
        """
        with self._lock:
            self._stopping.set()
            if self._wake is not None:
                self._wake()
        if current_thread() is not self._thread:
            self._thread.join(self._flush_s)

    def _run(self) -> None:
        with suppress(TimeoutError):
            asyncio.run(self._main())

    async def _main(self) -> None:
        woken = asyncio.Event()
        loop = asyncio.get_running_loop()
        with self._lock:
            self._wake = lambda: loop.call_soon_threadsafe(woken.set)
        try:
            async with self._connect() as poster:
                while not self._stopping.is_set():
                    self._outbox.add(self._session.due(self._clock.now()))
                    await self._send(poster)
                    await self._pause(woken)
                self._outbox.add(self._session.finish())
                self._outbox.wait_until = None
                async with asyncio.timeout(self._flush_s):
                    await self._send(poster)
        finally:
            with self._lock:
                self._wake = None

    async def _send(self, poster: Poster) -> None:
        """All that waits, until somebody does not answer."""
        while (waiting := self._outbox.next(self._clock.now())) is not None:
            report, url = waiting
            try:
                await poster.post(url, report)
            except FetchInterrupted as failure:
                patience_s = failure.retry_after_s or 0.0
                self._outbox.failed(self._clock.now(), self._clock.jitter(), patience_s)
            except AccessRefused:
                self._outbox.done(report)  # the AF will not take it later either
            else:
                self._outbox.done(report)

    async def _pause(self, woken: asyncio.Event) -> None:
        """Until a report is due, or one that failed may be tried again, or `stop`."""
        ends = [self._session.next_due(), self._outbox.wait_until]
        known = [end for end in ends if end is not None]
        delay_s = max(0.0, min(known) - self._clock.now()) if known else None
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await woken.wait()


def report_over_http(
    information: ServiceAccessInformation,
    subject: Subject,
    authorization: Authorization | None = None,
) -> Reporter | None:
    """A reporter at work, where Service Access Information asks this UE for reports."""
    tasks = plan(information, subject.entry_url)
    if not tasks:
        return None
    keeper = None if authorization is None else TokenKeeper(authorization)
    session = ReportingSession(tasks, subject, SYSTEM_CLOCK.now())
    reporter = Reporter(session, lambda: http_poster(keeper))
    reporter.start()
    return reporter


@asynccontextmanager
async def http_poster(keeper: TokenKeeper | None = None) -> AsyncIterator[Poster]:
    """Sends over HTTP, by aiohttp, with a token where there is one."""
    connector = aiohttp.TCPConnector(resolver=_Resolver())
    headers = {"User-Agent": "fivegms-client"}
    async with aiohttp.ClientSession(
        connector=connector, timeout=_TIMEOUT, headers=headers
    ) as http:
        yield _HttpPoster(http, keeper)


class _HttpPoster:
    def __init__(self, http: aiohttp.ClientSession, keeper: TokenKeeper | None) -> None:
        self._http = http
        self._keeper = keeper

    async def post(self, url: str, report: Report) -> None:
        answer = await self._answer(url, report)
        if answer.status == UNAUTHORISED and self._keeper is not None and self._keeper.forget():
            answer = await self._answer(url, report)
        check_status(answer, _TAKEN)

    async def _answer(self, url: str, report: Report) -> Answer:
        headers = {"Content-Type": report.content_type}
        if self._keeper is not None:
            headers |= await self._keeper.field()
        try:
            async with self._http.post(
                url, data=report.body, headers=headers, allow_redirects=False
            ) as answer:
                lowered = {name.lower(): value for name, value in answer.headers.items()}
                return Answer(url, answer.status, lowered, _no_body())
        except ValueError as error:  # InvalidURL, and names that cannot be looked up
            raise AccessRefused(f"{url} is no address") from error
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError too
            raise FetchInterrupted(str(error) or type(error).__name__) from error


async def _no_body() -> AsyncIterator[bytes]:
    return
    yield b""


class _Resolver(AbstractResolver):
    """Looks names up in this thread, which has nothing else to do, and needs no other: at the end
    of a process no work can be given to a pool of threads any more.
    """

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=int(address[1]),
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """There is nothing to close."""
