"""An Application Server put together: stores, handlers, listeners, and their order of life.

    async with ApplicationServer(config) as server:
        print(server.m3_url, server.m4_url)

What M3 last configured is the truth: on the way up, content and records of sessions that it does
not hold are removed, and interrupted preparation starts again.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Self

import structlog
from aiohttp import web

from fivegms_api.endpoint import Endpoint
from fivegms_api.locators import ISO_3166
from fivegms_api.m3 import Capabilities
from fivegms_as.certificate_configuration import CertificateConfiguration
from fivegms_as.certificates import Certificates
from fivegms_as.config import AsConfig
from fivegms_as.configuration import Configuration
from fivegms_as.delivery import Delivery
from fivegms_as.documents import FolderDocuments
from fivegms_as.exchange import with_options
from fivegms_as.files import exclusive
from fivegms_as.folder_store import FolderStore
from fivegms_as.gate import Gate
from fivegms_as.hosting_rules import unsupported
from fivegms_as.ingest import Ingest, IngestCounters
from fivegms_as.listeners import Patience, listen, mutual_tls, warn_if_open, warn_if_shared
from fivegms_as.locations import Locations, load_locations
from fivegms_as.metrics import Metrics, RequestCounter
from fivegms_as.origin import Origins
from fivegms_as.preparation import PreparationJobs
from fivegms_as.preparer import Preparer, ProcessPreparer
from fivegms_as.problems import problems
from fivegms_as.pull import Pull
from fivegms_as.quarantine import Quarantine
from fivegms_as.server_names import ServerNames
from fivegms_as.sessions import Sessions
from fivegms_as.source_pull import SourcePull
from fivegms_as.store import ContentStore

MAX_M3_BODY_BYTES = 2 * 1024 * 1024  # what M1 takes by default, and what an AF adds to it
SWEEP_INTERVAL_S = 3600.0

_log = structlog.get_logger("fivegms_as")


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Kept:
    """What outlives the process."""

    store: FolderStore
    sessions: Sessions
    certificates: Certificates
    records: FolderDocuments
    quarantine: Quarantine


@dataclass(frozen=True, slots=True)
class Parts:
    """What the applications of one server share."""

    store: ContentStore
    sessions: Sessions
    certificates: Certificates
    quarantine: Quarantine
    jobs: PreparationJobs
    pull: Pull
    delivery: Delivery
    capabilities: Capabilities
    requests: RequestCounter = field(default_factory=RequestCounter)
    ingested: IngestCounters = field(default_factory=IngestCounters)


def create_m3_app(parts: Parts, *, clock: Callable[[], datetime] = utc_now) -> web.Application:
    """The application of the M3 listener."""
    changing = asyncio.Lock()
    configuration = Configuration(
        parts.store,
        parts.sessions,
        parts.jobs,
        parts.pull,
        parts.certificates,
        capabilities=parts.capabilities,
        changing=changing,
        clock=clock,
    )
    certificates = CertificateConfiguration(parts.certificates, parts.sessions, changing=changing)
    app = web.Application(
        middlewares=[parts.requests.middleware(), problems], client_max_size=MAX_M3_BODY_BYTES
    )
    counters = parts.delivery.counters
    metrics = Metrics(
        requests=parts.requests,
        delivery=parts.delivery,
        ingest=parts.ingested,
        pull=parts.pull,
        jobs=parts.jobs,
        sessions=parts.sessions,
        quarantine=parts.quarantine,
    )

    async def health(_request: web.Request) -> web.Response:
        m4d = {"requests": counters.requests, "bodyBytes": counters.body_bytes}
        return _health(m4d=m4d, quarantined=parts.quarantine.count)

    app.add_routes(with_options([*configuration.routes(), *certificates.routes()]))
    app.add_routes([web.get("/healthz", health), web.get("/readyz", _ready)])
    app.add_routes([web.get("/metrics", metrics.expose)])
    return app


def create_media_app(
    parts: Parts,
    *,
    max_upload_bytes: int,
    clock: Callable[[], datetime] = utc_now,
    m2: bool = True,
    m4: bool = True,
) -> web.Application:
    """The application of a listener of M2, of M4, or of both."""
    ingest = Ingest(
        parts.store,
        parts.sessions,
        max_upload_bytes=max_upload_bytes,
        clock=clock,
        on_change=parts.jobs.consider,
        counters=parts.ingested,
    )

    async def health(_request: web.Request) -> web.Response:
        return _health()

    app = web.Application(middlewares=[parts.requests.middleware(), problems])
    if m4:  # first, because it is asked most
        app.add_routes(parts.delivery.routes())
    if m2:
        app.add_routes(with_options(ingest.routes()))
    app.add_routes([web.get("/healthz", health), web.get("/readyz", _ready)])
    return app


def _health(**more: object) -> web.Response:
    """The server is up; only M3 learns how busy M4 is."""
    return web.json_response({"status": "ok", **more}, headers={"Cache-Control": "no-store"})


async def _ready(_request: web.Request) -> web.Response:
    """A listener opens once the state is loaded, so whoever gets an answer may send work."""
    return web.json_response({"status": "ready"}, headers={"Cache-Control": "no-store"})


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
        self._m2_url = self._m3_url = self._m4_url = ""
        self._m4_tls_url: str | None = None

    @property
    def m3_url(self) -> str:
        """Base URL of M3, once started, with the port that the system chose."""
        return self._m3_url

    @property
    def m4_url(self) -> str:
        """Base URL of M4, once started."""
        return self._m4_url

    @property
    def m4_tls_url(self) -> str | None:
        """Base URL of M4 by TLS, once started; None where there is no such listener."""
        return self._m4_tls_url

    @property
    def m2_url(self) -> str:
        """Base URL of M2, once started: `m4_url` where M2 has no listener of its own."""
        return self._m2_url

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            parts = await self._parts(stack)
            await self._listen(stack, parts)
            self._stack = stack.pop_all()
        _log.info(
            "application server up",
            m2=self._m2_url,
            m3=self._m3_url,
            m4=self._m4_url,
            m4_tls=self._m4_tls_url,
        )
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
        locations = Locations()
        if config.locations is not None:
            locations = await asyncio.to_thread(load_locations, config.locations)
        stack.enter_context(exclusive(config.data_dir))
        kept = await asyncio.to_thread(_load, config)
        capabilities = _capabilities(config, locations)
        _warn_of_more(kept.sessions, capabilities)
        await stack.enter_async_context(self._sweeping(kept.store))
        pull = await self._pull(stack, kept, lambda session_id: jobs.consider(session_id))
        sources = SourcePull(pull, first_retry_s=config.pull_retry_s)
        jobs = PreparationJobs(
            kept.store,
            kept.sessions,
            kept.records,
            self._preparer,
            await stack.enter_async_context(sources),
            work=config.data_dir / "work",
            concurrency=config.preparation_jobs,
            clock=self._clock,
        )
        return Parts(
            store=kept.store,
            sessions=kept.sessions,
            certificates=kept.certificates,
            quarantine=kept.quarantine,
            jobs=await stack.enter_async_context(jobs),
            pull=pull,
            delivery=self._delivery(kept, locations, pull),
            capabilities=capabilities,
        )

    async def _pull(
        self, stack: AsyncExitStack, kept: Kept, on_change: Callable[[str], None]
    ) -> Pull:
        config = self._config
        origins = Origins(
            allow_private=config.allow_private_origins, timeout_s=config.pull_timeout_s
        )
        pull = Pull(
            kept.store,
            kept.sessions,
            await stack.enter_async_context(origins),
            enabled=config.pull_ingest,
            max_bytes=config.max_upload_bytes,
            cache_bytes=config.pull_cache_bytes,
            clock=self._clock,
            on_change=on_change,
        )
        return await stack.enter_async_context(pull)

    def _delivery(self, kept: Kept, locations: Locations, pull: Pull) -> Delivery:
        config = self._config
        endpoints = (config.m4, config.m4_tls)
        gate = Gate(
            own_names=[endpoint.host for endpoint in endpoints if endpoint is not None],
            places=locations,
            trusted_proxies=config.trusted_proxies,
            clock=self._clock,
        )
        return Delivery(
            kept.store,
            kept.sessions,
            gate,
            pull,
            memory_cache_bytes=config.memory_cache_bytes,
            clock=self._clock,
        )

    async def _listen(self, stack: AsyncExitStack, parts: Parts) -> None:
        """Open the listeners; M3 last, so that whoever configures finds M2 and M4 there."""
        config = self._config
        patience = Patience(config.keepalive_timeout_s, config.shutdown_timeout_s)
        await self._listen_for_media(stack, parts, patience)
        context = mutual_tls(config.m3_tls) if config.m3_tls is not None else None
        warn_if_open(config.m3, context)
        m3 = create_m3_app(parts, clock=self._clock)
        (self._m3_url,) = await listen(stack, m3, [(config.m3, context)], patience)

    async def _listen_for_media(
        self, stack: AsyncExitStack, parts: Parts, patience: Patience
    ) -> None:
        """M4, and M2 beside it or at the same sockets."""
        config = self._config
        app = partial(
            create_media_app, parts, max_upload_bytes=config.max_upload_bytes, clock=self._clock
        )
        endpoints: list[tuple[Endpoint, ssl.SSLContext | None]] = [(config.m4, None)]
        if config.m4_tls is not None:
            names = ServerNames(parts.sessions, parts.certificates)
            endpoints.append((config.m4_tls, names.context))
        m4 = app(m2=config.m2 is None)
        self._m4_url, *tls_urls = await listen(stack, m4, endpoints, patience)
        self._m4_tls_url = tls_urls[0] if tls_urls else None
        if config.m2 is None:
            self._m2_url = self._m4_url
            warn_if_shared(config.m4, config.m4_tls)
        else:
            (self._m2_url,) = await listen(stack, app(m4=False), [(config.m2, None)], patience)

    @asynccontextmanager
    async def _sweeping(self, store: ContentStore) -> AsyncIterator[None]:
        task = asyncio.create_task(self._sweep(store), name="sweep of partial uploads")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _sweep(self, store: ContentStore) -> None:
        """Forget uploads that nobody continues, at start and every hour."""
        while True:
            before = utc_now() - timedelta(seconds=self._config.partial_upload_ttl_s)
            if swept := await asyncio.to_thread(store.sweep_uploads, before):
                _log.info("partial uploads swept", count=swept)
            await asyncio.sleep(SWEEP_INTERVAL_S)


def _capabilities(config: AsConfig, locations: Locations) -> Capabilities:
    return Capabilities(
        geo_fencing_locator_types=(ISO_3166,) if locations.known else (),
        tls=config.m4_tls is not None,
        pull_ingest=config.pull_ingest,
        inference_slots=config.inference_slots,
    )


def _warn_of_more(sessions: Sessions, capabilities: Capabilities) -> None:
    """Say which configurations, kept from a server with other options, cannot be enforced now."""
    for session in sessions.all():
        if session.hosting is None:
            continue
        members = [one.param for one in unsupported(session.hosting.configuration, capabilities)]
        if members:
            _log.warning("configured for more than this", session=session.id, members=members)


def _load(config: AsConfig) -> Kept:
    """Open everything that is kept, and drop content of sessions that are no longer hosted.

    What was ingested of a session whose configuration is damaged waits for the AF to send that.
    """
    folder = config.data_dir
    quarantine = Quarantine(folder / "quarantine")
    store = FolderStore(folder / "content", quarantine)
    sessions = Sessions(FolderDocuments(folder / "configuration", quarantine))
    certificates = Certificates(folder / "certificates", quarantine)
    records = FolderDocuments(folder / "preparation", quarantine)
    for session_id in store.sessions():
        session = sessions.get(session_id)
        hosted = session is not None and session.hosting is not None
        if not hosted and session_id not in sessions.damaged:
            store.delete_session(session_id)
    for session in sessions.all():
        if session.hosting is not None:
            store.create_session(session.id)
    return Kept(store, sessions, certificates, records, quarantine)
