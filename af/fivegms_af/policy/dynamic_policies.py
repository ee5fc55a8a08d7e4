"""Dynamic policies in force: what the store keeps and the policy control enforces are one.

Each change is three steps: the store notes that something is under way, the control does it, the
store keeps the outcome. After a crash between any two `upkeep` finds the note and undoes a policy
that nobody was told of, or enforces again what is kept. A refusal undoes the note; where it is not
known whether the control acted, the note stays and `upkeep` is told.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from fivegms_af.errors import ApplicationFunctionError, ChangedMeanwhile
from fivegms_af.policy.control import Granted, PolicyControl
from fivegms_af.policy.errors import (
    DynamicPolicyUnknown,
    PolicyControlRefused,
    PolicyControlUnavailable,
)
from fivegms_af.policy.requests import Asker, ask_for_policy, check_fixed, ready_template
from fivegms_af.policy.session_handling import (
    POLICY,
    Enforcement,
    KeptPolicy,
    ResourceKind,
    SessionHandlingResource,
)
from fivegms_af.policy.upkeep import PolicyUpkeep
from fivegms_af.provisioned import Document, Session
from fivegms_af.store.session_handling_store import SessionHandlingStore
from fivegms_api.dynamic_policies import DynamicPolicy
from fivegms_api.service_data_flows import Direction


@dataclass(frozen=True, slots=True)
class DynamicPolicies:
    """The dynamic policies of one AF. Every verb raises StorageUnavailable, ChangedMeanwhile."""

    store: SessionHandlingStore
    control: PolicyControl
    upkeep: PolicyUpkeep
    now: Callable[[], datetime]

    async def find(self, policy_id: str) -> SessionHandlingResource:
        """Raises DynamicPolicyUnknown, also for one that was never acknowledged."""
        found = await self.store.find(ResourceKind.DYNAMIC_POLICY, policy_id)
        if found is None or found.control_reference is None:
            raise DynamicPolicyUnknown(policy_id)
        return found

    async def create(
        self, session: Session, wanted: DynamicPolicy, asker: Asker, policy_id: str
    ) -> SessionHandlingResource:
        """Enforce a new policy.

        Raises MembersRefused, PolicyControlRefused, PolicyControlUnavailable; nothing is kept then.
        """
        kept = ask_for_policy(session, wanted, asker, policy_id)
        template = ready_template(session, wanted.policy_template_id)
        noted = SessionHandlingResource(
            id=policy_id,
            kind=ResourceKind.DYNAMIC_POLICY,
            provisioning_session_id=session.id,
            policy_template_id=template.id,
            body=POLICY.write(kept),
            status=None,
            control_reference=None,
            version=1,
            modified=self.now(),
        )
        await self.store.insert(noted, template)
        try:
            granted = await self.control.install(kept.flow)
        except ApplicationFunctionError as error:
            await self._give_up(noted, error)
            raise
        return await self._settle(noted, granted, template)

    async def change(
        self,
        current: SessionHandlingResource,
        session: Session,
        wanted: DynamicPolicy,
        asker: Asker,
    ) -> SessionHandlingResource:
        """Enforce `wanted` in the place of a policy; what was in force stays where that fails.

        Raises MembersRefused, PolicyControlRefused, PolicyControlUnavailable.
        """
        if current.status is None and not current.is_lost(self.now()):
            raise ChangedMeanwhile
        before = POLICY.read(current.body)
        kept = ask_for_policy(session, wanted, asker, current.id)
        check_fixed(before.flow, kept.flow, before.resource, kept.resource)
        noted = await self.store.update(replace(current, status=None, modified=self.now()))
        reference = current.control_reference or ""
        try:
            granted = await self.control.update(reference, kept.flow)
        except PolicyControlRefused:
            await self.store.update(replace(noted, status=current.status))
            raise
        except PolicyControlUnavailable:
            self.upkeep.lost(current.id)
            raise
        return await self._settle(replace(noted, body=POLICY.write(kept)), granted, None)

    async def end(self, current: SessionHandlingResource, settle_s: float) -> None:
        """Forget a policy; the control lets go of it now, or as soon as it answers."""
        await self.store.remove(current, self.now())
        await self.upkeep.changed(current.provisioning_session_id, settle_s)

    def shown(self, resource: SessionHandlingResource) -> DynamicPolicy:
        """The resource with what the AF assigns."""
        kept = POLICY.read(resource.body)
        update: dict[str, object] = {"dynamic_policy_id": resource.id}
        if resource.status is not None:
            status = Enforcement.model_validate_json(resource.status)
            update["enforcement_method"] = status.method
            update["enforcement_bit_rate"] = _bit_rate(kept, status)
        return kept.resource.model_copy(update=update)

    async def _give_up(
        self, noted: SessionHandlingResource, error: ApplicationFunctionError
    ) -> None:
        """Nothing of it stays, neither here nor, if it may be there, at the control."""
        if isinstance(error, PolicyControlUnavailable) and error.may_have_acted:
            self.upkeep.lost(noted.id)
            return
        await self.store.remove(noted, self.now())

    async def _settle(
        self, noted: SessionHandlingResource, granted: Granted, template: Document | None
    ) -> SessionHandlingResource:
        """Keep what was granted; where the resource went meanwhile, the control lets go of it."""
        status = Enforcement.of(self.control.method, granted).to_json()
        settled = replace(
            noted, status=status, control_reference=granted.reference, modified=self.now()
        )
        try:
            return await self.store.update(settled, template)
        except ChangedMeanwhile:
            await self.store.abandon(settled, self.now())
            await self.upkeep.changed(noted.provisioning_session_id, 0)
            raise


def _bit_rate(kept: KeptPolicy, status: Enforcement) -> int | None:
    """Of the direction that the flows go; downlink where they go both ways."""
    uplink_only = all(one.direction is Direction.UPLINK for one in kept.flow.filters)
    return status.uplink_bps if uplink_only else status.downlink_bps
