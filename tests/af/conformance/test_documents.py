"""The JSON resources below a session, each against its YAML, from creation to destruction."""

from dataclasses import dataclass, field
from typing import Any

import pytest

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"


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
PROFILE = {
    "dataAccessProfileId": "mean",
    "targetEventConsumers": ["ASP"],
    "parameters": ["throughput"],
    "timeAccessRestrictions": {"duration": 60, "aggregationFunctions": ["MEAN"]},
}
EVENTS = Resource(
    "event-data-processing-configurations",
    {"eventId": "MS_QOE_METRICS", "dataAccessProfiles": [PROFILE]},
    {"eventId": "MS_CONSUMPTION"},
    {"eventId": "SVC_EXPERIENCE"},
    "eventDataProcessingConfigurationId",
)


@pytest.mark.requirement("R097")
@pytest.mark.parametrize(
    "resource",
    [
        pytest.param(
            CONSUMPTION,
            marks=[
                pytest.mark.shows("activateConsumptionReporting", 201, 400, 404, 409, 415),
                pytest.mark.shows("retrieveConsumptionReportingConfiguration", 200, 304, 404),
                pytest.mark.shows("updateConsumptionReportingConfiguration", 204, 400, 404, 412),
                pytest.mark.shows("patchConsumptionReportingConfiguration", 200, 400, 404, 409),
                pytest.mark.shows("destroyConsumptionReportingConfiguration", 204, 404, 412),
            ],
            id="consumption",
        ),
        pytest.param(
            METRICS,
            marks=[
                pytest.mark.shows("activateMetricsReporting", 201, 400, 404, 415),
                pytest.mark.shows("retrieveMetricsReportingConfiguration", 200, 304, 404),
                pytest.mark.shows("updateMetricsReportingConfiguration", 204, 400, 404, 412),
                pytest.mark.shows("patchMetricsReportingConfiguration", 200, 400, 404, 409),
                pytest.mark.shows("destroyMetricsReportingConfiguration", 204, 404, 412),
            ],
            id="metrics",
        ),
        pytest.param(
            POLICY,
            marks=[
                pytest.mark.shows("createPolicyTemplate", 201, 400, 404, 415),
                pytest.mark.shows("retrievePolicyTemplate", 200, 304, 404),
                pytest.mark.shows("updatePolicyTemplate", 204, 400, 404, 412),
                pytest.mark.shows("patchPolicyTemplate", 200, 400, 404, 409),
                pytest.mark.shows("destroyPolicyTemplate", 204, 404, 412),
            ],
            id="policy",
        ),
        pytest.param(
            EDGE,
            marks=[
                pytest.mark.shows("createEdgeResourcesConfiguration", 201, 400, 404, 415),
                pytest.mark.shows("retrieveEdgeResourcesConfiguration", 200, 304, 404),
                pytest.mark.shows("updateEdgeResourcesConfiguration", 204, 400, 404, 412),
                pytest.mark.shows("patchEdgeResourcesConfiguration", 200, 400, 404, 409),
                pytest.mark.shows("destroyEdgeResourcesConfiguration", 204, 404, 412),
            ],
            id="edge",
        ),
        pytest.param(
            EVENTS,
            marks=[
                pytest.mark.shows("createEventDataProcessingConfiguration", 201, 400, 404, 415),
                pytest.mark.shows("retrieveEventDataProcessingConfiguration", 200, 304, 404),
                pytest.mark.shows("updateEventDataProcessingConfiguration", 204, 400, 404, 412),
                pytest.mark.shows("patchEventDataProcessingConfiguration", 200, 400, 404, 409),
                pytest.mark.shows("destroyEventDataProcessingConfiguration", 204, 404, 412),
            ],
            id="events",
        ),
    ],
)
async def test_from_creation_to_destruction(start_af: Any, resource: Resource) -> None:
    af = await start_af(**resource.settings)
    session = await af.session()
    collection = f"{session}/{resource.segment}"
    url = await _create(af, collection, resource)
    seen = await af.get(url)
    assert (await af.get(url, If_None_Match=seen.headers["ETag"])).status == 304
    await _change(af, url, seen.json, resource)
    await _refuse(af, url, seen.json, resource)
    assert (await af.delete(url)).status == 204
    await _miss(af, url, seen.json)


async def _create(af: Any, collection: str, resource: Resource) -> str:
    elsewhere = collection.replace(f"/{resource.segment}", f"-not/{resource.segment}")
    assert (await af.send("POST", elsewhere, resource.sent())).status == 404
    assert (await af.send("POST", collection, b"a", "text/plain")).status == 415
    wrong = await af.send("POST", collection, resource.sent() | resource.wrong)
    assert wrong.faults
    created = await af.send("POST", collection, resource.sent())
    assert created.status == 201, created.body
    if resource.id_member is None:
        assert (await af.send("POST", collection, resource.sent())).status == 409
    return str(created.headers["Location"])


async def _change(af: Any, url: str, body: Any, resource: Resource) -> None:
    assert (await af.send("PUT", url, body | resource.change)).status == 204
    (name, value), *_ = resource.change.items()
    assert (await af.get(url)).json[name] == value
    merged = await af.send("PATCH", url, {name: body[name]}, MERGE_PATCH)
    assert merged.json[name] == body[name]
    replace = [{"op": "replace", "path": f"/{name}", "value": value}]
    assert (await af.send("PATCH", url, replace, JSON_PATCH)).json[name] == value


async def _refuse(af: Any, url: str, body: Any, resource: Resource) -> None:
    assert (await af.send("PUT", url, body | resource.wrong)).status == 400
    assert (await af.send("PATCH", url, resource.wrong, MERGE_PATCH)).status == 400
    remove = [{"op": "remove", "path": "/nothing"}]
    assert (await af.send("PATCH", url, remove, JSON_PATCH)).status == 409
    assert (await af.send("PUT", url, body, If_Match='"another"')).status == 412
    assert (await af.delete(url, If_Match='"another"')).status == 412


async def _miss(af: Any, url: str, body: Any) -> None:
    assert (await af.get(url)).status == 404
    assert (await af.send("PUT", url, body)).status == 404
    assert (await af.send("PATCH", url, {}, MERGE_PATCH)).status == 404
    assert (await af.delete(url)).status == 404
