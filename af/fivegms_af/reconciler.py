"""Keeps every AS in step with what was provisioned: at once on a change, again after any failure.

A pump with no rule in it: `reconciliation` says what to do. One pump per AS works alone and in
order, so that nothing overtakes anything. What an AS holds is asked for at the start, after a
failure and once a minute, busy or not; between, the pump knows it from what it did.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

import structlog

from fivegms_af.application_server import ApplicationServerPort
from fivegms_af.config import ApplicationServerAddress
from fivegms_af.errors import (
    ApplicationFunctionError,
    ApplicationServerRefused,
    TemplateUnknown,
)
from fivegms_af.reconciliation import (
    Action,
    DeleteHosting,
    DeleteSession,
    DeleteTemplate,
    PutHosting,
    PutTemplate,
    after,
    plan,
    retry_delay_s,
)
from fivegms_af.store.provisioning_store import ProvisioningStore
from fivegms_api.m3 import ReportedSession

REFRESH_S = 60.0

log = structlog.get_logger()

Wait = Callable[[asyncio.Event, float], Awaitable[None]]


async def until_set(event: asyncio.Event, timeout_s: float) -> None:
    """Until the event is set or the time is over, whichever comes first."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return


class Reconciler:
    """The pumps of all Application Servers; `run` ends only when it is cancelled."""

    def __init__(
        self,
        store: ProvisioningStore,
        servers: Sequence[ApplicationServerPort],
        address: ApplicationServerAddress | None,
        wait: Wait = until_set,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._pumps = [
            _Pump(store, server, address, wait, monotonic_s) for server in servers if address
        ]

    async def run(self) -> None:
        """Pump for ever."""
        async with asyncio.TaskGroup() as group:
            for pump in self._pumps:
                group.create_task(self._run(pump))

    async def changed(self, session_id: str, settle_s: float) -> None:
        """Have every AS follow a change; returns when each was tried, or `settle_s` is over."""
        attempts = [pump.changed(session_id) for pump in self._pumps]
        if attempts:
            await asyncio.wait(attempts, timeout=settle_s)

    async def _run(self, pump: "_Pump") -> None:
        while True:
            await pump.attempt()
            await self._forget_deleted()
            await pump.rest()

    async def _forget_deleted(self) -> None:
        gone = frozenset.intersection(*(frozenset(pump.gone) for pump in self._pumps))
        if not gone:
            return
        try:
            await self._store.forget_deleted(gone)
        except ApplicationFunctionError as error:
            log.warning("deleted sessions stay noted", error=str(error))
            return
        for pump in self._pumps:
            pump.gone -= gone


class _Pump:
    """One AS. `gone` are deleted sessions that it certainly holds nothing of any more."""

    def __init__(
        self,
        store: ProvisioningStore,
        server: ApplicationServerPort,
        address: ApplicationServerAddress,
        wait: Wait,
        monotonic_s: Callable[[], float],
    ) -> None:
        self._store = store
        self._server = server
        self._address = address
        self._wait = wait
        self._monotonic_s = monotonic_s
        self._asked_s = 0.0
        self._wake = asyncio.Event()
        self._changed: dict[str, asyncio.Future[None]] = {}
        self._held: dict[str, ReportedSession] | None = None
        self._failures = 0
        self.gone: set[str] = set()

    def changed(self, session_id: str) -> asyncio.Future[None]:
        """Done when the change has been tried, with success or without."""
        self._wake.set()
        tried = asyncio.get_running_loop().create_future()
        return self._changed.setdefault(session_id, tried)

    async def attempt(self) -> None:
        """Send what is due; a failure is logged and counted, never raised."""
        changed, self._changed = self._changed, {}
        try:
            await self._follow(changed)
        except ApplicationFunctionError as error:
            self._fail()
            log.warning("the AS does not follow", error=str(error), failures=self._failures)
        except Exception:
            self._fail()
            log.exception("the AS does not follow", failures=self._failures)
        else:
            self._failures = 0
        finally:
            for tried in changed.values():
                if not tried.done():
                    tried.set_result(None)

    async def rest(self) -> None:
        """Until there is something to do: a change, a retry, or a look at what the AS holds."""
        pause_s = retry_delay_s(self._failures) if self._failures else REFRESH_S
        await self._wait(self._wake, pause_s)
        if not self._wake.is_set() or self._monotonic_s() - self._asked_s >= REFRESH_S:
            self._held = None
        self._wake.clear()

    def _fail(self) -> None:
        self._failures += 1
        self._held = None

    async def _follow(self, changed: Iterable[str]) -> None:
        """Deleted sessions are read before the others, so none of them is sent again."""
        deleted = await self._store.deleted_sessions()
        if self._held is None:
            desired = await self._store.sessions()
            self._held = await self._reported()
            self._asked_s = self._monotonic_s()
        else:
            desired = await self._store.sessions(changed)
        await self._perform(plan(desired, deleted, self._held, self._address), self._held)
        self.gone |= deleted - self._held.keys()

    async def _reported(self) -> dict[str, ReportedSession]:
        status = await self._server.status()
        return {one.provisioning_session_id: one for one in status.provisioning_sessions}

    async def _perform(self, actions: Iterable[Action], held: dict[str, ReportedSession]) -> None:
        """Do what can be done; one refusal does not keep the rest back."""
        refusal: ApplicationServerRefused | None = None
        for action in actions:
            try:
                await self._do(action)
            except ApplicationServerRefused as refused:
                refusal = refused
                log.warning("the AS refuses", session=action.session_id, error=str(refused))
                continue
            except TemplateUnknown:
                continue  # deleted since it was planned; that change comes next
            now = after(action, held.pop(action.session_id, None))
            if now is not None:
                held[action.session_id] = now
        if refusal is not None:
            raise refusal

    async def _do(self, action: Action) -> None:
        server = self._server
        match action:
            case PutTemplate(session_id, template):
                body = await self._store.template_body(template.id)
                await server.put_template(session_id, template.id, template.content_type, body)
            case PutHosting(session_id, body):
                await server.put_hosting(session_id, body)
            case DeleteHosting(session_id):
                await server.delete_hosting(session_id)
            case DeleteTemplate(session_id, template_id):
                await server.delete_template(session_id, template_id)
            case DeleteSession(session_id):
                await server.delete_session(session_id)
