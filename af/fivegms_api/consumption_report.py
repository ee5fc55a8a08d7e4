"""The Consumption Report: who used which media, when and for how long (TS 26.512 11.3.3)."""

from ipaddress import IPv6Address
from typing import Annotated

from pydantic import AfterValidator, Field

from fivegms_api.reported import Instant, ReportingClientId, Text
from fivegms_api.wire import WireModel

MAX_UNITS = 1000
MAX_LOCATIONS = 100


_OCTET = "([0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])"


def _ipv6(text: str) -> str:
    try:
        IPv6Address(text)
    except ValueError:
        raise ValueError("must be an IPv6 address") from None
    return text


class EndpointAddress(WireModel):
    """One end of a connection (TS 26.512 6.4.3.8)."""

    hostname: Text | None = None
    ipv4_addr: Annotated[str, Field(pattern=rf"^({_OCTET}\.){{3}}{_OCTET}$")] | None = None
    ipv6_addr: (
        Annotated[str, Field(max_length=45, pattern=r"^[0-9A-Fa-f:]+$"), AfterValidator(_ipv6)]
        | None
    ) = None
    port_number: Annotated[int, Field(ge=0, le=65535)]


class TypedLocation(WireModel):
    """Where the UE was, as the cell identifier type says (CGI, ECGI, NCGI)."""

    location_identifier_type: Text
    location: Text


class ConsumptionReportingUnit(WireModel):
    """An uninterrupted use of one medium; `duration` in seconds."""

    media_consumed: Text
    client_endpoint_address: EndpointAddress | None = None
    server_endpoint_address: EndpointAddress | None = None
    start_time: Instant
    duration: Annotated[int, Field(ge=0, le=10 * 365 * 86_400)]
    locations: (
        Annotated[tuple[TypedLocation, ...], Field(min_length=1, max_length=MAX_LOCATIONS)] | None
    ) = None


class ConsumptionReport(WireModel):
    """What a UE says it consumed, below one Media Player Entry."""

    media_player_entry: Text
    reporting_client_id: ReportingClientId
    consumption_reporting_units: Annotated[
        tuple[ConsumptionReportingUnit, ...], Field(max_length=MAX_UNITS)
    ]
