from typing import Any

import pytest

from fivegms_api.ai_models import AiModel, AiModelState


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


@pytest.mark.parametrize("query", ["tasks=a", "task=a&task=b", "task=a&x=y"])
async def test_a_query_that_is_not_understood_is_refused(af: Any, query: str) -> None:
    refused = await af.get(f"{af.m5}/fivegms-m5-ai/v1/models?{query}")
    assert refused.status == 400
    assert all(param.startswith("query ") for param in refused.faults)


async def test_finding_models_needs_the_as(af: Any) -> None:
    af.server.stop()
    answer = await af.get(f"{af.m5}/fivegms-m5-ai/v1/models")
    assert (answer.status, answer.problem) == (503, "application-server-unavailable")
