"""KPI profiles of AI traffic, as terms that a policy template can refer to by name.

The numbers are those of TS 22.261 clause 7.10 (table by table) as far as they say what a network
has to give a flow. `RECALLED` marks rows that were written down from memory of the Release named
and not read again. A download's time is not a packet's latency, so it is not among the numbers;
where a row gives size and time only, the rate follows from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

MBPS = 1_000_000


@dataclass(frozen=True, slots=True)
class KpiProfile:
    """What a flow needs: bit/s, and milliseconds one way, by direction; None: not stated."""

    id: str
    source: str
    downlink_bps: int | None = None
    uplink_bps: int | None = None
    downlink_latency_ms: int | None = None
    uplink_latency_ms: int | None = None

    @property
    def latency_ms(self) -> int | None:
        """The stricter of the two latencies."""
        stated = [one for one in (self.downlink_latency_ms, self.uplink_latency_ms) if one]
        return min(stated, default=None)


_SPLIT = "TS 22.261 table 7.10.1-1"
_DOWNLOAD = "TS 22.261 table 7.10.1-2"
_FEDERATED = "TS 22.261 table 7.10.1-3"
RECALLED = ", recalled"

_PROFILES = (
    KpiProfile("SI-IMG", _SPLIT, uplink_bps=144 * MBPS, uplink_latency_ms=15),
    KpiProfile(
        "SI-IMG-R18", f"{_SPLIT}, Release 18{RECALLED}", uplink_bps=1080 * MBPS, uplink_latency_ms=2
    ),
    KpiProfile(
        "SI-MEDIA",
        _SPLIT,
        downlink_bps=150 * MBPS,
        uplink_bps=1_500_000,
        downlink_latency_ms=100,
        uplink_latency_ms=100,
    ),
    KpiProfile(
        "SI-ROBOT",
        _SPLIT,
        downlink_bps=320 * MBPS,
        uplink_bps=4_700_000,
        downlink_latency_ms=12,
    ),
    KpiProfile("DL-IMG", _DOWNLOAD, downlink_bps=1100 * MBPS),
    KpiProfile("DL-SPEECH", _DOWNLOAD, downlink_bps=640 * MBPS),
    KpiProfile("DL-EDIT", _DOWNLOAD, downlink_bps=512 * MBPS),
    KpiProfile("DL-AIMaaS", _DOWNLOAD + RECALLED, downlink_bps=536 * 8 * MBPS),
    KpiProfile("DL-AUTO", _DOWNLOAD + RECALLED, downlink_bps=22 * MBPS),
    KpiProfile("DL-MON", _DOWNLOAD + RECALLED, downlink_bps=500 * 8 * MBPS),
    KpiProfile("DL-VQE", _DOWNLOAD + RECALLED, downlink_bps=450 * MBPS),
    KpiProfile("FL-UNC", _FEDERATED + RECALLED, downlink_bps=1000 * MBPS, uplink_bps=1000 * MBPS),
    KpiProfile("FL-COMP", _FEDERATED + RECALLED, downlink_bps=80_880_000, uplink_bps=80_880_000),
)

KPI_PROFILES: Mapping[str, KpiProfile] = {profile.id: profile for profile in _PROFILES}
