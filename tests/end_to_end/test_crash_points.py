"""`kill -9` of the AF and of the AS at random points of a provisioning script.

Afterwards every acknowledged write is there, every other one is there whole or not at all, and the
AS holds what the AF says. `--crash-points N` says how often (200 for a release); the script and the
moments are drawn from a fixed seed.
"""

import asyncio
import hashlib
import json
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from fivegms_api.m3 import M3_EXTENSION_BASE_PATH
from support.ledger import REPORTS, Ledger, Shown, Step, last
from support.server_processes import Role, ServerProcesses, server_processes

MOST_STEPS = 6
LONGEST_REQUEST_S = 0.008
LONGEST_START_S = 1.5
PATIENCE = 600  # looks at the AS, a tenth of a second apart


class Provider:
    """Writes down in a ledger what the AF acknowledges."""

    def __init__(self, http: aiohttp.ClientSession, servers: ServerProcesses) -> None:
        self.ledger = Ledger()
        self._http = http
        self._servers = servers

    async def perform(self, step: Step) -> None:
        """Make the request; where its answer never comes, the step is in doubt."""
        options: dict[str, Any] = {}
        if step.body is not None:
            options = {
                "data": json.dumps(step.body),
                "headers": {"Content-Type": step.media_type},
            }
        self.ledger.doubt = step
        async with self._http.request(step.method, self._url(step.path), **options) as answer:
            body = await answer.read()
        assert answer.status in (200, 201, 204), (step, answer.status, body)
        location = urlsplit(answer.headers.get("Location", "")).path
        self.ledger.doubt = None
        self.ledger.acknowledge(step, location, body)

    async def get(self, path: str) -> Shown:
        async with self._http.get(self._url(path)) as answer:
            return answer.status, await answer.read()

    def _url(self, path: str) -> str:
        listener = "m5" if path.startswith(REPORTS) else "m1"
        return self._servers.urls[listener] + path

    async def expected_at_as(self) -> dict[str, dict[str, Any]]:
        """What M3's status has to say, from what M1 shows."""
        expected = {}
        for session, kept in self.ledger.sessions.items():
            held: dict[str, Any] = {}
            for path, (kind, _) in kept.resources.items():
                if kind.segment == "content-hosting-configuration":
                    held["hosting"] = sha256((await self.get(path))[1])
                elif kind.segment == "content-preparation-templates":
                    held.setdefault("templates", {})[last(path)] = sha256((await self.get(path))[1])
                elif kind.segment == "certificates":
                    held.setdefault("certificates", set()).add(last(path))
            if held:
                expected[last(session)] = held
        return expected

    async def held_by_as(self) -> dict[str, dict[str, Any]]:
        url = f"{self._servers.urls['m3']}{M3_EXTENSION_BASE_PATH}/status"
        async with self._http.get(url) as answer:
            status = await answer.json()
        return {
            one["provisioningSessionId"]: held
            for one in status["provisioningSessions"]
            if (held := reported(one))
        }


def reported(session: Any) -> dict[str, Any]:
    held: dict[str, Any] = {}
    if digest := session.get("contentHostingConfigurationSha256"):
        held["hosting"] = digest
    for one in session.get("contentPreparationTemplates", ()):
        held.setdefault("templates", {})[one["contentPreparationTemplateId"]] = one["sha256"]
    for one in session.get("certificates", ()):
        held.setdefault("certificates", set()).add(one["certificateId"])
    return held


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


async def crash(servers: ServerProcesses, provider: Provider, random: Random) -> None:
    """Some writes, then one more during which a server is killed; then it runs again."""
    for _ in range(random.randrange(MOST_STEPS)):
        await provider.perform(provider.ledger.next(random))
    victim: Role = random.choice(("af", "as"))
    last_step = asyncio.create_task(provider.perform(provider.ledger.next(random)))
    await asyncio.wait([last_step], timeout=random.uniform(0, LONGEST_REQUEST_S))
    await servers.kill(victim)
    (outcome,) = await asyncio.gather(last_step, return_exceptions=True)
    if victim == "as" and outcome is not None:
        raise outcome
    if outcome is not None and not isinstance(outcome, aiohttp.ClientError):
        raise outcome
    if random.random() < 0.1:
        await servers.start_in_vain(victim, random.uniform(0, LONGEST_START_S))
    await servers.start(victim)


async def converge(provider: Provider) -> None:
    """Wait until the AS holds what the AF says; fails where that never comes."""
    expected = await provider.expected_at_as()
    for _ in range(PATIENCE):
        if await provider.held_by_as() == expected:
            return
        await asyncio.sleep(0.1)
    assert await provider.held_by_as() == expected


@pytest.mark.requirement("R097")
async def test_kills_at_random_points(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    points = pytestconfig.getoption("--crash-points")
    random = Random(26512)
    async with (
        server_processes(tmp_path) as servers,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http,
    ):
        provider = Provider(http, servers)
        doubts = 0
        for _ in range(points):
            await crash(servers, provider, random)
            doubts += provider.ledger.doubt is not None
            assert await provider.ledger.settle(provider.get) == []
            await converge(provider)
    print(f"{points} kills, {provider.ledger.acknowledged} acknowledged, {doubts} in doubt")
    assert provider.ledger.acknowledged >= points
