"""What M5 asks of the network, as the AF keeps it: dynamic policies and network assistance.

`status` is None while the policy control may hold something else than what is kept here: from
before it is asked until its answer is kept. Whoever finds a resource so, long after, finishes the
work (`reconciler`). A resource that has no `control_reference` and no status was never
acknowledged to anybody.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, Self, TypeVar

from pydantic import TypeAdapter

from fivegms_af.policy.control import Granted, PolicyFlow
from fivegms_api.dynamic_policies import DynamicPolicy
from fivegms_api.network_assistance import NetworkAssistanceSession
from fivegms_api.qos import M5QosSpecification
from fivegms_api.wire import WireModel

LEASE = timedelta(seconds=60)
"""Longer than any request to a policy control takes: what is unsettled after it is nobody's."""

Value = TypeVar("Value")


class ResourceKind(StrEnum):
    """The kinds of session handling resources."""

    DYNAMIC_POLICY = "dynamic-policies"
    NETWORK_ASSISTANCE = "network-assistance"


@dataclass(frozen=True, slots=True)
class SessionHandlingResource:
    """A row: `body` is one of the values below, `status` another, both as JSON."""

    id: str
    kind: ResourceKind
    provisioning_session_id: str
    policy_template_id: str | None
    body: bytes
    status: bytes | None
    control_reference: str | None
    version: int
    modified: datetime

    def is_lost(self, now: datetime) -> bool:
        """Whether nobody is at work on what is unsettled."""
        return self.status is None and now - self.modified >= LEASE


class Codec(Generic[Value]):
    """A value to JSON and back, by 3GPP's names where it has such."""

    def __init__(self, kind: type[Value]) -> None:
        self._adapter: TypeAdapter[Value] = TypeAdapter(kind)

    def write(self, value: Value) -> bytes:
        """The JSON text."""
        return self._adapter.dump_json(value, by_alias=True, exclude_none=True)

    def read(self, body: bytes) -> Value:
        """What `write` wrote."""
        return self._adapter.validate_json(body, by_alias=True)


@dataclass(frozen=True, slots=True)
class KeptPolicy:
    """A dynamic policy without what the AF assigns, and what it asks of the network."""

    resource: DynamicPolicy
    flow: PolicyFlow


@dataclass(frozen=True, slots=True)
class KeptAssistance:
    """A network assistance session likewise, with what was recommended when it was made."""

    resource: NetworkAssistanceSession
    flow: PolicyFlow
    recommended: M5QosSpecification


class Enforcement(WireModel):
    """The status of a policy in force: how, and the most in bit/s."""

    method: str
    downlink_bps: int | None = None
    uplink_bps: int | None = None

    @classmethod
    def of(cls, method: str, granted: Granted) -> Self:
        """What the control said."""
        return cls(method=method, downlink_bps=granted.downlink_bps, uplink_bps=granted.uplink_bps)


class Boost(WireModel):
    """The status of a network assistance session: its last boost, which may be over."""

    begun: datetime | None = None
    ends: datetime | None = None


POLICY = Codec(KeptPolicy)
ASSISTANCE = Codec(KeptAssistance)


def flow_of(resource: SessionHandlingResource) -> PolicyFlow:
    """What the policy control is asked for."""
    if resource.kind is ResourceKind.DYNAMIC_POLICY:
        return POLICY.read(resource.body).flow
    return ASSISTANCE.read(resource.body).flow


def boost_flow(resource: SessionHandlingResource) -> PolicyFlow:
    """What a boost of a network assistance session asks for: the session's own demand."""
    flow = flow_of(resource)
    return replace(flow, id=f"{flow.id}.boost")


def subject_of(resource: SessionHandlingResource) -> str:
    """The resource as the subject of an alarm."""
    return f"{resource.kind.value} {resource.id}"
