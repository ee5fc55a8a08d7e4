"""Quality of service as the resources of M1 and M5 spell it (TS 26.512 6.4.3, TS 29.571 5.5.2).

Bit rates are texts on the wire, "20.5 Mbps", and whole bits per second everywhere else; the two
functions here are the only way between them.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from fivegms_api.wire import WireModel

BitRate = Annotated[str, Field(pattern=r"^[0-9]{1,15}(\.[0-9]{1,12})? (bps|Kbps|Mbps|Gbps|Tbps)$")]
NotNegative = Annotated[int, Field(ge=0, lt=2**31)]
Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]

_TOO_LONG = 10**15  # a `BitRate` has fewer digits before the point
_UNITS = {"bps": 1, "Kbps": 10**3, "Mbps": 10**6, "Gbps": 10**9, "Tbps": 10**12}


def bits_per_second(rate: str) -> int:
    """A `BitRate` in whole bit/s, a fraction of a bit left out.

    >>> bits_per_second("20.5 Mbps")
    20500000
    """
    number, unit = rate.split(" ")
    return int(Decimal(number) * _UNITS[unit])


def bit_rate(bps: int) -> str:
    """The `BitRate` of a number of bit/s, in the largest unit that needs no fraction.

    One that is too long for that is told in Tbps with a fraction.

    >>> bit_rate(20_500_000), bit_rate(2_000_000), bit_rate(0)
    ('20500 Kbps', '2 Mbps', '0 bps')
    >>> bit_rate(10**15 + 1)
    '1000.000000000001 Tbps'
    """
    fitting = [(unit, one) for unit, one in _UNITS.items() if bps and bps % one == 0]
    unit, one = fitting[-1] if fitting else ("bps", 1)
    if bps // one >= _TOO_LONG:
        return f"{Decimal(bps).scaleb(-12):f} Tbps"
    return f"{bps // one} {unit}"


class M1QosSpecification(WireModel):
    """What a policy template allows; loss rates are in tenths of a percent (TS 26.512 6.4.3.3)."""

    qos_reference: Name | None = None
    max_btr_ul: BitRate | None = None
    max_btr_dl: BitRate | None = None
    max_auth_btr_ul: BitRate | None = None
    max_auth_btr_dl: BitRate | None = None
    def_packet_loss_rate_dl: Annotated[int, Field(ge=0, le=1000)] | None = None
    def_packet_loss_rate_ul: Annotated[int, Field(ge=0, le=1000)] | None = None


class M5QosSpecification(WireModel):
    """What a UE asks for, or is recommended: `mar` the most, `mir` the least, `minDes` the least
    that is of use; `desLatency` in milliseconds, `desLoss` in percent (TS 26.512 6.4.3.2).
    """

    mar_bw_dl_bit_rate: BitRate
    mar_bw_ul_bit_rate: BitRate
    min_des_bw_dl_bit_rate: BitRate | None = None
    min_des_bw_ul_bit_rate: BitRate | None = None
    mir_bw_dl_bit_rate: BitRate
    mir_bw_ul_bit_rate: BitRate
    des_latency: NotNegative | None = None
    des_loss: Annotated[int, Field(ge=0, le=100)] | None = None


class SponsoringStatus(StrEnum):
    """Whether the sponsor pays (TS 29.514 5.6.3.9)."""

    SPONSOR_DISABLED = "SPONSOR_DISABLED"
    SPONSOR_ENABLED = "SPONSOR_ENABLED"


class ChargingSpecification(WireModel):
    """Who pays (TS 26.512 6.4.3.4)."""

    spon_id: Name | None = None
    spon_status: SponsoringStatus | None = None
    gpsi: tuple[str, ...] | None = None


class Snssai(WireModel):
    """A network slice (TS 29.571 5.4.4.2)."""

    sst: Annotated[int, Field(ge=0, le=255)]
    sd: Annotated[str, Field(pattern=r"^[A-Fa-f0-9]{6}$")] | None = None


class OperationSuccessResponse(WireModel):
    """Whether what was asked for was done; `reason` says why not (TS 26.512 6.4.3.7)."""

    success: bool
    reason: str | None = None
