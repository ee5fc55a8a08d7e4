"""M3 between a real AF and a real AS, each of which shows a certificate and checks the other's."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from fivegms_af.config import AfConfig, ApplicationServerAddress
from fivegms_af.errors import ApplicationServerUnavailable
from fivegms_af.m3_client import M3Client
from fivegms_af.security.config import CertificateFiles, SecurityConfig
from fivegms_af.security.tls import client_context
from fivegms_af.server import ApplicationFunction
from fivegms_api.endpoint import Endpoint
from fivegms_as.config import AsConfig, MutualTls
from fivegms_as.server import ApplicationServer
from support.authority import Authority

FREE = Endpoint("127.0.0.1", 0)


class Certificates:
    """One CA, and what the AS and the AF show."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        authority = Authority.new(datetime.now(UTC))
        self.ca, _ = authority.save(folder)
        self.server = CertificateFiles(*authority.issue_files(folder, "as"))
        self.client = CertificateFiles(*authority.issue_files(folder, "af"))


@pytest.fixture
def own(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "own")


@pytest.fixture
def foreign(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "foreign")


@asynccontextmanager
async def application_server(folder: Path, own: Certificates) -> AsyncIterator[ApplicationServer]:
    tls = MutualTls(own.server.certificate, own.server.key, own.ca)
    async with ApplicationServer(AsConfig(FREE, FREE, folder / "as", m3_tls=tls)) as server:
        yield server


async def status(server: ApplicationServer, context: ssl.SSLContext) -> None:
    async with aiohttp.ClientSession() as http:
        await M3Client(server.m3_url, http, 10.0, context).status()


@pytest.mark.requirement("R008a")
async def test_the_af_provisions_over_mutual_tls(tmp_path: Path, own: Certificates) -> None:
    async with application_server(tmp_path, own) as server:
        assert server.m3_url.startswith("https://")
        address = ApplicationServerAddress(server.m3_url, server.m2_url, server.m4_url)
        security = SecurityConfig(m3_ca=own.ca, m3_certificate=own.client)
        config = AfConfig(
            FREE, FREE, tmp_path / "af", application_servers=(address,), security=security
        )
        async with ApplicationFunction(config) as af, aiohttp.ClientSession() as http:
            body = {"provisioningSessionType": "DOWNLINK", "appId": "app"}
            sessions = f"{af.m1_url}/3gpp-m1/v2/provisioning-sessions"
            async with http.post(sessions, json=body) as made:
                session = made.headers["Location"]
            async with http.get(f"{session}/ai-models") as models:  # the AS is asked
                assert models.status == 200


@pytest.mark.requirement("R008a")
async def test_no_certificate_or_another_authority_s_is_refused(
    tmp_path: Path, own: Certificates, foreign: Certificates
) -> None:
    async with application_server(tmp_path, own) as server:
        await status(server, client_context(own.ca, own.client))
        for refused in (
            client_context(own.ca, None),
            client_context(own.ca, foreign.client),
            client_context(foreign.ca, own.client),
        ):
            with pytest.raises(ApplicationServerUnavailable):
                await status(server, refused)
