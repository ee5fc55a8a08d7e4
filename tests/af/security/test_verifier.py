"""Tokens seen before are not verified again, unless something changed."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from fivegms_af.security.errors import (
    KeysUnavailable,
    TokenExpired,
    TokenMalformed,
    TokenUntrusted,
)
from fivegms_af.security.jwks import read_key_set
from fivegms_af.security.key_source import RENEW_S, USABLE_S, FetchedKeys, FixedKeys
from fivegms_af.security.verifier import Issuer, TokenVerifier
from support.tokens import AUDIENCE, ISSUER, Key, claims, jwks

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECONDS = NOW.timestamp()
KEY = Key.make("k1")
TOKEN = KEY.sign(claims(NOW))


def verifier(**settings: int) -> TokenVerifier:
    return TokenVerifier([Issuer(ISSUER, AUDIENCE, FixedKeys(read_key_set(jwks(KEY))))], **settings)


async def test_a_token_is_verified_once() -> None:
    believing = verifier()
    first = await believing.verify(TOKEN, SECONDS)
    assert await believing.verify(TOKEN, SECONDS + 1) is first


async def test_a_token_that_was_believed_expires_all_the_same() -> None:
    believing = verifier()
    await believing.verify(TOKEN, SECONDS)
    await believing.verify(TOKEN, SECONDS + 629)
    with pytest.raises(TokenExpired):
        await believing.verify(TOKEN, SECONDS + 630)


async def test_what_is_remembered_is_bounded() -> None:
    believing = verifier(cached_tokens=2)
    first = await believing.verify(TOKEN, SECONDS)
    for one in range(2):
        await believing.verify(KEY.sign(claims(NOW, jti=str(one))), SECONDS)
    assert await believing.verify(TOKEN, SECONDS) is not first


async def test_issuers_have_keys_of_their_own() -> None:
    other = Key.make("k1")
    keys = FixedKeys(read_key_set(jwks(other)))
    believing = TokenVerifier(
        [
            Issuer(ISSUER, AUDIENCE, FixedKeys(read_key_set(jwks(KEY)))),
            Issuer("other", "af", keys),
        ]
    )
    await believing.verify(TOKEN, SECONDS)
    await believing.verify(other.sign(claims(NOW, iss="other", aud="af")), SECONDS)
    for key, iss in ((KEY, "other"), (other, ISSUER), (KEY, "a third")):
        with pytest.raises(TokenUntrusted):
            await believing.verify(key.sign(claims(NOW, iss=iss)), SECONDS)


async def test_a_token_of_a_withdrawn_key_is_forgotten() -> None:
    published = [jwks(KEY)]

    async def fetch() -> bytes:
        return published[0]

    keys = FetchedKeys("somewhere", fetch)
    believing = TokenVerifier([Issuer(ISSUER, AUDIENCE, keys)])
    token = KEY.sign(claims(NOW, exp=SECONDS + 10_000))
    other = Key.make("k2")
    await believing.verify(token, SECONDS)
    published[0] = jwks(other)
    at = SECONDS + RENEW_S
    await believing.verify(other.sign(claims(NOW + timedelta(seconds=RENEW_S))), at)
    with pytest.raises(TokenUntrusted):
        await believing.verify(token, at)
    await asyncio.sleep(0)


class Published:
    """A JWK Set that can be changed, or down."""

    def __init__(self, body: bytes) -> None:
        self.body: bytes | None = body

    async def fetch(self) -> bytes:
        if self.body is None:
            raise OSError("down")
        return self.body


async def test_a_withdrawn_key_is_let_go_though_nobody_shows_another_token() -> None:
    published = Published(jwks(KEY))
    believing = TokenVerifier([Issuer(ISSUER, AUDIENCE, FetchedKeys("it", published.fetch))])
    token = KEY.sign(claims(NOW, exp=SECONDS + 10_000))
    await believing.verify(token, SECONDS)
    published.body = jwks(Key.make("k2"))
    await believing.verify(token, SECONDS + RENEW_S)  # has the keys fetched, and does not wait
    for _ in range(5):
        await asyncio.sleep(0)
    with pytest.raises(TokenUntrusted):
        await believing.verify(token, SECONDS + RENEW_S + 1)


async def test_a_token_outlives_an_issuer_that_is_down_by_a_day() -> None:
    published = Published(jwks(KEY))
    believing = TokenVerifier([Issuer(ISSUER, AUDIENCE, FetchedKeys("it", published.fetch))])
    token = KEY.sign(claims(NOW, exp=SECONDS + 2 * USABLE_S))
    await believing.verify(token, SECONDS)
    published.body = None
    await believing.verify(token, SECONDS + USABLE_S)
    with pytest.raises(KeysUnavailable):
        await believing.verify(token, SECONDS + USABLE_S + 1)


async def test_text_that_no_header_should_hold() -> None:
    with pytest.raises(TokenMalformed):
        await verifier().verify("a\udc80", SECONDS)
