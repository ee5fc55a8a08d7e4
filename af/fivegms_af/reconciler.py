"""Keeps every AS in step with what was provisioned: at once on a change, again after any failure.

One pump for each AS, each at its own pace. Changes are told by the requests that make them, which
wait for the outcome, and by the store, which also hears of those made at other replicas.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from fivegms_af.application_server import ApplicationServerPort
from fivegms_af.clock import Wait, until_set, utc_now
from fivegms_af.config import ApplicationServerAddress
from fivegms_af.errors import ApplicationFunctionError
from fivegms_af.following import Following
from fivegms_af.provisioned import Session
from fivegms_af.pump import Pump, Timing
from fivegms_af.store.provisioning_store import ProvisioningStore
from fivegms_api.m3 import Capabilities

GATHER_S = 0.1
REFRESH_S = 60.0

log = structlog.get_logger()


class Reconciler:
    """The pumps of all Application Servers; `run` ends only when it is cancelled."""

    def __init__(
        self,
        store: ProvisioningStore,
        servers: Sequence[ApplicationServerPort],
        address: ApplicationServerAddress | None,
        wait: Wait = until_set,
        monotonic_s: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
        refresh_s: float = REFRESH_S,
    ) -> None:
        self._store = store
        self._gathering: asyncio.TimerHandle | None = None
        timing = Timing(now, wait, monotonic_s, refresh_s)
        self._pumps = [Pump(store, server, address, timing) for server in servers if address]
        store.on_change(self._heard)

    @property
    def capabilities(self) -> Capabilities | None:
        """What the first AS said last that it can do; None while it has not said.

        Provisioning is judged by it, and the addresses that are given out are that one's.
        """
        return self._pumps[0].capabilities if self._pumps else None

    @property
    def refused_sessions(self) -> tuple[int, ...]:
        """Of how many sessions each AS refuses something."""
        return tuple(len(pump.record.refused) for pump in self._pumps)

    @property
    def unreachable(self) -> tuple[Following | None, ...]:
        """Since when and why each AS does not answer; None for one that does."""
        return tuple(pump.record.unreachable for pump in self._pumps)

    def following(self, session: Session) -> tuple[Following, ...]:
        """How each AS follows a session."""
        return tuple(pump.following(session) for pump in self._pumps)

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

    def _heard(self, session_id: str | None) -> None:
        """A session changed somewhere; None: any may have."""
        if session_id is None:
            for pump in self._pumps:
                pump.look()
            return
        for pump in self._pumps:
            pump.noted(session_id)
        if self._gathering is None and self._pumps:
            self._gathering = asyncio.get_running_loop().call_later(GATHER_S, self._gathered)

    def _gathered(self) -> None:
        """Many changes at once cost the pumps one round."""
        self._gathering = None
        for pump in self._pumps:
            pump.wake()

    async def _run(self, pump: Pump) -> None:
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
