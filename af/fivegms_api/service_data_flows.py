"""Which traffic a policy or a network assistance session is about (TS 26.512 6.4.3.1, 6.4.3.5)."""

from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from fivegms_api.wire import WireModel

MAX_FLOWS = 16


def _address(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError(f"must be an IP address or prefix: {error}") from error
    return text


IpAddressOrPrefix = Annotated[str, Field(max_length=64), AfterValidator(_address)]
TosTrafficClass = Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{4}$")]
Port = Annotated[int, Field(ge=0, le=65_535)]


class Direction(StrEnum):
    """Which way packets go. A BIDIRECTIONAL filter is written as for the uplink: from the UE."""

    UPLINK = "UPLINK"
    DOWNLINK = "DOWNLINK"
    BIDIRECTIONAL = "BIDIRECTIONAL"


class SdfMethod(StrEnum):
    """How a flow may be told from others (TS 26.512 6.4.4.2)."""

    FIVE_TUPLE = "5_TUPLE"
    TWO_TUPLE = "2_TUPLE"
    TYPE_OF_SERVICE_MARKING = "TYPE_OF_SERVICE_MARKING"
    FLOW_LABEL = "FLOW_LABEL"
    DOMAIN_NAME = "DOMAIN_NAME"


class MediaType(StrEnum):
    """What flows (TS 29.514 5.6.3.3)."""

    AUDIO = "AUDIO"
    VIDEO = "VIDEO"
    DATA = "DATA"
    APPLICATION = "APPLICATION"
    CONTROL = "CONTROL"
    TEXT = "TEXT"
    MESSAGE = "MESSAGE"
    OTHER = "OTHER"


class IpPacketFilterSet(WireModel):
    """A packet filter (TS 23.501 5.7.6.2); `toSTc` is two octets in hexadecimal: value, mask."""

    src_ip: IpAddressOrPrefix | None = None
    dst_ip: IpAddressOrPrefix | None = None
    protocol: Annotated[int, Field(ge=0, le=255)] | None = None
    src_port: Port | None = None
    dst_port: Port | None = None
    tos_tc: Annotated[TosTrafficClass | None, Field(alias="toSTc")] = None
    flow_label: Annotated[int, Field(ge=0, lt=2**20)] | None = None
    spi: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    direction: Direction


class ServiceDataFlowDescription(WireModel):
    """A flow by its packets or by the name of its server."""

    flow_description: IpPacketFilterSet | None = None
    domain_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None


ServiceDataFlowDescriptions = Annotated[
    tuple[ServiceDataFlowDescription, ...], Field(min_length=1, max_length=MAX_FLOWS)
]
