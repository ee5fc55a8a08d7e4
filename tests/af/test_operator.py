"""The operator's listener: lists, health, metrics, events, and M1 for the console."""

import asyncio
import json
import re
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from fivegms_af.errors import TooManyViewers
from fivegms_af.event_feed import MAX_VIEWERS, MAX_WAITING, EventFeed
from fivegms_af.observability import Metrics
from fivegms_af.policy.alarms import Finding
from fivegms_api.ai_models import AiModel, AiModelState
from fivegms_api.endpoint import Endpoint
from fivegms_api.network_information import QosAlarmKind
from fivegms_api.operations import OperatorEventKind

ANYWHERE = Endpoint("127.0.0.1", 0)
BASE = "/fivegms-operator/v1"


@pytest.fixture
async def af(start_af: Any) -> Any:
    return await start_af(operator=ANYWHERE)


async def test_sessions_are_listed_page_by_page(af: Any) -> None:
    urls = [await af.session() for _ in range(3)]
    await af.hosting(urls[0])
    ids, after = [], ""
    while True:
        page = (await af.get(f"{af.operator}{BASE}/provisioning-sessions?limit=2{after}")).json
        ids += [one["provisioningSessionId"] for one in page["provisioningSessions"]]
        if "after" not in page:
            break
        after = f"&after={page['after']}"
    assert ids == sorted(url.rsplit("/", 1)[-1] for url in urls)


async def test_sessions_are_found_by_what_their_names_hold(af: Any) -> None:
    hosted, _ = await af.session(), await af.session()
    await af.hosting(hosted)
    found = (await af.get(f"{af.operator}{BASE}/provisioning-sessions?q=MODELS")).json
    (only,) = found["provisioningSessions"]
    assert hosted.endswith(only["provisioningSessionId"])
    assert only["contentHostingConfiguration"] == "models"


@pytest.mark.parametrize("limit", ["0", "501", "x", "-1", ""])
async def test_a_limit_out_of_bounds_is_refused(af: Any, limit: str) -> None:
    answer = await af.get(f"{af.operator}{BASE}/provisioning-sessions?limit={limit}")
    assert (answer.status, list(answer.faults)) == (400, ["query limit"])


async def test_an_as_that_does_not_answer_is_told(af: Any) -> None:
    await af.session()
    af.server.stop()
    await af.hosting(await af.session())
    (health,) = (await af.get(f"{af.operator}{BASE}/application-servers")).json[
        "applicationServers"
    ]
    assert health["answers"] is False
    assert "does not answer" in health["reason"]["detail"]
    summary = (await af.get(f"{af.operator}{BASE}/summary")).json
    assert summary["provisioningSessions"] == 2
    assert summary["unreachableApplicationServers"] == 1


async def test_one_session_is_shown_as_it_is_listed(af: Any) -> None:
    session = await af.session()
    await af.hosting(session)
    url = f"{af.operator}{BASE}/provisioning-sessions"
    (listed,) = (await af.get(url)).json["provisioningSessions"]
    assert (await af.get(f"{url}/{session.rsplit('/', 1)[-1]}")).json == listed
    assert (await af.get(f"{url}/unknown")).status == 404


async def test_models_are_shown_with_their_rollouts(af: Any) -> None:
    session, template = await af.published_model()
    session_id, template_id = (url.rsplit("/", 1)[-1] for url in (session, template))
    af.server.published.append(
        AiModel(
            provisioning_session_id=session_id,
            content_preparation_template_id=template_id,
            name="detector",
            version=1,
            task="object-detection",
            state=AiModelState.PUBLISHED,
            manifest="model.mpd",
        )
    )
    rollout = f"{session}/ai-models/detector/rollout"
    assert (await af.send("PUT", rollout, {"version": 1})).status == 204
    shown = (await af.get(f"{af.operator}{BASE}/models")).json
    assert [one["name"] for one in shown["aiModels"]] == ["detector"]
    (kept,) = shown["rollouts"]
    assert kept["provisioningSessionId"] == session_id
    assert kept["rollout"] == (await af.get(rollout)).json


async def test_alarms_of_all_sessions_are_listed(start_af: Any) -> None:
    af = await start_af(operator=ANYWHERE)
    session_id = (await af.session()).rsplit("/", 1)[-1]
    missed = Finding(QosAlarmKind.DOWNLINK_THROUGHPUT, "client ue-1", True, 2e6, 1e6)
    await af.policy.alarms.judge(session_id, missed, af.clock())
    url = f"{af.operator}{BASE}/qos-alarms"
    (alarm,) = (await af.get(f"{url}?state=open")).json["qosAlarms"]
    assert (alarm["provisioningSessionId"], alarm["subject"]) == (session_id, "client ue-1")
    await af.policy.alarms.judge(session_id, replace(missed, is_missed=False), af.clock())
    assert (await af.get(f"{url}?state=open")).json["qosAlarms"] == []
    assert len((await af.get(f"{url}?state=all")).json["qosAlarms"]) == 1
    assert (await af.get(f"{url}?state=closed")).status == 400


async def test_m1_is_served_to_the_console(af: Any) -> None:
    created = await af.send(
        "POST",
        f"{af.operator}/3gpp-m1/v2/provisioning-sessions",
        {"provisioningSessionType": "DOWNLINK", "appId": "from-the-console"},
    )
    assert created.headers["Location"].startswith(af.operator)
    assert (await af.get(created.headers["Location"])).json["appId"] == "from-the-console"


async def test_metrics_count_requests_by_operation(af: Any) -> None:
    session = await af.session()
    await af.get(session)
    await af.get(session + "x")
    text = (await af.get(f"{af.operator}/metrics")).body.decode()
    line = 'fivegms_af_requests_total{interface="m1",operation="getProvisioningSessionById"'
    assert line + ',status="200"} 1.0' in text
    assert line + ',status="404"} 1.0' in text
    assert "fivegms_af_provisioning_sessions 1.0" in text
    assert 'fivegms_af_documents{kind="certificates"} 0.0' in text
    assert re.search(r"fivegms_af_database_batch_writes_sum [1-9]", text)
    assert 'fivegms_af_application_server_up{server="http://as.example:1"} 1.0' in text


async def test_events_tell_which_session_changed(af: Any) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{af.operator}{BASE}/events") as stream,
    ):
        assert stream.content_type == "text/event-stream"
        assert await stream.content.readline() == b": still here\n"
        assert await stream.content.readline() == b"\n"
        session = await af.session()
        assert await stream.content.readline() == b"event: session-changed\n"
        data = (await stream.content.readline()).removeprefix(b"data: ")
        assert session.endswith(json.loads(data)["provisioningSessionId"])


async def test_events_tell_of_which_session_an_alarm_changed(af: Any) -> None:
    session_id = (await af.session()).rsplit("/", 1)[-1]
    missed = Finding(QosAlarmKind.LATENCY, "policy p", True)
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{af.operator}{BASE}/events") as stream,
    ):
        await stream.content.readuntil(b"\n\n")
        await af.policy.alarms.judge(session_id, missed, af.clock())
        told = await stream.content.readuntil(b"\n\n")
        assert told.startswith(b"event: alarm-changed\n")
        assert session_id.encode() in told


async def test_a_viewer_that_lags_is_told_once_per_session() -> None:
    feed = EventFeed()
    news = feed.news()
    await anext(news)
    for _ in range(100):
        feed.session_changed("a")
    assert (await anext(news)).count(b"event:") == 1


async def test_a_viewer_that_lags_too_far_is_told_that_any_may_have_changed() -> None:
    feed = EventFeed()
    news = feed.news()
    await anext(news)
    for number in range(MAX_WAITING + 1):
        feed.session_changed(str(number))
    told = await anext(news)
    assert b"event: session-changed\ndata: {}\n\n" in told
    assert told.count(b"event:") == len(OperatorEventKind)


async def test_viewers_are_bounded_and_a_closed_feed_ends_them() -> None:
    feed = EventFeed()
    viewers = [feed.news() for _ in range(MAX_VIEWERS)]
    for viewer in viewers:
        await anext(viewer)
    with pytest.raises(TooManyViewers):
        await anext(feed.news())
    ends = [asyncio.ensure_future(_end(viewer)) for viewer in viewers]
    await asyncio.sleep(0)
    feed.close()
    await asyncio.gather(*ends)


async def _end(viewer: Any) -> None:
    async for _ in viewer:
        pass


def test_metrics_of_two_afs_stay_apart() -> None:
    one, other = Metrics(), Metrics()
    one.sessions.set(3)
    assert b"fivegms_af_provisioning_sessions 3.0" in one.exposition()
    assert b"fivegms_af_provisioning_sessions 0.0" in other.exposition()
