"""An AF that asks for tokens, and the authorisation server that it trusts."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fivegms_af.policy.memory_control import MemoryPolicyControl
from fivegms_af.routes import (
    M1_BASE_PATH,
    M5_BASE_PATH,
    M5_EXTENSION_BASE_PATH,
    OPERATOR_BASE_PATH,
)
from fivegms_af.security.config import SecurityConfig, TrustedIssuer
from fivegms_api.endpoint import Endpoint
from support.tokens import AUDIENCE, ISSUER, Key, claims, jwks

SESSION = {"provisioningSessionType": "DOWNLINK", "appId": "app"}


@dataclass(frozen=True)
class Secured:
    """A running AF and tokens for it."""

    af: Any
    key: Key
    jwks: Path

    def token(self, **others: Any) -> str:
        """A token of `acme` for M1 unless `others` say otherwise."""
        return self.key.sign(claims(self.af.clock(), **others))

    def root(self, base_path: str) -> str:
        """Where a base path is served."""
        if base_path in (M5_BASE_PATH, M5_EXTENSION_BASE_PATH):
            return f"{self.af.m5}{base_path}"
        m1: str = self.af.m1.removesuffix(M1_BASE_PATH)
        return f"{self.af.operator if base_path == OPERATOR_BASE_PATH else m1}{base_path}"

    async def request(self, method: str, url: str, token: str | None = None, **options: Any) -> Any:
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return await self.af.request(method, url, headers=headers, **options)

    async def session(self, token: str, **members: Any) -> str:
        """The URL of a new session of the token's provider."""
        answer = await self.post(f"{self.af.m1}/provisioning-sessions", token, SESSION | members)
        assert answer.status == 201, answer.body
        return str(answer.headers["Location"])

    async def post(
        self, url: str, token: str, document: Any, content_type: str = "application/json"
    ) -> Any:
        return await self.request(
            "POST",
            url,
            token,
            data=json.dumps(document).encode(),
            headers={"Content-Type": content_type},
        )


StartSecured = Callable[..., Awaitable[Secured]]


@pytest.fixture
def start_secured(start_af: Any, tmp_path: Path) -> StartSecured:
    async def start(**settings: Any) -> Secured:
        key = Key.make("k1")
        file = tmp_path / "jwks.json"
        file.write_bytes(jwks(key))
        trusted = TrustedIssuer(ISSUER, AUDIENCE, str(file))
        security = SecurityConfig(trusted_issuer=trusted, **settings)
        af = await start_af(
            security=security,
            operator=Endpoint("127.0.0.1", 0),
            policy_control=MemoryPolicyControl(),
        )
        return Secured(af, key, file)

    return start


@pytest.fixture
async def secured(start_secured: StartSecured) -> Secured:
    return await start_secured()
