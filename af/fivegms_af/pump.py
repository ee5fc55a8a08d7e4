"""Keeps one AS in step with what was provisioned, in order, so that nothing overtakes anything.

A shell with no rule in it: `reconciliation` says what to do, `following` what is told of it. What
the AS holds is asked for at the start, after a failure and every `refresh_s`, busy or not; between,
the pump knows it from what it did. A session that the AS refuses is tried again after a while, and
costs the others nothing.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from fivegms_af.application_server import ApplicationServerPort
from fivegms_af.clock import Wait
from fivegms_af.config import ApplicationServerAddress
from fivegms_af.errors import (
    ApplicationFunctionError,
    ApplicationServerError,
    ApplicationServerRefused,
    TemplateUnknown,
)
from fivegms_af.following import Following, FollowRecord
from fivegms_af.provisioned import Session
from fivegms_af.reconciliation import (
    Action,
    DeleteCertificate,
    DeleteHosting,
    DeleteSession,
    DeleteTemplate,
    PutCertificate,
    PutHosting,
    PutTemplate,
    after,
    plan,
    retry_delay_s,
    session_plan,
)
from fivegms_af.store.provisioning_store import ProvisioningStore
from fivegms_api.m3 import Capabilities, ReportedSession

SESSIONS_AT_A_TIME = 64

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Timing:
    """The clocks of a pump: `now` is aware, `monotonic_s` only goes forward, `wait` ends when the
    event is set or the seconds are over. After `refresh_s` the AS is asked what it holds.
    """

    now: Callable[[], datetime]
    wait: Wait
    monotonic_s: Callable[[], float]
    refresh_s: float


class Pump:
    """One AS. `gone` are deleted sessions that it certainly holds nothing of any more,
    `capabilities` what it said last that it can do.
    """

    def __init__(
        self,
        store: ProvisioningStore,
        server: ApplicationServerPort,
        address: ApplicationServerAddress,
        timing: Timing,
    ) -> None:
        self._store = store
        self._server = server
        self._address = address
        self._timing = timing
        self._asked_s = 0.0
        self._wake = asyncio.Event()
        self._changed: dict[str, asyncio.Future[None]] = {}
        self._held: dict[str, ReportedSession] = {}
        self._ours: set[str] = set()
        self._look_is_due = True
        self._failures = 0
        self._rounds_refused = 0
        self.record = FollowRecord()
        self.capabilities: Capabilities | None = None
        self.gone: set[str] = set()

    def changed(self, session_id: str) -> asyncio.Future[None]:
        """Done when the change has been tried, with success or without."""
        self._wake.set()
        return self.noted(session_id)

    def noted(self, session_id: str) -> asyncio.Future[None]:
        """As `changed`, when the pump works next."""
        tried = asyncio.get_running_loop().create_future()
        return self._changed.setdefault(session_id, tried)

    def wake(self) -> None:
        """Work on what was noted, but not sooner on what failed: that has a time of its own."""
        if not self._failures:
            self._wake.set()

    def look(self) -> None:
        """Any session may have changed: work, and compare everything."""
        self._look_is_due = True
        self.wake()

    def following(self, session: Session) -> Following:
        """How the AS follows a session."""
        held = self._held.get(session.id)
        in_step = not any(session_plan(session, held, self._address))
        return self.record.of(session, in_step=in_step)

    async def attempt(self) -> None:
        """Send what is due; a failure is logged and counted, never raised."""
        changed, self._changed = self._changed, {}
        try:
            await self._follow(changed)
        except ApplicationFunctionError as error:
            self._fail()
            if isinstance(error, ApplicationServerError):
                self.record.lost(error, self._timing.now())
            log.warning("the AS does not follow", error=str(error), failures=self._failures)
        except Exception:
            self._fail()
            log.exception("the AS does not follow", failures=self._failures)
        else:
            self._failures = 0
            self._rounds_refused = self._rounds_refused + 1 if self.record.refused else 0
        finally:
            for tried in changed.values():
                if not tried.done():
                    tried.set_result(None)

    async def rest(self) -> None:
        """Until there is something to do: a change, a retry, or a look at what the AS holds."""
        timing = self._timing
        tries = self._failures or self._rounds_refused
        await timing.wait(self._wake, retry_delay_s(tries) if tries else timing.refresh_s)
        if not self._wake.is_set() or timing.monotonic_s() - self._asked_s >= timing.refresh_s:
            self._look_is_due = True
        self._wake.clear()

    def _fail(self) -> None:
        self._failures += 1
        self._look_is_due = True

    async def _follow(self, changed: Collection[str]) -> None:
        """Deleted sessions are read before the others, so none of them is sent again."""
        self._ours.update(changed)
        looks = self._look_is_due
        if looks:
            self._held = await self._look()
            self._look_is_due = False
        deleted = await self._store.deleted_sessions()
        desired = await self._store.sessions(None if looks else changed)
        self._ours.update(desired)
        # Another replica may have noted that a deleted session is gone before this one knew of it.
        vanished = (self._ours if looks else set(changed)) - desired.keys()
        await self._carry_out(desired, deleted | vanished)
        self._ours -= vanished
        self.gone |= deleted - self._held.keys()

    async def _carry_out(self, desired: Mapping[str, Session], deleted: frozenset[str]) -> None:
        """Plan and perform, so many sessions at a time: others want the event loop too."""
        refusals: dict[str, ApplicationServerRefused] = {}
        await self._perform(plan({}, deleted, self._held, self._address), refusals)
        for session_id in deleted:
            self.record.forget(session_id)
        ordered = sorted(desired.items())
        for start in range(0, len(ordered), SESSIONS_AT_A_TIME):
            part = dict(ordered[start : start + SESSIONS_AT_A_TIME])
            await self._perform(plan(part, frozenset(), self._held, self._address), refusals)
            await asyncio.sleep(0)
        self.record.settled(desired, refusals, self._timing.now())

    async def _look(self) -> dict[str, ReportedSession]:
        status = await self._server.status()
        self._asked_s = self._timing.monotonic_s()
        self.record.answered(self._timing.now())
        self.capabilities = status.capabilities
        return {one.provisioning_session_id: one for one in status.provisioning_sessions}

    async def _perform(
        self, actions: Iterable[Action], refusals: dict[str, ApplicationServerRefused]
    ) -> None:
        """Do what can be done; one refusal is noted and does not keep the rest back."""
        for action in actions:
            try:
                await self._do(action)
            except ApplicationServerRefused as refused:
                refusals.setdefault(action.session_id, refused)
                log.warning("the AS refuses", session=action.session_id, error=str(refused))
            except TemplateUnknown:
                continue  # deleted since it was planned; that change comes next
            else:
                self._note(action)

    def _note(self, action: Action) -> None:
        """The AS has done it."""
        self.record.followed(action.session_id, self._timing.now())
        now = after(action, self._held.pop(action.session_id, None))
        if now is not None:
            self._held[action.session_id] = now
        else:
            self.record.forget(action.session_id)

    async def _do(self, action: Action) -> None:
        server = self._server
        match action:
            case PutCertificate(session_id, certificate_id, body):
                await server.put_certificate(session_id, certificate_id, body)
            case PutTemplate(session_id, template):
                body = await self._store.template_body(template.id)
                await server.put_template(session_id, template.id, template.content_type, body)
            case PutHosting(session_id, body):
                await server.put_hosting(session_id, body)
            case DeleteHosting(session_id):
                await server.delete_hosting(session_id)
            case DeleteTemplate(session_id, template_id):
                await server.delete_template(session_id, template_id)
            case DeleteCertificate(session_id, certificate_id):
                await server.delete_certificate(session_id, certificate_id)
            case DeleteSession(session_id):
                await server.delete_session(session_id)
