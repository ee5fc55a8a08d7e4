"""An Application Server put together: stores, handlers, listeners, and their order of life.

    async with ApplicationServer(config) as server:
        print(server.m3_url, server.m4_url)

What M3 last configured is the truth: on the way up, content and records of sessions that it does
not hold are removed, and interrupted preparation starts again.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
from aiohttp import web

from fivegms_api.endpoint import Endpoint
from fivegms_as.config import AsConfig
from fivegms_as.configuration import Configuration
from fivegms_as.delivery import Delivery
from fivegms_as.documents import FolderDocuments
from fivegms_as.files import exclusive
from fivegms_as.folder_store import FolderStore
from fivegms_as.ingest import Ingest
from fivegms_as.preparation import PreparationJobs
from fivegms_as.preparer import Preparer, ProcessPreparer
from fivegms_as.problems import problems
from fivegms_as.sessions import Sessions
from fivegms_as.store import ContentStore

MAX_M3_BODY_BYTES = 2 * 1024 * 1024  # what M1 takes by default, and what an AF adds to it

_log = structlog.get_logger("fivegms_as")


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the applications of one server share."""

    store: ContentStore
    sessions: Sessions
    jobs: PreparationJobs
    delivery: Delivery


def create_m3_app(parts: Parts, *, clock: Callable[[], datetime] = utc_now) -> web.Application:
    """The application of the M3 listener."""
    configuration = Configuration(parts.store, parts.sessions, parts.jobs, clock=clock)
    app = web.Application(middlewares=[problems], client_max_size=MAX_M3_BODY_BYTES)
    counters = parts.delivery.counters

    async def health(_request: web.Request) -> web.Response:
        return _health(m4d={"requests": counters.requests, "bodyBytes": counters.body_bytes})

    app.add_routes([*configuration.routes(), web.get("/healthz", health)])
    return app


def create_media_app(
    parts: Parts, *, max_upload_bytes: int, clock: Callable[[], datetime] = utc_now
) -> web.Application:
    """The application of the M2 and M4 listener; M4 comes first because it is asked most."""
    ingest = Ingest(
        parts.store,
        parts.sessions,
        max_upload_bytes=max_upload_bytes,
        clock=clock,
        on_change=parts.jobs.consider,
    )

    async def health(_request: web.Request) -> web.Response:
        return _health()

    app = web.Application(middlewares=[problems])
    app.add_routes([*parts.delivery.routes(), *ingest.routes(), web.get("/healthz", health)])
    return app


def _health(**more: object) -> web.Response:
    """The server is up and its state is loaded; only M3 learns how busy M4 is."""
    return web.json_response({"status": "ok", **more}, headers={"Cache-Control": "no-store"})


class ApplicationServer:
    """A server while its context lasts. `preparer` and `clock` have their usual values."""

    def __init__(
        self,
        config: AsConfig,
        *,
        preparer: Preparer | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._config = config
        self._preparer = preparer or ProcessPreparer(
            timeout_s=config.preparation_timeout_s,
            memory_bytes=config.effective_preparation_memory_bytes,
        )
        self._clock = clock
        self._stack = AsyncExitStack()
        self._m3_url = self._m4_url = ""

    @property
    def m3_url(self) -> str:
        """Base URL of M3, once started, with the port that the system chose."""
        return self._m3_url

    @property
    def m4_url(self) -> str:
        """Base URL of M2 and M4, once started."""
        return self._m4_url

    @property
    def m2_url(self) -> str:
        """The same as `m4_url`: one listener serves both."""
        return self._m4_url

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            parts = await self._parts(stack)
            media = create_media_app(
                parts, max_upload_bytes=self._config.max_upload_bytes, clock=self._clock
            )
            m3 = create_m3_app(parts, clock=self._clock)
            self._m4_url = await self._listen(stack, media, self._config.m4)
            self._m3_url = await self._listen(stack, m3, self._config.m3)
            self._stack = stack.pop_all()
        _log.info("application server up", m3=self._m3_url, m4=self._m4_url)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _parts(self, stack: AsyncExitStack) -> Parts:
        config = self._config
        stack.enter_context(exclusive(config.data_dir))
        store, sessions, records = await asyncio.to_thread(_load, config.data_dir)
        jobs = PreparationJobs(
            store,
            sessions,
            records,
            self._preparer,
            work=config.data_dir / "work",
            concurrency=config.preparation_jobs,
            clock=self._clock,
        )
        delivery = Delivery(store, sessions, memory_cache_bytes=config.memory_cache_bytes)
        await stack.enter_async_context(jobs)
        return Parts(store, sessions, jobs, delivery)

    async def _listen(self, stack: AsyncExitStack, app: web.Application, endpoint: Endpoint) -> str:
        # No access log: formatting a line per request would halve what M4 can deliver.
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=self._config.shutdown_timeout_s
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, endpoint.host, endpoint.port, backlog=1024).start()
        return Endpoint(endpoint.host, runner.addresses[0][1]).url


def _load(data_dir: Path) -> tuple[FolderStore, Sessions, FolderDocuments]:
    """Open everything that is kept, and drop content of sessions that are no longer hosted."""
    store = FolderStore(data_dir / "content")
    sessions = Sessions(FolderDocuments(data_dir / "configuration"))
    records = FolderDocuments(data_dir / "preparation")
    for session_id in store.sessions():
        session = sessions.get(session_id)
        if session is None or session.hosting is None:
            store.delete_session(session_id)
    for session in sessions.all():
        if session.hosting is not None:
            store.create_session(session.id)
    return store, sessions, records
