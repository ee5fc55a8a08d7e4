"""The Application Function as a whole: opens, serves M1 and M5, closes, in that order backwards."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import aiohttp
import structlog
from aiohttp import hdrs, web

from fivegms_af import openapi
from fivegms_af.application_server import ApplicationServerPort
from fivegms_af.clock import utc_now
from fivegms_af.config import AfConfig
from fivegms_af.console.pages import add_console
from fivegms_af.context import CONTEXT, Context
from fivegms_af.event_feed import EventFeed
from fivegms_af.m1.table import M1_ROUTES
from fivegms_af.m3_client import M3Client
from fivegms_af.m5.table import M5_ROUTES
from fivegms_af.middleware import answering, try_again
from fivegms_af.observability import Metrics
from fivegms_af.operator.metrics import expose_metrics
from fivegms_af.operator.table import OPERATOR_ROUTES
from fivegms_af.policy.control import PolicyControl
from fivegms_af.policy.notifications import BASE_PATH as NOTIFICATIONS_PATH
from fivegms_af.policy.notifications import create_notifications_app
from fivegms_af.policy.npcf import NpcfPolicyControl
from fivegms_af.policy.service import PolicyService
from fivegms_af.reconciler import Reconciler
from fivegms_af.reports import retention
from fivegms_af.reports.intake import ReportIntake
from fivegms_af.routes import Route, add_routes
from fivegms_af.security import tls
from fivegms_af.security.access_control import AccessControl, apis_of, open_access_control
from fivegms_af.security.cors import allow_origins
from fivegms_af.store.database import Database
from fivegms_af.store.provisioning_store import ProvisioningStore
from fivegms_af.store.report_series import ReportSeries
from fivegms_af.store.report_store import ReportStore
from fivegms_af.store.resource_counts import ResourceCounts
from fivegms_api.endpoint import Endpoint

log = structlog.get_logger()

Clock = Callable[[], datetime]

_NO_STORE = {hdrs.CACHE_CONTROL: "no-store"}


def create_m1_app(context: Context, access: AccessControl) -> web.Application:
    """The application that providers use."""
    app = _create_app(context, access, "m1", M1_ROUTES)
    access.serve_tokens(app)
    return app


def create_m5_app(context: Context, access: AccessControl) -> web.Application:
    """The application that UEs use."""
    app = _create_app(context, access, "m5", M5_ROUTES)
    allow_origins(app, context.config.security.m5_allow_origins)
    return app


def create_operator_app(context: Context, access: AccessControl) -> web.Application:
    """The application that operators use: theirs, and M1 for the console."""
    app = _create_app(context, access, "operator", (*OPERATOR_ROUTES, *M1_ROUTES))
    app.router.add_get("/metrics", expose_metrics)
    add_console(app)
    access.serve_tokens(app)
    return app


class ApplicationFunction:
    """An AF from `async with` to its end; `m1_url` and `m5_url` have the ports that were bound,
    and so has `operator_url`, which is None where operators are not served.

    `servers` takes the place of the configured Application Servers' M3, in the same order, and
    `policy_control` that of the configured PCF.
    """

    def __init__(
        self,
        config: AfConfig,
        clock: Clock = utc_now,
        servers: Sequence[ApplicationServerPort] | None = None,
        policy_control: PolicyControl | None = None,
    ) -> None:
        self.config = config
        self.m1_url = config.m1.url
        self.m5_url = config.m5.url
        self.operator_url: str | None = None
        self._clock = clock
        self._servers = servers
        self._policy_control = policy_control
        self._access: AccessControl | None = None
        self._context: Context | None = None
        self._notifications: socket.socket | None = None
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Raises StorageUnavailable, SettingsRefused, or OSError where no endpoint can be bound."""
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

    @property
    def context(self) -> Context:
        """The parts that it is made of, once it runs."""
        if self._context is None:
            raise RuntimeError("the AF is not running; use it as an async context manager")
        return self._context

    def reload(self) -> None:
        """Take the listeners' certificate anew; what is unusable is logged and changes nothing."""
        if self._access is not None:
            self._access.reload()

    async def _start(self) -> None:
        config, security = self.config, self.config.security
        config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        apis = apis_of(M1_ROUTES, M5_ROUTES, OPERATOR_ROUTES)
        access = await open_access_control(security, config.data_dir, apis, self._clock, self._exit)
        self._access = access
        context = self._context = await self._open()
        if context.servers:
            self._run_beside(context.reconciler.run(), "no AS is kept in step any more")
        self._run_beside(context.metrics.watch_loop(), "the event loop is not watched any more")
        await self._start_policies(context)
        keep = timedelta(days=self.config.report_retention_days)
        pruning = retention.run(context.reports.store, keep, self._clock)
        self._run_beside(pruning, "old reports are not dropped any more")
        self.m1_url = await self._serve("M1", create_m1_app(context, access), access, config.m1)
        self.m5_url = await self._serve("M5", create_m5_app(context, access), access, config.m5)
        if config.operator is not None:
            operator = create_operator_app(context, access)
            operator.on_shutdown.append(_end_streams)
            self.operator_url = await self._serve("operator", operator, access, config.operator)
        log.info("the AF is ready", m1=self.m1_url, m5=self.m5_url, operator=self.operator_url)

    def _run_beside(self, work: Coroutine[Any, Any, None], without: str) -> None:
        """Run what never ends by itself; should it, the log has to say what that means."""

        def report(task: "asyncio.Task[None]") -> None:
            if not task.cancelled():
                log.critical(without, exc_info=task.exception())

        task = asyncio.create_task(work)
        task.add_done_callback(report)
        self._exit.push_async_callback(_cancel, task)

    async def _open(self) -> Context:
        config = self.config
        database = Database(config.effective_database_url)
        self._exit.push_async_callback(database.close)
        await database.open()
        store = ProvisioningStore(database, config.cached_sessions)
        servers = await self._connect() if self._servers is None else self._servers
        address = config.application_servers[0] if config.application_servers else None
        reconciler = Reconciler(
            store, servers, address, now=self._clock, refresh_s=config.m3_refresh_s
        )
        control = self._policy_control or await self._connect_pcf()
        policy = PolicyService.over(database, store, control, self._clock, new_id)
        reports = ReportIntake(ReportStore(database))
        reports.tell(policy.alarms)
        metrics, events = Metrics(), EventFeed()
        database.on_batch(metrics.write_batches.observe)
        store.on_change(events.session_changed)
        reports.on_report(lambda kind, _: metrics.reports.labels(kind).inc())
        reports.on_report(lambda _, session_id: events.report_received(session_id))
        policy.alarms.on_change(lambda session_id, _: events.alarm_changed(session_id))
        policy.alarms.on_change(lambda _, finding: metrics.count_alarm(finding))
        return Context(
            config=config,
            store=store,
            servers=servers,
            reconciler=reconciler,
            reports=reports,
            report_series=ReportSeries(database),
            resource_counts=ResourceCounts(database),
            policy=policy,
            now=self._clock,
            new_id=new_id,
            metrics=metrics,
            events=events,
        )

    async def _connect(self) -> Sequence[ApplicationServerPort]:
        http = await self._exit.enter_async_context(aiohttp.ClientSession())
        config, security = self.config, self.config.security
        context = tls.client_context(security.m3_ca, security.m3_certificate)
        return [
            M3Client(one.m3_url, http, config.m3_timeout_s, context)
            for one in config.application_servers
        ]

    async def _connect_pcf(self) -> PolicyControl | None:
        """The PCF of the configuration; what it will notify of is listened for already."""
        config = self.config
        if config.policy_control_url is None:
            return None
        here = config.policy_notifications
        family = socket.AF_INET6 if ":" in here.host else socket.AF_INET
        self._notifications = socket.create_server((here.host, here.port), family=family)
        self._exit.callback(self._notifications.close)
        bound = Endpoint(here.host, self._notifications.getsockname()[1])
        return NpcfPolicyControl(
            config.policy_control_url,
            (config.policy_notification_url or bound.url) + NOTIFICATIONS_PATH,
            await self._exit.enter_async_context(aiohttp.ClientSession()),
            config.policy_limits,
            config.policy_timeout_s,
        )

    async def _start_policies(self, context: Context) -> None:
        self._run_beside(context.policy.upkeep.run(), "policies are not kept true any more")
        if self._notifications is not None:
            runner = web.AppRunner(create_notifications_app(context), access_log=None)
            self._exit.push_async_callback(runner.cleanup)
            await runner.setup()
            await web.SockSite(runner, self._notifications).start()

    async def _serve(
        self, name: str, app: web.Application, access: AccessControl, endpoint: Endpoint
    ) -> str:
        access.warn(name, endpoint)
        runner = web.AppRunner(app, access_log=None)
        self._exit.push_async_callback(runner.cleanup)
        await runner.setup()
        context = access.tls.context if access.tls else None
        await web.TCPSite(runner, endpoint.host, endpoint.port, ssl_context=context).start()
        bound = Endpoint(endpoint.host, runner.addresses[0][1])
        return f"https://{bound.authority}" if context else bound.url


def _create_app(
    context: Context, access: AccessControl, interface: str, routes: Sequence[Route]
) -> web.Application:
    observe = context.metrics.observer(interface, routes)
    app = web.Application(
        client_max_size=context.config.max_body_bytes,
        middlewares=(
            answering(observe, context.request_ids),
            *access.middlewares(routes),
            try_again,
        ),
    )
    app[CONTEXT] = context
    add_routes(app, routes)
    document = openapi.OpenApiDocument(
        f"5GMS AF: {interface.upper()}", routes, authenticated=access.authenticates
    )
    app.router.add_get(openapi.PATH, document.serve)
    app.router.add_get("/healthz", _health)
    app.router.add_get("/readyz", _ready)
    return app


async def _health(_request: web.Request) -> web.Response:
    """200: the process lives, and starting it anew would help nobody."""
    return web.json_response({"status": "ok"}, headers=_NO_STORE)


async def _ready(request: web.Request) -> web.Response:
    """200 while the database answers, 503 otherwise; an AS that is down is told, and no reason.

    A listener opens once the database is migrated.
    """
    context = request.app[CONTEXT]
    await context.store.check()
    unreachable = sum(one is not None for one in context.reconciler.unreachable)
    body = {"status": "ready", "unreachableApplicationServers": unreachable}
    return web.json_response(body, headers=_NO_STORE)


async def _end_streams(app: web.Application) -> None:
    app[CONTEXT].events.close()


def new_id() -> str:
    """An identifier that nobody can guess."""
    return str(uuid4())


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
