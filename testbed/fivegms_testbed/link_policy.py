"""The emulated link as policy control: what is granted really changes the link's rate.

Whoever has no policy shares the link's own rates. A policy gives its flows a rate of their own, as
long as all that was granted fits into the capacity; the link guarantees nothing else, and says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from fivegms_af.policy.control import (
    Granted,
    NetworkState,
    PacketFilter,
    PolicyFlow,
    Terms,
)
from fivegms_af.policy.errors import PolicyControlRefused
from fivegms_api.qos import bit_rate
from fivegms_api.service_data_flows import Direction, SdfMethod
from fivegms_testbed.link import EmulatedLink, Lane, Rule, Way

TCP = 6


@dataclass(frozen=True, slots=True)
class LinkCapacity:
    """How much may be granted altogether, in bit/s; what nobody has a policy for comes on top."""

    downlink_bps: int
    uplink_bps: int


class LinkPolicyControl:
    """Policy control over one link. The reference of a policy is `link:` and the flow's id."""

    method = "emulated-link"
    sdf_methods = frozenset({SdfMethod.FIVE_TUPLE, SdfMethod.TWO_TUPLE})

    def __init__(self, link: EmulatedLink, capacity: LinkCapacity) -> None:
        self._link = link
        self._capacity = capacity
        self._granted: dict[str, PolicyFlow] = {}

    async def judge(self, terms: Terms) -> tuple[str, ...]:
        """What the link is not, has not, or cannot carry."""
        return tuple(self._faults(terms))

    async def install(self, flow: PolicyFlow) -> Granted:
        """Raises PolicyControlRefused where the flow does not fit beside the others."""
        reference = f"link:{flow.id}"
        self._admit(reference, flow)
        demand = flow.demand
        self._granted[reference] = flow
        rule = Rule(
            lambda lane: _applies(flow, lane),
            _rate(demand.downlink_most_bps),
            _rate(demand.uplink_most_bps),
        )
        self._link.enforce(reference, rule)
        return Granted(reference, demand.downlink_most_bps or None, demand.uplink_most_bps or None)

    async def update(self, reference: str, flow: PolicyFlow) -> Granted:
        """A flow keeps its id, so this is `install`."""
        return await self.install(flow)

    async def release(self, reference: str) -> None:
        """Give the flow back to what everybody shares."""
        self._granted.pop(reference, None)
        self._link.lift(reference)

    async def network(self, flow: PolicyFlow | None = None) -> NetworkState:
        """The link's own rates, or what is granted to exactly these flows."""
        profile = self._link.profile
        down, up = profile.downlink_bps, profile.uplink_bps
        granted = None if flow is None else self._find(flow)
        if granted is not None:
            down = granted.demand.downlink_most_bps or down
            up = granted.demand.uplink_most_bps or up
        return NetworkState(_bps(down), _bps(up), 2000 * profile.delay_s)

    def _find(self, flow: PolicyFlow) -> PolicyFlow | None:
        for granted in self._granted.values():
            if granted.ue == flow.ue and granted.filters == flow.filters:
                return granted
        return None

    def _faults(self, terms: Terms) -> Iterator[str]:
        for value, name in (
            (terms.qos_reference, "QoS references of its own"),
            (terms.dnn, "data networks"),
            (terms.slice, "slices"),
            (terms.sponsor, "sponsors"),
            (terms.downlink_loss, "loss rates"),
            (terms.uplink_loss, "loss rates"),
        ):
            if value is not None:
                yield f"the emulated link has no {name}"
        for rate, capacity, name in (
            (terms.downlink_required_bps, self._capacity.downlink_bps, "downlink"),
            (terms.downlink_limit_bps, self._capacity.downlink_bps, "downlink"),
            (terms.uplink_required_bps, self._capacity.uplink_bps, "uplink"),
            (terms.uplink_limit_bps, self._capacity.uplink_bps, "uplink"),
        ):
            if rate is not None and rate > capacity:
                yield f"the link grants {bit_rate(capacity)} {name} altogether"
        yield from self._latency_faults(terms.latency_ms)

    def _latency_faults(self, latency_ms: int | None) -> Iterator[str]:
        delay_ms = 1000 * self._link.profile.delay_s
        if latency_ms is not None and delay_ms > latency_ms:
            yield f"the link takes {delay_ms:g} ms one way"

    def _admit(self, reference: str, flow: PolicyFlow) -> None:
        """Raises PolicyControlRefused for what is too much, and for what nobody guarantees."""
        others = [one for key, one in self._granted.items() if key != reference]
        demands = [one.demand for one in (*others, flow)]
        down = sum(one.downlink_most_bps or 0 for one in demands)
        up = sum(one.uplink_most_bps or 0 for one in demands)
        faults = list(self._latency_faults(flow.demand.latency_ms))
        if flow.demand.loss is not None:
            faults.append("the emulated link has no loss rates")
        for wanted, capacity, name in (
            (down, self._capacity.downlink_bps, "downlink"),
            (up, self._capacity.uplink_bps, "uplink"),
        ):
            if wanted > capacity:
                faults.append(f"{bit_rate(wanted - capacity)} {name} are not free")
        if faults:
            raise PolicyControlRefused("; ".join(faults))


def _applies(flow: PolicyFlow, lane: Lane) -> bool:
    """Whether the lane is one of the flow's."""
    if ip_address(lane.ue) != flow.ue:
        return False
    return any(_passes(one, lane) for one in flow.filters)


def _passes(one: PacketFilter, lane: Lane) -> bool:
    way = {Direction.DOWNLINK: Way.DOWNLINK, Direction.UPLINK: Way.UPLINK}.get(one.direction)
    server = ip_address(lane.server)
    return (
        way in (None, lane.way)
        and one.protocol in (None, TCP)
        and one.ue_port in (None, lane.ue_port)
        and one.server_port in (None, lane.server_port)
        and (one.server is None or server in one.server)
    )


def _rate(bps: int | None) -> float | None:
    """The link's own rate where nothing, or nothing at all, was asked for."""
    return float(bps) if bps else None


def _bps(rate: float | None) -> int | None:
    return None if rate is None else round(rate)
