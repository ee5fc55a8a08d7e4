"""Keeps policies true: templates judged, policies ended with their templates, the rest let go of.

A pump with no rule in it. It works off what requests leave: templates that nobody has judged,
policies whose template is no longer READY or has other terms, resources that a request or a crash
left unsettled, boosts that are over, references that are to be released. What cannot be done is
tried again until it is done. At the start it looks at everything, so that nothing depends on who
left it, nor on what the policy control was before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog

from fivegms_af.clock import Wait, until_set
from fivegms_af.errors import ApplicationFunctionError, ChangedMeanwhile
from fivegms_af.policy.control import PolicyControl
from fivegms_af.policy.errors import PolicyControlRefused, PolicyControlUnavailable
from fivegms_af.policy.session_handling import (
    LEASE,
    Boost,
    Enforcement,
    ResourceKind,
    SessionHandlingResource,
    boost_flow,
    flow_of,
)
from fivegms_af.policy.templates import TemplateChange, TemplateEvent, after, is_ready, status_of
from fivegms_af.policy.terms import terms_of
from fivegms_af.provisioned import Document, DocumentKind, Session
from fivegms_af.reconciliation import retry_delay_s
from fivegms_af.store.provisioning_store import ProvisioningStore
from fivegms_af.store.session_handling_store import SessionHandlingStore
from fivegms_api.policy_templates import PolicyTemplate, PolicyTemplateState

REFRESH_S = 60.0
NO_CONTROL = "this deployment has no policy control"

_Work = dict[str, Callable[[], Awaitable[None]]]
_JUDGED = frozenset({PolicyTemplateState.READY, PolicyTemplateState.INVALID})

log = structlog.get_logger()


class PolicyUpkeep:
    """The pump; `run` ends only when it is cancelled."""

    def __init__(
        self,
        store: ProvisioningStore,
        resources: SessionHandlingStore,
        control: PolicyControl | None,
        now: Callable[[], datetime],
        wait: Wait = until_set,
    ) -> None:
        self._store = store
        self._resources = resources
        self._control = control
        self._now = now
        self._wait = wait
        self._wake = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._unjudged: set[str] | None = None  # None: every session is to be looked at
        self._lost: set[str] = set()
        self._failed: set[str] = set()
        self._due: datetime | None = None
        self._failures = 0

    async def run(self) -> None:
        """Pump for ever."""
        while True:
            await self.attempt()
            await self.rest()

    async def changed(self, session_id: str, settle_s: float) -> None:
        """Have a change below the session followed; returns when that was tried, or time is up."""
        self._wake.set()
        tried = asyncio.get_running_loop().create_future()
        future = self._waiting.setdefault(session_id, tried)
        await asyncio.wait([future], timeout=settle_s)

    def lost(self, resource_id: str) -> None:
        """Nobody is at work on this unsettled resource any more."""
        self._lost.add(resource_id)
        self._wake.set()

    async def attempt(self) -> None:
        """Do what is due; a failure is logged and counted, never raised."""
        waiting, self._waiting = self._waiting, {}
        try:
            await self._follow(waiting.keys())
        except ApplicationFunctionError as error:
            self._failures += 1
            log.warning("policies are not kept true", error=str(error), failures=self._failures)
        except Exception:
            self._failures += 1
            log.exception("policies are not kept true", failures=self._failures)
        else:
            self._failures = 0
        finally:
            for tried in waiting.values():
                if not tried.done():
                    tried.set_result(None)

    async def rest(self) -> None:
        """Until there is something to do: a change, a retry, or something that falls due."""
        pause_s = retry_delay_s(self._failures) if self._failures else REFRESH_S
        if self._due is not None and not self._failures:
            pause_s = min(pause_s, max(0.0, (self._due - self._now()).total_seconds()))
        await self._wait(self._wake, pause_s)
        self._wake.clear()

    async def _follow(self, changed: Iterable[str]) -> None:
        if self._unjudged is not None:
            self._unjudged |= set(changed)
        await self._judge_all()
        if self._control is not None:
            await self._do_all(
                await self._to_finish(self._control) | await self._to_release(self._control)
            )
            self._due = min(map(_due, await self._resources.unfinished()), default=None)
            await self._do_all(await self._to_release(self._control))

    async def _do_all(self, work: _Work) -> None:
        """What failed last time comes last: it keeps nothing from being done but itself."""
        self._failed &= work.keys()
        for key in sorted(work, key=self._failed.__contains__):
            self._failed.add(key)
            await work[key]()
            self._failed.discard(key)

    async def _judge_all(self) -> None:
        """Judge what is unjudged, then end what lost its template; keep in mind what is left."""
        wanted, first = self._unjudged, self._unjudged is None
        sessions = await self._store.sessions(wanted)
        unanswered: list[PolicyControlUnavailable] = []
        for session in sessions.values():
            for template in session.documents_of(DocumentKind.POLICY_TEMPLATE):
                state = status_of(template).state
                again = first and state in _JUDGED
                if again or state is PolicyTemplateState.PENDING:
                    unanswered += await self._judge(session.id, template)
        left = await self._end_policies(wanted)
        if unanswered:
            raise unanswered[0]
        self._unjudged = left

    async def _judge(self, session_id: str, template: Document) -> list[PolicyControlUnavailable]:
        """Have the verdict kept with the template; what kept the network from giving one."""
        failure: list[PolicyControlUnavailable] = []
        if self._control is None:
            change = TemplateChange(TemplateEvent.REFUSED, NO_CONTROL)
        else:
            try:
                reasons = await self._control.judge(terms_of(template.read(PolicyTemplate)))
            except PolicyControlUnavailable as error:
                failure.append(error)
                change = TemplateChange(TemplateEvent.UNANSWERED, str(error))
            else:
                event = TemplateEvent.REFUSED if reasons else TemplateEvent.ALLOWED
                change = TemplateChange(event, "; ".join(reasons) or None)
        await self._keep(session_id, template, change)
        return failure

    async def _keep(self, session_id: str, judged: Document, change: TemplateChange) -> None:
        """Say so of the template as it was judged; one that was changed is judged again."""
        while True:
            session = (await self._store.sessions([session_id])).get(session_id)
            template = _find(session, judged.id)
            if session is None or template != judged:
                return
            before = status_of(template)
            status = after(before, change)
            if status == before:
                return
            body = status.to_json()
            newer = replace(template, status=body, modified=self._now())
            try:
                await self._store.put_document(session, newer)
            except ChangedMeanwhile:
                continue
            log.info("policy template judged", template=judged.id, state=status.state)
            return

    async def _end_policies(self, session_ids: Iterable[str] | None) -> set[str]:
        """End what lost its template; the sessions that are to be looked at again.

        A policy that is being made is its maker's, who looks at the template again at the end.
        """
        wanted = None if session_ids is None else list(session_ids)
        left: set[str] = set()
        if wanted == []:
            return left
        sessions = await self._store.sessions(wanted)
        for resource in await self._resources.resources(wanted):
            if resource.status is None and resource.control_reference is None:
                continue
            template_id = resource.policy_template_id
            if template_id is None or resource.provisioning_session_id not in sessions:
                continue
            template = _find(sessions[resource.provisioning_session_id], template_id)
            if not _stands(resource, template) and not await self._end(resource):
                left.add(resource.provisioning_session_id)
        return left

    async def _end(self, resource: SessionHandlingResource) -> bool:
        """Whether it is gone; another replica, or its UE, may be at it too."""
        try:
            await self._resources.remove(resource, self._now())
        except ChangedMeanwhile:
            self._wake.set()
            return False
        log.info("ended with its policy template", resource=resource.id, kind=resource.kind.value)
        return True

    async def _to_finish(self, control: PolicyControl) -> _Work:
        resources = await self._resources.unfinished()
        return {one.id: partial(self._finish, control, one) for one in resources}

    async def _finish(self, control: PolicyControl, resource: SessionHandlingResource) -> None:
        """What nobody is at work on any more, and boosts that are over."""
        now = self._now()
        is_lost = resource.is_lost(now) or (resource.id in self._lost and resource.status is None)
        try:
            if resource.kind is ResourceKind.NETWORK_ASSISTANCE:
                if is_lost or _due(resource) <= now:
                    await self._end_boost(control, resource, now)
            elif is_lost:
                await self._settle_policy(control, resource, now)
        except ChangedMeanwhile:
            self._wake.set()
            return
        self._lost.discard(resource.id)

    async def _settle_policy(
        self, control: PolicyControl, resource: SessionHandlingResource, now: datetime
    ) -> None:
        """One that was never acknowledged goes; another is enforced as it is kept."""
        flow = flow_of(resource)
        try:
            if resource.control_reference is None:
                granted = await control.install(flow)
                orphan = replace(resource, control_reference=granted.reference)
                await self._resources.remove(orphan, now)
            else:
                granted = await control.update(resource.control_reference, flow)
                status = Enforcement.of(control.method, granted).to_json()
                settled = replace(resource, status=status, control_reference=granted.reference)
                await self._resources.update(settled)
        except PolicyControlRefused as refusal:
            log.warning("policy ended", resource=resource.id, reason=refusal.reason)
            await self._resources.remove(resource, now)

    async def _end_boost(
        self, control: PolicyControl, resource: SessionHandlingResource, now: datetime
    ) -> None:
        """Let go of a boost that is over, or that nobody was told of."""
        reference = resource.control_reference
        boost = Boost() if resource.status is None else Boost.model_validate_json(resource.status)
        if reference is None:
            try:
                reference = (await control.install(boost_flow(resource))).reference
            except PolicyControlRefused:
                log.info("the boost was not there", resource=resource.id)
        ended = replace(resource, status=boost.to_json(), control_reference=None)
        await self._resources.let_go(ended, reference, now)

    async def _to_release(self, control: PolicyControl) -> _Work:
        references = await self._resources.releases()
        return {one: partial(self._release, control, one) for one in references}

    async def _release(self, control: PolicyControl, reference: str) -> None:
        await control.release(reference)
        await self._resources.forget_release(reference)


def _stands(resource: SessionHandlingResource, template: Document | None) -> bool:
    """Whether the template is still READY, on the terms that the resource was made on."""
    if template is None or not is_ready(template):
        return False
    return flow_of(resource).terms == terms_of(template.read(PolicyTemplate))


def _find(session: Session | None, template_id: str) -> Document | None:
    templates = session.documents_of(DocumentKind.POLICY_TEMPLATE) if session else ()
    return next((one for one in templates if one.id == template_id), None)


def _due(resource: SessionHandlingResource) -> datetime:
    """When an unfinished resource is to be looked at again."""
    if resource.status is None or resource.kind is ResourceKind.DYNAMIC_POLICY:
        return resource.modified + LEASE
    return Boost.model_validate_json(resource.status).ends or resource.modified
