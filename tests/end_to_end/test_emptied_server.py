"""An AS that is killed and loses its disk after every step of a provider gets everything again."""

import asyncio
import hashlib
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fivegms_af.config import AfConfig, ApplicationServerAddress
from fivegms_af.server import ApplicationFunction
from fivegms_api.content_protocols import DASH_IF_INGEST
from fivegms_api.endpoint import Endpoint
from fivegms_api.m3 import M3_EXTENSION_BASE_PATH
from fivegms_api.model_preparation import MODEL_PREPARATION_MEDIA_TYPE
from support.server_processes import ServerProcesses

PATIENCE_S = 60.0
SESSION = {"provisioningSessionType": "DOWNLINK", "appId": "app"}
PREPARATION = {"model": {"name": "n", "task": "t"}, "source": "m.onnx"}


def hosting(template: str) -> dict[str, Any]:
    entry = {"relativePath": "model.mpd", "contentType": "application/dash+xml"}
    return {
        "name": "n",
        "ingestConfiguration": {"pull": False, "protocol": DASH_IF_INGEST},
        "distributionConfigurations": [
            {"contentPreparationTemplateId": template, "entryPoint": entry}
        ],
    }


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[ServerProcesses, str]]:
    """An AS as a process, and the URL of M1 of an AF that looks at it every second."""
    servers = ServerProcesses(folder)
    await servers.start("as")
    m3, m4 = servers.urls["m3"], servers.urls["m4"]
    config = AfConfig(
        Endpoint("127.0.0.1", 0),
        Endpoint("127.0.0.1", 0),
        folder / "af",
        application_servers=(ApplicationServerAddress(m3, m4, m4),),
        m3_refresh_s=1.0,
    )
    try:
        async with ApplicationFunction(config) as af:
            yield servers, af.m1_url
    finally:
        await servers.kill_all()


class Provider:
    """Provisions, and has the AS lose everything after each request."""

    def __init__(
        self, http: aiohttp.ClientSession, servers: ServerProcesses, as_data: Path
    ) -> None:
        self._http = http
        self._servers = servers
        self._as_data = as_data

    async def create(self, url: str, body: Any, kind: str = "application/json") -> str:
        data, headers = json.dumps(body), {"Content-Type": kind}
        async with self._http.post(url, data=data, headers=headers) as answer:
            assert answer.status in (200, 201), await answer.text()
        await self._servers.kill("as")
        shutil.rmtree(self._as_data)
        await self._servers.start("as")
        return answer.headers["Location"]

    async def get(self, url: str) -> bytes:
        async with self._http.get(url) as answer:
            assert answer.status == 200
            return await answer.read()

    async def in_step(self, session: str) -> bool:
        listed = json.loads(await self.get(f"{session}/application-servers"))
        [server] = listed["applicationServers"]
        return bool(server["state"] == "IN_STEP") and bool(await self.held())

    async def held(self) -> list[Any]:
        """What the AS says that it holds."""
        url = f"{self._servers.urls['m3']}{M3_EXTENSION_BASE_PATH}/status"
        held: list[Any] = json.loads(await self.get(url))["provisioningSessions"]
        return held


@pytest.mark.requirement("R097")
async def test_an_emptied_as_converges_without_a_human(tmp_path: Path) -> None:
    async with running(tmp_path) as (servers, m1), aiohttp.ClientSession() as http:
        provider = Provider(http, servers, tmp_path / "as")
        sessions = f"{m1}/3gpp-m1/v2/provisioning-sessions"
        session = await provider.create(sessions, SESSION)
        certificate = await provider.create(f"{session}/certificates", [])
        template = await provider.create(
            f"{session}/content-preparation-templates", PREPARATION, MODEL_PREPARATION_MEDIA_TYPE
        )
        configuration = await provider.create(
            f"{session}/content-hosting-configuration", hosting(template.rsplit("/", 1)[-1])
        )
        async with asyncio.timeout(PATIENCE_S):
            while not await provider.in_step(session):
                continue
        [held] = await provider.held()
        shown = await provider.get(configuration)
        assert held["contentHostingConfigurationSha256"] == hashlib.sha256(shown).hexdigest()
        [held_template] = held["contentPreparationTemplates"]
        assert template.endswith(held_template["contentPreparationTemplateId"])
        [held_certificate] = held["certificates"]
        assert certificate.endswith(held_certificate["certificateId"])
