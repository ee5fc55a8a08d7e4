"""All that one AF does about policies, made of its parts."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from weakref import WeakValueDictionary

from fivegms_af.errors import ChangedMeanwhile, SessionUnknown
from fivegms_af.policy.alarms import QosAlarms
from fivegms_af.policy.control import PolicyControl
from fivegms_af.policy.dynamic_policies import DynamicPolicies
from fivegms_af.policy.errors import NoPolicyControl, PolicyTemplateUnknown
from fivegms_af.policy.network_assistance import NetworkAssistance
from fivegms_af.policy.network_information import NetworkMonitor
from fivegms_af.policy.templates import TemplateChange, TemplateEvent, after, status_of
from fivegms_af.policy.upkeep import PolicyUpkeep
from fivegms_af.provisioned import Document, DocumentKind, Session
from fivegms_af.store.alarm_store import AlarmStore
from fivegms_af.store.database import Database
from fivegms_af.store.provisioning_store import ProvisioningStore
from fivegms_af.store.session_handling_store import SessionHandlingStore
from fivegms_api.service_data_flows import SdfMethod


@dataclass(frozen=True, slots=True)
class PolicyService:
    """The parts; `control` is None where the deployment has no policy control."""

    sessions: ProvisioningStore
    resources: SessionHandlingStore
    control: PolicyControl | None
    upkeep: PolicyUpkeep
    alarms: QosAlarms
    monitor: NetworkMonitor
    now: Callable[[], datetime]
    _policies: DynamicPolicies | None
    _assistance: NetworkAssistance | None
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    @classmethod
    def over(
        cls,
        database: Database,
        sessions: ProvisioningStore,
        control: PolicyControl | None,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> "PolicyService":
        """The parts over one database."""
        resources = SessionHandlingStore(database)
        upkeep = PolicyUpkeep(sessions, resources, control, now)
        return cls(
            sessions,
            resources,
            control,
            upkeep,
            QosAlarms(sessions, AlarmStore(database), new_id),
            NetworkMonitor(resources, control, now),
            now,
            DynamicPolicies(resources, control, upkeep, now) if control else None,
            NetworkAssistance(resources, control, upkeep, now) if control else None,
        )

    @property
    def sdf_methods(self) -> frozenset[SdfMethod]:
        """How flows may be described."""
        return frozenset() if self.control is None else self.control.sdf_methods

    @property
    def dynamic_policies(self) -> DynamicPolicies:
        """Raises NoPolicyControl."""
        if self._policies is None:
            raise NoPolicyControl
        return self._policies

    @property
    def network_assistance(self) -> NetworkAssistance:
        """Raises NoPolicyControl."""
        if self._assistance is None:
            raise NoPolicyControl
        return self._assistance

    def lock(self, resource_id: str) -> asyncio.Lock:
        """Held while a resource is changed, so that two requests to one AF take turns."""
        return self._locks.setdefault(resource_id, asyncio.Lock())

    async def operate(self, template_id: str, event: TemplateEvent, settle_s: float) -> Document:
        """Suspend or resume a template; returns it as it then is.

        Raises PolicyTemplateUnknown, PolicyTemplateStateConflict, ChangedMeanwhile.
        """
        session, template = await self._template(template_id)
        status = after(status_of(template), TemplateChange(event))
        newer = Document(template.id, template.kind, template.body, self.now(), status.to_json())
        await self.sessions.put_document(session, newer)
        await self.upkeep.changed(session.id, settle_s)
        return (await self._template(template_id))[1]

    async def _template(self, template_id: str) -> tuple[Session, Document]:
        session_id = await self.resources.session_of_template(template_id)
        if session_id is None:
            raise PolicyTemplateUnknown(template_id)
        try:
            session = await self.sessions.session(session_id)
        except SessionUnknown as error:
            raise ChangedMeanwhile from error
        for template in session.documents_of(DocumentKind.POLICY_TEMPLATE):
            if template.id == template_id:
                return session, template
        raise PolicyTemplateUnknown(template_id)
