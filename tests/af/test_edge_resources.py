from datetime import UTC, datetime
from typing import Any

import pytest

from fivegms_af.bodies import validate
from fivegms_af.edge_resources import (
    INFERENCE_SLOTS,
    NETWORK_INFERENCE,
    accept_edge_resources,
    admit,
    app_driven,
    slots_claimed,
)
from fivegms_af.errors import EdgeCapacityExceeded, MembersRefused
from fivegms_af.provisioned import Document, DocumentKind, Session
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.edge_resources import EdgeResourcesConfiguration

NOW = datetime(2026, 11, 23, tzinfo=UTC)
EMPTY = Session("s1", ProvisioningSessionType.DOWNLINK, "a", None, NOW, 1)
APP_DRIVEN = {"edgeManagementMode": "EM_APP_DRIVEN"}
AF_DRIVEN = {"edgeManagementMode": "EM_AF_DRIVEN"}
RELOCATION = {"tolerance": "RELOCATION_TOLERANT", "maxInterruptionDuration": 20}
CRITERIA = {
    "serviceDataFlowDescriptions": [{"domainName": "media.example"}],
    "ueLocations": [{"nwAreaInfo": {"tais": []}}],
    "timeWindows": [{"startTime": "2026-11-23T00:00:00Z", "stopTime": "2026-11-24T00:00:00Z"}],
    "appRequest": True,
}
NOT_FOR_CLIENTS: dict[str, Any] = {
    "serviceKpi": {"maxReqRate": 10, "connBand": "10 Mbps"},
    "serviceArea": {"civicAddrs": [{"country": "DE"}]},
    "serviceAvailabilitySchedule": [{"daysOfWeek": [1], "timeOfDayStart": "08:00:00"}],
    "serviceContinuityScenarios": ["EEC_INITIATED"],
    "serviceContinuitySupport": ["SOURCE_EAS_DECIDED"],
}


def configuration(mode: Any, requirements: Any, **members: Any) -> EdgeResourcesConfiguration:
    return validate(EdgeResourcesConfiguration, mode | {"easRequirements": requirements} | members)


def network_inference(*features: str) -> EdgeResourcesConfiguration:
    requirements: dict[str, Any] = {"easType": NETWORK_INFERENCE}
    if features:
        requirements["easFeatures"] = list(features)
    return configuration(AF_DRIVEN, requirements)


def having(value: EdgeResourcesConfiguration, document_id: str) -> Session:
    document = Document(document_id, DocumentKind.EDGE_RESOURCES, value.to_json(), NOW)
    return Session("s1", ProvisioningSessionType.DOWNLINK, "a", None, NOW, 1, documents=(document,))


def refused(value: EdgeResourcesConfiguration, session: Session = EMPTY) -> set[str]:
    with pytest.raises(MembersRefused) as error:
        accept_edge_resources(session, "new", value)
    return {param.param for param in error.value.params}


def test_what_clients_are_told_is_accepted() -> None:
    wanted = {"easId": "a", "easType": "b", "easProviderIds": ["c"], "easFeatures": ["d"]}
    value = configuration(
        APP_DRIVEN, wanted, eligibilityCriteria=CRITERIA, easRelocationRequirements=RELOCATION
    )
    assert accept_edge_resources(EMPTY, "new", value) == value
    assert slots_claimed(value) == 0
    assert app_driven(having(value, "e1")) == value


@pytest.mark.parametrize("member", NOT_FOR_CLIENTS)
@pytest.mark.parametrize("mode", [APP_DRIVEN, AF_DRIVEN], ids=["app", "af"])
def test_requirements_that_nobody_would_see_to(mode: Any, member: str) -> None:
    requirements = {"easType": NETWORK_INFERENCE, member: NOT_FOR_CLIENTS[member]}
    assert refused(configuration(mode, requirements)) == {f"/easRequirements/{member}"}


def test_a_relocation_requirement_that_clients_are_not_told() -> None:
    relocation = RELOCATION | {"maxResponseTimeDifference": 5}
    value = configuration(APP_DRIVEN, {}, easRelocationRequirements=relocation)
    assert refused(value) == {"/easRelocationRequirements/maxResponseTimeDifference"}


def test_clients_are_told_of_one_configuration() -> None:
    value = configuration(APP_DRIVEN, {"easType": "x"})
    session = having(value, "e1")
    assert refused(value, session) == {"/edgeManagementMode"}
    assert accept_edge_resources(session, "e1", value) == value
    assert accept_edge_resources(having(network_inference(), "e1"), "e2", value) == value


@pytest.mark.parametrize(
    ("features", "slots"),
    [((), 1), ((f"{INFERENCE_SLOTS}1",), 1), ((f"{INFERENCE_SLOTS}9999",), 9999)],
)
def test_network_inference_claims_slots(features: tuple[str, ...], slots: int) -> None:
    value = network_inference(*features)
    assert slots_claimed(accept_edge_resources(EMPTY, "new", value)) == slots
    assert app_driven(having(value, "e1")) is None


@pytest.mark.parametrize("count", ["0", "-1", "10000", "01", "1.0", "", "one", "١"])
def test_a_number_of_slots_that_is_none(count: str) -> None:
    value = network_inference(f"{INFERENCE_SLOTS}{count}")
    assert refused(value) == {"/easRequirements/easFeatures/0"}


def test_other_features_and_a_second_number() -> None:
    value = network_inference(f"{INFERENCE_SLOTS}1", f"{INFERENCE_SLOTS}2", "gpu")
    assert refused(value) == {"/easRequirements/easFeatures/1", "/easRequirements/easFeatures/2"}


def test_the_af_starts_nothing_else() -> None:
    assert refused(configuration(AF_DRIVEN, {})) == {"/easRequirements/easType"}
    wanted = {"easType": NETWORK_INFERENCE, "easId": "a", "easProviderIds": ["b"]}
    value = configuration(AF_DRIVEN, wanted, eligibilityCriteria=CRITERIA)
    assert refused(value) == {
        "/eligibilityCriteria",
        "/easRequirements/easId",
        "/easRequirements/easProviderIds",
    }


def test_what_runs_stays_so_any_relocation_requirement_is_kept() -> None:
    wanted = {"easType": NETWORK_INFERENCE}
    relocation = RELOCATION | {"tolerance": "RELOCATION_INTOLERANT", "maxResponseTimeDifference": 0}
    value = configuration(AF_DRIVEN, wanted, easRelocationRequirements=relocation)
    assert accept_edge_resources(EMPTY, "new", value) == value


@pytest.mark.parametrize(
    "members",
    [
        {"edgeManagementMode": "EM_BY_HAND"},
        {"easRelocationRequirements": {"tolerance": "SOMETIMES"}},
        {"easRequirements": {"serviceContinuitySupport": ["BY_MAGIC"]}},
        {"easRequirements": {"serviceKpi": {"connBand": "fast"}}},
        {"easRequirements": {"serviceKpi": {"avail": -1}}},
        {"easRequirements": {"serviceAvailabilitySchedule": [{"daysOfWeek": [8]}]}},
        {"easRequirements": {"serviceAvailabilitySchedule": [{"timeOfDayStart": "24:00:00"}]}},
        {"easRequirements": {"easFeatures": []}},
        {"eligibilityCriteria": {"appRequest": True}},
        {"eligibilityCriteria": CRITERIA | {"timeWindows": [{"startTime": 1, "stopTime": 2}]}},
    ],
)
def test_values_that_3gpp_does_not_have(members: dict[str, Any]) -> None:
    with pytest.raises(MembersRefused):
        validate(EdgeResourcesConfiguration, APP_DRIVEN | {"easRequirements": {}} | members)


@pytest.mark.requirement("R113")
def test_admission() -> None:
    admit(2, 4, [1, 1])
    with pytest.raises(EdgeCapacityExceeded, match=r"3 inference slots .* of 4 .* 2 are free"):
        admit(3, 4, [1, 1])
    with pytest.raises(EdgeCapacityExceeded, match="0 are free"):
        admit(1, 1, [4])
