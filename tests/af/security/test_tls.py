"""TLS on the AF's listeners, taken anew while it runs, and what certificates it refuses."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from fivegms_af.config import AfConfig
from fivegms_af.security.config import CertificateFiles, SecurityConfig, is_loopback
from fivegms_af.security.errors import SettingsRefused
from fivegms_af.security.tls import ServerTls, client_context
from fivegms_af.server import ApplicationFunction
from fivegms_api.endpoint import Endpoint
from support.authority import Authority, private_pem

SESSION = {"provisioningSessionType": "DOWNLINK", "appId": "app"}


@pytest.fixture
def authority() -> Authority:
    return Authority.new(datetime.now(UTC))


def shown(authority: Authority, folder: Path, name: str = "af") -> CertificateFiles:
    return CertificateFiles(*authority.issue_files(folder, name))


def trust(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.pem.decode())


async def test_both_listeners_speak_tls(
    start_af: Any, tmp_path: Path, authority: Authority
) -> None:
    af = await start_af(security=SecurityConfig(tls=shown(authority, tmp_path)))
    made = await af.request(
        "POST", f"{af.m1}/provisioning-sessions", json=SESSION, ssl=trust(authority)
    )
    location = made.headers["Location"]
    assert location.startswith("https://127.0.0.1:")
    session_id = location.rsplit("/", 1)[-1]
    assert (await af.request("GET", location, ssl=trust(authority))).status == 200
    assert af.m5.startswith("https://")
    information = f"{af.m5}/3gpp-m5/v2/service-access-information/{session_id}"
    assert (await af.request("GET", information, ssl=trust(authority))).status == 200


def test_nothing_older_than_tls_1_2(tmp_path: Path, authority: Authority) -> None:
    for context in (
        ServerTls(shown(authority, tmp_path)).context,
        client_context(authority.save(tmp_path)[0], None),
    ):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2


async def serial(url: str, authority: Authority) -> str:
    """Of the certificate that a new connection is shown."""
    host, _, port = url.removeprefix("https://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=trust(authority))
    certificate = writer.get_extra_info("peercert")
    writer.close()
    await writer.wait_closed()
    return str(certificate["serialNumber"])


async def test_a_certificate_is_taken_anew(tmp_path: Path, authority: Authority) -> None:
    security = SecurityConfig(tls=shown(authority, tmp_path))
    free = Endpoint("127.0.0.1", 0)
    config = AfConfig(free, free, tmp_path / "af", security=security)
    async with ApplicationFunction(config) as af:
        first = await serial(af.m1_url, authority)
        authority.issue_files(tmp_path, "af")
        assert await serial(af.m1_url, authority) == first
        af.reload()
        second = await serial(af.m1_url, authority)
        assert second != first
        (tmp_path / "af.pem").write_text("nonsense")
        with structlog.testing.capture_logs() as logged:
            af.reload()
        assert [one["log_level"] for one in logged] == ["error"]
        assert await serial(af.m1_url, authority) == second


async def test_a_certificate_with_another_type_of_key_takes_its_place(
    tmp_path: Path, authority: Authority
) -> None:
    files = shown(authority, tmp_path)
    rsa_key: Any = rsa.generate_private_key(65537, 2048)
    pem = authority.issue(
        rsa_key.public_key(), (), datetime.now(UTC), usage=None, addresses=("127.0.0.1",)
    )
    security = SecurityConfig(tls=files)
    free = Endpoint("127.0.0.1", 0)
    config = AfConfig(free, free, tmp_path / "af", security=security)
    async with ApplicationFunction(config) as af:
        first = await serial(af.m1_url, authority)
        files.certificate.write_bytes(pem)
        files.key.write_bytes(private_pem(rsa_key))
        af.reload()
        assert await serial(af.m1_url, authority) != first


def _encrypt(key: Path) -> None:
    private: Any = load_pem_private_key(key.read_bytes(), None)
    secret = BestAvailableEncryption(b"x")
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))


def test_files_that_do_not_do(tmp_path: Path, authority: Authority) -> None:
    good, other = shown(authority, tmp_path), shown(authority, tmp_path, "other")
    missing = CertificateFiles(tmp_path / "missing.pem", good.key)
    for files in (missing, CertificateFiles(good.certificate, other.key)):
        with pytest.raises(SettingsRefused, match=files.certificate.name):
            ServerTls(files)
    _encrypt(good.key)
    with pytest.raises(SettingsRefused, match="encrypted"):
        ServerTls(good)
    with pytest.raises(SettingsRefused):
        client_context(tmp_path / "missing.pem", None)
    (tmp_path / "no.pem").write_text("nonsense")
    with pytest.raises(SettingsRefused):
        client_context(tmp_path / "no.pem", None)


@pytest.mark.parametrize(
    ("host", "own"), [("127.0.0.2", True), ("::1", True), ("0.0.0.0", False), ("a.example", False)]
)
def test_which_addresses_only_this_machine_reaches(host: str, own: bool) -> None:
    assert is_loopback(host) is own


async def test_a_listener_that_others_reach_is_warned_of(tmp_path: Path) -> None:
    free = Endpoint("127.0.0.1", 0)
    with structlog.testing.capture_logs() as logged:
        async with ApplicationFunction(AfConfig(Endpoint("0.0.0.0", 0), free, tmp_path)):
            pass
    warned = [one["event"] for one in logged if one["log_level"] == "warning"]
    assert warned == ["M1 is reachable without authentication"]
