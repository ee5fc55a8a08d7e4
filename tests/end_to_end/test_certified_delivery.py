"""Content by TLS under a certificate that was provisioned, from M1 to a UE that trusts the CA."""

import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fivegms_af.certificate_authority import CertificateAuthority
from fivegms_api.content_protocols import DASH_IF_INGEST
from fivegms_api.endpoint import Endpoint
from fivegms_testbed.deployment import Deployment, DeploymentConfig
from support.authority import Authority

PEM = "application/x-pem-file"
CONTENT = b"a media presentation"


def hosting(*distributions: dict[str, Any]) -> dict[str, Any]:
    entry = {"relativePath": "a.mpd", "contentType": "application/dash+xml"}
    return {
        "name": "n",
        "ingestConfiguration": {"pull": False, "protocol": DASH_IF_INGEST},
        "distributionConfigurations": [{"entryPoint": entry} | one for one in distributions],
    }


class Operator:
    """A deployment with TLS and a CA, and a provider's requests to it."""

    def __init__(
        self, deployment: Deployment, authority: Authority, http: aiohttp.ClientSession
    ) -> None:
        self.authority = authority
        self.trusting = ssl.create_default_context(cadata=authority.pem.decode())
        self._m1 = deployment.addresses["m1"] + "/3gpp-m1/v2"
        self._m5 = deployment.addresses["m5"] + "/3gpp-m5/v2"
        self._http = http

    async def session(self) -> str:
        body = {"provisioningSessionType": "DOWNLINK", "appId": "a"}
        location, _ = await self.create(f"{self._m1}/provisioning-sessions", json=body)
        return location

    async def create(self, url: str, **options: Any) -> tuple[str, bytes]:
        """The URL of what was made, and the answer's body."""
        async with self._http.post(url, **options) as answer:
            assert answer.status in (200, 201), await answer.text()
            return answer.headers["Location"], await answer.read()

    async def put(self, url: str, data: bytes, kind: str) -> None:
        async with self._http.put(url, data=data, headers={"Content-Type": kind}) as answer:
            assert answer.status in (201, 204), await answer.text()

    async def entry_points(self, session: str) -> list[str]:
        """What a UE is told at M5."""
        url = f"{self._m5}/service-access-information/{session.rsplit('/', 1)[-1]}"
        async with self._http.get(url) as answer:
            shown = await answer.json()
        return [one["locator"] for one in shown["streamingAccess"]["entryPoints"]]

    async def fetch(self, url: str, **options: Any) -> tuple[int, bytes]:
        async with self._http.get(url, ssl=self.trusting, **options) as answer:
            return answer.status, await answer.read()


@pytest.fixture
async def operator(tmp_path: Path) -> AsyncIterator[Operator]:
    authority = Authority.new(datetime.now(UTC))
    config = replace(
        DeploymentConfig.on_free_ports(tmp_path / "data"),
        m4_tls=Endpoint("127.0.0.1", 0),
        certificate_authority=CertificateAuthority.load(*authority.save(tmp_path)),
    )
    async with Deployment(config) as deployment, aiohttp.ClientSession() as http:
        yield Operator(deployment, authority, http)


async def published(operator: Operator, session: str, *distributions: dict[str, Any]) -> list[str]:
    """Where UEs find what the session distributes."""
    url = f"{session}/content-hosting-configuration"
    _, created = await operator.create(url, json=hosting(*distributions))
    ingest = json.loads(created)["ingestConfiguration"]["baseURL"]
    await operator.put(f"{ingest}a.mpd", CONTENT, "application/dash+xml")
    return await operator.entry_points(session)


async def test_a_certificate_of_the_operators_ca(operator: Operator) -> None:
    session = await operator.session()
    made, _ = await operator.create(f"{session}/certificates")
    certificate = made.rsplit("/", 1)[-1]
    [plain, secure] = await published(operator, session, {}, {"certificateId": certificate})
    assert plain.startswith("http://")
    assert secure.startswith("https://127.0.0.1:")
    assert await operator.fetch(plain) == (200, CONTENT)
    assert await operator.fetch(secure) == (200, CONTENT)


async def test_a_certificate_of_the_providers_ca_at_its_own_name(operator: Operator) -> None:
    session = await operator.session()
    url = f"{session}/certificates?csr"
    awaited, request = await operator.create(url, json=["media.example"])
    await operator.put(awaited, operator.authority.sign(request, datetime.now(UTC)), PEM)
    certificate = awaited.rsplit("/", 1)[-1]
    distribution = {"certificateId": certificate, "domainNameAlias": "media.example"}
    [locator] = await published(operator, session, distribution)
    assert locator.startswith("https://media.example:")
    here = locator.replace("media.example", "127.0.0.1")
    named = {"server_hostname": "media.example"}
    asked = {"Host": "media.example"}
    assert await operator.fetch(here, headers=asked, **named) == (200, CONTENT)
    status, _ = await operator.fetch(here, headers={"Host": "other.example"}, **named)
    assert status == 421
