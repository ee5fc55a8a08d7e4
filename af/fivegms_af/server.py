"""The Application Function as a whole: opens, serves M1 and M5, closes, in that order backwards."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from uuid import uuid4

import aiohttp
import structlog
from aiohttp import web

from fivegms_af import openapi
from fivegms_af.application_server import ApplicationServerPort
from fivegms_af.config import AfConfig
from fivegms_af.context import CONTEXT, Context
from fivegms_af.m1.table import M1_ROUTES
from fivegms_af.m3_client import M3Client
from fivegms_af.m5.table import M5_ROUTES
from fivegms_af.middleware import answer_errors, identify, try_again
from fivegms_af.reconciler import Reconciler
from fivegms_af.routes import Route, add_routes
from fivegms_af.store.database import Database
from fivegms_af.store.provisioning_store import ProvisioningStore
from fivegms_api.endpoint import Endpoint

log = structlog.get_logger()

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


def create_m1_app(context: Context) -> web.Application:
    """The application that providers use."""
    return _create_app(context, "5GMS AF: M1", M1_ROUTES)


def create_m5_app(context: Context) -> web.Application:
    """The application that UEs use."""
    return _create_app(context, "5GMS AF: M5", M5_ROUTES)


class ApplicationFunction:
    """An AF from `async with` to its end; `m1_url` and `m5_url` have the ports that were bound.

    `servers` takes the place of the configured Application Servers' M3, in the same order.
    """

    def __init__(
        self,
        config: AfConfig,
        clock: Clock = utc_now,
        servers: Sequence[ApplicationServerPort] | None = None,
    ) -> None:
        self.config = config
        self.m1_url = config.m1.url
        self.m5_url = config.m5.url
        self._clock = clock
        self._servers = servers
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Raises StorageUnavailable, or OSError where an endpoint cannot be bound."""
        try:
            await self._start()
        except BaseException:
            await self._exit.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the requests under way, then let go of the AS and the database."""
        await self._exit.aclose()

    async def _start(self) -> None:
        context = await self._open()
        reconciling = asyncio.create_task(context.reconciler.run())
        reconciling.add_done_callback(_report)
        self._exit.push_async_callback(_cancel, reconciling)
        self.m1_url = await self._serve(create_m1_app(context), self.config.m1)
        self.m5_url = await self._serve(create_m5_app(context), self.config.m5)
        log.info("the AF is ready", m1=self.m1_url, m5=self.m5_url)

    async def _open(self) -> Context:
        config = self.config
        config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = Database(config.effective_database_url)
        self._exit.push_async_callback(database.close)
        await database.open()
        store = ProvisioningStore(database, config.cached_sessions)
        servers = await self._connect() if self._servers is None else self._servers
        address = config.application_servers[0] if config.application_servers else None
        reconciler = Reconciler(store, servers, address, now=self._clock)
        return Context(config, store, servers, reconciler, self._clock, lambda: str(uuid4()))

    async def _connect(self) -> Sequence[ApplicationServerPort]:
        http = await self._exit.enter_async_context(aiohttp.ClientSession())
        timeout_s = self.config.m3_timeout_s
        return [M3Client(one.m3_url, http, timeout_s) for one in self.config.application_servers]

    async def _serve(self, app: web.Application, endpoint: Endpoint) -> str:
        runner = web.AppRunner(app, access_log=None)
        self._exit.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, endpoint.host, endpoint.port).start()
        port: int = runner.addresses[0][1]
        return Endpoint(endpoint.host, port).url


def _create_app(context: Context, title: str, routes: Iterable[Route]) -> web.Application:
    app = web.Application(
        client_max_size=context.config.max_body_bytes,
        middlewares=(identify, answer_errors, try_again),
    )
    app[CONTEXT] = context
    add_routes(app, routes)
    app.router.add_get(openapi.PATH, openapi.OpenApiDocument(title, routes).serve)
    app.router.add_get("/healthz", _health)
    return app


async def _health(request: web.Request) -> web.Response:
    """200 while the database answers, 503 otherwise."""
    await request.app[CONTEXT].store.check()
    return web.json_response({"status": "ok"})


def _report(task: "asyncio.Task[None]") -> None:
    """The reconciler never ends by itself; should it, the log has to say so."""
    if not task.cancelled():
        log.critical("no AS is kept in step any more", exc_info=task.exception())


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
