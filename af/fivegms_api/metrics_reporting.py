"""The Metrics Reporting Configuration: which clients report which metrics (TS 26.512 7.8.3).

A scheme says which metrics there are and how they are reported. Two are known: the DASH quality
metrics of TS 26.247 10.2, and ours for AI models.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from fivegms_api.common_data import Dnn, DurationSec, Percentage, ResourceId, Uri
from fivegms_api.wire import WireModel

DASH_QOE_SCHEME = "urn:3GPP:ns:PSS:DASH:QM10"
AI_METRICS_SCHEME = "urn:fivegms:ai:metrics:2026"

METRICS: Mapping[str, tuple[str, ...]] = {
    DASH_QOE_SCHEME: (
        "HttpList",
        "RepSwitchList",
        "AvgThroughput",
        "InitialPlayoutDelay",
        "BufferLevel",
        "PlayList",
        "MPDInformation",
        "PlayoutDelayforMediaStartup",
        "DeviceInformationList",
    ),
    AI_METRICS_SCHEME: (
        "timeToFirstInference",
        "bytes",
        "inferenceLatency",
        "accuracy",
        "energy",
        "stalls",
        "throughput",
    ),
}
"""The metrics of each scheme. A reference to one is its name, or the scheme, `#` and its name."""

Period = Annotated[DurationSec, Field(gt=0)]
Reference = Annotated[str, Field(min_length=1, max_length=256)]


class MetricsReportingConfiguration(WireModel):
    """One of a session's. The identifier is the 5GMS AF's to assign.

    `scheme` is absent for the DASH quality metrics; `metrics` for all of the scheme; `url_filters`
    for all media. `reporting_interval` is in seconds, absent: one report at the end of the media
    session; `sampling_period` is in seconds too.
    """

    metrics_reporting_configuration_id: ResourceId | None = None
    scheme: Uri | None = None
    data_network_name: Dnn | None = None
    reporting_interval: Period | None = None
    sample_percentage: Percentage | None = None
    url_filters: Annotated[tuple[str, ...], Field(min_length=1, max_length=64)] | None = None
    sampling_period: Period
    metrics: Annotated[tuple[Reference, ...], Field(min_length=1, max_length=64)] | None = None


def metric_name(scheme: str, reference: str) -> str | None:
    """The name in METRICS that a reference means; None for one that the scheme does not have.

    >>> metric_name(AI_METRICS_SCHEME, "urn:fivegms:ai:metrics:2026#bytes")
    'bytes'
    >>> metric_name(DASH_QOE_SCHEME, "HTTPList")
    'HttpList'
    """
    name = reference.removeprefix(f"{scheme}#")
    name = _SPELLED_BY_PEERS.get(name, name)
    return name if name in METRICS.get(scheme, ()) else None


# TS 26.247's XML schema has HttpList, its text HTTPList; clients in the field follow either.
_SPELLED_BY_PEERS = {"HTTPList": "HttpList"}
