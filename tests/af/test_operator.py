"""The operator's listener: lists, health, metrics, events, and M1 for the console."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from fivegms_af.errors import TooManyViewers
from fivegms_af.event_feed import MAX_VIEWERS, MAX_WAITING, EventFeed
from fivegms_af.observability import Metrics
from fivegms_api.endpoint import Endpoint

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
    assert told.count(b"event:") == 2


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
