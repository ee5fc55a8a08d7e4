"""No secret is ever logged, and no error answer repeats one."""

import asyncio
import base64
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import ec

from fivegms_af.config import AfConfig
from fivegms_af.security.client_secret import SecretHash
from fivegms_af.security.config import OwnIssuer, SecurityConfig
from fivegms_af.security.signing_key import FILE_NAME, load_signing_key
from fivegms_api.content_protocols import DASH_IF_INGEST
from fivegms_api.endpoint import Endpoint
from support.authority import Authority, private_pem

SECRET = "client-secret-4711-4711"
WRONG = "wrong-secret-0815-0815"
PASSPHRASE = "passphrase-1234567890"
HASH = str(SecretHash.of(SECRET))
PRIVATE = private_pem(ec.generate_private_key(ec.SECP256R1()))


class Seen:
    """Whatever was logged, at any level, and whatever was answered with an error."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.errors: list[bytes] = []

    def __contains__(self, secret: str) -> bool:
        return secret in repr(self.events) or any(secret.encode() in one for one in self.errors)


@pytest.fixture
def seen(caplog: pytest.LogCaptureFixture) -> Iterator[Seen]:
    seen = Seen()
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logged:
        seen.events = logged
        yield seen
        seen.events.append(caplog.text)


@pytest.fixture
async def af(start_af: Any, tmp_path: Path) -> Any:
    file = tmp_path / "clients.json"
    client = {"clientId": "acme", "secretHash": HASH, "scopes": ["3gpp-m1"], "aspId": "acme"}
    file.write_text(json.dumps({"clients": [client]}))
    return await start_af(security=SecurityConfig(own_issuer=OwnIssuer(file)))


def signed_hosting(**members: Any) -> dict[str, Any]:
    signature = {
        "urlPattern": ".*",
        "tokenName": "token",
        "passphraseName": "pass",
        "passphrase": PASSPHRASE,
        "tokenExpiryName": "expires",
        "useIPAddress": False,
    } | members
    entry_point = {"relativePath": "model.mpd", "contentType": "application/dash+xml"}
    return {
        "name": "n",
        "ingestConfiguration": {"pull": False, "protocol": DASH_IF_INGEST},
        "distributionConfigurations": [{"entryPoint": entry_point, "urlSignature": signature}],
    }


def requests(af: Any, session: str) -> Iterator[tuple[str, str, bytes, str]]:
    """Method, URL, body and media type: good ones, and all kinds of bad ones."""
    hosting = f"{session}/content-hosting-configuration"
    good = json.dumps(signed_hosting()).encode()
    for body in (
        json.dumps(signed_hosting(passphrase=[PASSPHRASE])).encode(),
        json.dumps(signed_hosting(passphrase=PASSPHRASE * 500)).encode(),
        json.dumps(signed_hosting(urlPattern="(", extra=PASSPHRASE)).encode(),
        good[:-1],
        good.replace(b'"passphrase"', b'"passphrase":"%s","passphrase"' % PASSPHRASE.encode()),
        good,
    ):
        yield "POST", hosting, body, "application/json"
    at = "/distributionConfigurations/0/urlSignature/passphrase"
    for patch in (
        [{"op": "test", "path": at, "value": PASSPHRASE + "!"}],
        [{"op": "replace", "path": at, "value": {"nested": PASSPHRASE}}],
        [{"op": "add", "path": f"{at}/x", "value": PASSPHRASE}],
    ):
        yield "PATCH", hosting, json.dumps(patch).encode(), "application/json-patch+json"
    yield "PUT", f"{session}/certificates/x", PRIVATE, "application/x-pem-file"
    yield "POST", f"{session}/certificates?csr", PRIVATE, "application/x-pem-file"
    yield "POST", f"{session}/certificates", PRIVATE, "application/json"
    yield "POST", f"{session}/content-preparation-templates", PRIVATE, "application/json"
    yield "DELETE", hosting, b"", "application/json"


async def upload(af: Any, session: str, bearer: str) -> bytes:
    """Reserve a certificate, and upload others than it asks for; what a private key looks like."""
    made = await af.request(
        "POST", f"{session}/certificates?csr", headers={"Authorization": bearer}
    )
    authority = Authority.new(datetime.now(UTC))
    bodies = (PRIVATE, authority.pem + PRIVATE, authority.sign(made.body, af.clock()) + PRIVATE)
    for body in bodies:
        answer = await af.send(
            "PUT", made.headers["Location"], body, "application/x-pem-file", Authorization=bearer
        )
        assert answer.status in (204, 400)
    return made.body  # type: ignore[no-any-return]


async def tokens(af: Any, url: str) -> tuple[list[str], list[Any]]:
    """What was granted, and the answers to requests that were refused."""
    granted, refused = [], []
    credentials = base64.b64encode(f"acme:{WRONG}".encode()).decode()
    form = {"grant_type": "client_credentials", "client_id": "acme", "client_secret": SECRET}
    answer = await af.request("POST", url, data=form)
    granted.append(answer.json["access_token"])
    for changed, headers in (
        ({"client_secret": WRONG}, {}),
        ({"scope": "fivegms-operator"}, {}),
        ({"grant_type": SECRET}, {}),
        ({}, {"Authorization": f"Basic {credentials}"}),
        ({"client_secret": [SECRET, WRONG]}, {}),
    ):
        refused.append(await af.request("POST", url, data=form | changed, headers=headers))
    return granted, refused


@pytest.mark.requirement("R008")
async def test_no_secret_is_logged_or_told(af: Any, seen: Seen, tmp_path: Path) -> None:
    root = af.m1.removesuffix("/3gpp-m1/v2")
    [token], refused = await tokens(af, f"{root}/oauth2/token")
    seen.errors += [answer.body for answer in refused]
    bearer = f"Bearer {token}"
    body = {"provisioningSessionType": "DOWNLINK", "appId": "app"}
    made = await af.send("POST", f"{af.m1}/provisioning-sessions", body, Authorization=bearer)
    session = made.headers["Location"]
    statuses = []
    for method, url, content, media_type in requests(af, session):
        answer = await af.send(method, url, content, media_type, Authorization=bearer)
        statuses.append(answer.status)
        if answer.status >= 400:
            seen.errors.append(answer.body)
    assert 201 in statuses
    assert 500 not in statuses
    await upload(af, session, bearer)
    for spoiled in (f"{bearer}x", f"bearer {token[:-9]}", f"Basic {token}", f"{bearer} {token}"):
        seen.errors.append((await af.get(session, Authorization=spoiled)).body)
    await asyncio.sleep(0)
    key = load_signing_key(tmp_path / FILE_NAME)
    assert len(seen.errors) > 15
    assert any("answered" in repr(event) for event in seen.events)
    for secret in (
        *(SECRET, WRONG, PASSPHRASE, HASH, HASH.rsplit("$", 1)[-1]),
        *(token, token.rsplit(".", 1)[-1], token.split(".")[1]),
        *(line for line in PRIVATE.decode().splitlines() if len(line) > 30),
        *((tmp_path / FILE_NAME).read_text().splitlines()[1:2]),
        str(key.private.as_dict(private=True)["d"]),
    ):
        assert secret not in seen


def test_settings_that_are_shown_hide_the_database_s_password(tmp_path: Path) -> None:
    free = Endpoint("127.0.0.1", 0)
    config = AfConfig(free, free, tmp_path, database_url="postgresql://af:s3cret@db/af")
    assert "s3cret" not in repr(config)
