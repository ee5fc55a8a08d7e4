"""Versions of a model over HTTP: listed, rolled out, rolled back, and served to UEs accordingly."""

import asyncio
from typing import Any

import pytest

from fivegms_api.ai_models import AiModel, AiModelState


async def versions(af: Any, *states: AiModelState) -> str:
    """The URL of the model of a session that distributes every version of it."""
    session = await af.session()
    distributions = []
    for number, state in enumerate(states, 1):
        named = {"name": "detector", "version": number, "task": "object-detection"}
        template = await af.template(session, model=named, manifest=f"v{number}.mpd")
        template_id = template.rsplit("/", 1)[-1]
        entry = {"relativePath": f"v{number}.mpd", "contentType": "application/dash+xml"}
        distributions.append({"contentPreparationTemplateId": template_id, "entryPoint": entry})
        af.server.published.append(
            AiModel(
                provisioning_session_id=session.rsplit("/", 1)[-1],
                content_preparation_template_id=template_id,
                name="detector",
                version=number,
                task="object-detection",
                state=state,
                manifest=f"v{number}.mpd",
            )
        )
    await af.hosting(
        session,
        {
            "name": "detector",
            "ingestConfiguration": {
                "pull": False,
                "protocol": "urn:3gpp:5gms:content-protocol:dash-if-ingest",
            },
            "distributionConfigurations": distributions,
        },
    )
    return f"{session}/ai-models/detector"


async def served(af: Any, query: str = "") -> list[int]:
    answer = await af.get(f"{af.m5}/fivegms-m5-ai/v1/models?task=object-detection{query}")
    assert answer.headers["Cache-Control"] == "private, max-age=5"
    return [one["version"] for one in answer.json["aiModels"]]


PUBLISHED = AiModelState.PUBLISHED


@pytest.mark.requirement("R097")
async def test_versions_are_listed_and_shown(af: Any) -> None:
    model = await versions(af, PUBLISHED, AiModelState.PREPARING)
    listed = (await af.get(f"{model}/versions")).json["aiModels"]
    assert [(one["version"], one["state"]) for one in listed] == [
        (2, "PREPARING"),
        (1, "PUBLISHED"),
    ]
    assert (await af.get(f"{model}/versions/1")).json["locator"].endswith("/v1.mpd")
    for path in ("versions/3", "versions/x", "versions/01"):
        assert (await af.get(f"{model}/{path}")).problem == "unknown-ai-model"


@pytest.mark.requirement("R098")
async def test_ues_get_the_version_that_is_rolled_out_to_them(af: Any) -> None:
    model = await versions(af, PUBLISHED, PUBLISHED)
    assert await served(af) == [2]
    put = await af.send("PUT", f"{model}/rollout", {"version": 1})
    assert put.status == 204
    assert await served(af, "&client=a") == [1]
    put = await af.send(
        "PUT", f"{model}/rollout", {"version": 2, "percentage": 0, "cohort": "beta"}
    )
    assert put.status == 204
    assert await served(af, "&client=a") == [1]
    assert await served(af, "&client=a&cohort=beta") == [2]
    shown = (await af.get(f"{model}/rollout")).json
    assert (shown["baselineVersion"], shown["history"][0]["version"]) == (1, 1)


@pytest.mark.requirement("R009b")
async def test_a_rollout_goes_back(af: Any) -> None:
    model = await versions(af, PUBLISHED, PUBLISHED)
    await af.send("PUT", f"{model}/rollout", {"version": 2, "percentage": 100})
    back = await af.send("POST", f"{model}/rollback", {})
    assert (back.status, back.json["version"], back.json["percentage"]) == (200, 1, 100.0)
    assert await served(af) == [1]
    assert (await af.send("POST", f"{model}/rollback", {"toVersion": 2})).json["version"] == 2
    assert (await af.delete(f"{model}/rollout")).status == 204
    assert await served(af) == [2]


async def test_what_was_shown_may_be_sent_back_and_patched(af: Any) -> None:
    model = await versions(af, PUBLISHED, PUBLISHED)
    await af.send("PUT", f"{model}/rollout", {"version": 2, "percentage": 5})
    shown = await af.get(f"{model}/rollout")
    assert (await af.send("PUT", f"{model}/rollout", shown.json)).status == 204
    patched = await af.send(
        "PATCH", f"{model}/rollout", {"percentage": 50}, "application/merge-patch+json"
    )
    assert (patched.status, patched.json["percentage"]) == (200, 50.0)
    assert patched.json["baselineVersion"] == 1
    changed = shown.json | {"since": "2020-01-01T00:00:00Z"}
    assert "/since" in (await af.send("PUT", f"{model}/rollout", changed)).faults


async def test_refusals(af: Any) -> None:
    model = await versions(af, PUBLISHED, AiModelState.FAILED)
    url = f"{model}/rollout"
    assert (await af.get(url)).problem == "unknown-rollout"
    assert (await af.delete(url)).problem == "unknown-rollout"
    refused = await af.send("PUT", url, {"version": 2})
    assert (refused.status, refused.problem) == (409, "version-not-published")
    refused = await af.send("POST", f"{model}/rollback", {})
    assert (refused.status, refused.problem) == (409, "no-version-to-go-back-to")
    faults = (await af.send("PUT", url, {"version": 0, "percentage": 101, "cohort": ""})).faults
    assert set(faults) == {"/version", "/percentage", "/cohort"}
    assert (await af.send("PUT", url, {"version": 1}, If_Match='"x"')).status == 412
    unknown = url.replace("detector", "other")
    assert (await af.send("PUT", unknown, {"version": 1})).problem == "unknown-ai-model"
    odd = await af.get(f"{af.m5}/fivegms-m5-ai/v1/models?client=a%20b&cohort=")
    assert set(odd.faults) == {"query client", "query cohort"} or set(odd.faults) == {
        "query client"
    }
    af.server.stop()
    assert (await af.send("PUT", url, {"version": 1})).status == 503


async def test_of_two_that_race_one_is_refused(af: Any) -> None:
    model = await versions(af, PUBLISHED, PUBLISHED)
    await af.send("PUT", f"{model}/rollout", {"version": 1})
    etag = (await af.get(f"{model}/rollout")).headers["ETag"]
    answers = await asyncio.gather(
        *(
            af.send("PUT", f"{model}/rollout", {"version": 2, "percentage": share}, If_Match=etag)
            for share in (10, 20)
        )
    )
    assert sorted(answer.status for answer in answers) == [204, 412]


async def test_a_rollout_outlives_the_af(af: Any, start_af: Any) -> None:
    model = await versions(af, PUBLISHED, PUBLISHED)
    await af.send("PUT", f"{model}/rollout", {"version": 1})
    await af.stop()
    again = await start_af()
    assert await served(again) == [1]
