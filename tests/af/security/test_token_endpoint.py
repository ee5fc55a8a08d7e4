"""The embedded authorisation server: a client gets a token, and the token opens what it should."""

import asyncio
import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from fivegms_af.security.client_secret import SecretHash
from fivegms_af.security.config import OwnIssuer, SecurityConfig
from fivegms_af.security.errors import SettingsRefused
from fivegms_af.security.signing_key import FILE_NAME

SECRET = "correct horse battery"
HASH = str(SecretHash.of(SECRET))
SESSION = {"provisioningSessionType": "DOWNLINK", "appId": "app"}


def clients(folder: Path, **members: Any) -> Path:
    usual = {"clientId": "acme", "secretHash": HASH, "scopes": ["3gpp-m1"], "aspId": "acme"}
    operator = {"clientId": "ops", "secretHash": HASH, "scopes": ["fivegms-operator"]}
    file = folder / "clients.json"
    file.write_text(json.dumps({"clients": [usual | members, operator]}))
    return file


@pytest.fixture
async def af(start_af: Any, tmp_path: Path) -> Any:
    return await start_af(security=SecurityConfig(own_issuer=OwnIssuer(clients(tmp_path))))


def root(af: Any) -> str:
    return str(af.m1.removesuffix("/3gpp-m1/v2"))


async def ask(af: Any, client: str = "acme", secret: str = SECRET, **others: str) -> Any:
    form = {"grant_type": "client_credentials"} | others
    credentials = base64.b64encode(f"{client}:{secret}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}"}
    return await af.request("POST", f"{root(af)}/oauth2/token", data=form, headers=headers)


@pytest.mark.requirement("R008a")
async def test_a_client_gets_a_token_that_opens_its_own(af: Any) -> None:
    answer = await ask(af)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    granted = answer.json
    assert (granted["token_type"], granted["expires_in"]) == ("Bearer", 600)
    assert granted["scope"] == "3gpp-m1"
    bearer = f"Bearer {granted['access_token']}"
    sessions = f"{af.m1}/provisioning-sessions"
    made = await af.send("POST", sessions, SESSION, Authorization=bearer)
    assert (made.status, made.json["aspId"]) == (201, "acme")
    operator = f"Bearer {(await ask(af, 'ops')).json['access_token']}"
    assert (await af.get(made.headers["Location"], Authorization=operator)).status == 200
    af.clock.advance(631)
    assert (await af.get(made.headers["Location"], Authorization=bearer)).status == 401


async def test_the_secret_may_be_in_the_form(af: Any) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": "acme",
        "client_secret": SECRET,
        "scope": "3gpp-m1:read",
    }
    answer = await af.request("POST", f"{root(af)}/oauth2/token", data=form)
    assert answer.json["scope"] == "3gpp-m1:read"


async def test_what_is_refused_is_refused_as_rfc_6749_says(af: Any) -> None:
    wrong, unknown = await ask(af, secret="wrong"), await ask(af, client="nobody")
    assert (wrong.status, wrong.json["error"]) == (401, "invalid_client")
    assert wrong.headers["WWW-Authenticate"].startswith("Basic ")
    assert (unknown.status, unknown.body) == (wrong.status, wrong.body)
    wide = await ask(af, scope="fivegms-operator")
    assert (wide.status, wide.json["error"]) == (400, "invalid_scope")
    json_body = await af.send("POST", f"{root(af)}/oauth2/token", {})
    assert (json_body.status, json_body.json["error"]) == (400, "invalid_request")
    assert (await af.get(f"{root(af)}/oauth2/token")).status == 405


async def test_who_keeps_failing_is_not_heard_for_a_while(af: Any) -> None:
    answers = await asyncio.gather(*(ask(af, secret="wrong") for _ in range(7)))
    assert sorted(answer.status for answer in answers) == [401, 401, 401, 401, 401, 429, 429]
    [blocked, _] = [answer for answer in answers if answer.status == 429]
    assert blocked.headers["Retry-After"] == "2"
    assert (await ask(af)).status == 429
    assert (await ask(af, "ops")).status == 200
    af.clock.advance(2)
    assert (await ask(af)).status == 200


async def test_the_keys_are_published_without_their_secret(af: Any) -> None:
    answer = await af.get(f"{root(af)}/oauth2/jwks")
    assert answer.headers["Content-Type"] == "application/jwk-set+json"
    [key] = answer.json["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "use"}
    assert (await af.get(f"{af.m5}/oauth2/jwks")).status == 404


async def test_the_key_is_kept_for_its_owner_alone(start_af: Any, tmp_path: Path) -> None:
    security = SecurityConfig(own_issuer=OwnIssuer(clients(tmp_path)))
    first = await start_af(security=security)
    file = tmp_path / FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = file.read_bytes()
    token = (await ask(first)).json["access_token"]
    await first.stop()
    again = await start_af(security=security)
    unknown = f"{again.m1}/provisioning-sessions/x"
    assert (await again.get(unknown, Authorization=f"Bearer {token}")).status == 404
    assert file.read_bytes() == kept


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)]
)
async def test_a_key_of_ones_own(start_af: Any, tmp_path: Path, key: Any) -> None:
    pem = tmp_path / "own.pem"
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    own = OwnIssuer(clients(tmp_path), signing_key=pem)
    af = await start_af(security=SecurityConfig(own_issuer=own))
    token = (await ask(af)).json["access_token"]
    unknown = f"{af.m1}/provisioning-sessions/x"
    assert (await af.get(unknown, Authorization=f"Bearer {token}")).status == 404


def _encrypted() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))


def _other_curve() -> bytes:
    key = ec.generate_private_key(ec.SECP384R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("pem", [b"", b"nonsense", _encrypted(), _other_curve()], ids=range(4))
async def test_a_key_that_does_not_do(start_af: Any, tmp_path: Path, pem: bytes) -> None:
    file = tmp_path / "own.pem"
    file.write_bytes(pem)
    own = OwnIssuer(clients(tmp_path), signing_key=file)
    with pytest.raises(SettingsRefused, match=r"own\.pem"):
        await start_af(security=SecurityConfig(own_issuer=own))


async def test_clients_that_do_not_do(start_af: Any, tmp_path: Path) -> None:
    for file in (clients(tmp_path, scopes=["3gpp-m9"]), tmp_path / "missing.json"):
        with pytest.raises(SettingsRefused, match=file.name):
            await start_af(security=SecurityConfig(own_issuer=OwnIssuer(file)))
