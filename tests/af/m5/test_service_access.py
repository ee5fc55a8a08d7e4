from typing import Any

import pytest

from fivegms_af.policy.memory_control import MemoryPolicyControl
from fivegms_af.policy.templates import TemplateEvent
from fivegms_api.ai_models import AiModel, AiModelState
from fivegms_api.content_protocols import DASH_IF_INGEST
from fivegms_manifests.model import PROFILE_URN


def information(af: Any, session: str) -> str:
    session_id = session.rsplit("/", 1)[-1]
    return f"{af.m5}/3gpp-m5/v2/service-access-information/{session_id}"


async def test_a_model_is_an_entry_point_with_its_profile(af: Any) -> None:
    session, _ = await af.published_model()
    answer = await af.get(information(af, session))
    session_id = session.rsplit("/", 1)[-1]
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "max-age=60"
    assert answer.json == {
        "provisioningSessionId": session_id,
        "provisioningSessionType": "DOWNLINK",
        "streamingAccess": {
            "entryPoints": [
                {
                    "locator": f"http://m4.example/m4d/provisioning-session-{session_id}/model.mpd",
                    "contentType": "application/dash+xml",
                    "profiles": ["urn:fivegms:ai:profile:model:2026"],
                }
            ]
        },
    }


async def test_it_follows_what_is_provisioned(af: Any) -> None:
    session = await af.session()
    url = information(af, session)
    bare = await af.get(url)
    assert set(bare.json) == {"provisioningSessionId", "provisioningSessionType"}
    af.clock.advance(10)
    hosting = await af.hosting(session)
    full = await af.get(url, If_None_Match=bare.headers["ETag"])
    assert full.status == 200
    assert full.headers["Last-Modified"] == "Mon, 23 Nov 2026 12:00:10 GMT"
    assert (await af.get(url, If_None_Match=full.headers["ETag"])).status == 304
    af.clock.advance(10)
    await af.delete(hosting)
    again = await af.get(url, If_Modified_Since=full.headers["Last-Modified"])
    assert (again.status, again.json) == (200, bare.json)


async def test_a_session_that_is_not_there(af: Any) -> None:
    for odd in ("unknown", "%00"):
        answer = await af.get(information(af, f"/{odd}"))
        assert (answer.status, answer.problem) == (404, "unknown-provisioning-session")


M1_DOCUMENTS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    (
        "consumption-reporting-configuration",
        {"reportingInterval": 60},
        {"reportingInterval": 90},
        "clientConsumptionReportingConfiguration",
    ),
    (
        "metrics-reporting-configurations",
        {"samplingPeriod": 5},
        {"samplePercentage": 5},
        "clientMetricsReportingConfigurations",
    ),
    (
        "edge-resources-configurations",
        {"edgeManagementMode": "EM_APP_DRIVEN", "easRequirements": {"easType": "x"}},
        {"easRequirements": {"easType": "y"}},
        "clientEdgeResourcesConfiguration",
    ),
]


@pytest.mark.parametrize(("segment", "document", "change", "member"), M1_DOCUMENTS)
async def test_whoever_revalidates_has_what_is_new(
    af: Any, segment: str, document: dict[str, Any], change: dict[str, Any], member: str
) -> None:
    session = await af.session()
    url = information(af, session)
    seen = [await af.get(url)]

    async def changed() -> Any:
        answer = await af.get(url, If_None_Match=seen[-1].headers["ETag"])
        assert answer.status == 200
        assert answer.headers["Last-Modified"] > seen[-1].headers["Last-Modified"]
        assert (await af.get(url, If_None_Match=answer.headers["ETag"])).status == 304
        seen.append(answer)
        return answer.json

    af.clock.advance(1)
    created = await af.send("POST", f"{session}/{segment}", document)
    assert member in await changed()
    af.clock.advance(1)
    await af.send("PUT", created.headers["Location"], document | change)
    assert (await changed())[member] != seen[-2].json[member]
    af.clock.advance(1)
    await af.delete(created.headers["Location"])
    assert member not in await changed()


@pytest.mark.requirement("R100")
async def test_a_template_is_told_of_while_it_is_ready(start_af: Any) -> None:
    af = await start_af(policy_control=MemoryPolicyControl())
    session = await af.session()
    url = information(af, session)
    before = await af.get(url)
    template = {"externalReference": "hd", "qoSSpecification": {"maxBtrDl": "20 Mbps"}}
    created = await af.send("POST", f"{session}/policy-templates", template)
    template_id = created.json["policyTemplateId"]
    etags = [before.headers["ETag"]]
    for event, is_told in (
        (None, True),
        (TemplateEvent.SUSPENDED, False),
        (TemplateEvent.RESUMED, True),
    ):
        if event is not None:
            await af.policy.operate(template_id, event, settle_s=30.0)
        answer = await af.get(url, If_None_Match=etags[-1])
        assert answer.status == 200
        assert ("dynamicPolicyInvocationConfiguration" in answer.json) is is_told
        etags.append(answer.headers["ETag"])
    assert etags[0] == etags[2] != etags[1] == etags[3]


async def test_what_clients_are_not_told_changes_nothing(af: Any) -> None:
    session = await af.session()
    url = information(af, session)
    before = await af.get(url)
    profile = {
        "dataAccessProfileId": "a",
        "targetEventConsumerTypes": ["EVENT_CONSUMER_AF"],
        "parameters": [],
    }
    document = {"eventId": "MS_CONSUMPTION", "dataAccessProfiles": [profile]}
    created = await af.send("POST", f"{session}/event-data-processing-configurations", document)
    assert created.status == 201
    assert (await af.get(url, If_None_Match=before.headers["ETag"])).status == 304


async def servers(af: Any, url: str, **headers: str) -> list[str]:
    answer = await af.get(url, **headers)
    configuration = answer.json["clientConsumptionReportingConfiguration"]
    return list(configuration["serverAddresses"])


async def reporting(af: Any) -> str:
    session = await af.session()
    await af.send("POST", f"{session}/consumption-reporting-configuration", {})
    return information(af, session)


async def test_a_ue_is_told_the_host_that_it_asked(af: Any) -> None:
    url = await reporting(af)
    assert await servers(af, url) == [f"{af.m5}/3gpp-m5/v2/"]
    for host in ("af.example", "af.example:8443", "[2001:db8::1]:80"):
        assert await servers(af, url, Host=host) == [f"http://{host}/3gpp-m5/v2/"]
    first = await af.get(url, Host="a.example")
    second = await af.get(url, Host="b.example", If_None_Match=first.headers["ETag"])
    assert second.status == 200


@pytest.mark.parametrize("host", ["a b", "a/b", "user@a", "a:99999999", "[x]", "a?", ""])
async def test_a_host_that_is_none(af: Any, host: str) -> None:
    refused = await af.get(await reporting(af), Host=host)
    assert (refused.status, set(refused.faults)) == (400, {"header Host"})


async def test_the_operator_may_say_where_ues_are_answered(start_af: Any) -> None:
    addresses = ("https://one.example", "https://two.example/af")
    af = await start_af(m5_server_addresses=addresses, sai_max_age_s=7)
    url = await reporting(af)
    assert await servers(af, url, Host="any.example") == [
        "https://one.example/3gpp-m5/v2/",
        "https://two.example/af/3gpp-m5/v2/",
    ]
    assert (await af.get(url)).headers["Cache-Control"] == "max-age=7"


async def test_an_uplink_session_is_told_of_too(af: Any) -> None:
    sent = {"provisioningSessionType": "UPLINK", "appId": "a"}
    created = await af.send("POST", f"{af.m1}/provisioning-sessions", sent)
    session = created.headers["Location"]
    await af.send("POST", f"{session}/consumption-reporting-configuration", {})
    told = (await af.get(information(af, session))).json
    assert told["provisioningSessionType"] == "UPLINK"
    assert "clientConsumptionReportingConfiguration" in told
    assert "streamingAccess" not in told


def published(session: str, template: str, **members: Any) -> AiModel:
    values: dict[str, Any] = {
        "provisioning_session_id": session.rsplit("/", 1)[-1],
        "content_preparation_template_id": template.rsplit("/", 1)[-1],
        "name": "detector",
        "version": 1,
        "task": "object-detection",
        "state": AiModelState.PUBLISHED,
        "manifest": "model.mpd",
    }
    return AiModel(**(values | members))


@pytest.mark.requirement("R038")
@pytest.mark.requirement("R098")
async def test_a_ue_finds_the_model_of_its_task(af: Any) -> None:
    detector = await af.published_model()
    classifier = await af.published_model()
    af.server.published = [
        published(*detector),
        published(*classifier, name="classifier", task="image-classification"),
        published(*classifier, name="early", state=AiModelState.PREPARING),
    ]
    url = f"{af.m5}/fivegms-m5-ai/v1/models"
    [found] = (await af.get(f"{url}?task=image-classification")).json["aiModels"]
    session_id = classifier[0].rsplit("/", 1)[-1]
    assert found["name"] == "classifier"
    assert found["locator"].endswith(f"/provisioning-session-{session_id}/model.mpd")
    names = [model["name"] for model in (await af.get(url)).json["aiModels"]]
    assert names == ["classifier", "detector"]
    assert (await af.get(f"{url}?name=detector&task=speech")).json == {"aiModels": []}


async def test_a_model_without_a_template_is_found_where_it_is_entered(af: Any) -> None:
    session = await af.session()
    entry = {"contentType": "application/dash+xml", "profiles": [PROFILE_URN]}
    hosting = {
        "name": "two models and what is no model",
        "ingestConfiguration": {"pull": False, "protocol": DASH_IF_INGEST},
        "distributionConfigurations": [
            {},
            {"entryPoint": {"relativePath": "a/1/model.mpd", **entry}},
            {"entryPoint": {"relativePath": "b/1/model.mpd", **entry}},
        ],
    }
    await af.send("POST", f"{session}/content-hosting-configuration", hosting)
    made = {"content_preparation_template_id": None}
    af.server.published = [
        published(session, "", name="b", manifest="b/1/model.mpd", **made),
        published(session, "", name="c", manifest="c/1/model.mpd", **made),
    ]
    [found] = (await af.get(f"{af.m5}/fivegms-m5-ai/v1/models")).json["aiModels"]
    assert found["name"] == "b"
    assert "/distribution-2/" in found["locator"]
    assert found["locator"].endswith("/b/1/model.mpd")


@pytest.mark.parametrize("query", ["tasks=a", "task=a&task=b", "task=a&x=y"])
async def test_a_query_that_is_not_understood_is_refused(af: Any, query: str) -> None:
    refused = await af.get(f"{af.m5}/fivegms-m5-ai/v1/models?{query}")
    assert refused.status == 400
    assert all(param.startswith("query ") for param in refused.faults)


async def test_finding_models_needs_the_as(af: Any) -> None:
    af.server.stop()
    answer = await af.get(f"{af.m5}/fivegms-m5-ai/v1/models")
    assert (answer.status, answer.problem) == (503, "application-server-unavailable")
