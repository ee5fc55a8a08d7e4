"""What the AF serves beyond 3GPP's documents, against our own document."""

from typing import Any

import pytest

from fivegms_af.policy.memory_control import MemoryPolicyControl
from fivegms_api.ai_models import AiModel, AiModelState
from fivegms_api.endpoint import Endpoint
from support.m1_bodies import (
    AI_METRICS_REPORT,
    CONSUMPTION,
    CONSUMPTION_REPORT,
    EVENTS,
    FLOW,
    METRICS,
    POLICY,
)
from support.polling import eventually

MERGE_PATCH = "application/merge-patch+json"


def identifier(url: str) -> str:
    return url.rsplit("/", 1)[-1]


async def created(af: Any, url: str, body: Any) -> str:
    """The URL of what a POST made."""
    answer = await af.send("POST", url, body)
    assert answer.status == 201, answer.body
    return str(answer.headers["Location"])


@pytest.mark.shows("listApplicationServers", 200, 404)
@pytest.mark.shows("retrieveNetworkInformation", 200, 404)
@pytest.mark.shows("retrieveNetworkInformationOfSession", 200, 404)
@pytest.mark.shows("listQosAlarms", 200, 404)
async def test_what_a_session_can_ask_of_network_and_servers(start_af: Any) -> None:
    af = await start_af(policy_control=MemoryPolicyControl())
    session = await af.session()
    for of_it in ("application-servers", "network-information", "qos-alarms"):
        assert (await af.get(f"{session}/{of_it}")).status == 200
        assert (await af.get(f"{session}-not/{of_it}")).status == 404
    of_ue = f"{af.m5}/fivegms-m5-ai/v1/network-information"
    assert (await af.get(f"{of_ue}/{identifier(session)}")).status == 200
    assert (await af.get(f"{of_ue}/unknown")).status == 404


async def model(af: Any, version: int = 1) -> str:
    """The URL of a session that distributes a published model."""
    session, template = await af.published_model(
        model={"name": "detector", "version": version, "task": "object-detection"}
    )
    af.server.published.append(
        AiModel(
            provisioning_session_id=identifier(session),
            content_preparation_template_id=identifier(template),
            name="detector",
            version=version,
            task="object-detection",
            state=AiModelState.PUBLISHED,
            manifest="model.mpd",
        )
    )
    return str(session)


@pytest.mark.shows("listAiModels", 200, 404)
@pytest.mark.shows("retrieveAiModel", 200, 404)
@pytest.mark.shows("listAiModelVersions", 200, 404)
@pytest.mark.shows("retrieveAiModelVersion", 200, 404)
@pytest.mark.shows("findModels", 200, 400)
async def test_models(af: Any) -> None:
    session = await model(af)
    assert (await af.get(f"{session}/ai-models")).json["aiModels"]
    assert (await af.get(f"{session}-not/ai-models")).status == 404
    for part in ("detector", "detector/versions", "detector/versions/1"):
        assert (await af.get(f"{session}/ai-models/{part}")).status == 200
        other = part.replace("detector", "other")
        assert (await af.get(f"{session}/ai-models/{other}")).status == 404
    models = f"{af.m5}/fivegms-m5-ai/v1/models"
    assert (await af.get(f"{models}?task=object-detection")).json["aiModels"]
    assert (await af.get(f"{models}?tasks=object-detection")).status == 400


@pytest.mark.shows("retrieveAiModelRollout", 200, 404)
@pytest.mark.shows("updateAiModelRollout", 204, 400, 412)
@pytest.mark.shows("patchAiModelRollout", 200, 400, 415)
@pytest.mark.shows("destroyAiModelRollout", 204)
@pytest.mark.shows("rollBackAiModel", 409)
async def test_a_rollout(af: Any) -> None:
    session = await model(af)
    url = f"{session}/ai-models/detector/rollout"
    assert (await af.get(url.replace("detector", "other"))).status == 404
    assert (await af.send("PUT", url, {"version": 1, "percentage": 100})).status == 204
    assert (await af.get(url)).json["percentage"] == 100
    assert (await af.send("PUT", url, {"version": 1, "percentage": 101})).status == 400
    stale = await af.send("PUT", url, {"version": 1, "percentage": 1}, If_Match='"another"')
    assert stale.status == 412
    named = {"cohort": "testers"}
    assert (await af.send("PATCH", url, named, MERGE_PATCH)).json["cohort"] == "testers"
    assert (await af.send("PATCH", url, {"percentage": -1}, MERGE_PATCH)).status == 400
    assert (await af.send("PATCH", url, {})).status == 415
    assert (await af.delete(url)).status == 204
    rollback = f"{session}/ai-models/detector/rollback"
    assert (await af.send("POST", rollback, {})).status == 409


@pytest.mark.shows("listConsumptionReports", 200, 400, 404, 406)
@pytest.mark.shows("aggregateConsumption", 200, 404)
@pytest.mark.shows("listMetricsReports", 200, 400, 404, 406)
@pytest.mark.shows("aggregateMetrics", 200, 400, 404)
@pytest.mark.shows("retrieveAnalytics", 200, 404)
@pytest.mark.shows("retrieveEventData", 200, 404)
async def test_reports(af: Any) -> None:
    session = await af.session()
    await created(af, f"{session}/{CONSUMPTION.segment}", CONSUMPTION.sent())
    metrics = await created(af, f"{session}/{METRICS.segment}", METRICS.sent())
    events = await created(af, f"{session}/{EVENTS.segment}", EVENTS.sent())
    m5, session_id = f"{af.m5}/3gpp-m5/v2", identifier(session)
    await af.send("POST", f"{m5}/consumption-reporting/{session_id}", CONSUMPTION_REPORT)
    reporting = f"{m5}/metrics-reporting/{session_id}/{identifier(metrics)}"
    media_type = "application/vnd.fivegms.ai-metrics+json"
    assert (await af.send("POST", reporting, AI_METRICS_REPORT, media_type)).status == 204
    event_data = f"event-data/{identifier(events)}"
    for path in (
        "consumption-reports",
        "consumption-reports/aggregate",
        "metrics-reports",
        "metrics-reports/aggregate?metric=throughput",
        "analytics",
        f"{event_data}/mean",
    ):
        assert (await af.get(f"{session}/{path}")).status == 200, path
        assert (await af.get(f"{session}-not/{path}")).status == 404
    assert (await af.get(f"{session}/metrics-reports/aggregate")).status == 400
    for path in ("consumption-reports", "metrics-reports"):
        assert (await af.get(f"{session}/{path}", Accept="text/csv")).status == 200
        assert (await af.get(f"{session}/{path}", Accept="image/png")).status == 406
        assert (await af.get(f"{session}/{path}?limit=0")).status == 400


@pytest.mark.shows("createNetworkAssistanceSessionWithoutSlash", 201, 400)
async def test_network_assistance_without_the_slash(start_af: Any) -> None:
    af = await start_af(policy_control=MemoryPolicyControl())
    session = await af.session()
    asked = {
        "provisioningSessionId": identifier(session),
        "serviceDataFlowDescriptions": [FLOW],
    }
    url = f"{af.m5}/3gpp-m5/v2/network-assistance"
    assert identifier(await created(af, url, asked))
    assert (await af.send("POST", url, {})).status == 400


@pytest.mark.shows("retrieveSummary", 200)
@pytest.mark.shows("listProvisioningSessions", 200, 400)
@pytest.mark.shows("listAllApplicationServers", 200)
@pytest.mark.shows("listModels", 200)
@pytest.mark.shows("retrieveProvisioningSessionSummary", 200, 404)
@pytest.mark.shows("listAllQosAlarms", 200, 400)
@pytest.mark.shows("suspendPolicyTemplate", 200, 404, 409)
@pytest.mark.shows("resumePolicyTemplate", 200, 404, 409)
async def test_the_operator(start_af: Any) -> None:
    af = await start_af(operator=Endpoint("127.0.0.1", 0), policy_control=MemoryPolicyControl())
    session = await model(af)
    operator = f"{af.operator}/fivegms-operator/v1"
    for path in ("summary", "provisioning-sessions", "application-servers", "models", "qos-alarms"):
        assert (await af.get(f"{operator}/{path}")).status == 200
    assert (await af.get(f"{operator}/provisioning-sessions?limit=no")).status == 400
    assert (await af.get(f"{operator}/qos-alarms?state=closed")).status == 400
    one = f"{operator}/provisioning-sessions/{identifier(session)}"
    assert (await af.get(one)).status == 200
    assert (await af.get(f"{one}-not")).status == 404
    url = await created(af, f"{session}/{POLICY.segment}", POLICY.sent())

    async def is_ready() -> bool:
        return bool((await af.get(url)).json["state"] == "READY")

    await eventually(is_ready)
    template = f"{operator}/policy-templates/{identifier(url)}"
    assert (await af.request("POST", f"{template}/resume")).status == 409
    assert (await af.request("POST", f"{template}/suspend")).json["state"] == "SUSPENDED"
    assert (await af.request("POST", f"{template}/suspend")).status == 409
    assert (await af.request("POST", f"{template}/resume")).status == 200
    for verb in ("suspend", "resume"):
        assert (await af.request("POST", f"{template}-not/{verb}")).status == 404
