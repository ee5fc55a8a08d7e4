"""Service data flow descriptions into packet filters as one UE sees them. Pure.

A filter must be about the UE that asks: anybody else's traffic is not its to shape. A description
that names no UE address is about the asking one; none may ask for what the control cannot filter
by, so that no part of a description is dropped.
"""

from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from fivegms_af.errors import MembersRefused
from fivegms_af.faults import NOT_SUPPORTED, fault
from fivegms_af.policy.control import Network, PacketFilter, UeAddress
from fivegms_api.problem_details import InvalidParam
from fivegms_api.service_data_flows import (
    Direction,
    IpPacketFilterSet,
    SdfMethod,
    ServiceDataFlowDescription,
)

_WITH_PORTS = frozenset({6, 17, 132})  # TCP, UDP, SCTP
_MEMBER = "serviceDataFlowDescriptions"


def packet_filters(
    descriptions: Iterable[ServiceDataFlowDescription],
    ue: UeAddress,
    methods: frozenset[SdfMethod],
) -> tuple[PacketFilter, ...]:
    """The filters, in order; raises MembersRefused naming every description that is none."""
    described = list(descriptions)
    faults = [
        fault for place, one in enumerate(described) for fault in _faults(place, one, ue, methods)
    ]
    if faults:
        raise MembersRefused(*faults)
    return tuple(_filter(one.flow_description) for one in described if one.flow_description)


def _filter(described: IpPacketFilterSet) -> PacketFilter:
    from_ue = described.direction is not Direction.DOWNLINK
    server = described.dst_ip if from_ue else described.src_ip
    return PacketFilter(
        direction=described.direction,
        ue_port=described.src_port if from_ue else described.dst_port,
        server=None if server is None else ip_network(server),
        server_port=described.dst_port if from_ue else described.src_port,
        protocol=described.protocol,
        tos_traffic_class=described.tos_tc,
    )


def _faults(
    place: int,
    description: ServiceDataFlowDescription,
    ue: UeAddress,
    methods: frozenset[SdfMethod],
) -> Iterator[InvalidParam]:
    described = description.flow_description
    if (described is None) == (description.domain_name is None):
        yield _fault("needs either flowDescription or domainName", place)
        return
    for method in _methods(description) - methods:
        yield _fault(f"{method} is {NOT_SUPPORTED}", place, *_CULPRIT.get(method, ()))
    if described is not None:
        yield from _filter_faults(place, described, ue)


def _filter_faults(
    place: int, described: IpPacketFilterSet, ue: UeAddress
) -> Iterator[InvalidParam]:
    named = described.model_dump(exclude={"direction"}, exclude_none=True)
    if not named:
        yield _fault("names no packets", place, "flowDescription")
    if described.spi is not None:
        yield _fault(NOT_SUPPORTED, place, "flowDescription", "spi")
    has_port = described.src_port is not None or described.dst_port is not None
    if has_port and described.protocol not in _WITH_PORTS:
        yield _fault("must have ports", place, "flowDescription", "protocol")
    yield from _address_faults(place, described, ue)


def _address_faults(
    place: int, described: IpPacketFilterSet, ue: UeAddress
) -> Iterator[InvalidParam]:
    own, server = ("srcIp", "dstIp")
    if described.direction is Direction.DOWNLINK:
        own, server = server, own
    texts = {"srcIp": described.src_ip, "dstIp": described.dst_ip}
    own_text, server_text = texts[own], texts[server]
    if own_text is not None and not _is(ip_network(own_text), ue):
        yield _fault(f"is not the asking UE, {ue}", place, "flowDescription", own)
    if server_text is not None and ip_network(server_text).version != ue.version:
        reason = f"is not of the UE's kind, IPv{ue.version}"
        yield _fault(reason, place, "flowDescription", server)


def _is(named: Network, ue: UeAddress) -> bool:
    return named.num_addresses == 1 and named.network_address == ue


def _methods(description: ServiceDataFlowDescription) -> frozenset[SdfMethod]:
    """What it takes to apply the description."""
    described = description.flow_description
    if described is None:
        return frozenset({SdfMethod.DOMAIN_NAME})
    ported = (described.protocol, described.src_port, described.dst_port)
    needed = {
        SdfMethod.FIVE_TUPLE: any(one is not None for one in ported),
        SdfMethod.TYPE_OF_SERVICE_MARKING: described.tos_tc is not None,
        SdfMethod.FLOW_LABEL: described.flow_label is not None,
    }
    methods = frozenset(method for method, is_needed in needed.items() if is_needed)
    return methods or frozenset({SdfMethod.TWO_TUPLE})


_CULPRIT = {
    SdfMethod.DOMAIN_NAME: ("domainName",),
    SdfMethod.TYPE_OF_SERVICE_MARKING: ("flowDescription", "toSTc"),
    SdfMethod.FLOW_LABEL: ("flowDescription", "flowLabel"),
}


def _fault(reason: str, place: int, *path: str) -> InvalidParam:
    return fault(reason, _MEMBER, place, *path)
