"""Reports that were answered with 204 outlive an AF that is killed at any moment."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fivegms_api.ai_metrics import AI_METRICS_MEDIA_TYPE
from fivegms_api.metrics_reporting import AI_METRICS_SCHEME
from support.server_processes import ServerProcesses

ROUNDS = 4
CLIENTS = 8


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[ServerProcesses]:
    servers = ServerProcesses(tmp_path)
    yield servers
    await servers.kill_all()


async def created(http: aiohttp.ClientSession, url: str, document: dict[str, Any]) -> str:
    async with http.post(url, json=document) as answer:
        assert answer.status == 201, await answer.text()
        return answer.headers["Location"]


async def report(
    http: aiohttp.ClientSession, url: str, client: str, kept: list[str], make: Any
) -> None:
    """One after the other until nobody answers; `kept` has those that were acknowledged."""
    for number in range(1_000_000):
        name = f"{client}-{number}"
        body, content_type = make(name)
        try:
            data = json.dumps(body)
            async with http.post(url, data=data, headers={"Content-Type": content_type}) as answer:
                assert answer.status == 204, await answer.text()
        except aiohttp.ClientError:
            return
        kept.append(name)


async def listed(http: aiohttp.ClientSession, session: str, kind: str) -> list[str]:
    """The clients of all reports, page by page."""
    found, url = [], f"{session}/{kind}?limit=1000"
    while True:
        async with http.get(url) as answer:
            page = await answer.json()
        (reports,) = (value for value in page.values() if isinstance(value, list))
        found += [report["reportingClientId"] for report in reports]
        if "next" not in page:
            return found
        url = f"{session}/{kind}?limit=1000&cursor={page['next']}"


@pytest.mark.requirement("R009d")
async def test_no_acknowledged_report_is_lost(
    servers: ServerProcesses, ai_metrics: Any, consumption: Any
) -> None:
    moments = random.Random(26512)
    kept: dict[str, list[str]] = {"metrics-reports": [], "consumption-reports": []}
    async with aiohttp.ClientSession() as http:
        await servers.start("af")
        sessions = f"{servers.urls['m1']}/3gpp-m1/v2/provisioning-sessions"
        wanted = {"provisioningSessionType": "DOWNLINK", "appId": "a"}
        session = await created(http, sessions, wanted)
        await created(http, f"{session}/consumption-reporting-configuration", {})
        configured = await created(
            http,
            f"{session}/metrics-reporting-configurations",
            {"scheme": AI_METRICS_SCHEME, "samplingPeriod": 1},
        )
        path, identifier = session.rsplit("/", 1)[-1], configured.rsplit("/", 1)[-1]
        m5 = f"{servers.urls['m5']}/3gpp-m5/v2"
        kinds = (
            (
                "metrics-reports",
                f"{m5}/metrics-reporting/{path}/{identifier}",
                lambda name: (ai_metrics(name), AI_METRICS_MEDIA_TYPE),
            ),
            (
                "consumption-reports",
                f"{m5}/consumption-reporting/{path}",
                lambda name: (consumption(name), "application/json"),
            ),
        )
        for number in range(ROUNDS):
            work = [
                asyncio.create_task(report(http, url, f"{number}-{client}", kept[kind], make))
                for kind, url, make in kinds
                for client in range(CLIENTS)
            ]
            await asyncio.wait(work, timeout=moments.uniform(0.02, 0.4))
            await servers.kill("af")
            await asyncio.gather(*work)
            await servers.start("af")
        for kind, names in kept.items():
            found = await listed(http, session, kind)
            assert set(names) <= set(found)
            assert len(found) == len(set(found)) <= len(names) + ROUNDS * CLIENTS
            assert len(names) > ROUNDS
