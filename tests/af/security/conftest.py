"""An AF that asks for tokens, and the authorisation server that it trusts."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fivegms_af.security.config import SecurityConfig, TrustedIssuer
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
        on_m5 = base_path in ("/3gpp-m5/v2", "/fivegms-m5-ai/v1")
        root = self.af.m5 if on_m5 else self.af.m1.removesuffix("/3gpp-m1/v2")
        return f"{root}{base_path}"

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
        return Secured(await start_af(security=security), key, file)

    return start


@pytest.fixture
async def secured(start_secured: StartSecured) -> Secured:
    return await start_secured()
