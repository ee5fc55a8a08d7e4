"""The embedded authorisation server over HTTP: `POST /oauth2/token`, `GET /oauth2/jwks`.

For deployments that have no authorisation server of their own: client credentials of the clients
in a file, nothing else. What is asked and answered are `grants`' rules.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import uuid4

from aiohttp import hdrs, web

from fivegms_af.conditional import Representation
from fivegms_af.exchange import read_body, show
from fivegms_af.security.client_secret import SecretHash, generate_secret
from fivegms_af.security.clients import Client
from fivegms_af.security.config import OwnIssuer
from fivegms_af.security.failure_limit import FailureLimit
from fivegms_af.security.grants import (
    INVALID_CLIENT,
    GrantRefused,
    TokenRequest,
    granted_scopes,
    read_token_request,
    too_many_failures,
)
from fivegms_af.security.signing_key import SigningKey

TOKEN_PATH = "/oauth2/token"  # noqa: S105
KEYS_PATH = "/oauth2/jwks"
KEYS_MAX_AGE_S = 300

_NO_STORE = {hdrs.CACHE_CONTROL: "no-store", hdrs.PRAGMA: "no-cache"}


class TokenEndpoint:
    """Issues tokens that live `token_lifetime_s`, one hash of a secret at a time."""

    def __init__(
        self,
        config: OwnIssuer,
        clients: Mapping[str, Client],
        key: SigningKey,
        now: Callable[[], datetime],
    ) -> None:
        self._config = config
        self._clients = clients
        self._key = key
        self._now = now
        self._failures = FailureLimit()
        self._hashing = asyncio.Lock()
        self._nobody = SecretHash.of(generate_secret())

    def add_routes(self, app: web.Application) -> None:
        """Serve both resources on a listener."""
        app.router.add_post(TOKEN_PATH, self.issue)
        app.router.add_get(KEYS_PATH, self.show_keys)

    async def issue(self, request: web.Request) -> web.Response:
        """POST: 200 with a token, or an error of RFC 6749."""
        asked = read_token_request(
            request.headers.get(hdrs.CONTENT_TYPE),
            await read_body(request),
            request.headers.get(hdrs.AUTHORIZATION),
        )
        answer = asked if isinstance(asked, GrantRefused) else await self._grant(asked)
        if isinstance(answer, GrantRefused):
            return _refuse(answer)
        return web.json_response(answer, headers=_NO_STORE)

    async def show_keys(self, request: web.Request) -> web.Response:
        """GET: 200 with the JWK Set that verifies the tokens."""
        keys = Representation(self._key.key_set, "application/jwk-set+json")
        return show(request, keys, KEYS_MAX_AGE_S)

    async def _grant(self, asked: TokenRequest) -> dict[str, object] | GrantRefused:
        client = await self._authenticate(asked)
        if isinstance(client, GrantRefused):
            return client
        scopes = granted_scopes(client, asked.scopes)
        return scopes if isinstance(scopes, GrantRefused) else self._issue(client, scopes)

    async def _authenticate(self, asked: TokenRequest) -> Client | GrantRefused:
        """An unknown client costs a hash too; that it is unknown is told by its waiting times all
        the same, which does no harm: a client's identifier is no secret (RFC 6749 2.2).
        """
        client = self._clients.get(asked.client_id)
        known_id = client.client_id if client else None
        async with self._hashing:
            wait_s = self._failures.wait_s(known_id, self._seconds())
            if wait_s > 0:
                return too_many_failures(wait_s)
            secret = client.secret if client else self._nobody
            matches = await asyncio.to_thread(secret.matches, asked.client_secret)
            if client is None or not matches:
                self._failures.failed(known_id, self._seconds())
                return INVALID_CLIENT
            self._failures.succeeded(client.client_id)
        return client

    def _issue(self, client: Client, scopes: frozenset[str]) -> dict[str, object]:
        lifetime_s, issued = self._config.token_lifetime_s, int(self._seconds())
        scope = " ".join(sorted(scopes))
        claims: dict[str, object] = {
            "iss": self._config.issuer,
            "aud": self._config.audience,
            "sub": client.client_id,
            "client_id": client.client_id,
            "iat": issued,
            "exp": issued + lifetime_s,
            "jti": uuid4().hex,
            "scope": scope,
            **client.claims,
        }
        return {
            "access_token": self._key.sign(claims),
            "token_type": "Bearer",
            "expires_in": lifetime_s,
            "scope": scope,
        }

    def _seconds(self) -> float:
        return self._now().timestamp()


def _refuse(refused: GrantRefused) -> web.Response:
    headers = dict(_NO_STORE)
    if refused.status == INVALID_CLIENT.status:
        headers[hdrs.WWW_AUTHENTICATE] = 'Basic realm="5GMSAF", charset="UTF-8"'
    if refused.retry_after_s is not None:
        headers[hdrs.RETRY_AFTER] = str(refused.retry_after_s)
    body = {"error": refused.error, "error_description": refused.description}
    return web.json_response(body, status=refused.status, headers=headers)
