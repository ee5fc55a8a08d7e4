"""An AF that is killed at any moment keeps what it acknowledged, and nothing by halves."""

import asyncio
import json
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fivegms_api.content_protocols import DASH_IF_INGEST
from fivegms_api.model_preparation import MODEL_PREPARATION_MEDIA_TYPE

ROUNDS = 10
PREPARATION = {"model": {"name": "m", "task": "t"}, "source": "m.onnx"}
HOSTING = {
    "name": "n",
    "ingestConfiguration": {"pull": False, "protocol": DASH_IF_INGEST},
    "distributionConfigurations": [],
}


@asynccontextmanager
async def process(data_dir: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """An AF of its own and the URL of its M1."""
    af = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fivegms_af", "--m1", "127.0.0.1:0", "--m5", "127.0.0.1:0"),
        *("--operator", "127.0.0.1:0"),
        *("--data-dir", str(data_dir)),
        *("--application-server", "m3=http://127.0.0.1:1,m2=http://a:2,m4=http://a:2"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert af.stdout is not None
    try:
        ready = json.loads(await af.stdout.readline())
        yield af, f"{ready['m1']}/3gpp-m1/v2/provisioning-sessions"
    finally:
        with suppress(ProcessLookupError):
            af.kill()
        await af.communicate()


class Provider:
    """Provisions without pause; `acknowledged` is what the AF answered with success for."""

    def __init__(self, http: aiohttp.ClientSession, m1: str) -> None:
        self._http = http
        self._m1 = m1
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.deleted: set[str] = set()

    async def run(self) -> None:
        with suppress(aiohttp.ClientError):
            while True:
                await self._provision()

    async def _provision(self) -> None:
        path = await self._created(
            "", {"provisioningSessionType": "DOWNLINK", "appId": "a"}, "application/json"
        )
        kept = self.acknowledged.setdefault(path, {"templates": [], "hosting": None})
        for number in range(2):
            kind = MODEL_PREPARATION_MEDIA_TYPE
            template = await self._created(
                f"{path}/content-preparation-templates",
                numbered(number),
                kind,
            )
            kept["templates"].append(template.rsplit("/", 1)[-1])
        await self._created(f"{path}/content-hosting-configuration", HOSTING, "application/json")
        kept["hosting"] = "n"
        if len(self.acknowledged) % 2 == 0:
            await self._delete(path)

    async def _created(self, path: str, document: Any, content_type: str) -> str:
        """The new resource's path below the collection of sessions."""
        headers = {"Content-Type": content_type}
        data = json.dumps(document)
        async with self._http.post(self._m1 + path, data=data, headers=headers) as response:
            assert response.status == 201, await response.text()
            return response.headers["Location"].removeprefix(self._m1)

    async def _delete(self, path: str) -> None:
        self.acknowledged.pop(path)  # until the answer it may be there or not
        async with self._http.delete(self._m1 + path) as response:
            assert response.status == 204
        self.deleted.add(path)


def numbered(number: int) -> dict[str, Any]:
    return PREPARATION | {"manifest": f"{number}.mpd"}


async def check(http: aiohttp.ClientSession, m1: str, provider: Provider) -> None:
    for path in provider.deleted:
        async with http.get(m1 + path) as response:
            assert response.status == 404
    for path, kept in provider.acknowledged.items():
        async with http.get(m1 + path) as response:
            assert response.status == 200
            shown = await response.json()
        listed = shown.get("contentPreparationTemplateIds", [])
        assert listed[: len(kept["templates"])] == kept["templates"]
        assert len(listed) <= len(kept["templates"]) + 1
        for number, template in enumerate(listed):
            async with http.get(f"{m1}{path}/content-preparation-templates/{template}") as response:
                assert await response.json(content_type=None) == numbered(number)
        async with http.get(f"{m1}{path}/content-hosting-configuration") as response:
            assert response.status == 200 or kept["hosting"] is None


@pytest.mark.requirement("R097")
async def test_every_acknowledged_write_survives_a_kill(tmp_path: Path) -> None:
    moments = random.Random(26512)
    providers: list[Provider] = []
    async with aiohttp.ClientSession() as http:
        for _ in range(ROUNDS):
            async with process(tmp_path) as (af, m1):
                for provider in providers:
                    await check(http, m1, provider)
                provider = Provider(http, m1)
                work = asyncio.create_task(provider.run())
                await asyncio.wait([work], timeout=moments.uniform(0.02, 0.4))
                af.send_signal(signal.SIGKILL)
                await af.wait()
                await work
                providers.append(provider)
        async with process(tmp_path) as (_, m1):
            for provider in providers:
                await check(http, m1, provider)
    assert sum(len(provider.acknowledged) for provider in providers) > ROUNDS
    assert any(provider.deleted for provider in providers)


async def test_a_signal_ends_it_in_order(tmp_path: Path) -> None:
    async with process(tmp_path) as (af, _):
        af.send_signal(signal.SIGTERM)
        assert await af.wait() == 0
