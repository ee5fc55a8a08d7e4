"""Admission to the inference slots of the Application Server."""

import asyncio
from typing import Any

import pytest

MERGE_PATCH = "application/merge-patch+json"
SLOTS = "urn:fivegms:ai:eas:inference-slots:"

on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


def claim(slots: int) -> dict[str, Any]:
    requirements = {
        "easType": "urn:fivegms:ai:eas:network-inference",
        "easFeatures": [f"{SLOTS}{slots}"],
    }
    return {"edgeManagementMode": "EM_AF_DRIVEN", "easRequirements": requirements}


async def post(af: Any, session: str, slots: int) -> Any:
    return await af.send("POST", f"{session}/edge-resources-configurations", claim(slots))


@pytest.mark.requirement("R113")
async def test_no_more_is_claimed_than_the_as_has(af: Any) -> None:
    first, second = await af.session(), await af.session()
    assert (await post(af, first, 3)).status == 201
    refused = await post(af, second, 2)
    assert (refused.status, refused.problem) == (409, "edge-capacity-exceeded")
    assert refused.json["detail"].endswith("of 4 at the Application Server 1 are free")
    assert "edgeResourcesConfigurationIds" not in (await af.get(second)).json
    assert (await post(af, second, 1)).status == 201
    assert (await post(af, first, 1)).problem == "edge-capacity-exceeded"


@pytest.mark.requirement("R113")
async def test_what_is_freed_can_be_claimed(af: Any) -> None:
    first, second = await af.session(), await af.session()
    url = (await post(af, first, 4)).headers["Location"]
    assert (await post(af, second, 1)).status == 409
    await af.delete(url)
    assert (await post(af, second, 4)).status == 201
    await af.delete(second)
    assert (await post(af, first, 4)).status == 201


@pytest.mark.requirement("R113")
async def test_a_claim_that_grows_is_decided_anew(af: Any) -> None:
    session = await af.session()
    url = (await post(af, session, 2)).headers["Location"]
    await post(af, session, 1)
    before = await af.get(url)
    assert (await af.send("PUT", url, claim(4))).problem == "edge-capacity-exceeded"
    assert (await af.get(url)).body == before.body
    assert (await af.send("PUT", url, claim(3))).status == 204
    requirements = claim(1)["easRequirements"]
    smaller = await af.send("PATCH", url, {"easRequirements": requirements}, MERGE_PATCH)
    assert smaller.status == 200
    assert (await post(af, session, 2)).status == 201


async def test_a_claim_stays_when_the_as_has_less(af: Any) -> None:
    session = await af.session()
    url = (await post(af, session, 4)).headers["Location"]
    af.server.capabilities = af.server.capabilities.model_copy(update={"inference_slots": 1})
    assert (await af.send("PUT", url, claim(3))).status == 204
    assert (await af.send("PUT", url, claim(4))).problem == "edge-capacity-exceeded"
    af.server.capabilities = None
    assert (await post(af, session, 1)).json["detail"].endswith("0 are free")


async def test_without_the_as_nothing_is_admitted(af: Any) -> None:
    session = await af.session()
    url = (await post(af, session, 2)).headers["Location"]
    af.server.stop()
    unanswered = await post(af, session, 1)
    assert (unanswered.status, unanswered.problem) == (503, "application-server-unavailable")
    assert (await af.send("PUT", url, claim(1))).status == 204
    assert (await af.delete(url)).status == 204


@on_both
@pytest.mark.requirement("R113")
async def test_the_last_slot_is_taken_once(start_af: Any, database_url: str) -> None:
    is_shared = database_url.startswith("postgresql")
    replicas = [await start_af() for _ in range(2 if is_shared else 1)]
    sessions = [(af, await af.session()) for af in replicas for _ in range(6)]
    answers = await asyncio.gather(*(post(af, session, 1) for af, session in sessions))
    admitted = [answer for answer in answers if answer.status == 201]
    assert len(admitted) == 4
    refused = [answer for answer in answers if answer.status != 201]
    assert {answer.problem for answer in refused} == {"edge-capacity-exceeded"}


async def test_a_configuration_that_a_distribution_refers_to_stays(af: Any) -> None:
    session = await af.session()
    created = await post(af, session, 1)
    url, body = created.headers["Location"], created.json
    hosting_url = await af.hosting(session)
    hosting = (await af.get(hosting_url)).json
    reference = body["edgeResourcesConfigurationId"]
    hosting["distributionConfigurations"][0]["edgeResourcesConfigurationId"] = reference
    assert (await af.send("PUT", hosting_url, hosting)).status == 204
    refused = await af.delete(url)
    assert (refused.status, refused.problem) == (409, "sub-resource-in-use")
    await af.delete(hosting_url)
    assert (await af.delete(url)).status == 204
