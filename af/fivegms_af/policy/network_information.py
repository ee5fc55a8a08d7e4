"""What the AF knows of the network of a session: the control's word, UEs' reports, what is wanted.

The network is monitored in two ways: the policy control is asked what a flow can have now, and the
throughput that UEs reported lately is summed up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fivegms_af.policy.alarms import THROUGHPUT_METRICS
from fivegms_af.policy.control import NetworkState, PolicyControl
from fivegms_af.policy.terms import terms_of
from fivegms_af.provisioned import Document, DocumentKind, Session
from fivegms_af.store.session_handling_store import SessionHandlingStore
from fivegms_api.network_information import (
    ExpectedParameters,
    NetworkInformation,
    ObservedThroughput,
)
from fivegms_api.policy_templates import PolicyTemplate
from fivegms_api.qos import bit_rate

WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class NetworkMonitor:
    """Looks at the network for a session; without a policy control, through UEs' eyes only."""

    store: SessionHandlingStore
    control: PolicyControl | None
    now: Callable[[], datetime]

    async def information(self, session: Session) -> NetworkInformation:
        """Raises PolicyControlUnavailable, StorageUnavailable."""
        state = NetworkState() if self.control is None else await self.control.network()
        return NetworkInformation(
            provisioning_session_id=session.id,
            at=self.now(),
            source=None if self.control is None else self.control.method,
            downlink_bit_rate=_rate(state.downlink_bps),
            uplink_bit_rate=_rate(state.uplink_bps),
            latency=state.latency_ms,
            observed_throughput=await self._observed(session.id),
            dynamic_policies=await self.store.in_force(session.id),
            expected_parameters=tuple(
                map(expected, session.documents_of(DocumentKind.POLICY_TEMPLATE))
            ),
        )

    async def _observed(self, session_id: str) -> ObservedThroughput | None:
        for metric in THROUGHPUT_METRICS:
            found = await self.store.observed(session_id, metric, self.now(), WINDOW)
            if found is not None:
                count, least, mean, greatest = found
                return ObservedThroughput(
                    window=int(WINDOW.total_seconds()),
                    reports=count,
                    lowest=bit_rate(round(least)),
                    mean=bit_rate(round(mean)),
                    highest=bit_rate(round(greatest)),
                )
        return None


def expected(template: Document) -> ExpectedParameters:
    """What a policy template says that the service needs."""
    value = template.read(PolicyTemplate)
    terms = terms_of(value)
    return ExpectedParameters(
        policy_template_id=template.id,
        external_reference=value.external_reference,
        downlink_bit_rate=_rate(terms.downlink_required_bps or terms.downlink_limit_bps),
        uplink_bit_rate=_rate(terms.uplink_required_bps or terms.uplink_limit_bps),
        latency=terms.latency_ms,
    )


def _rate(bps: int | None) -> str | None:
    return None if bps is None else bit_rate(bps)
