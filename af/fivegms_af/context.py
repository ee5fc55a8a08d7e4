"""What every handler works with: the settings, the store, the Application Servers, the clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web

from fivegms_af.application_server import ApplicationServerPort
from fivegms_af.config import AfConfig, ApplicationServerAddress
from fivegms_af.errors import NoApplicationServer
from fivegms_af.event_feed import EventFeed
from fivegms_af.observability import Metrics
from fivegms_af.policy.service import PolicyService
from fivegms_af.reconciler import Reconciler
from fivegms_af.reports.intake import ReportIntake
from fivegms_af.request_id import RequestIds
from fivegms_af.service_access_cache import ServiceAccessCache
from fivegms_af.store.provisioning_store import ProvisioningStore
from fivegms_af.store.report_series import ReportSeries
from fivegms_af.store.resource_counts import ResourceCounts
from fivegms_api.m3 import Capabilities


@dataclass(frozen=True, slots=True)
class Context:
    """One AF's parts. `now` gives aware datetimes, `new_id` unguessable resource identifiers."""

    config: AfConfig
    store: ProvisioningStore
    servers: Sequence[ApplicationServerPort]
    reconciler: Reconciler
    reports: ReportIntake
    report_series: ReportSeries
    resource_counts: ResourceCounts
    policy: PolicyService
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    service_access: ServiceAccessCache = field(default_factory=ServiceAccessCache)
    metrics: Metrics = field(default_factory=Metrics)
    events: EventFeed = field(default_factory=EventFeed)
    request_ids: RequestIds = field(default_factory=RequestIds)

    @property
    def address(self) -> ApplicationServerAddress:
        """Whose M2 and M4 URLs are given out; raises NoApplicationServer."""
        if not self.config.application_servers:
            raise NoApplicationServer
        return self.config.application_servers[0]

    @property
    def server(self) -> ApplicationServerPort:
        """The AS at `address`; raises NoApplicationServer."""
        if not self.servers:
            raise NoApplicationServer
        return self.servers[0]

    async def capabilities(self, session_id: str) -> Capabilities | None:
        """What the AS can do, asked for where it has not said yet; None while it does not answer.

        The session is only what the asking is made for.
        """
        if self.reconciler.capabilities is None:
            await self.changed(session_id)
        return self.reconciler.capabilities

    async def changed(self, session_id: str) -> None:
        """Let every AS follow, for as long as a request may wait for that."""
        await self.reconciler.changed(session_id, self.config.settle_s)

    async def policies_changed(self, session_id: str) -> None:
        """Let the policy control follow, likewise."""
        await self.policy.upkeep.changed(session_id, self.config.settle_s)


CONTEXT = web.AppKey("context", Context)
