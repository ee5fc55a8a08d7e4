"""The JSON resources below a session, each against its YAML, from creation to destruction."""

from typing import Any

import pytest

from support.m1_bodies import CONSUMPTION, EDGE, EVENTS, METRICS, POLICY, Resource

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"


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
