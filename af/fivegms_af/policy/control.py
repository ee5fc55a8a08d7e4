"""The port to whatever enforces policies in the network: a PCF, or the testbed's emulated link.

The values say what is wanted in terms that every network has: packet filters as the UE sees them,
bit/s, milliseconds. Who implements the port knows no provisioning session and no template.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Protocol

from fivegms_api.qos import Snssai, SponsoringStatus
from fivegms_api.service_data_flows import Direction, MediaType, SdfMethod

UeAddress = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class PacketFilter:
    """Packets between the UE and servers; None stands for any. `tos_traffic_class` is two octets
    in hexadecimal: value, mask.
    """

    direction: Direction
    ue_port: int | None = None
    server: Network | None = None
    server_port: int | None = None
    protocol: int | None = None
    tos_traffic_class: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a policy template allows and asks for, a KPI profile spelled out.

    `limit`s are the most that may be asked for, `required` the least that the service needs, both
    in bit/s; loss rates are in tenths of a percent. `qos_reference` is the network's own.
    """

    qos_reference: str | None = None
    downlink_limit_bps: int | None = None
    uplink_limit_bps: int | None = None
    downlink_required_bps: int | None = None
    uplink_required_bps: int | None = None
    latency_ms: int | None = None
    downlink_loss: int | None = None
    uplink_loss: int | None = None
    dnn: str | None = None
    slice: Snssai | None = None
    sponsor: str | None = None
    sponsoring: SponsoringStatus | None = None


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked for, within the terms: bit/s; milliseconds; `loss` in percent."""

    downlink_most_bps: int | None = None
    uplink_most_bps: int | None = None
    downlink_desired_bps: int | None = None
    uplink_desired_bps: int | None = None
    downlink_least_bps: int | None = None
    uplink_least_bps: int | None = None
    latency_ms: int | None = None
    loss: int | None = None


@dataclass(frozen=True, slots=True)
class PolicyFlow:
    """Traffic of one UE and what it is to get. `id` is the AF's own and unguessable."""

    id: str
    app_id: str
    ue: UeAddress
    filters: tuple[PacketFilter, ...]
    terms: Terms
    demand: Demand
    media_type: MediaType | None = None
    asp_id: str | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """What is enforced from now on, under the control's own reference; None: not limited by it."""

    reference: str
    downlink_bps: int | None
    uplink_bps: int | None


@dataclass(frozen=True, slots=True)
class NetworkState:
    """What traffic can have now: bit/s, and milliseconds there and back; None is not known."""

    downlink_bps: int | None = None
    uplink_bps: int | None = None
    latency_ms: float | None = None


class PolicyControl(Protocol):
    """The network's policy control.

    Every verb raises PolicyControlUnavailable, and `install` and `update` PolicyControlRefused.
    `method` is how it enforces policies, in a word; `sdf_methods` how it tells flows apart.
    """

    @property
    def method(self) -> str:
        """What M5 shows as `enforcementMethod`."""
        ...

    @property
    def sdf_methods(self) -> frozenset[SdfMethod]:
        """The filters that it can apply."""
        ...

    async def judge(self, terms: Terms) -> tuple[str, ...]:
        """Why no policy on these terms would ever be granted; nothing where one may be."""
        ...

    async def install(self, flow: PolicyFlow) -> Granted:
        """Enforce; a flow that is installed already, by its id, keeps its reference."""
        ...

    async def update(self, reference: str, flow: PolicyFlow) -> Granted:
        """Enforce this flow in the place of the one under `reference`, which may change when the
        control has lost it.
        """
        ...

    async def release(self, reference: str) -> None:
        """Enforce no more; nothing happens where there is no such reference."""
        ...

    async def network(self, flow: PolicyFlow | None = None) -> NetworkState:
        """What this flow can have now; without one, what a new flow without a policy can."""
        ...
