"""M5_DynamicPolicies and M5_NetworkAssistance against their YAML."""

from typing import Any

import pytest

from fivegms_af.policy.memory_control import MemoryPolicyControl
from support.m1_bodies import FLOW, POLICY
from support.polling import eventually

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
M5 = "/3gpp-m5/v2"
RATES = {
    "marBwDlBitRate": "10 Mbps",
    "marBwUlBitRate": "1 Mbps",
    "mirBwDlBitRate": "1 Mbps",
    "mirBwUlBitRate": "1 Mbps",
}


@pytest.fixture
async def af(start_af: Any) -> Any:
    """With a policy control that grants everything."""
    return await start_af(policy_control=MemoryPolicyControl())


async def ready_template(af: Any, session: str) -> str:
    """The identifier of a policy template that may be used."""
    created = await af.send("POST", f"{session}/{POLICY.segment}", POLICY.sent())
    url = created.headers["Location"]

    async def is_ready() -> bool:
        return bool((await af.get(url)).json["state"] == "READY")

    await eventually(is_ready)
    return str(url).rsplit("/", 1)[-1]


@pytest.mark.shows("createDynamicPolicy", 201, 400, 415)
@pytest.mark.shows("retrieveDynamicPolicy", 200, 304, 404)
@pytest.mark.shows("updateDynamicPolicy", 204, 400, 404, 412, 415)
@pytest.mark.shows("patchDynamicPolicy", 200, 400, 404, 409, 412, 415)
@pytest.mark.shows("destroyDynamicPolicy", 204, 404, 412)
async def test_a_dynamic_policy_from_creation_to_destruction(af: Any) -> None:
    session = await af.session()
    body = {
        "dynamicPolicyId": "any",
        "provisioningSessionId": session.rsplit("/", 1)[-1],
        "policyTemplateId": await ready_template(af, session),
        "serviceDataFlowDescriptions": [FLOW],
        "qosSpecification": RATES,
    }
    await live(af, f"{af.m5}{M5}/dynamic-policies", body, {"qosSpecification": None})


@pytest.mark.shows("createNetworkAssistanceSession", 201, 400, 415)
@pytest.mark.shows("retrieveNetworkAssistanceSession", 200, 304, 404)
@pytest.mark.shows("updateNetworkAssistanceSession", 204, 400, 404, 412, 415)
@pytest.mark.shows("patchNetworkAssistanceSession", 200, 400, 404, 409, 412, 415)
@pytest.mark.shows("destroyNetworkAssistanceSession", 204, 404, 412)
@pytest.mark.shows("requestBitRateRecommendation", 404)
@pytest.mark.shows("requestDeliveryBoost", 404)
async def test_network_assistance_from_creation_to_destruction(af: Any) -> None:
    session = await af.session()
    body = await assistance(af, session)
    url = await live(af, f"{af.m5}{M5}/network-assistance/", body, {"requestedQoS": None})
    assert (await af.get(f"{url}/recommendation")).status == 404
    assert (await af.request("POST", f"{url}/boost-request")).status == 404


@pytest.mark.requirement("R007b")
@pytest.mark.shows("requestBitRateRecommendation", 200)
@pytest.mark.shows("requestDeliveryBoost", 200)
async def test_recommendation_and_boost(af: Any) -> None:
    session = await af.session()
    many = f"{af.m5}{M5}/network-assistance/"
    created = await af.send("POST", many, await assistance(af, session))
    url = created.headers["Location"]
    assert (await af.get(f"{url}/recommendation")).json["marBwDlBitRate"]
    assert (await af.request("POST", f"{url}/boost-request")).json["success"] in (True, False)


async def assistance(af: Any, session: str) -> dict[str, Any]:
    return {
        "naSessionId": "any",
        "provisioningSessionId": session.rsplit("/", 1)[-1],
        "policyTemplateId": await ready_template(af, session),
        "serviceDataFlowDescriptions": [FLOW],
        "requestedQoS": RATES,
    }


async def live(af: Any, many: str, body: dict[str, Any], change: dict[str, Any]) -> str:
    """Every verb and its refusals; `change` is a merge patch. The URL of what is no more."""
    assert (await af.send("POST", many, body | {"serviceDataFlowDescriptions": 1})).status == 400
    assert (await af.send("POST", many, b"a", "text/plain")).status == 415
    created = await af.send("POST", many, body)
    assert created.status == 201, created.body
    url = str(created.headers["Location"])
    seen = await af.get(url)
    assert (await af.get(url, If_None_Match=seen.headers["ETag"])).status == 304
    assert (await af.send("PUT", url, seen.json)).status == 204
    assert (await af.send("PATCH", url, change, MERGE_PATCH)).status == 200
    remove = [{"op": "remove", "path": "/nothing"}]
    assert (await af.send("PATCH", url, remove, JSON_PATCH)).status == 409
    for method, media_type in (("PUT", "application/json"), ("PATCH", MERGE_PATCH)):
        assert (await af.send(method, url, {"policyTemplateId": 1}, media_type)).status == 400
        assert (await af.send(method, url, {}, "text/plain")).status == 415
        assert (await af.send(method, url, {}, media_type, If_Match='"another"')).status == 412
    assert (await af.delete(url, If_Match='"another"')).status == 412
    assert (await af.delete(url)).status == 204
    assert (await af.get(url)).status == 404
    assert (await af.send("PUT", url, seen.json)).status == 404
    assert (await af.send("PATCH", url, {}, MERGE_PATCH)).status == 404
    assert (await af.delete(url)).status == 404
    return url
