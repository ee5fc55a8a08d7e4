"""Service data flow descriptions: whose traffic, and by what it is told apart."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from fivegms_af.errors import MembersRefused
from fivegms_af.policy.control import PacketFilter
from fivegms_af.policy.flows import packet_filters
from fivegms_api.service_data_flows import Direction, SdfMethod, ServiceDataFlowDescription

UE = ip_address("10.0.0.7")
TUPLES = frozenset({SdfMethod.FIVE_TUPLE, SdfMethod.TWO_TUPLE})
ALL = frozenset(SdfMethod)


def described(**members: Any) -> ServiceDataFlowDescription:
    return ServiceDataFlowDescription.model_validate({"flowDescription": members})


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (
            {"direction": "DOWNLINK", "srcIp": "192.0.2.1", "dstIp": "10.0.0.7", "srcPort": 443}
            | {"dstPort": 5000, "protocol": 6},
            PacketFilter(Direction.DOWNLINK, 5000, ip_network("192.0.2.1"), 443, 6),
        ),
        (
            {"direction": "UPLINK", "dstIp": "192.0.2.0/24", "dstPort": 443, "protocol": 17},
            PacketFilter(Direction.UPLINK, None, ip_network("192.0.2.0/24"), 443, 17),
        ),
        (
            {"direction": "BIDIRECTIONAL", "srcIp": "10.0.0.7/32", "toSTc": "b8fc"},
            PacketFilter(Direction.BIDIRECTIONAL, tos_traffic_class="b8fc"),
        ),
    ],
)
def test_a_filter_is_seen_from_the_ue(members: dict[str, Any], expected: PacketFilter) -> None:
    assert packet_filters([described(**members)], UE, ALL) == (expected,)


@pytest.mark.requirement("R008b")
@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"direction": "DOWNLINK", "dstIp": "10.0.0.8"}, "flowDescription/dstIp"),
        ({"direction": "UPLINK", "srcIp": "10.0.0.8"}, "flowDescription/srcIp"),
        ({"direction": "UPLINK", "srcIp": "10.0.0.0/24"}, "flowDescription/srcIp"),
        ({"direction": "UPLINK", "srcIp": "::1"}, "flowDescription/srcIp"),
        ({"direction": "UPLINK", "dstIp": "2001:db8::1"}, "flowDescription/dstIp"),
        ({"direction": "UPLINK"}, "flowDescription"),
        ({"direction": "UPLINK", "spi": 1, "dstIp": "192.0.2.1"}, "flowDescription/spi"),
        ({"direction": "UPLINK", "dstPort": 1}, "flowDescription/protocol"),
        ({"direction": "UPLINK", "dstPort": 1, "protocol": 1}, "flowDescription/protocol"),
        ({"direction": "UPLINK", "toSTc": "b8fc"}, "flowDescription/toSTc"),
        ({"direction": "UPLINK", "flowLabel": 1}, "flowDescription/flowLabel"),
    ],
)
def test_refusals_name_the_member(members: dict[str, Any], place: str) -> None:
    good = described(direction="UPLINK", dstIp="192.0.2.1")
    with pytest.raises(MembersRefused) as refused:
        packet_filters([good, described(**members)], UE, TUPLES)
    (fault,) = refused.value.params
    assert fault.param == f"/serviceDataFlowDescriptions/1/{place}"


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({}, ""),
        ({"domainName": "a.example", "flowDescription": {"direction": "UPLINK"}}, ""),
        ({"domainName": "a.example"}, "/domainName"),
    ],
)
def test_a_flow_is_described_in_one_way_that_is_supported(
    document: dict[str, Any], place: str
) -> None:
    description = ServiceDataFlowDescription.model_validate(document)
    with pytest.raises(MembersRefused) as refused:
        packet_filters([description], UE, TUPLES)
    assert [one.param for one in refused.value.params] == [f"/serviceDataFlowDescriptions/0{place}"]
