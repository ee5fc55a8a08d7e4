"""The wire models of what a session configures: 3GPP's members, all of them, and no others."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fivegms_api.consumption_reporting import ConsumptionReportingConfiguration
from fivegms_api.edge_resources import (
    EasRequirements,
    EasServiceKpi,
    EdgeProcessingEligibilityCriteria,
    EdgeResourcesConfiguration,
    GeographicalServiceArea,
    M1EasRelocationRequirements,
    ScheduledCommunicationTime,
    TimeWindow,
)
from fivegms_api.event_data_processing import DataAccessProfile, EventDataProcessingConfiguration
from fivegms_api.metrics_reporting import MetricsReportingConfiguration
from fivegms_api.service_access_information import (
    ClientMetricsReportingConfiguration,
    ServiceAccessInformation,
)
from fivegms_api.wire import WireModel
from support.three_gpp import faults, resolved

CRITERIA = {
    "serviceDataFlowDescriptions": [
        {"flowDescription": {"dstIp": "192.0.2.1", "direction": "UPLINK"}},
        {"domainName": "media.example"},
    ],
    "ueLocations": [{"civicAddresses": [{"country": "DE"}]}],
    "timeWindows": [{"startTime": "2026-11-23T08:00:00Z", "stopTime": "2026-11-23T20:00:00Z"}],
    "appRequest": True,
}
REQUIREMENTS = {
    "easProviderIds": ["provider"],
    "easId": "eas",
    "easType": "type",
    "easFeatures": ["feature"],
    "serviceKpi": {
        "maxReqRate": 1,
        "maxRespTime": 2,
        "avail": 99,
        "avlComp": 3,
        "avlGraComp": 4,
        "avlMem": 5,
        "avlStrg": 6,
        "connBand": "20.5 Mbps",
    },
    "serviceArea": {
        "geoArs": [{"shape": "POINT", "point": {"lon": 1.5, "lat": 2.5}}],
        "civicAddrs": [{"country": "DE"}],
    },
    "serviceAvailabilitySchedule": [
        {"daysOfWeek": [1, 7], "timeOfDayStart": "08:00:00", "timeOfDayEnd": "20:00:00+01:00"}
    ],
    "serviceContinuityScenarios": ["EEC_INITIATED"],
    "serviceContinuitySupport": ["EEL_MANAGED_ACR"],
}
PROFILE = {
    "dataAccessProfileId": "p1",
    "targetEventConsumerTypes": ["NWDAF", "EVENT_CONSUMER_AF", "NEF"],
    "parameters": ["a"],
    "timeAccessRestrictions": {"duration": 60, "aggregationFunctions": ["NULL", "COUNT", "MEAN"]},
    "userAccessRestrictions": {
        "groupIds": ["0000abcd-001-01-ab"],
        "userIds": ["extid-a@b"],
        "aggregationFunctions": ["MAXIMUM", "MINIMUM"],
    },
    "locationAccessRestrictions": {
        "locationAreas": [{"civicAddresses": [{"country": "DE"}]}],
        "aggregationFunctions": ["SUM"],
    },
}

WHOLE: list[tuple[type[WireModel], str, dict[str, Any]]] = [
    (
        ConsumptionReportingConfiguration,
        "TS26512_M1_ConsumptionReportingProvisioning",
        {
            "reportingInterval": 60,
            "samplePercentage": 50.0,
            "locationReporting": True,
            "accessReporting": False,
        },
    ),
    (
        MetricsReportingConfiguration,
        "TS26512_M1_MetricsReportingProvisioning",
        {
            "metricsReportingConfigurationId": "m1",
            "scheme": "urn:fivegms:ai:metrics:2026",
            "dataNetworkName": "internet.example",
            "reportingInterval": 60,
            "samplePercentage": 50.0,
            "urlFilters": ["[.]mpd$"],
            "samplingPeriod": 5,
            "metrics": ["bytes"],
        },
    ),
    (
        EdgeResourcesConfiguration,
        "TS26512_M1_EdgeResourcesProvisioning",
        {
            "edgeResourcesConfigurationId": "e1",
            "edgeManagementMode": "EM_AF_DRIVEN",
            "eligibilityCriteria": CRITERIA,
            "easRequirements": REQUIREMENTS,
            "easRelocationRequirements": {
                "tolerance": "RELOCATION_UNAWARE",
                "maxInterruptionDuration": 1,
                "maxResponseTimeDifference": 2,
            },
        },
    ),
    (
        EventDataProcessingConfiguration,
        "TS26512_M1_EventDataProcessingProvisioning",
        {
            "eventDataProcessingConfigurationId": "d1",
            "eventId": "MS_QOE_METRICS",
            "authorizationUrl": "https://a.example/",
            "dataAccessProfiles": [PROFILE],
        },
    ),
]

SCHEMAS: list[tuple[type[WireModel], str]] = [
    *((model, f"{file}.yaml#/components/schemas/{model.__name__}") for model, file, _ in WHOLE),
    (
        EasRequirements,
        "TS26512_M1_EdgeResourcesProvisioning.yaml#/components/schemas/EASRequirements",
    ),
    (
        M1EasRelocationRequirements,
        "TS26512_M1_EdgeResourcesProvisioning.yaml#/components/schemas/M1EASRelocationRequirements",
    ),
    (EasServiceKpi, "TS29558_Eees_EASRegistration.yaml#/components/schemas/EASServiceKPI"),
    (
        GeographicalServiceArea,
        "TS29558_Eecs_EESRegistration.yaml#/components/schemas/GeographicalServiceArea",
    ),
    (
        ScheduledCommunicationTime,
        "TS29122_CpProvisioning.yaml#/components/schemas/ScheduledCommunicationTime",
    ),
    (TimeWindow, "TS29122_CommonData.yaml#/components/schemas/TimeWindow"),
    (
        EdgeProcessingEligibilityCriteria,
        "TS26512_CommonData.yaml#/components/schemas/EdgeProcessingEligibilityCriteria",
    ),
    (
        DataAccessProfile,
        "TS26532_Ndcaf_DataReportingProvisioning.yaml#/components/schemas/DataAccessProfile",
    ),
    (
        ServiceAccessInformation,
        "TS26512_M5_ServiceAccessInformation.yaml#/components/schemas/"
        "ServiceAccessInformationResource",
    ),
]


@pytest.mark.parametrize(("model", "file", "document"), WHOLE, ids=lambda value: str(value)[-40:])
def test_a_whole_document_comes_out_as_it_went_in(
    model: type[WireModel], file: str, document: dict[str, Any]
) -> None:
    value = model.model_validate_json(json.dumps(document), strict=True)
    assert json.loads(value.to_json()) == document
    assert faults(document, f"{file}.yaml#/components/schemas/{model.__name__}") == []


@pytest.mark.parametrize(("model", "reference"), SCHEMAS, ids=lambda value: str(value)[-40:])
def test_every_member_of_the_yaml_and_no_other(model: type[WireModel], reference: str) -> None:
    aliases = {field.alias for field in model.model_fields.values()}
    assert aliases == set(resolved(reference)["properties"])


def test_the_one_member_that_later_releases_have() -> None:
    schema = resolved(
        "TS26512_M5_ServiceAccessInformation.yaml#/components/schemas/"
        "ServiceAccessInformationResource"
    )
    members = schema["properties"]["clientMetricsReportingConfigurations"]["items"]["properties"]
    ours = {field.alias for field in ClientMetricsReportingConfiguration.model_fields.values()}
    assert ours - set(members) == {"metricsReportingConfigurationId"}
    assert set(members) <= ours


@given(data=st.data())
def test_damaged_documents_are_refused_or_read(data: st.DataObject) -> None:
    model, _, document = data.draw(st.sampled_from(WHOLE))
    text = bytearray(json.dumps(document).encode())
    text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(text[: data.draw(st.integers(0, len(text)))])
    try:
        value = model.model_validate_json(damaged, strict=True)
    except ValidationError:
        return
    assert model.model_validate_json(value.to_json()) == value
