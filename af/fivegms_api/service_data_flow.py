"""Which packets are meant: filters and domain names of application data flows (TS 26.512 6.4.3)."""

from typing import Annotated

from pydantic import Field

from fivegms_api.wire import WireModel

Port = Annotated[int, Field(ge=0, le=65535)]
Address = Annotated[str, Field(min_length=1, max_length=64)]


class IpPacketFilterSet(WireModel):
    """A filter on packet headers (TS 26.512 6.4.3.1); `direction` is UPLINK, DOWNLINK or both."""

    src_ip: Address | None = None
    dst_ip: Address | None = None
    protocol: Annotated[int, Field(ge=0, le=255)] | None = None
    src_port: Port | None = None
    dst_port: Port | None = None
    to_s_tc: Annotated[str, Field(max_length=64)] | None = None
    flow_label: Annotated[int, Field(ge=0, lt=2**20)] | None = None
    spi: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    direction: Annotated[str, Field(min_length=1, max_length=64)]


class ServiceDataFlowDescription(WireModel):
    """A flow by its packets or by the name of its server (TS 26.512 6.4.3.2)."""

    flow_description: IpPacketFilterSet | None = None
    domain_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
