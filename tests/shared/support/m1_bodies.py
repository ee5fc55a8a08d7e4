"""One valid body of every kind of resource that M1 takes, with a difference and a fault of each.

For tests that need something of a kind provisioned and do not care what. The bodies keep to 3GPP's
YAML as well as to what this AF supports.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fivegms_api.content_protocols import DASH_IF_INGEST

SESSION: Mapping[str, Any] = {
    "provisioningSessionType": "DOWNLINK",
    "appId": "app",
    "aspId": "asp",
}
PREPARATION: Mapping[str, Any] = {
    "model": {"name": "detector", "task": "object-detection"},
    "source": "m.onnx",
}
HOSTING: Mapping[str, Any] = {
    "name": "models",
    "ingestConfiguration": {"pull": False, "protocol": DASH_IF_INGEST},
    "distributionConfigurations": [
        {"entryPoint": {"relativePath": "model.mpd", "contentType": "application/dash+xml"}}
    ],
}


@dataclass(frozen=True)
class Resource:
    """A kind by its path segment; `change` is another valid body's difference, `wrong` a fault."""

    segment: str
    body: dict[str, Any]
    change: dict[str, Any]
    wrong: dict[str, Any]
    id_member: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def sent(self) -> dict[str, Any]:
        """The body of a POST: 3GPP's schemas want an identifier in it already."""
        return self.body | ({self.id_member: "any"} if self.id_member else {})


CONSUMPTION = Resource(
    "consumption-reporting-configuration",
    {"reportingInterval": 60, "samplePercentage": 50.0},
    {"samplePercentage": 25.0},
    {"reportingInterval": 0},
)
METRICS = Resource(
    "metrics-reporting-configurations",
    {"scheme": "urn:fivegms:ai:metrics:2026", "reportingInterval": 60, "samplingPeriod": 5},
    {"samplingPeriod": 10},
    {"samplingPeriod": -1},
    "metricsReportingConfigurationId",
)
POLICY = Resource(
    "policy-templates",
    {"externalReference": "premium", "qoSSpecification": {"maxBtrDl": "20 Mbps"}},
    {"externalReference": "gold"},
    {"qoSSpecification": {"maxBtrDl": "fast"}},
    "policyTemplateId",
)
EDGE = Resource(
    "edge-resources-configurations",
    {"edgeManagementMode": "EM_APP_DRIVEN", "easRequirements": {"easType": "inference"}},
    {"easRequirements": {"easType": "other"}},
    {"edgeManagementMode": "EM_BY_HAND"},
    "edgeResourcesConfigurationId",
)
EVENTS = Resource(
    "event-data-processing-configurations",
    {
        "eventId": "MS_QOE_METRICS",
        "dataAccessProfiles": [
            {
                "dataAccessProfileId": "mean",
                "targetEventConsumerTypes": ["EVENT_CONSUMER_AF"],
                "parameters": ["throughput"],
                "timeAccessRestrictions": {"duration": 60, "aggregationFunctions": ["MEAN"]},
            }
        ],
    },
    {"eventId": "MS_CONSUMPTION"},
    {"eventId": "SVC_EXPERIENCE"},
    "eventDataProcessingConfigurationId",
)

DOCUMENTS = (CONSUMPTION, METRICS, POLICY, EDGE, EVENTS)

CONSUMPTION_REPORT: Mapping[str, Any] = {
    "mediaPlayerEntry": "http://m4.example/model.mpd",
    "reportingClientId": "ue-1",
    "consumptionReportingUnits": [
        {"mediaConsumed": "whole/int8", "startTime": "2026-11-23T12:00:00Z", "duration": 60}
    ],
}
AI_METRICS_REPORT: Mapping[str, Any] = {
    "scheme": "urn:fivegms:ai:metrics:2026",
    "reportingClientId": "ue-1",
    "model": {"name": "detector", "version": 1},
    "periodStart": "2026-11-23T12:00:00Z",
    "periodDuration": 10,
    "metrics": {"throughput": 8e6},
}
QOE_REPORT = b"""<?xml version="1.0" encoding="UTF-8"?>
<ReceptionReport xmlns="urn:3gpp:metadata:2011:HSD:receptionreport"
    contentURI="http://m4.example/media.mpd" clientID="ue-1">
  <QoeReport periodID="p0" reportTime="2026-11-23T12:00:10Z" reportPeriod="10">
    <QoeMetric><InitialPlayoutDelay>250</InitialPlayoutDelay></QoeMetric>
  </QoeReport>
</ReceptionReport>
"""
FLOW: Mapping[str, Any] = {
    "flowDescription": {
        "srcIp": "127.0.0.1",
        "dstIp": "192.0.2.1",
        "protocol": 6,
        "dstPort": 443,
        "direction": "BIDIRECTIONAL",
    }
}
