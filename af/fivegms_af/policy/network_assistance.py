"""Network assistance: recommendations, and boosts that end by themselves.

A boost is a policy of its own for a while: all that the session asked for, or its template allows.
It is noted before the control is asked, like a dynamic policy, and `upkeep` lets go of it when it
is over.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fivegms_af.errors import ChangedMeanwhile
from fivegms_af.policy.control import PolicyControl
from fivegms_af.policy.errors import (
    NetworkAssistanceSessionUnknown,
    NetworkStateUnknown,
    PolicyControlRefused,
    PolicyControlUnavailable,
)
from fivegms_af.policy.requests import (
    Asker,
    ask_for_assistance,
    check_fixed,
    keep_assistance,
    ready_template,
)
from fivegms_af.policy.session_handling import (
    ASSISTANCE,
    Boost,
    ResourceKind,
    SessionHandlingResource,
    boost_flow,
    flow_of,
)
from fivegms_af.policy.terms import recommend
from fivegms_af.policy.upkeep import PolicyUpkeep
from fivegms_af.provisioned import Session
from fivegms_af.store.session_handling_store import SessionHandlingStore
from fivegms_api.network_assistance import NetworkAssistanceSession
from fivegms_api.qos import M5QosSpecification, OperationSuccessResponse

BOOST = timedelta(seconds=30)
PAUSE = timedelta(seconds=60)
"""How long a boost lasts, and from its end to the next one of the same session."""


@dataclass(frozen=True, slots=True)
class NetworkAssistance:
    """The sessions of one AF. Every verb raises StorageUnavailable, ChangedMeanwhile."""

    store: SessionHandlingStore
    control: PolicyControl
    upkeep: PolicyUpkeep
    now: Callable[[], datetime]

    async def find(self, session_id: str) -> SessionHandlingResource:
        """Raises NetworkAssistanceSessionUnknown."""
        found = await self.store.find(ResourceKind.NETWORK_ASSISTANCE, session_id)
        if found is None:
            raise NetworkAssistanceSessionUnknown(session_id)
        return found

    async def create(
        self, session: Session, wanted: NetworkAssistanceSession, asker: Asker, session_id: str
    ) -> SessionHandlingResource:
        """Raises MembersRefused, PolicyControlUnavailable, NetworkStateUnknown."""
        flow = ask_for_assistance(session, wanted, asker, session_id)
        kept = keep_assistance(wanted, flow, await self.control.network(flow))
        template_id = wanted.policy_template_id
        template = ready_template(session, template_id) if template_id else None
        resource = SessionHandlingResource(
            id=session_id,
            kind=ResourceKind.NETWORK_ASSISTANCE,
            provisioning_session_id=session.id,
            policy_template_id=template_id,
            body=ASSISTANCE.write(kept),
            status=Boost().to_json(),
            control_reference=None,
            version=1,
            modified=self.now(),
        )
        await self.store.insert(resource, template)
        return resource

    async def change(
        self,
        current: SessionHandlingResource,
        session: Session,
        wanted: NetworkAssistanceSession,
        asker: Asker,
    ) -> SessionHandlingResource:
        """Other flows or another wish, recommended for anew; a boost under way stays as it is.

        Raises MembersRefused, PolicyControlUnavailable, NetworkStateUnknown.
        """
        before = ASSISTANCE.read(current.body)
        flow = ask_for_assistance(session, wanted, asker, current.id)
        check_fixed(before.flow, flow, before.resource, wanted)
        kept = keep_assistance(wanted, flow, await self.control.network(flow))
        newer = replace(current, body=ASSISTANCE.write(kept), modified=self.now())
        return await self.store.update(newer)

    async def end(self, current: SessionHandlingResource, settle_s: float) -> None:
        """Forget a session; a boost ends with it."""
        await self.store.remove(current, self.now())
        await self.upkeep.changed(current.provisioning_session_id, settle_s)

    def shown(self, resource: SessionHandlingResource) -> NetworkAssistanceSession:
        """The resource with what the AF assigns."""
        kept = ASSISTANCE.read(resource.body)
        return kept.resource.model_copy(
            update={"na_session_id": resource.id, "recommended_qos": kept.recommended}
        )

    async def recommendation(self, resource: SessionHandlingResource) -> M5QosSpecification:
        """What the flows can have now; raises PolicyControlUnavailable, NetworkStateUnknown."""
        flow = flow_of(resource)
        state = await self.control.network(
            flow if resource.control_reference is None else boost_flow(resource)
        )
        recommended = recommend(flow.demand, state)
        if recommended is None:
            raise NetworkStateUnknown
        return recommended

    async def boost(self, resource: SessionHandlingResource) -> OperationSuccessResponse:
        """Ask for a boost; every reason why there is none is an answer, not an error."""
        reason = _why_not(resource, self.now())
        if reason is not None:
            return OperationSuccessResponse(success=False, reason=reason)
        noted = await self.store.update(replace(resource, status=None, modified=self.now()))
        try:
            granted = await self.control.install(boost_flow(resource))
        except PolicyControlRefused as refusal:
            await self.store.update(replace(noted, status=resource.status))
            return OperationSuccessResponse(success=False, reason=refusal.reason)
        except PolicyControlUnavailable as error:
            self.upkeep.lost(resource.id)
            return OperationSuccessResponse(success=False, reason=str(error))
        boost = Boost(begun=self.now(), ends=self.now() + BOOST)
        boosted = replace(noted, status=boost.to_json(), control_reference=granted.reference)
        try:
            await self.store.update(boosted)
        except ChangedMeanwhile:
            await self.store.abandon(boosted, self.now())
            raise
        finally:
            await self.upkeep.changed(resource.provisioning_session_id, 0)
        return OperationSuccessResponse(success=True)


def _why_not(resource: SessionHandlingResource, now: datetime) -> str | None:
    """Why the session gets no boost now, as far as the AF knows."""
    if resource.policy_template_id is None:
        return "the session names no policyTemplateId, whose terms a boost would be on"
    if resource.status is None:
        return "a boost is under way"
    demand = flow_of(resource).demand
    if demand.downlink_most_bps is None and demand.uplink_most_bps is None:
        return "neither requestedQoS nor the policy template says how much a boost is"
    ends = Boost.model_validate_json(resource.status).ends
    if ends is not None and now < ends + PAUSE:
        return f"the next boost is at {(ends + PAUSE).isoformat()} at the earliest"
    return None
